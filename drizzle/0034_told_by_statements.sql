-- Statements that start and end jobs by the hundred write the events of their rows, and note them, themselves: they count
-- `event_seq` up. The triggers do so for every other one. What these tell of is gathered row by row and noted at the end of the
-- statement: a transition table took a copy of every row that any statement changed.
drop trigger note_new_jobs on jobs;
--> statement-breakpoint
drop trigger note_changed_jobs on jobs;
--> statement-breakpoint
drop trigger tell_changed_job on jobs;
--> statement-breakpoint
drop function note_told_jobs();
--> statement-breakpoint
ALTER TABLE "jobs" DROP COLUMN "told_in";
--> statement-breakpoint
-- The ids of some two hundred jobs stay in the row as they are: compressed, they took longer than all else that notes them.
alter table job_news set (toast_tuple_target = 8160);
--> statement-breakpoint
create or replace function tell_new_job() returns trigger language plpgsql as $$
begin
  new.event_seq := 1;
  new.state_events := array[row(1, clock_timestamp(), new.status, new.done, new.failed, new.total, new.rate_per_second,
    new.error, pg_current_xact_id())::public.job_state_event];
  return new;
end
$$;
--> statement-breakpoint
create function note_new_jobs() returns trigger language plpgsql as $$
begin
  insert into public.job_news (workspace_id, job_ids) select workspace_id, array_agg(id) from changed group by workspace_id;
  return null;
end
$$;
--> statement-breakpoint
create trigger note_new_jobs after insert on jobs referencing new table as changed
  for each statement execute function note_new_jobs();
--> statement-breakpoint
create function note_told_jobs() returns void language plpgsql as $$
declare
  told text := current_setting('app.told_jobs', true);
begin
  if told <> '' then
    perform set_config('app.told_jobs', '', true);
    insert into public.job_news (workspace_id, job_ids)
    select job ->> 0, array_agg(job ->> 1) from jsonb_array_elements(('[' || rtrim(told, ',') || ']')::jsonb) job group by 1;
  end if;
end
$$;
--> statement-breakpoint
-- What is told of stands in a setting until it is noted, which goes with its transaction, and with its savepoint. A long list
-- is noted at once, so that the work does not grow with its square.
create or replace function tell_changed_job() returns trigger language plpgsql as $$
declare
  message text := case when new.status <> 'RUNNING' then new.error end;
  told text;
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
    new.state_events := new.state_events || row(new.event_seq, clock_timestamp(), new.status, new.done, new.failed,
      new.total, new.rate_per_second, message, pg_current_xact_id())::public.job_state_event;
    told := concat(current_setting('app.told_jobs', true), jsonb_build_array(new.workspace_id, new.id), ',');
    perform set_config('app.told_jobs', told, true);
    if length(told) > 8000 then
      perform public.note_told_jobs();
    end if;
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
create trigger tell_changed_job before update on jobs for each row
  when (new.event_seq = old.event_seq
    and (new.status, new.attempt, new.done, new.failed, new.total, new.error)
      is distinct from (old.status, old.attempt, old.done, old.failed, old.total, old.error))
  execute function tell_changed_job();
--> statement-breakpoint
create function note_changed_jobs() returns trigger language plpgsql as $$
begin
  perform public.note_told_jobs();
  return null;
end
$$;
--> statement-breakpoint
create trigger note_changed_jobs after update on jobs for each statement execute function note_changed_jobs();
