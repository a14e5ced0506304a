CREATE TABLE "job_keys" (
	"workspace_id" text NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"job_id" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "job_keys_workspace_id_kind_key_pk" PRIMARY KEY("workspace_id","kind","key")
);
--> statement-breakpoint
CREATE TABLE "job_steps" (
	"workspace_id" text NOT NULL,
	"job_id" text NOT NULL,
	"name" text NOT NULL,
	"result" jsonb,
	"finished_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "job_steps_workspace_id_job_id_name_pk" PRIMARY KEY("workspace_id","job_id","name")
);
--> statement-breakpoint
ALTER TABLE "jobs" ALTER COLUMN "boss_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "payload" jsonb DEFAULT '{}'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "claim" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "history" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "job_keys" ADD CONSTRAINT "job_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "job_steps" ADD CONSTRAINT "job_steps_job_fk" FOREIGN KEY ("workspace_id","job_id") REFERENCES "public"."jobs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "job_keys_by_age" ON "job_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "jobs_waiting" ON "jobs" USING btree ("queue","workspace_id","priority" DESC NULLS FIRST,"id") WHERE status = 'QUEUED';--> statement-breakpoint
CREATE INDEX "jobs_retrying" ON "jobs" USING btree ("queue","workspace_id","next_attempt_at") WHERE status = 'RETRYING';--> statement-breakpoint
CREATE INDEX "jobs_running" ON "jobs" USING btree ("workspace_id","boss_id") WHERE status = 'RUNNING';--> statement-breakpoint
CREATE INDEX "jobs_by_end" ON "jobs" USING brin ("finished_at");
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['job_steps', 'job_keys'] loop
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
grant select, insert, delete on job_steps to signalbox_app;
--> statement-breakpoint
grant select, insert, update on job_keys to signalbox_app;
--> statement-breakpoint
grant select, delete on job_keys to signalbox_system;
--> statement-breakpoint
-- Payloads were kept in pg-boss's rows. Forced row-level security shows their jobs to the system's role alone.
do $$
begin
  if to_regclass('pgboss.job') is null then return; end if;
  set local role signalbox_system;
  update jobs set payload = coalesce(held.data->'payload', '{}') from pgboss.job held
  where held.id = jobs.boss_id and held.name = lower(jobs.queue) and jobs.status in ('QUEUED', 'RUNNING', 'RETRYING');
  reset role;
end
$$;
