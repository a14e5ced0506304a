-- Attempts are kept by month of their instant (UTC), so that what is over its time goes with its table. The partitions lie in
-- a schema of their own where no role of ours may look: they are read and written through usage_attempts alone, whose
-- row-level security holds for all of them.
create schema signalbox_partitions;
--> statement-breakpoint
alter table usage_attempts rename to usage_attempts_whole;
--> statement-breakpoint
alter table usage_attempts_whole rename constraint usage_attempts_workspace_id_id_pk to usage_attempts_whole_pk;
--> statement-breakpoint
alter table usage_attempts_whole no force row level security;
--> statement-breakpoint
create table usage_attempts (
  workspace_id text not null,
  id text not null,
  at timestamp with time zone not null,
  api_key_id text,
  user_id text,
  request_id text not null,
  about_id text,
  provider text not null,
  model text not null,
  operation text not null,
  outcome text not null,
  error_code text,
  embeddings integer not null,
  llm_calls integer not null,
  vector_queries integer not null,
  cache_hits integer not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cached_tokens integer not null,
  cost_usd numeric,
  latency_ms double precision not null,
  constraint usage_attempts_workspace_id_at_id_pk primary key (workspace_id, at, id)
) partition by range (at);
--> statement-breakpoint
-- What belongs to no month that there is: nothing that is written ever fails for the want of a partition.
create table signalbox_partitions.usage_attempts_default partition of usage_attempts default;
--> statement-breakpoint
alter table signalbox_partitions.usage_attempts_default enable row level security;
--> statement-breakpoint
-- Makes the partition of a month (UTC), and moves into it what the default partition has caught of it. Several servers may
-- try at once. Whoever uses the tables waits for the moment that it takes; where it cannot have that moment, it fails.
create function make_usage_partition(month date) returns boolean
language plpgsql set lock_timeout = '5s' as $$
declare
  name text := 'usage_attempts_' || to_char(month, 'YYYY_MM');
  from_at timestamptz := date_trunc('month', month::timestamp) at time zone 'utc';
  to_at timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'utc';
begin
  perform pg_advisory_xact_lock(7391004513);
  if to_regclass('signalbox_partitions.' || name) is not null then return false; end if;
  -- In the order in which the deletion of a workspace takes them: attaching needs both.
  lock table workspaces, usage_attempts in share row exclusive mode;
  execute format('create table signalbox_partitions.%I (like usage_attempts including all)', name);
  execute format('insert into signalbox_partitions.%I select * from signalbox_partitions.usage_attempts_default
    where at >= %L and at < %L', name, from_at, to_at);
  delete from signalbox_partitions.usage_attempts_default where at >= from_at and at < to_at;
  execute format('alter table signalbox_partitions.%I enable row level security', name);
  execute format('alter table usage_attempts attach partition signalbox_partitions.%I for values from (%L) to (%L)',
    name, from_at, to_at);
  return true;
end
$$;
--> statement-breakpoint
-- The partitions that writing needs by now: of this month and of the next one. Returns how many were made.
create function make_usage_partitions() returns integer
language sql as $$
  select count(*) filter (where make_usage_partition((date_trunc('month', now() at time zone 'utc') + ahead)::date))::integer
  from unnest(array[interval '0', interval '1 month']) ahead
$$;
--> statement-breakpoint
-- Drops the months that were over at an instant, and what the default partition has of that time. Returns how many months.
create function drop_usage_partitions(before timestamptz) returns integer
language plpgsql set lock_timeout = '5s' as $$
declare
  name text;
  dropped integer := 0;
begin
  perform pg_advisory_xact_lock(7391004513);
  for name in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'usage_attempts'::regclass and c.relname ~ '^usage_attempts_\d{4}_\d{2}$'
      and (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'utc' <= before
    order by 1
  loop
    execute format('drop table signalbox_partitions.%I', name);
    dropped := dropped + 1;
  end loop;
  delete from signalbox_partitions.usage_attempts_default where at < before;
  return dropped;
end
$$;
--> statement-breakpoint
revoke execute on function make_usage_partition, make_usage_partitions, drop_usage_partitions from public;
--> statement-breakpoint
select make_usage_partitions();
--> statement-breakpoint
select make_usage_partition(month)
from (select distinct date_trunc('month', at at time zone 'utc')::date as month from usage_attempts_whole) as months;
--> statement-breakpoint
insert into usage_attempts (
  workspace_id, id, at, api_key_id, user_id, request_id, provider, model, operation, outcome, error_code, embeddings,
  llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
select
  workspace_id, id, at, api_key_id, user_id, request_id, provider, model, operation, outcome, error_code, embeddings,
  llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms
from usage_attempts_whole;
--> statement-breakpoint
drop table usage_attempts_whole;
--> statement-breakpoint
alter table usage_attempts add constraint usage_attempts_workspace_id_workspaces_id_fk
  foreign key (workspace_id) references workspaces (id) on delete cascade;
--> statement-breakpoint
alter table usage_attempts enable row level security;
--> statement-breakpoint
alter table usage_attempts force row level security;
--> statement-breakpoint
create policy one_workspace on usage_attempts to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_attempts to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select, insert, update, delete on usage_attempts to signalbox_app;
--> statement-breakpoint
grant select, insert on usage_attempts to signalbox_system;
--> statement-breakpoint
CREATE TABLE "usage_slices" (
	"workspace_id" text NOT NULL,
	"slice" text NOT NULL,
	"day" date NOT NULL,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"operation" text NOT NULL,
	"api_key_id" text NOT NULL,
	"outcome" text NOT NULL,
	"requests" bigint NOT NULL,
	"failed" bigint NOT NULL,
	"embeddings" bigint NOT NULL,
	"llm_calls" bigint NOT NULL,
	"vector_queries" bigint NOT NULL,
	"cache_hits" bigint NOT NULL,
	"input_tokens" bigint NOT NULL,
	"output_tokens" bigint NOT NULL,
	"cost_usd" numeric NOT NULL,
	"unpriced" bigint NOT NULL,
	"latency_ms" double precision NOT NULL,
	CONSTRAINT "usage_slices_workspace_id_slice_day_provider_model_operation_api_key_id_outcome_pk" PRIMARY KEY("workspace_id","slice","day","provider","model","operation","api_key_id","outcome")
);
--> statement-breakpoint
ALTER TABLE "usage_slices" ADD CONSTRAINT "usage_slices_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;
--> statement-breakpoint
alter table usage_slices enable row level security;
--> statement-breakpoint
alter table usage_slices force row level security;
--> statement-breakpoint
create policy one_workspace on usage_slices to signalbox_app
  using (workspace_id = (select current_setting('app.workspace_id', true)))
  with check (workspace_id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on usage_slices to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on usage_slices to signalbox_app;
--> statement-breakpoint
grant select, insert, update on usage_slices to signalbox_system;
--> statement-breakpoint
-- Every two dimensions are together in one of them: a report by one or two reads no more rows than it has to.
create function usage_slice_kinds()
returns table (slice text, by_model boolean, by_operation boolean, by_api_key boolean, by_outcome boolean)
language sql immutable as $$
  values
    ('OPERATION_OUTCOME', false, true, false, true),
    ('OPERATION_API_KEY', false, true, true, false),
    ('API_KEY_OUTCOME', false, false, true, true),
    ('MODEL_OPERATION', true, true, false, false),
    ('MODEL_OUTCOME', true, false, false, true),
    ('MODEL_API_KEY', true, false, true, false)
$$;
--> statement-breakpoint
alter table usage_daily no force row level security;
--> statement-breakpoint
insert into usage_slices (
  workspace_id, slice, day, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
  vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
select
  d.workspace_id, k.slice, d.day, case when k.by_model then d.provider else '' end,
  case when k.by_model then d.model else '' end, case when k.by_operation then d.operation else '' end,
  case when k.by_api_key then d.api_key_id else '' end, case when k.by_outcome then d.outcome else '' end,
  sum(d.requests), coalesce(sum(d.requests) filter (where d.outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0),
  sum(d.embeddings), sum(d.llm_calls), sum(d.vector_queries), sum(d.cache_hits), sum(d.input_tokens),
  sum(d.output_tokens), sum(d.cost_usd), sum(d.unpriced),
  coalesce(sum(d.latency_ms) filter (where d.operation <> 'vector_query'), 0)
from usage_daily d cross join usage_slice_kinds() k
group by 1, 2, 3, 4, 5, 6, 7, 8;
--> statement-breakpoint
alter table usage_daily force row level security;
--> statement-breakpoint
-- The ledger's two steps of a call, each a statement and so a transaction of its own: what a call waits for is one round
-- trip. They take on the role signalbox_system, as a transaction of db/workspace-scope.ts does; row-level security holds.
-- Planned once a connection: no value in their argument could make another plan better, and planning takes longer than running.

-- Locks what everybody who changes periods locks, in one order: the workspaces against a deletion and against those who make
-- periods, then the periods that end after the day. What is read after it stays as it is until the end of the transaction.
create function lock_budget_periods(held_in json) returns void
language plpgsql as $$
begin
  perform from workspaces
  where id in (select e."workspaceId" from json_to_recordset(held_in) as e ("workspaceId" text))
  order by id for key share;
  perform from (
    select e."workspaceId", subject, min(e.day) as day
    from json_to_recordset(held_in) as e ("workspaceId" text, "apiKeyId" text, day date)
    cross join unnest(array['', coalesce(e."apiKeyId", '')]) as subject
    group by 1, 2
  ) as e
  join budget_periods p on p.workspace_id = e."workspaceId" and p.subject = e.subject and p.ends_on > e.day
  order by p.workspace_id, p.subject, p."window", p.starts_on for update of p;
end
$$;
--> statement-breakpoint
-- Whether amounts have room in the budgets of one workspace, first come, first served; those that have are held where
-- `hold` is true. The request is { workspaceId, hold, today, asked: [{ id, apiKeyId, day, amountUsd, ttlMs }] }. Each is
-- held in all periods of its subjects (the workspace and its key) that end after its day, or in none.
-- Answers with what became of each, in their order. Instead, where something has to be done before:
-- EXPIRED, there are reservations whose time is over, to be swept; UNKNOWN, the period of a budget that `today` is in has
-- yet to be made: a call that has begun yesterday spends today, and a server whose clock is ahead may have made the period
-- of tomorrow alone.
-- A reservation that there is already is raised by the amount, and prolonged.
create function reserve_budgets(request json) returns json
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan as $$
declare
  workspace text := request ->> 'workspaceId';
  hold boolean := request ->> 'hold';
  asked json := request -> 'asked';
  today date := request ->> 'today';
  -- Of each period, or of a budget without one: sorted by budget.
  subjects text[]; windows text[]; starts date[]; ends date[]; limits numeric[]; useds numeric[]; reserveds numeric[];
  budgets integer[];
  addeds numeric[];
  wanted record;
  answers json[] := '{}';
  held_ids text[] := '{}';
  relevant integer[];
  refused_by integer;
  budget_count integer;
  covered_count integer;
  last_budget integer;
  at_least numeric;
begin
  if hold then
    perform lock_budget_periods((
      select json_agg(json_build_object('workspaceId', workspace, 'apiKeyId', e."apiKeyId", 'day', e.day))
      from json_to_recordset(asked) as e ("apiKeyId" text, day date)));
    if exists (select from reservations where workspace_id = workspace and expires_at < clock_timestamp()) then
      return '"EXPIRED"';
    end if;
  end if;
  select
    array_agg(s.subject), array_agg(s."window"), array_agg(s.starts_on), array_agg(s.ends_on), array_agg(s.limit_usd),
    array_agg(s.used_usd), array_agg(s.reserved_usd), array_agg(s.budget), array_agg(0::numeric)
  into subjects, windows, starts, ends, limits, useds, reserveds, budgets, addeds
  from (
    select
      b.subject, b."window", p.starts_on, p.ends_on, b.limit_usd, p.used_usd, p.reserved_usd,
      dense_rank() over (order by b.subject, b."window")::integer as budget
    from budgets b left join budget_periods p on p.workspace_id = b.workspace_id and p.subject = b.subject
      and p."window" = b."window"
      and p.ends_on > (select min(e.day) from json_to_recordset(asked) as e (day date))
    where b.workspace_id = workspace and b.subject = any(
      array(select e."apiKeyId" from json_to_recordset(asked) as e ("apiKeyId" text)) || ''::text)
    order by budget, p.starts_on
  ) as s;
  for wanted in
    select e.* from rows from (
      json_to_recordset(asked) as (id text, "apiKeyId" text, day date, "amountUsd" numeric)
    ) with ordinality as e (id, api_key_id, day, amount_usd, place) order by e.place
  loop
    relevant := '{}';
    refused_by := null;
    budget_count := 0;
    covered_count := 0;
    last_budget := 0;
    for i in 1 .. coalesce(cardinality(budgets), 0) loop
      continue when subjects[i] <> '' and subjects[i] <> wanted.api_key_id;
      if i = 1 or budgets[i - 1] <> budgets[i] then budget_count := budget_count + 1; end if;
      continue when ends[i] is null or ends[i] <= wanted.day;
      if budgets[i] <> last_budget and starts[i] <= today and ends[i] > today then
        covered_count := covered_count + 1;
        last_budget := budgets[i];
      end if;
      relevant := relevant || i;
      -- Nothing more is nothing to refuse, however the limit was lowered since.
      if refused_by is null and wanted.amount_usd <> 0
        and useds[i] + reserveds[i] + addeds[i] + wanted.amount_usd > limits[i] then refused_by := i; end if;
    end loop;
    if budget_count = 0 then
      answers := answers || '{"kind":"free"}'::json;
    elsif covered_count < budget_count then
      return '"UNKNOWN"';
    elsif refused_by is not null then
      at_least := useds[refused_by] + wanted.amount_usd;
      answers := answers || json_build_object(
        'kind', 'refused', 'mayFit', at_least <= limits[refused_by], 'subject', subjects[refused_by],
        'window', windows[refused_by], 'limitUsd', trim_scale(limits[refused_by])::text,
        'usedUsd', trim_scale(useds[refused_by])::text, 'reservedUsd', trim_scale(reserveds[refused_by])::text,
        'endsOn', ends[refused_by]);
    else
      for i in 1 .. cardinality(relevant) loop
        addeds[relevant[i]] := addeds[relevant[i]] + wanted.amount_usd;
      end loop;
      held_ids := held_ids || wanted.id;
      answers := answers || '{"kind":"held"}'::json;
    end if;
  end loop;
  if hold and cardinality(held_ids) > 0 then
    insert into reservations as r (workspace_id, id, api_key_id, amount_usd, day, expires_at)
    select workspace, e.id, e."apiKeyId", e."amountUsd", e.day, clock_timestamp() + e."ttlMs" * interval '1 millisecond'
    from json_to_recordset(asked) as e (id text, "apiKeyId" text, "amountUsd" numeric, day date, "ttlMs" float8)
    where e.id = any(held_ids) order by e.id
    on conflict (workspace_id, id) do update set
      amount_usd = r.amount_usd + excluded.amount_usd, expires_at = greatest(r.expires_at, excluded.expires_at);
    update budget_periods p set reserved_usd = p.reserved_usd + e.added
    from unnest(subjects, windows, starts, addeds) as e (subject, "window", starts_on, added)
    where p.workspace_id = workspace and p.subject = e.subject and p."window" = e."window"
      and p.starts_on = e.starts_on and e.added <> 0;
  end if;
  return array_to_json(answers);
end
$$;
--> statement-breakpoint
-- Writes events with what they add to the days, the meters and the budgets; those that are written already, or whose
-- workspace is gone, change nothing. What was held for a call becomes what it has cost; its last try ends its reservation.
-- Every upsert is sorted by its key: servers that add to the same rows wait for each other, never in a circle.
create function record_usage(events json) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan as $$
begin
  -- Held until the end, so that no workspace is deleted under its rows. A call that has begun before midnight holds in the
  -- periods of that day as well.
  perform lock_budget_periods((
    select json_agg(json_build_object('workspaceId', e."workspaceId", 'apiKeyId', e."apiKeyId",
      'day', (to_timestamp(e.at / 1000) at time zone 'utc')::date - 1))
    from json_to_recordset(events) as e ("workspaceId" text, "apiKeyId" text, at float8)));
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
  ), sliced as (
    insert into usage_slices as d (
      workspace_id, slice, day, provider, model, operation, api_key_id, outcome, requests, failed, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced, latency_ms)
    select
      s.workspace_id, k.slice, s.day, case when k.by_model then s.provider else '' end,
      case when k.by_model then s.model else '' end, case when k.by_operation then s.operation else '' end,
      case when k.by_api_key then s.api_key_id else '' end, case when k.by_outcome then s.outcome else '' end,
      sum(s.requests), coalesce(sum(s.requests) filter (where s.outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0),
      sum(s.embeddings), sum(s.llm_calls), sum(s.vector_queries), sum(s.cache_hits), sum(s.input_tokens),
      sum(s.output_tokens), sum(s.cost_usd), sum(s.unpriced),
      coalesce(sum(s.latency_ms) filter (where s.operation <> 'vector_query'), 0)
    from summed s cross join usage_slice_kinds() k
    group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8
    on conflict (workspace_id, slice, day, provider, model, operation, api_key_id, outcome) do update set
      requests = d.requests + excluded.requests, failed = d.failed + excluded.failed,
      embeddings = d.embeddings + excluded.embeddings, llm_calls = d.llm_calls + excluded.llm_calls,
      vector_queries = d.vector_queries + excluded.vector_queries, cache_hits = d.cache_hits + excluded.cache_hits,
      input_tokens = d.input_tokens + excluded.input_tokens, output_tokens = d.output_tokens + excluded.output_tokens,
      cost_usd = d.cost_usd + excluded.cost_usd, unpriced = d.unpriced + excluded.unpriced,
      latency_ms = d.latency_ms + excluded.latency_ms
  ), cached as (
    insert into cache_days as c (workspace_id, kind, day, hits, misses, saved_usd)
    select i.workspace_id, e."cacheKind", i.day, sum(i.cache_hits), sum(e."cacheMisses"), sum(e."savedUsd")
    from inserted i join incoming e on e."workspaceId" = i.workspace_id and e.id = i.id
    where e."cacheKind" is not null
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, kind, day) do update set
      hits = c.hits + excluded.hits, misses = c.misses + excluded.misses, saved_usd = c.saved_usd + excluded.saved_usd
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
  insert into meter_days as m (workspace_id, meter, day, used)
  select i.workspace_id, c.meter, i.day, sum(c.amount)
  from inserted i
  join incoming e on e."workspaceId" = i.workspace_id and e.id = i.id
  cross join lateral (values
    ('EMBEDDINGS', case when e.metered then 0 else i.embeddings end),
    ('LLM_CALLS', case when e.metered then 0 else i.llm_calls end),
    ('VECTOR_QUERIES', i.vector_queries)
  ) as c (meter, amount)
  where c.amount > 0
  group by 1, 2, 3 order by 1, 2, 3
  on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used;
end
$$;
--> statement-breakpoint
revoke execute on function lock_budget_periods, reserve_budgets, record_usage from public;
--> statement-breakpoint
grant execute on function lock_budget_periods, reserve_budgets, record_usage to signalbox_system;
