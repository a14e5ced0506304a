CREATE TABLE "alert_webhooks" (
	"workspace_id" text PRIMARY KEY NOT NULL,
	"sealed" "bytea" NOT NULL,
	"set_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "alerts" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"seq" bigint GENERATED ALWAYS AS IDENTITY (sequence name "alerts_seq_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"source" text NOT NULL,
	"subject" text NOT NULL,
	"window" text NOT NULL,
	"starts_on" date NOT NULL,
	"level" text NOT NULL,
	"limit_amount" numeric NOT NULL,
	"used_amount" numeric NOT NULL,
	"percent" double precision NOT NULL,
	"raised_at" timestamp with time zone DEFAULT now() NOT NULL,
	"ended_at" timestamp with time zone,
	"acknowledged_at" timestamp with time zone,
	"acknowledged_by" text,
	CONSTRAINT "alerts_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "daily_summaries" (
	"workspace_id" text NOT NULL,
	"day" date NOT NULL,
	"counted" bigint NOT NULL,
	"totals" jsonb NOT NULL,
	"by_provider" jsonb NOT NULL,
	"made_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "daily_summaries_workspace_id_day_pk" PRIMARY KEY("workspace_id","day")
);
--> statement-breakpoint
ALTER TABLE "alert_webhooks" ADD CONSTRAINT "alert_webhooks_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "alerts" ADD CONSTRAINT "alerts_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "daily_summaries" ADD CONSTRAINT "daily_summaries_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "alerts_once" ON "alerts" USING btree ("workspace_id","source","subject","window","starts_on","level","limit_amount");--> statement-breakpoint
CREATE INDEX "alerts_in_order" ON "alerts" USING btree ("workspace_id","seq");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['alerts', 'alert_webhooks', 'daily_summaries'] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format(
      'create policy one_workspace on %I to signalbox_app '
      'using (workspace_id = (select current_setting(''app.workspace_id'', true))) '
      'with check (workspace_id = (select current_setting(''app.workspace_id'', true)))',
      tenant_table
    );
    execute format('create policy every_workspace on %I to signalbox_system using (true) with check (true)', tenant_table);
  end loop;
end
$$;
--> statement-breakpoint
grant select, insert, update on alerts, daily_summaries to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on alert_webhooks to signalbox_app;
--> statement-breakpoint
grant select, delete on alerts to signalbox_system;
--> statement-breakpoint
-- To seal what is in them again under a new key of the server.
grant select, update on alert_webhooks to signalbox_system;
--> statement-breakpoint
grant select on daily_summaries to signalbox_system;
--> statement-breakpoint
alter table alerts add constraint alerts_source check (source in ('BUDGET', 'METER'));
--> statement-breakpoint
alter table alerts add constraint alerts_window check ("window" in ('DAY', 'MONTH', 'SLIDING'));
--> statement-breakpoint
alter table alerts add constraint alerts_level check (level in ('WARNING', 'CRITICAL'));
