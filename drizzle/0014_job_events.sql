CREATE TABLE "job_events" (
	"workspace_id" text NOT NULL,
	"job_id" text NOT NULL,
	"seq" integer NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"status" text NOT NULL,
	"is_progress" boolean NOT NULL,
	"done" integer NOT NULL,
	"failed" integer NOT NULL,
	"total" integer,
	"rate_per_second" real,
	"message" text,
	"transaction_id" "xid8" DEFAULT pg_current_xact_id() NOT NULL,
	CONSTRAINT "job_events_workspace_id_job_id_seq_pk" PRIMARY KEY("workspace_id","job_id","seq")
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "rate_per_second" real;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "event_seq" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "job_events" ADD CONSTRAINT "job_events_job_fk" FOREIGN KEY ("workspace_id","job_id") REFERENCES "public"."jobs"("workspace_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "job_events_by_transaction" ON "job_events" USING btree ("workspace_id","transaction_id");
--> statement-breakpoint
alter table job_events enable row level security;
--> statement-breakpoint
alter table job_events force row level security;
--> statement-breakpoint
create policy one_workspace on job_events to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on job_events to signalbox_system using (true) with check (true);
--> statement-breakpoint
-- The triggers below write and thin with the rights of whoever changes a job.
grant select, insert, delete on job_events to signalbox_app, signalbox_system;
--> statement-breakpoint
-- A job from before has one event, which tells how it stands. Forced row-level security shows jobs to the system's role alone.
do $$
begin
  set local role signalbox_system;
  update jobs set event_seq = 1;
  insert into job_events (workspace_id, job_id, seq, at, status, is_progress, done, failed, total, message)
  select workspace_id, id, 1, coalesce(finished_at, started_at, created_at), status, false, done, failed, total, error
  from jobs;
  reset role;
end
$$;
--> statement-breakpoint
create function number_job_event() returns trigger language plpgsql as $$
begin
  new.event_seq := case tg_op when 'INSERT' then 1 else old.event_seq + 1 end;
  return new;
end
$$;
--> statement-breakpoint
-- The row of the job is locked until the commit, so its events are committed in the order of their numbers.
create trigger number_job_event_of_insert before insert on jobs for each row execute function number_job_event();
--> statement-breakpoint
create trigger number_job_event_of_update before update on jobs for each row
  when ((new.status, new.attempt, new.done, new.failed, new.total, new.error)
    is distinct from (old.status, old.attempt, old.done, old.failed, old.total, old.error))
  execute function number_job_event();
--> statement-breakpoint
create function tell_job_insert() returns trigger language plpgsql as $$
begin
  insert into public.job_events
    (workspace_id, job_id, seq, status, is_progress, done, failed, total, rate_per_second, message)
  select workspace_id, id, event_seq, status, false, done, failed, total, rate_per_second, error from changed;
  return null;
end
$$;
--> statement-breakpoint
-- Row by row: a statement's join of the rows before and after is planned once a session, by how many there were the first
-- time, and then takes a minute for ten thousand.
create function tell_job_update() returns trigger language plpgsql as $$
begin
  insert into public.job_events
    (workspace_id, job_id, seq, status, is_progress, done, failed, total, rate_per_second, message)
  values (new.workspace_id, new.id, new.event_seq, new.status, (new.status, new.attempt) = (old.status, old.attempt),
    new.done, new.failed, new.total, new.rate_per_second, case when new.status <> 'RUNNING' then new.error end);
  -- Every so often, so that a job which runs for days has a bounded log: the latest 500 events of progress and the
  -- latest 1,000 of anything else.
  if new.event_seq % 50 = 0 then
    delete from public.job_events e
    where e.workspace_id = new.workspace_id and e.job_id = new.id and (
      (e.is_progress and e.seq <= new.event_seq - 500)
      or (not e.is_progress and e.seq < (
        select s.seq from public.job_events s
        where s.workspace_id = new.workspace_id and s.job_id = new.id and not s.is_progress
        order by s.seq desc offset 999 limit 1
      ))
    );
  end if;
  return null;
end
$$;
--> statement-breakpoint
create trigger tell_job_insert after insert on jobs referencing new table as changed
  for each statement execute function tell_job_insert();
--> statement-breakpoint
create trigger tell_job_update after update on jobs for each row when (new.event_seq > old.event_seq)
  execute function tell_job_update();
