CREATE TABLE "agent_run_steps" (
	"workspace_id" text NOT NULL,
	"run_id" text NOT NULL,
	"name" text NOT NULL,
	"position" integer NOT NULL,
	"status" text NOT NULL,
	"attempts" integer NOT NULL,
	"duration_ms" double precision,
	"output" jsonb,
	"error" text,
	"started_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "agent_run_steps_workspace_id_run_id_name_pk" PRIMARY KEY("workspace_id","run_id","name")
);
--> statement-breakpoint
CREATE TABLE "agent_runs" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"agent_id" text NOT NULL,
	"job_id" text NOT NULL,
	"type" text NOT NULL,
	"cause" text NOT NULL,
	"idempotency_key" text,
	"status" text NOT NULL,
	"input" jsonb NOT NULL,
	"configuration" jsonb NOT NULL,
	"output" jsonb,
	"error" text,
	"items_processed" integer DEFAULT 0 NOT NULL,
	"items_total" integer,
	"api_key_id" text,
	"user_id" text,
	"revision" integer DEFAULT 1 NOT NULL,
	"api_calls" integer,
	"tokens_used" integer,
	"cost_usd" numeric,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "agent_runs_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "agents" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"type" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"configuration" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"is_active" boolean NOT NULL,
	"schedule" text,
	"next_run_at" timestamp with time zone,
	"last_run_at" timestamp with time zone,
	"api_key_id" text,
	"user_id" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agents_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "insight_documents" (
	"workspace_id" text NOT NULL,
	"insight_id" text NOT NULL,
	"document_id" text NOT NULL,
	"position" integer NOT NULL,
	CONSTRAINT "insight_documents_workspace_id_insight_id_document_id_pk" PRIMARY KEY("workspace_id","insight_id","document_id")
);
--> statement-breakpoint
CREATE TABLE "insight_runs" (
	"workspace_id" text NOT NULL,
	"run_id" text NOT NULL,
	"insight_id" text NOT NULL,
	CONSTRAINT "insight_runs_workspace_id_run_id_insight_id_pk" PRIMARY KEY("workspace_id","run_id","insight_id")
);
--> statement-breakpoint
CREATE TABLE "insights" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"agent_id" text NOT NULL,
	"key" text NOT NULL,
	"kind" text NOT NULL,
	"title" text NOT NULL,
	"description" text NOT NULL,
	"confidence" double precision NOT NULL,
	"priority" text NOT NULL,
	"data_points" jsonb NOT NULL,
	"suggested_actions" jsonb NOT NULL,
	"status" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"transaction_id" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "insights_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
CREATE TABLE "signal_evidence" (
	"workspace_id" text NOT NULL,
	"signal_id" text NOT NULL,
	"document_id" text NOT NULL,
	"added_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "signal_evidence_workspace_id_signal_id_document_id_pk" PRIMARY KEY("workspace_id","signal_id","document_id")
);
--> statement-breakpoint
CREATE TABLE "signal_runs" (
	"workspace_id" text NOT NULL,
	"run_id" text NOT NULL,
	"signal_id" text NOT NULL,
	CONSTRAINT "signal_runs_workspace_id_run_id_signal_id_pk" PRIMARY KEY("workspace_id","run_id","signal_id")
);
--> statement-breakpoint
CREATE TABLE "signals" (
	"workspace_id" text NOT NULL,
	"id" text NOT NULL,
	"company_id" text NOT NULL,
	"type" text NOT NULL,
	"key" text NOT NULL,
	"strength" text NOT NULL,
	"confidence" double precision NOT NULL,
	"data" jsonb NOT NULL,
	"agent_id" text NOT NULL,
	"detected_by" text NOT NULL,
	"status" text NOT NULL,
	"detected_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"transaction_id" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "signals_workspace_id_id_pk" PRIMARY KEY("workspace_id","id")
);
--> statement-breakpoint
ALTER TABLE "agent_run_steps" ADD CONSTRAINT "agent_run_steps_run_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."agent_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agent_runs" ADD CONSTRAINT "agent_runs_agent_fk" FOREIGN KEY ("workspace_id","agent_id") REFERENCES "public"."agents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "agents_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "insight_documents" ADD CONSTRAINT "insight_documents_insight_fk" FOREIGN KEY ("workspace_id","insight_id") REFERENCES "public"."insights"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "insight_documents" ADD CONSTRAINT "insight_documents_document_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "insight_runs" ADD CONSTRAINT "insight_runs_run_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."agent_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "insight_runs" ADD CONSTRAINT "insight_runs_insight_fk" FOREIGN KEY ("workspace_id","insight_id") REFERENCES "public"."insights"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "insights" ADD CONSTRAINT "insights_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signal_evidence" ADD CONSTRAINT "signal_evidence_signal_fk" FOREIGN KEY ("workspace_id","signal_id") REFERENCES "public"."signals"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signal_evidence" ADD CONSTRAINT "signal_evidence_document_fk" FOREIGN KEY ("workspace_id","document_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signal_runs" ADD CONSTRAINT "signal_runs_run_fk" FOREIGN KEY ("workspace_id","run_id") REFERENCES "public"."agent_runs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signal_runs" ADD CONSTRAINT "signal_runs_signal_fk" FOREIGN KEY ("workspace_id","signal_id") REFERENCES "public"."signals"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "signals" ADD CONSTRAINT "signals_company_fk" FOREIGN KEY ("workspace_id","company_id") REFERENCES "public"."documents"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "agent_runs_of_job" ON "agent_runs" USING btree ("workspace_id","job_id");--> statement-breakpoint
CREATE UNIQUE INDEX "agent_runs_once" ON "agent_runs" USING btree ("workspace_id","agent_id","idempotency_key") WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX "agent_runs_of_agent" ON "agent_runs" USING btree ("workspace_id","agent_id","id");--> statement-breakpoint
CREATE INDEX "agent_runs_unfinished" ON "agent_runs" USING btree ("workspace_id","agent_id") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "agent_runs_unsettled" ON "agent_runs" USING btree ("finished_at") WHERE cost_usd is null;--> statement-breakpoint
CREATE INDEX "agent_runs_by_end" ON "agent_runs" USING brin ("finished_at");--> statement-breakpoint
CREATE INDEX "agents_due" ON "agents" USING btree ("next_run_at") WHERE is_active and next_run_at is not null;--> statement-breakpoint
CREATE INDEX "insight_documents_by_document" ON "insight_documents" USING btree ("workspace_id","document_id");--> statement-breakpoint
CREATE INDEX "insight_runs_by_insight" ON "insight_runs" USING btree ("workspace_id","insight_id");--> statement-breakpoint
CREATE UNIQUE INDEX "insights_once" ON "insights" USING btree ("workspace_id","agent_id","key");--> statement-breakpoint
CREATE INDEX "insights_by_transaction" ON "insights" USING btree ("workspace_id","transaction_id");--> statement-breakpoint
CREATE INDEX "signal_evidence_by_document" ON "signal_evidence" USING btree ("workspace_id","document_id");--> statement-breakpoint
CREATE INDEX "signal_runs_by_signal" ON "signal_runs" USING btree ("workspace_id","signal_id");--> statement-breakpoint
CREATE UNIQUE INDEX "signals_once" ON "signals" USING btree ("workspace_id","company_id","type","key");--> statement-breakpoint
CREATE INDEX "signals_by_transaction" ON "signals" USING btree ("workspace_id","transaction_id");--> statement-breakpoint
CREATE INDEX "signals_expiring" ON "signals" USING btree ("expires_at") WHERE status = 'ACTIVE' and expires_at is not null;
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array[
    'agents', 'agent_runs', 'agent_run_steps', 'insights', 'insight_documents', 'insight_runs', 'signals', 'signal_evidence',
    'signal_runs'
  ] loop
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
grant select, insert, update, delete on agents to signalbox_app;
--> statement-breakpoint
grant select, insert, update on agent_runs, agent_run_steps, insights, signals to signalbox_app;
--> statement-breakpoint
grant select, insert, delete on insight_documents to signalbox_app;
--> statement-breakpoint
grant select, insert on insight_runs, signal_evidence, signal_runs to signalbox_app;
--> statement-breakpoint
-- To find what is due, to follow jobs that the system's role changes, to settle runs, and to drop old ones.
grant select, update on agents, agent_run_steps to signalbox_system;
--> statement-breakpoint
grant select, update, delete on agent_runs to signalbox_system;
--> statement-breakpoint
-- To have signals expire.
grant select, update on signals to signalbox_system;
--> statement-breakpoint
grant select on insights to signalbox_system;
--> statement-breakpoint
alter table agents add constraint agents_type check (type in (
  'OPPORTUNITY', 'RESEARCH', 'SCOUT', 'SCORING', 'WRITER', 'RELATIONSHIP', 'DASHBOARD_INSIGHTS', 'QUESTION_ANSWERING'));
--> statement-breakpoint
alter table agent_runs add constraint agent_runs_cause check (cause in ('MANUAL', 'SCHEDULE', 'DOCUMENTS'));
--> statement-breakpoint
alter table agent_runs add constraint agent_runs_status
  check (status in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'));
--> statement-breakpoint
alter table agent_runs add constraint agent_runs_end
  check ((finished_at is null) = (status in ('QUEUED', 'RUNNING')));
--> statement-breakpoint
alter table agent_run_steps add constraint agent_run_steps_status
  check (status in ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'));
--> statement-breakpoint
alter table insights add constraint insights_kind
  check (kind in ('ANOMALY', 'TREND', 'RECOMMENDATION', 'ALERT', 'OPPORTUNITY'));
--> statement-breakpoint
alter table insights add constraint insights_priority check (priority in ('LOW', 'MEDIUM', 'HIGH', 'CRITICAL'));
--> statement-breakpoint
alter table insights add constraint insights_status check (status in ('NEW', 'SEEN', 'ACTED_UPON', 'DISMISSED'));
--> statement-breakpoint
alter table insights add constraint insights_confidence check (confidence between 0 and 1);
--> statement-breakpoint
alter table signals add constraint signals_type check (type in (
  'FUNDING_ROUND', 'EXECUTIVE_CHANGE', 'JOB_POSTING', 'TECHNOLOGY_ADOPTION', 'EXPANSION', 'WEBSITE_ACTIVITY',
  'COMPETITOR_MENTION', 'COMPANIES_HOUSE_FILING'));
--> statement-breakpoint
alter table signals add constraint signals_strength check (strength in ('VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'));
--> statement-breakpoint
alter table signals add constraint signals_status check (status in ('ACTIVE', 'ACTED_UPON', 'EXPIRED', 'FALSE_POSITIVE'));
--> statement-breakpoint
alter table signals add constraint signals_confidence check (confidence between 0 and 100);
--> statement-breakpoint
-- What a run has spent is what the ledger says of it.
create index usage_attempts_of_run on usage_attempts (workspace_id, about_id, at) where left(about_id, 4) = 'run_';
--> statement-breakpoint
-- A run is its job, seen by whoever set up the agent: it follows the job in the statement that changes it, whichever that
-- is. A step that was being taken then is not taken any more.
create function follow_job_of_run() returns trigger language plpgsql as $$
declare
  run_status text := case new.status when 'RETRYING' then 'QUEUED' when 'DEAD' then 'FAILED' else new.status end;
begin
  update public.agent_runs set
    status = run_status,
    error = case when new.status in ('RETRYING', 'FAILED', 'DEAD') then new.error end,
    items_processed = new.done,
    items_total = new.total,
    started_at = case
      when new.status = 'QUEUED' then null
      when new.status = 'RUNNING' then coalesce(started_at, new.started_at, now())
      else started_at
    end,
    finished_at = case when run_status in ('COMPLETED', 'FAILED', 'CANCELLED') then coalesce(new.finished_at, now()) end,
    api_calls = null, tokens_used = null, cost_usd = null,
    revision = revision + 1
  where workspace_id = new.workspace_id and job_id = new.id;
  if new.status not in ('RUNNING', 'QUEUED') and new.status <> old.status then
    update public.agent_run_steps set
      status = case run_status when 'COMPLETED' then 'FAILED' else run_status end, error = new.error
    where workspace_id = new.workspace_id and status = 'RUNNING' and run_id = (
      select id from public.agent_runs where workspace_id = new.workspace_id and job_id = new.id);
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger follow_job_of_run after update on jobs for each row
  when (new.kind = 'AGENT_RUN' and (new.status, new.done, new.total, new.error)
    is distinct from (old.status, old.done, old.total, old.error))
  execute function follow_job_of_run();
