CREATE TABLE "rate_limit_calls" (
	"workspace_id" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"api_key_id" text NOT NULL,
	"calls" integer NOT NULL,
	CONSTRAINT "rate_limit_calls_workspace_id_at_api_key_id_pk" PRIMARY KEY("workspace_id","at","api_key_id")
);
--> statement-breakpoint
ALTER TABLE "rate_limit_calls" ADD CONSTRAINT "rate_limit_calls_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
alter table rate_limit_calls enable row level security;
--> statement-breakpoint
alter table rate_limit_calls force row level security;
--> statement-breakpoint
create policy one_workspace on rate_limit_calls to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on rate_limit_calls to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on rate_limit_calls to signalbox_app;
--> statement-breakpoint
grant select, delete on rate_limit_calls to signalbox_system;
--> statement-breakpoint
alter table rate_limit_calls add constraint rate_limit_calls_number check (calls > 0);
