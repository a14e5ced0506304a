-- Which jobs a transaction has told of stands in a row a statement, no more in an index that each change of a job went through:
-- its many equal keys took a third of the work of starting and ending a job.
CREATE TABLE "job_news" (
	"workspace_id" text NOT NULL,
	"transaction_id" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	"part" bigint GENERATED ALWAYS AS IDENTITY (sequence name "job_news_part_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"job_ids" text[] NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "job_news_workspace_id_transaction_id_part_pk" PRIMARY KEY("workspace_id","transaction_id","part")
);
--> statement-breakpoint
CREATE INDEX "job_news_by_age" ON "job_news" USING btree ("at");
--> statement-breakpoint
alter table job_news enable row level security;
--> statement-breakpoint
alter table job_news force row level security;
--> statement-breakpoint
create policy one_workspace on job_news to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on job_news to signalbox_system using (true) with check (true);
--> statement-breakpoint
-- The triggers below write with the rights of whoever changes a job.
grant select, insert on job_news to signalbox_app;
--> statement-breakpoint
grant select, insert, delete on job_news to signalbox_system;
--> statement-breakpoint
-- What was told within the last hour is still news to whoever follows a workspace.
do $$
begin
  set local role signalbox_system;
  insert into job_news (workspace_id, transaction_id, job_ids)
  select workspace_id, told_in, array_agg(id) from jobs
  where state_events[cardinality(state_events)].at > now() - interval '1 hour'
  group by workspace_id, told_in;
  reset role;
end
$$;
--> statement-breakpoint
create function note_told_jobs() returns trigger language plpgsql as $$
begin
  insert into public.job_news (workspace_id, job_ids)
  select workspace_id, array_agg(id) from changed where told_in = pg_current_xact_id() group by workspace_id;
  return null;
end
$$;
--> statement-breakpoint
create trigger note_new_jobs after insert on jobs referencing new table as changed
  for each statement execute function note_told_jobs();
--> statement-breakpoint
create trigger note_changed_jobs after update on jobs referencing new table as changed
  for each statement execute function note_told_jobs();
--> statement-breakpoint
-- In place of a foreign key. By its name it comes after the cascades, which wait for whoever still tells of the workspace's jobs.
create function drop_job_news() returns trigger language plpgsql as $$
begin
  delete from public.job_news where workspace_id = old.id;
  return null;
end
$$;
--> statement-breakpoint
create trigger drop_job_news after delete on workspaces for each row execute function drop_job_news();
