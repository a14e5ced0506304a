CREATE TABLE "usage_hour_slices" (
	"workspace_id" text NOT NULL,
	"hour" timestamp with time zone NOT NULL,
	"slice" text NOT NULL,
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
	CONSTRAINT "usage_hour_slices_workspace_id_slice_hour_provider_model_operation_api_key_id_outcome_pk" PRIMARY KEY("workspace_id","slice","hour","provider","model","operation","api_key_id","outcome")
);
--> statement-breakpoint
CREATE TABLE "usage_sealed" (
	"is_only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"sealed_before" timestamp with time zone NOT NULL,
	CONSTRAINT "usage_sealed_one_row" CHECK ("usage_sealed"."is_only")
);
--> statement-breakpoint
ALTER TABLE "usage_hour_slices" ADD CONSTRAINT "usage_hour_slices_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
alter table usage_hour_slices enable row level security;
--> statement-breakpoint
alter table usage_hour_slices force row level security;
--> statement-breakpoint
create policy one_workspace on usage_hour_slices to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_hour_slices to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on usage_hour_slices, usage_sealed to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on usage_hour_slices to signalbox_system;
--> statement-breakpoint
grant select, update on usage_sealed to signalbox_system;
--> statement-breakpoint
-- Adds attempts of a workspace to the slices of their hours and days: those of a range of time, or a few of them by their
-- instants and ids. Planned anew each time: what is not given is not looked at.
create function add_usage_slices(
  workspace text, from_at timestamptz, to_at timestamptz, only_at timestamptz[] default null, only_ids text[] default null
) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_custom_plan as $$
begin
  with sums as (
    select
      k.slice, date_trunc('hour', a.at, 'UTC') as hour, case when k.by_model then a.provider else '' end as provider,
      case when k.by_model then a.model else '' end as model, case when k.by_operation then a.operation else '' end as operation,
      case when k.by_api_key then coalesce(a.api_key_id, '') else '' end as api_key_id,
      case when k.by_outcome then a.outcome else '' end as outcome,
      count(*) filter (where a.operation <> 'vector_query') as requests,
      count(*) filter (where a.operation <> 'vector_query' and a.outcome in ('FAILED', 'RETRIED', 'RESTARTED')) as failed,
      sum(a.embeddings) as embeddings, sum(a.llm_calls) as llm_calls, sum(a.vector_queries) as vector_queries,
      sum(a.cache_hits) as cache_hits, sum(a.input_tokens) as input_tokens, sum(a.output_tokens) as output_tokens,
      coalesce(sum(a.cost_usd), 0) as cost_usd,
      count(*) filter (where a.operation <> 'vector_query' and a.cost_usd is null) as unpriced,
      coalesce(sum(a.latency_ms) filter (where a.operation <> 'vector_query'), 0) as latency_ms
    from usage_attempts a cross join usage_slice_kinds() k
    where a.workspace_id = workspace and a.at >= from_at and a.at < to_at 
      and (only_at is null or a.at = any(only_at)) and (only_ids is null or a.id = any(only_ids))
    group by 1, 2, 3, 4, 5, 6, 7
  ), by_hour as (
    insert into usage_hour_slices as s (
      workspace_id, slice, hour, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
    select
      workspace, slice, hour, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms
    from sums order by 1, 2, 3, 4, 5, 6, 7, 8
    on conflict (workspace_id, slice, hour, provider, model, operation, api_key_id, outcome) do update set
      requests = s.requests + excluded.requests, failed = s.failed + excluded.failed,
      embeddings = s.embeddings + excluded.embeddings, llm_calls = s.llm_calls + excluded.llm_calls,
      vector_queries = s.vector_queries + excluded.vector_queries, cache_hits = s.cache_hits + excluded.cache_hits,
      input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens,
      cost_usd = s.cost_usd + excluded.cost_usd, unpriced = s.unpriced + excluded.unpriced,
      latency_ms = s.latency_ms + excluded.latency_ms
  )
  insert into usage_slices as s (
    workspace_id, slice, day, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
    vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
  select
    workspace, slice, (hour at time zone 'utc')::date, provider, model, operation, api_key_id, outcome, sum(requests),
    sum(failed), sum(embeddings), sum(llm_calls), sum(vector_queries), sum(cache_hits), sum(input_tokens),
    sum(output_tokens), sum(cost_usd), sum(unpriced), sum(latency_ms)
  from sums group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8
  on conflict (workspace_id, slice, day, provider, model, operation, api_key_id, outcome) do update set
    requests = s.requests + excluded.requests, failed = s.failed + excluded.failed,
    embeddings = s.embeddings + excluded.embeddings, llm_calls = s.llm_calls + excluded.llm_calls,
    vector_queries = s.vector_queries + excluded.vector_queries, cache_hits = s.cache_hits + excluded.cache_hits,
    input_tokens = s.input_tokens + excluded.input_tokens, output_tokens = s.output_tokens + excluded.output_tokens,
    cost_usd = s.cost_usd + excluded.cost_usd, unpriced = s.unpriced + excluded.unpriced,
    latency_ms = s.latency_ms + excluded.latency_ms;
end
$$;
--> statement-breakpoint
-- Adds the attempts of the next hour that is over for an hour or more to the slices, and at the end of a day drops the slices of
-- hours whose attempts are no longer kept. By then whoever writes attempts of such an hour adds them himself, see
-- `record_usage`: what begins to be written while its hour is not yet half an hour over has half an hour to be committed.
-- Returns whether hours are left.
create function seal_usage(kept_days integer, latest timestamptz default now() - interval '1 hour') returns boolean
language plpgsql set role = signalbox_system as $$
declare
  to_be_sealed timestamptz := date_trunc('hour', latest, 'UTC');
  from_at timestamptz;
  to_at timestamptz;
  workspace text;
begin
  perform pg_advisory_xact_lock(7391004514);
  select sealed_before into from_at from usage_sealed;
  to_at := from_at + interval '1 hour';
  if to_at > to_be_sealed then return false; end if;
  for workspace in select id from workspaces order by id loop
    if exists (select from usage_attempts where workspace_id = workspace and at >= from_at and at < to_at) then
      perform add_usage_slices(workspace, from_at, to_at);
    end if;
    if (from_at at time zone 'utc')::date < (to_at at time zone 'utc')::date then
      delete from usage_hour_slices where workspace_id = workspace
        and slice = any(array(select k.slice from usage_slice_kinds() k)) and hour < to_at - kept_days * interval '1 day';
    end if;
  end loop;
  update usage_sealed set sealed_before = to_at;
  return to_at < to_be_sealed;
end
$$;
--> statement-breakpoint
-- The days that are over have their slices already; those of this day begin anew.
insert into usage_sealed (sealed_before) select date_trunc('day', now(), 'UTC');
--> statement-breakpoint
alter table usage_slices no force row level security;
--> statement-breakpoint
delete from usage_slices where day >= (now() at time zone 'utc')::date;
--> statement-breakpoint
alter table usage_slices force row level security;
--> statement-breakpoint
alter table usage_attempts no force row level security;
--> statement-breakpoint
insert into usage_hour_slices (
  workspace_id, slice, hour, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
  vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
select
  a.workspace_id, k.slice, date_trunc('hour', a.at, 'UTC'), case when k.by_model then a.provider else '' end,
  case when k.by_model then a.model else '' end, case when k.by_operation then a.operation else '' end,
  case when k.by_api_key then coalesce(a.api_key_id, '') else '' end, case when k.by_outcome then a.outcome else '' end,
  count(*) filter (where a.operation <> 'vector_query'),
  count(*) filter (where a.operation <> 'vector_query' and a.outcome in ('FAILED', 'RETRIED', 'RESTARTED')),
  sum(a.embeddings), sum(a.llm_calls), sum(a.vector_queries), sum(a.cache_hits), sum(a.input_tokens), sum(a.output_tokens),
  coalesce(sum(a.cost_usd), 0), count(*) filter (where a.operation <> 'vector_query' and a.cost_usd is null),
  coalesce(sum(a.latency_ms) filter (where a.operation <> 'vector_query'), 0)
from usage_attempts a cross join usage_slice_kinds() k
where a.at < (select sealed_before from usage_sealed)
group by 1, 2, 3, 4, 5, 6, 7, 8;
--> statement-breakpoint
alter table usage_attempts force row level security;
--> statement-breakpoint
-- Writes attempts with what they add to their days and budgets; see 0012. What few calls need is a statement of its own, so that
-- the others do not wait for it: the caches' days, the meters, and the slices of hours that are sealed already.
create or replace function record_usage(events json) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan as $$
declare
  inserted_ids text[];
  has_late boolean;
  has_cache boolean;
  has_meter boolean;
begin
  -- Held until the end, so that no workspace is deleted under its rows. A call that has begun before midnight holds in the
  -- periods of that day as well.
  perform lock_budget_periods((
    select json_agg(json_build_object('workspaceId', e."workspaceId", 'apiKeyId', e."apiKeyId",
      'day', (to_timestamp(e.at / 1000) at time zone 'utc')::date - 1))
    from json_to_recordset(events) as e ("workspaceId" text, "apiKeyId" text, at float8)));
  select
    bool_or(to_timestamp(e.at / 1000) < date_trunc('hour', clock_timestamp() - interval '30 minutes', 'UTC')),
    bool_or(e."cacheKind" is not null), bool_or(not coalesce(e.metered, false) or e."vectorQueries" > 0)
  into has_late, has_cache, has_meter
  from json_to_recordset(events) as e (at float8, "cacheKind" text, metered boolean, "vectorQueries" integer);
  -- Until the end no hour is sealed: what is not sealed yet will be, with these.
  if has_late then perform pg_advisory_xact_lock_shared(7391004514); end if;
  with incoming as (
    select * from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, "apiKeyId" text, "userId" text, "requestId" text, "aboutId" text,
      provider text, model text, operation text, outcome text, "errorCode" text, embeddings integer,
      "llmCalls" integer, "vectorQueries" integer, "cacheHits" integer, "inputTokens" integer, "outputTokens" integer,
      "cachedTokens" integer, "costUsd" numeric, "latencyMs" float8, metered boolean, "cacheKind" text,
      "cacheMisses" integer, "savedUsd" numeric, "reservationId" text, settles boolean
    ) where "workspaceId" in (select id from workspaces)
  ), inserted as (
    insert into usage_attempts (
      workspace_id, id, at, api_key_id, user_id, request_id, about_id, provider, model, operation, outcome, error_code,
      embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
    select
      "workspaceId", id, to_timestamp(at / 1000), "apiKeyId", "userId", "requestId", "aboutId", provider, model, operation,
      outcome, "errorCode", embeddings, "llmCalls", "vectorQueries", "cacheHits", "inputTokens", "outputTokens",
      "cachedTokens", "costUsd", "latencyMs"
    from incoming order by "workspaceId", id
    on conflict do nothing
    returning *, (at at time zone 'utc')::date as day
  ), summed as (
    select
      workspace_id, day, provider, model, operation, coalesce(api_key_id, '') as api_key_id, outcome,
      count(*) filter (where operation <> 'vector_query') as requests, sum(embeddings) as embeddings,
      sum(llm_calls) as llm_calls, sum(vector_queries) as vector_queries, sum(cache_hits) as cache_hits,
      sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cached_tokens) as cached_tokens,
      coalesce(sum(cost_usd), 0) as cost_usd,
      count(*) filter (where operation <> 'vector_query' and cost_usd is null) as unpriced, sum(latency_ms) as latency_ms
    from inserted group by 1, 2, 3, 4, 5, 6, 7
  ), daily as (
    insert into usage_daily as d (
      workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
    select
      workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms
    from summed order by 1, 2, 3, 4, 5, 6, 7
    on conflict (workspace_id, day, provider, model, operation, api_key_id, outcome) do update set
      requests = d.requests + excluded.requests, embeddings = d.embeddings + excluded.embeddings,
      llm_calls = d.llm_calls + excluded.llm_calls, vector_queries = d.vector_queries + excluded.vector_queries,
      cache_hits = d.cache_hits + excluded.cache_hits, input_tokens = d.input_tokens + excluded.input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      cached_tokens = d.cached_tokens + excluded.cached_tokens, cost_usd = d.cost_usd + excluded.cost_usd,
      unpriced = d.unpriced + excluded.unpriced, latency_ms = d.latency_ms + excluded.latency_ms
  ), charges as (
    select
      e."workspaceId" as workspace_id, e."reservationId" as id, bool_or(e.settles) as settles,
      coalesce(sum(i.cost_usd), 0) as cost_usd
    from incoming e left join inserted i on i.workspace_id = e."workspaceId" and i.id = e.id
    where e."reservationId" is not null group by 1, 2
  ), ended as (
    delete from reservations r using charges c
    where r.workspace_id = c.workspace_id and r.id = c.id and c.settles
    returning r.workspace_id, r.api_key_id, r.day, r.amount_usd
  ), charged as (
    update reservations r set amount_usd = r.amount_usd - least(r.amount_usd, c.cost_usd)
    from charges c join reservations o on o.workspace_id = c.workspace_id and o.id = c.id
    where r.workspace_id = c.workspace_id and r.id = c.id and not c.settles
    returning r.workspace_id, r.api_key_id, r.day, o.amount_usd - r.amount_usd as amount_usd
  ), budgeted as (
    update budget_periods p set used_usd = p.used_usd + c.used_usd, reserved_usd = p.reserved_usd - c.freed_usd
    from (
      select p.workspace_id, p.subject, p."window", p.starts_on, sum(c.used_usd) as used_usd, sum(c.freed_usd) as freed_usd
      from (
        select workspace_id, coalesce(api_key_id, '') as api_key_id, day as spent_on, day, cost_usd as used_usd, 0 as freed_usd
        from inserted where cost_usd > 0
        union all select workspace_id, api_key_id, null, day, 0, amount_usd from ended
        union all select workspace_id, api_key_id, null, day, 0, amount_usd from charged
      ) as c
      join budget_periods p on p.workspace_id = c.workspace_id and p.subject in ('', c.api_key_id)
        and p.ends_on > c.day and (c.spent_on is null or p.starts_on <= c.spent_on)
      group by 1, 2, 3, 4
    ) as c
    where p.workspace_id = c.workspace_id and p.subject = c.subject and p."window" = c."window"
      and p.starts_on = c.starts_on
  )
  select coalesce(array_agg(id), '{}') into inserted_ids from inserted;
  if has_late then
    perform add_usage_slices(e."workspaceId", min(to_timestamp(e.at / 1000)), s.sealed_before,
      array_agg(to_timestamp(e.at / 1000)), array_agg(e.id))
    from json_to_recordset(events) as e ("workspaceId" text, id text, at float8) cross join usage_sealed s
    where e.id = any(inserted_ids) and to_timestamp(e.at / 1000) < s.sealed_before
    group by e."workspaceId", s.sealed_before order by e."workspaceId";
  end if;
  if has_cache then
    insert into cache_days as c (workspace_id, kind, day, hits, misses, saved_usd)
    select
      e."workspaceId", e."cacheKind", (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(e."cacheHits"),
      sum(e."cacheMisses"), sum(e."savedUsd")
    from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, "cacheKind" text, "cacheHits" integer, "cacheMisses" integer, "savedUsd" numeric)
    where e."cacheKind" is not null and e.id = any(inserted_ids)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, kind, day) do update set
      hits = c.hits + excluded.hits, misses = c.misses + excluded.misses, saved_usd = c.saved_usd + excluded.saved_usd;
  end if;
  if has_meter then
    insert into meter_days as m (workspace_id, meter, day, used)
    select e."workspaceId", c.meter, (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(c.amount)
    from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, embeddings integer, "llmCalls" integer, "vectorQueries" integer, metered boolean)
    cross join lateral (values
      ('EMBEDDINGS', case when e.metered then 0 else e.embeddings end),
      ('LLM_CALLS', case when e.metered then 0 else e."llmCalls" end),
      ('VECTOR_QUERIES', e."vectorQueries")
    ) as c (meter, amount)
    where c.amount > 0 and e.id = any(inserted_ids)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used;
  end if;
end
$$;
--> statement-breakpoint
revoke execute on function add_usage_slices, seal_usage from public;
--> statement-breakpoint
grant execute on function add_usage_slices, seal_usage to signalbox_system;
