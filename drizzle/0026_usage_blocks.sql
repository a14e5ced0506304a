CREATE TABLE "usage_blocks" (
	"workspace_id" text NOT NULL,
	"slice" text NOT NULL,
	"hours" smallint NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"operation" text NOT NULL,
	"api_key_id" text NOT NULL,
	"outcome" text NOT NULL,
	"requests" bigint NOT NULL,
	"embeddings" bigint NOT NULL,
	"llm_calls" bigint NOT NULL,
	"vector_queries" bigint NOT NULL,
	"cache_hits" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cost_usd" numeric NOT NULL,
	"unpriced" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"latency_ms" double precision NOT NULL,
	CONSTRAINT "usage_blocks_pk" PRIMARY KEY("workspace_id","slice","hours","starts_at","provider","model","operation","api_key_id","outcome")
);
--> statement-breakpoint
ALTER TABLE "usage_sealed" ADD COLUMN "carried_from" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "usage_blocks" ADD CONSTRAINT "usage_blocks_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
-- What reports read is made anew as blocks of several lengths: until then reports read the days by all dimensions. Every
-- hour of the day that the old slices had reached is sealed again from its attempts.
update usage_sealed set sealed_before = date_trunc('day', sealed_before, 'UTC'), carried_from = date_trunc('day', sealed_before, 'UTC');
--> statement-breakpoint
alter table usage_sealed alter column carried_from set not null;
--> statement-breakpoint
-- A row of a day is added to up to 24 times: with room in their pages they stay together. Most rows are changed a few times
-- alone, so that more room than that would be wasted.
alter table usage_blocks set (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
--> statement-breakpoint
alter table usage_blocks enable row level security;
--> statement-breakpoint
alter table usage_blocks force row level security;
--> statement-breakpoint
create policy one_workspace on usage_blocks to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_blocks to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on usage_blocks to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on usage_blocks to signalbox_system;
--> statement-breakpoint
drop function usage_slice_kinds;
--> statement-breakpoint
-- Which dimensions there are sums by, and over how many hours; usage-store.ts has the same list. Days have what reports by day
-- read, and no more of it than they show; longer blocks have what any report can be made of. All dimensions by day are
-- `usage_daily`.
create function usage_slice_kinds()
returns table (
  slice text, by_provider boolean, by_model boolean, by_operation boolean, by_api_key boolean, by_outcome boolean,
  hours integer[]
)
language sql immutable as $$
  values
    ('OPERATION_OUTCOME', false, false, true, false, true, array[24]),
    ('API_KEY_OUTCOME', false, false, false, true, true, array[24]),
    ('PROVIDER_API_KEY', true, false, false, true, false, array[24]),
    ('OPERATION_API_KEY', false, false, true, true, false, array[24]),
    ('PROVIDER_OPERATION_OUTCOME', true, false, true, false, true, array[24]),
    ('MODEL_OUTCOME', true, true, false, false, true, array[24]),
    ('MODEL_OPERATION', true, true, true, false, false, array[24]),
    ('OPERATION_API_KEY_OUTCOME', false, false, true, true, true, array[3, 24, 96, 384, 1536]),
    ('MODEL_API_KEY', true, true, false, true, false, array[3, 24, 96, 384, 1536]),
    ('MODEL_OPERATION_OUTCOME', true, true, true, false, true, array[3, 24, 96, 384, 1536]),
    ('MODEL_API_KEY_OUTCOME', true, true, false, true, true, array[24, 96, 384, 1536]),
    ('MODEL_OPERATION_API_KEY', true, true, true, true, false, array[24, 96, 384, 1536]),
    ('ALL', true, true, true, true, true, array[96, 384, 1536])
$$;
--> statement-breakpoint
-- The block of a length that an instant lies in, by its beginning.
create function usage_block_start(hours integer, at timestamptz) returns timestamptz
language sql immutable as $$
  select date_bin(make_interval(hours => hours), at, timestamptz '1970-01-01 00:00:00+00')
$$;
--> statement-breakpoint
drop function add_usage_slices;
--> statement-breakpoint
-- Adds attempts of a workspace to their blocks: those of a range of time, or a few of them by their instants and ids. What is
-- not carried over yet will be, with these; a day that is not over gets into the longer blocks when it is.
-- Planned anew each time: what is not given is not looked at.
create function add_usage_slices(
  workspace text, from_at timestamptz, to_at timestamptz, only_at timestamptz[] default null, only_ids text[] default null,
  longest_hours integer default null
) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_custom_plan as $$
declare
  sealed usage_sealed;
begin
  select * into sealed from usage_sealed;
  insert into usage_blocks as b (
    workspace_id, slice, hours, starts_at, provider, model, operation, api_key_id, outcome, requests, failed, embeddings,
    llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
  select
    workspace, k.slice, h.hours, usage_block_start(h.hours, a.at), case when k.by_provider then a.provider else '' end,
    case when k.by_model then a.model else '' end, case when k.by_operation then a.operation else '' end,
    case when k.by_api_key then coalesce(a.api_key_id, '') else '' end, case when k.by_outcome then a.outcome else '' end,
    count(*) filter (where a.operation <> 'vector_query'),
    count(*) filter (where a.operation <> 'vector_query' and a.outcome in ('FAILED', 'RETRIED', 'RESTARTED')),
    sum(a.embeddings), sum(a.llm_calls), sum(a.vector_queries), sum(a.cache_hits), sum(a.input_tokens), sum(a.output_tokens),
    coalesce(sum(a.cost_usd), 0), count(*) filter (where a.operation <> 'vector_query' and a.cost_usd is null),
    coalesce(sum(a.latency_ms) filter (where a.operation <> 'vector_query'), 0)
  from usage_attempts a cross join usage_slice_kinds() k cross join unnest(k.hours) as h (hours)
  where a.workspace_id = workspace and a.at >= greatest(from_at, sealed.carried_from) and a.at < to_at
    and (only_at is null or a.at = any(only_at)) and (only_ids is null or a.id = any(only_ids))
    and (longest_hours is null or h.hours <= longest_hours)
    and (h.hours <= 24 or a.at < date_trunc('day', sealed.sealed_before, 'UTC'))
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9 order by 1, 2, 3, 4, 5, 6, 7, 8, 9
  on conflict (workspace_id, slice, hours, starts_at, provider, model, operation, api_key_id, outcome) do update set
    requests = b.requests + excluded.requests, failed = b.failed + excluded.failed,
    embeddings = b.embeddings + excluded.embeddings, llm_calls = b.llm_calls + excluded.llm_calls,
    vector_queries = b.vector_queries + excluded.vector_queries, cache_hits = b.cache_hits + excluded.cache_hits,
    input_tokens = b.input_tokens + excluded.input_tokens, output_tokens = b.output_tokens + excluded.output_tokens,
    cost_usd = b.cost_usd + excluded.cost_usd, unpriced = b.unpriced + excluded.unpriced,
    latency_ms = b.latency_ms + excluded.latency_ms;
end
$$;
--> statement-breakpoint
-- Adds a day that is over, as it is by all dimensions, to the blocks of a workspace that are so long or longer.
create function add_usage_day(workspace text, added_day date, least_hours integer) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_custom_plan as $$
begin
  insert into usage_blocks as b (
    workspace_id, slice, hours, starts_at, provider, model, operation, api_key_id, outcome, requests, failed, embeddings,
    llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
  select
    workspace, k.slice, h.hours, usage_block_start(h.hours, added_day::timestamp at time zone 'utc'),
    k.provider, k.model, k.operation, k.api_key_id, k.outcome, k.requests, k.failed, k.embeddings, k.llm_calls,
    k.vector_queries, k.cache_hits, k.input_tokens, k.output_tokens, k.cost_usd, k.unpriced, k.latency_ms
  from (
    select
      k.slice, k.hours, case when k.by_provider then d.provider else '' end as provider,
      case when k.by_model then d.model else '' end as model, case when k.by_operation then d.operation else '' end as operation,
      case when k.by_api_key then d.api_key_id else '' end as api_key_id,
      case when k.by_outcome then d.outcome else '' end as outcome, sum(d.requests) as requests,
      coalesce(sum(d.requests) filter (where d.outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0) as failed,
      sum(d.embeddings) as embeddings, sum(d.llm_calls) as llm_calls, sum(d.vector_queries) as vector_queries,
      sum(d.cache_hits) as cache_hits, sum(d.input_tokens) as input_tokens, sum(d.output_tokens) as output_tokens,
      sum(d.cost_usd) as cost_usd, sum(d.unpriced) as unpriced,
      coalesce(sum(d.latency_ms) filter (where d.operation <> 'vector_query'), 0) as latency_ms
    from usage_daily d cross join usage_slice_kinds() k
    where d.workspace_id = workspace and d.day = added_day and least_hours <= any(k.hours)
    group by 1, 2, 3, 4, 5, 6, 7
  ) as k cross join unnest(k.hours) as h (hours)
  where h.hours >= least_hours
  order by 1, 2, 3, 4, 5, 6, 7, 8, 9
  on conflict (workspace_id, slice, hours, starts_at, provider, model, operation, api_key_id, outcome) do update set
    requests = b.requests + excluded.requests, failed = b.failed + excluded.failed,
    embeddings = b.embeddings + excluded.embeddings, llm_calls = b.llm_calls + excluded.llm_calls,
    vector_queries = b.vector_queries + excluded.vector_queries, cache_hits = b.cache_hits + excluded.cache_hits,
    input_tokens = b.input_tokens + excluded.input_tokens, output_tokens = b.output_tokens + excluded.output_tokens,
    cost_usd = b.cost_usd + excluded.cost_usd, unpriced = b.unpriced + excluded.unpriced,
    latency_ms = b.latency_ms + excluded.latency_ms;
end
$$;
--> statement-breakpoint
-- Adds the newest day that was used and is not in the blocks to them, from what it is by all dimensions; its hours from its
-- attempts, as far as they are kept. Called by `seal_usage`, whose lock it needs. Returns whether there was one.
create function carry_usage() returns boolean
language plpgsql set role = signalbox_system as $$
declare
  nothing_before constant timestamptz := '1970-01-01 00:00:00+00';
  carried timestamptz;
  newest date;
  from_at timestamptz;
  workspace text;
begin
  select carried_from into carried from usage_sealed;
  if carried <= nothing_before then return false; end if;
  select max(u.day) into newest
  from workspaces w cross join lateral (
    select d.day from usage_daily d where d.workspace_id = w.id and d.day < (carried at time zone 'utc')::date
    order by d.day desc limit 1
  ) as u;
  from_at := coalesce(newest::timestamp at time zone 'utc', nothing_before);
  update usage_sealed set carried_from = from_at;
  if newest is null then return false; end if;
  for workspace in select id from workspaces order by id loop
    if exists (select from usage_daily d where d.workspace_id = workspace and d.day = newest) then
      -- As `seal_usage` does.
      perform from workspaces where id = workspace for key share;
      continue when not found;
      perform add_usage_day(workspace, newest, 24);
      perform add_usage_slices(workspace, from_at, from_at + interval '1 day', longest_hours => 23);
    end if;
  end loop;
  return true;
end
$$;
--> statement-breakpoint
-- Adds the attempts of the next hour that is over for an hour or more to the blocks, and at the end of a day the day to the
-- longer ones, and drops the blocks of hours whose attempts are no longer kept. By then whoever writes attempts of such an hour
-- adds them himself, see `record_usage`: what begins to be written while its hour is not yet half an hour over has half an hour
-- to be committed. Where there is no such hour, a day from before the blocks is carried over. Returns whether more is left.
create or replace function seal_usage(kept_days integer, latest timestamptz default now() - interval '1 hour') returns boolean
language plpgsql set role = signalbox_system as $$
declare
  to_be_sealed timestamptz := date_trunc('hour', latest, 'UTC');
  from_at timestamptz;
  to_at timestamptz;
  ended date;
  workspace text;
  has_attempts boolean;
begin
  perform pg_advisory_xact_lock(7391004514);
  select sealed_before into from_at from usage_sealed;
  to_at := from_at + interval '1 hour';
  if to_at > to_be_sealed then return carry_usage(); end if;
  if date_trunc('day', to_at, 'UTC') = to_at then ended := (from_at at time zone 'utc')::date; end if;
  for workspace in select id from workspaces order by id loop
    has_attempts := exists (
      select from usage_attempts where workspace_id = workspace and at >= from_at and at < to_at);
    continue when ended is null and not has_attempts;
    -- Before its blocks, as a deletion does, which takes them after it: else each could wait for the other.
    perform from workspaces where id = workspace for key share;
    continue when not found;
    if has_attempts then perform add_usage_slices(workspace, from_at, to_at); end if;
    if ended is not null then
      perform add_usage_day(workspace, ended, 25);
      delete from usage_blocks where workspace_id = workspace and slice = any(array(select k.slice from usage_slice_kinds() k))
        and hours < 24 and starts_at < to_at - kept_days * interval '1 day';
    end if;
  end loop;
  update usage_sealed set sealed_before = to_at;
  return true;
end
$$;
--> statement-breakpoint
revoke execute on function add_usage_slices, add_usage_day, carry_usage, seal_usage from public;
--> statement-breakpoint
grant execute on function add_usage_slices, add_usage_day, carry_usage, seal_usage to signalbox_system;
--> statement-breakpoint
drop table usage_slices, usage_hour_slices;
