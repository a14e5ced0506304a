CREATE TABLE "usage_day_lists" (
	"workspace_id" text NOT NULL,
	"day" date NOT NULL,
	"is_listed" boolean NOT NULL,
	CONSTRAINT "usage_day_lists_workspace_id_day_pk" PRIMARY KEY("workspace_id","day")
);
--> statement-breakpoint
CREATE TABLE "usage_listed_groups" (
	"workspace_id" text NOT NULL,
	"kind" smallint NOT NULL,
	"day" date NOT NULL,
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
	CONSTRAINT "usage_listed_groups_pk" PRIMARY KEY("workspace_id","kind","day","requests","provider","model","operation","api_key_id","outcome")
);
--> statement-breakpoint
ALTER TABLE "usage_day_lists" ADD CONSTRAINT "usage_day_lists_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "usage_listed_groups" ADD CONSTRAINT "usage_listed_groups_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "usage_day_lists_due" ON "usage_day_lists" USING btree ("day") WHERE not is_listed;
--> statement-breakpoint
alter table usage_day_lists enable row level security;
--> statement-breakpoint
alter table usage_day_lists force row level security;
--> statement-breakpoint
create policy one_workspace on usage_day_lists to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_day_lists to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on usage_day_lists to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on usage_day_lists to signalbox_system;
--> statement-breakpoint
alter table usage_listed_groups enable row level security;
--> statement-breakpoint
alter table usage_listed_groups force row level security;
--> statement-breakpoint
create policy one_workspace on usage_listed_groups to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_listed_groups to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on usage_listed_groups to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on usage_listed_groups to signalbox_system;
--> statement-breakpoint
-- The blocks are made anew: days with other dimensions, because reports by day read lists, and three hours by all dimensions. Until
-- they are carried over reports read the days by all dimensions, and hours of them from their attempts.
truncate usage_blocks;
--> statement-breakpoint
update usage_sealed set sealed_before = date_trunc('day', sealed_before, 'UTC'), carried_from = date_trunc('day', sealed_before, 'UTC');
--> statement-breakpoint
-- Which dimensions there are sums by, and over how many hours; usage-blocks.ts has the same list. Days by all dimensions are
-- `usage_daily`.
create or replace function usage_slice_kinds()
returns table (
  slice text, by_provider boolean, by_model boolean, by_operation boolean, by_api_key boolean, by_outcome boolean,
  hours integer[]
)
language sql immutable as $$
  values
    ('OPERATION_API_KEY_OUTCOME', false, false, true, true, true, array[3, 24, 96, 384, 1536]),
    ('MODEL_API_KEY', true, true, false, true, false, array[3, 24, 96, 384, 1536]),
    ('PROVIDER_OPERATION_API_KEY', true, false, true, true, false, array[96, 384, 1536]),
    ('MODEL_OPERATION_OUTCOME', true, true, true, false, true, array[3, 24, 96, 384, 1536]),
    ('MODEL_API_KEY_OUTCOME', true, true, false, true, true, array[24, 96, 384, 1536]),
    ('MODEL_OPERATION_API_KEY', true, true, true, true, false, array[24, 96, 384, 1536]),
    ('ALL', true, true, true, true, true, array[3, 96, 384, 1536])
$$;
--> statement-breakpoint
-- Adds attempts of a workspace to their blocks: those of a range of time, or a few of them by their instants and ids. What is
-- not carried over yet will be, with these; a day that is not over gets into the longer blocks when it is.
-- The lists of a day that is over are to be made anew with an attempt that came late.
-- Planned anew each time: what is not given is not looked at.
create or replace function add_usage_slices(
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
  if only_ids is null then return; end if;
  perform from usage_day_lists l
  where l.workspace_id = workspace and l.is_listed and l.day in (select (at at time zone 'utc')::date from unnest(only_at) as a (at))
  order by l.day for no key update;
  update usage_day_lists l set is_listed = false
  where l.workspace_id = workspace and l.is_listed and l.day in (select (at at time zone 'utc')::date from unnest(only_at) as a (at));
end
$$;
--> statement-breakpoint
-- Adds a day that is over, as it is by all dimensions, to the blocks of a workspace that are so long or longer. Where it has so
-- many groups that reading each of ninety days takes long, they are to be listed.
create or replace function add_usage_day(workspace text, added_day date, least_hours integer) returns void
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
  insert into usage_day_lists as l (workspace_id, day, is_listed)
  select workspace, added_day, false
  where exists (select from usage_daily d where d.workspace_id = workspace and d.day = added_day offset 99)
  on conflict (workspace_id, day) do update set is_listed = false;
end
$$;
--> statement-breakpoint
-- Lists the groups of a day that is over by each set of dimensions: a thousand of each, as a report has them. Called by
-- `seal_usage`, whose lock it needs: whoever adds a late attempt to the day is done before, or comes after. Returns whether there
-- was a day to be listed.
create function list_usage_day() returns boolean
language plpgsql set role = signalbox_system set work_mem = '32MB' set jit = off as $$
declare
  workspace text;
  listed_day date;
begin
  select l.workspace_id, l.day into workspace, listed_day from usage_day_lists l where not l.is_listed order by l.day desc limit 1;
  if not found then return false; end if;
  -- As `seal_usage` does.
  perform from workspaces where id = workspace for key share;
  if not found then return true; end if;
  delete from usage_listed_groups g
  where g.workspace_id = workspace and g.kind = any(array(select generate_series(0, 31))) and g.day = listed_day;
  insert into usage_listed_groups (
    workspace_id, kind, day, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
    vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
  select
    workspace, r.kind, listed_day, coalesce(r.provider, ''), coalesce(r.model, ''), coalesce(r.operation, ''),
    coalesce(r.api_key, ''), coalesce(r.outcome, ''), r.requests, r.failed, r.embeddings, r.llm_calls, r.vector_queries,
    r.cache_hits, r.input_tokens, r.output_tokens, r.cost_usd, r.unpriced, r.latency_ms
  from (
    select g.*, row_number() over (
      partition by g.kind order by g.requests desc, g.provider collate "C", g.model collate "C", g.operation collate "C",
        g.api_key collate "C", g.outcome collate "C") as place
    from (
      select
        31 - grouping(d.provider, d.model, d.operation, d.api_key_id, d.outcome) as kind, d.provider, d.model, d.operation,
        nullif(d.api_key_id, '') as api_key, d.outcome, sum(d.requests) as requests,
        coalesce(sum(d.requests) filter (where d.outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0) as failed,
        sum(d.embeddings) as embeddings, sum(d.llm_calls) as llm_calls, sum(d.vector_queries) as vector_queries,
        sum(d.cache_hits) as cache_hits, sum(d.input_tokens) as input_tokens, sum(d.output_tokens) as output_tokens,
        sum(d.cost_usd) as cost_usd, sum(d.unpriced) as unpriced,
        coalesce(sum(d.latency_ms) filter (where d.operation <> 'vector_query'), 0) as latency_ms
      from usage_daily d
      where d.workspace_id = workspace and d.day = listed_day
      group by cube (d.provider, d.model, d.operation, d.api_key_id, d.outcome)
      having sum(d.requests) <> 0 or sum(d.vector_queries) <> 0
    ) as g
  ) as r
  where r.place <= 1000;
  update usage_day_lists l set is_listed = true where l.workspace_id = workspace and l.day = listed_day;
  -- What is older than a report can be long is read from the blocks.
  delete from usage_listed_groups g
  where g.workspace_id = workspace and g.kind = any(array(select generate_series(0, 31))) and g.day < listed_day - 400;
  delete from usage_day_lists l where l.workspace_id = workspace and l.day < listed_day - 400;
  return true;
end
$$;
--> statement-breakpoint
-- Adds the attempts of the next hour that is over for an hour or more to the blocks, and at the end of a day the day to the
-- longer ones, and drops the blocks of hours whose attempts are no longer kept. By then whoever writes attempts of such an hour
-- adds them himself, see `record_usage`: what begins to be written while its hour is not yet half an hour over has half an hour
-- to be committed. Where there is no such hour, a day is listed or one from before the blocks carried over. Returns whether more is left.
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
  if to_at > to_be_sealed then
    if list_usage_day() then return true; end if;
    return carry_usage();
  end if;
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
revoke execute on function list_usage_day from public;
--> statement-breakpoint
grant execute on function list_usage_day to signalbox_system;
