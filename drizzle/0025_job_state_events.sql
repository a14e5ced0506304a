-- What is told of a job's status is kept in its row, which is written anyway: a row of its own for each event, with its key
-- checked and two indexes, took twice as long as the change it told of.
CREATE TYPE "job_state_event" AS (
	"seq" integer,
	"at" timestamp with time zone,
	"status" text,
	"done" integer,
	"failed" integer,
	"total" integer,
	"rate_per_second" real,
	"message" text,
	"transaction_id" xid8
);
--> statement-breakpoint
-- Each change of a row went through the summaries of its index: more work than all other indexes together.
DROP INDEX "jobs_by_end";--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "state_events" "job_state_event"[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "told_in" "xid8";--> statement-breakpoint
CREATE INDEX "jobs_told" ON "jobs" USING btree ("workspace_id","told_in");--> statement-breakpoint
CREATE INDEX "jobs_over" ON "jobs" USING btree ("finished_at") WHERE finished_at is not null;
--> statement-breakpoint
drop trigger number_job_event_of_insert on jobs;
--> statement-breakpoint
drop trigger number_job_event_of_update on jobs;
--> statement-breakpoint
drop trigger tell_job_insert on jobs;
--> statement-breakpoint
drop trigger tell_job_update on jobs;
--> statement-breakpoint
drop function number_job_event();
--> statement-breakpoint
drop function tell_job_insert();
--> statement-breakpoint
drop function tell_job_update();
--> statement-breakpoint
create function tell_new_job() returns trigger language plpgsql as $$
begin
  new.event_seq := 1;
  new.told_in := pg_current_xact_id();
  new.state_events := array[row(1, clock_timestamp(), new.status, new.done, new.failed, new.total, new.rate_per_second,
    new.error, new.told_in)::public.job_state_event];
  return new;
end
$$;
--> statement-breakpoint
-- Before the row is written, so that it is written once; it is locked by then, and until the commit, so that a job's events
-- are committed in the order of their numbers. What is kept elsewhere is written here too: no later trigger can take the
-- change back.
create function tell_changed_job() returns trigger language plpgsql as $$
declare
  message text := case when new.status <> 'RUNNING' then new.error end;
begin
  new.event_seq := old.event_seq + 1;
  if new.status = old.status and new.attempt = old.attempt then
    insert into public.job_events
      (workspace_id, job_id, seq, status, is_progress, done, failed, total, rate_per_second, message)
    values (new.workspace_id, new.id, new.event_seq, new.status, true,
      new.done, new.failed, new.total, new.rate_per_second, message);
  else
    -- Of a job with a long story the row holds the end.
    if cardinality(old.state_events) >= 8 then
      insert into public.job_events (workspace_id, job_id, seq, at, status, is_progress, done, failed, total,
        rate_per_second, message, transaction_id)
      select new.workspace_id, new.id, e.seq, e.at, e.status, false, e.done, e.failed, e.total,
        e.rate_per_second, e.message, e.transaction_id
      from unnest(old.state_events) e;
      new.state_events := '{}';
    end if;
    new.told_in := pg_current_xact_id();
    new.state_events := new.state_events || row(new.event_seq, clock_timestamp(), new.status, new.done, new.failed,
      new.total, new.rate_per_second, message, new.told_in)::public.job_state_event;
  end if;
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
  return new;
end
$$;
--> statement-breakpoint
create trigger tell_new_job before insert on jobs for each row execute function tell_new_job();
--> statement-breakpoint
create trigger tell_changed_job before update on jobs for each row
  when ((new.status, new.attempt, new.done, new.failed, new.total, new.error)
    is distinct from (old.status, old.attempt, old.done, old.failed, old.total, old.error))
  execute function tell_changed_job();
--> statement-breakpoint
-- Whether a worker may go on with a turn once jobs of it are over: it still holds it, and no other workspace stands in
-- line. Where many of its own turns do, it ends, so that they are taken: the line stays short, and so does the look at it.
-- The tenant's role has no rights on the line, and learns no more of it than this.
create function turn_goes_on(line text, turn uuid, handed_out integer) returns boolean
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return exists (
    select from pgboss.job
    where name = line and id = turn and state = 'active' and retry_count = handed_out
      and group_id = current_setting('app.workspace_id', true)
  ) and (
    select count(*) < 20 and coalesce(bool_and(group_id is not distinct from current_setting('app.workspace_id', true)), true)
    from (
      select group_id from pgboss.job
      where name = line and state < 'active' and not blocked and start_after <= now()
      limit 20
    ) waiting
  );
end
$$;
--> statement-breakpoint
do $$
begin
  execute format('grant create on schema %I to signalbox_system', current_schema());
  alter function turn_goes_on owner to signalbox_system;
  execute format('revoke create on schema %I from signalbox_system', current_schema());
end
$$;
--> statement-breakpoint
revoke execute on function turn_goes_on from public;
--> statement-breakpoint
grant execute on function turn_goes_on to signalbox_app;
