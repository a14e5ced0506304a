CREATE TABLE "budget_periods" (
	"workspace_id" text NOT NULL,
	"subject" text NOT NULL,
	"window" text NOT NULL,
	"starts_on" date NOT NULL,
	"ends_on" date NOT NULL,
	"used_usd" numeric NOT NULL,
	"reserved_usd" numeric NOT NULL,
	CONSTRAINT "budget_periods_workspace_id_subject_window_starts_on_pk" PRIMARY KEY("workspace_id","subject","window","starts_on")
);
--> statement-breakpoint
CREATE TABLE "budgets" (
	"workspace_id" text NOT NULL,
	"subject" text NOT NULL,
	"window" text NOT NULL,
	"limit_usd" numeric NOT NULL,
	CONSTRAINT "budgets_workspace_id_subject_window_pk" PRIMARY KEY("workspace_id","subject","window")
);
--> statement-breakpoint
CREATE TABLE "reservations" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"api_key_id" text NOT NULL,
	"amount_usd" numeric NOT NULL,
	"day" date NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	CONSTRAINT "reservations_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "budget_periods" ADD CONSTRAINT "budget_periods_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "budgets" ADD CONSTRAINT "budgets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "reservations" ADD CONSTRAINT "reservations_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
alter table budgets enable row level security;
--> statement-breakpoint
alter table budgets force row level security;
--> statement-breakpoint
create policy one_workspace on budgets to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on budgets to signalbox_system using (true) with check (true);
--> statement-breakpoint
alter table budget_periods enable row level security;
--> statement-breakpoint
alter table budget_periods force row level security;
--> statement-breakpoint
create policy one_workspace on budget_periods to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on budget_periods to signalbox_system using (true) with check (true);
--> statement-breakpoint
alter table reservations enable row level security;
--> statement-breakpoint
alter table reservations force row level security;
--> statement-breakpoint
create policy one_workspace on reservations to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on reservations to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on budgets, budget_periods, reservations to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on budgets, budget_periods, reservations to signalbox_system;
--> statement-breakpoint
alter table budgets add constraint budgets_window check ("window" in ('DAY', 'MONTH'));
--> statement-breakpoint
alter table budgets add constraint budgets_limit check (limit_usd >= 0);
--> statement-breakpoint
alter table reservations add constraint reservations_amount check (amount_usd >= 0);
