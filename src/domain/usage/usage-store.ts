import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { WORKSPACE_SUBJECT } from './budget.ts';
import { chargeBudgets, lockPeriods } from './reservation-store.ts';
import type { LimitedMeter, Meter } from './tiers.ts';
import type { CacheKind, UsageEvent } from './usage-event.ts';
import type { MeterUse, Period, UsageDimension, UsageGroup, UsageKey, UsageTotals } from './usage-report.ts';
import { splitIntoDays } from './usage-report.ts';
import { addDays, dayOf } from './utc-day.ts';

/** An event with the id of its row, made when it was recorded: a batch that is written again changes nothing. */
export interface RecordedEvent extends UsageEvent {
  id: string;
}

/** Groups that one report shows, biggest first. */
const GROUPS_MAX = 1_000;

/**
 * Writes events with what they add to the days, the meters and the budgets; those that are written already, or whose
 * workspace is gone, change nothing. What was held for a call becomes what it has cost in the same statement.
 */
export async function insertUsage(scope: SystemScope, events: readonly RecordedEvent[]): Promise<void> {
  const incoming = JSON.stringify(events);
  // Held until the commit, so that no workspace is deleted under its rows; taken first and in one order by all servers.
  const locked = lockPeriods(
    scope,
    events.map(({ workspaceId, apiKeyId, at }) => ({
      workspaceId,
      subjects: [WORKSPACE_SUBJECT, apiKeyId ?? WORKSPACE_SUBJECT],
      // A call that has begun before midnight holds in the periods of that day as well.
      day: dayOf(addDays(isInstant(at) ? at : Date.now(), -1)),
    })),
  );
  // Every upsert is sorted by its key: servers that add to the same rows wait for each other, never in a circle.
  const written = scope.sql`
    with incoming as (
      select * from json_to_recordset(${incoming}::text::json) as e (
        "workspaceId" text, id text, at float8, "apiKeyId" text, "userId" text, "requestId" text, provider text,
        model text, operation text, outcome text, "errorCode" text, embeddings integer, "llmCalls" integer,
        "vectorQueries" integer, "cacheHits" integer, "inputTokens" integer, "outputTokens" integer,
        "cachedTokens" integer, "costUsd" numeric, "latencyMs" float8, metered boolean, "cacheKind" text,
        "cacheMisses" integer, "savedUsd" numeric, "reservationId" text, settles boolean
      ) where "workspaceId" in (select id from workspaces)
    ), inserted as (
      insert into usage_attempts (
        workspace_id, id, at, api_key_id, user_id, request_id, provider, model, operation, outcome, error_code,
        embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd,
        latency_ms)
      select
        "workspaceId", id, to_timestamp(at / 1000), "apiKeyId", "userId", "requestId", provider, model, operation, outcome, "errorCode",
        embeddings, "llmCalls", "vectorQueries", "cacheHits", "inputTokens", "outputTokens", "cachedTokens", "costUsd",
        "latencyMs"
      from incoming order by "workspaceId", id
      on conflict do nothing
      returning *, (at at time zone 'utc')::date as day
    ), daily as (
      insert into usage_daily as d (
        workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
        vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
      select
        workspace_id, day, provider, model, operation, coalesce(api_key_id, ''), outcome,
        count(*) filter (where operation <> 'vector_query'), sum(embeddings), sum(llm_calls), sum(vector_queries),
        sum(cache_hits), sum(input_tokens), sum(output_tokens), sum(cached_tokens), coalesce(sum(cost_usd), 0),
        count(*) filter (where operation <> 'vector_query' and cost_usd is null), sum(latency_ms)
      from inserted group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 3, 4, 5, 6, 7
      on conflict (workspace_id, day, provider, model, operation, api_key_id, outcome) do update set
        requests = d.requests + excluded.requests, embeddings = d.embeddings + excluded.embeddings,
        llm_calls = d.llm_calls + excluded.llm_calls, vector_queries = d.vector_queries + excluded.vector_queries,
        cache_hits = d.cache_hits + excluded.cache_hits, input_tokens = d.input_tokens + excluded.input_tokens,
        output_tokens = d.output_tokens + excluded.output_tokens,
        cached_tokens = d.cached_tokens + excluded.cached_tokens, cost_usd = d.cost_usd + excluded.cost_usd,
        unpriced = d.unpriced + excluded.unpriced, latency_ms = d.latency_ms + excluded.latency_ms
    ), cached as (
      insert into cache_days as c (workspace_id, kind, day, hits, misses, saved_usd)
      select i.workspace_id, e."cacheKind", i.day, sum(i.cache_hits), sum(e."cacheMisses"), sum(e."savedUsd")
      from inserted i join incoming e on e."workspaceId" = i.workspace_id and e.id = i.id
      where e."cacheKind" is not null
      group by 1, 2, 3 order by 1, 2, 3
      on conflict (workspace_id, kind, day) do update set
        hits = c.hits + excluded.hits, misses = c.misses + excluded.misses, saved_usd = c.saved_usd + excluded.saved_usd
    ), ${chargeBudgets(scope)}
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
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used`;
  await Promise.all([locked, written]);
}

/** One that is none is refused by the database, and holds up nothing else here. */
function isInstant(at: number): boolean {
  return !Number.isNaN(new Date(at).getTime());
}

/**
 * Drops attempts that were made so many days ago; what they add up to by day stays. At most `limit` at once, workspace
 * by workspace, because that is what the index begins with. Returns how many went.
 */
export async function dropOldAttempts(scope: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from usage_attempts where (workspace_id, id) in (
      select old.workspace_id, old.id from workspaces w cross join lateral (
        select a.workspace_id, a.id from usage_attempts a
        where a.workspace_id = w.id and a.at < now() - make_interval(days => ${days}) order by a.at limit ${limit}
      ) old limit ${limit}
    )`;
  return dropped.count;
}

type GroupRow = UsageTotals & Record<keyof UsageKey, string | null>;
type Fragment = PendingQuery<Row[]>;

const KEY_OF_DIMENSION: Readonly<Record<UsageDimension, keyof UsageKey>> = {
  PROVIDER: 'provider',
  MODEL: 'model',
  OPERATION: 'operation',
  API_KEY: 'apiKey',
  DAY: 'day',
  OUTCOME: 'outcome',
};

/** What a workspace used in a period: whole days from what is added up by day, the rest from the attempts. */
export async function readTotals(scope: WorkspaceScope, period: Period): Promise<UsageTotals> {
  const [totals] = await scope.sql<UsageTotals[]>`
    select ${totalColumns(scope)} from (${usageIn(scope, period)}) as u`;
  if (totals === undefined) throw new Error('an aggregate without groups gives one row');
  return totals;
}

/** The same by the values of some dimensions: most requests first, then by the key; up to 1,000 groups. */
export async function readGroups(
  scope: WorkspaceScope,
  period: Period,
  by: readonly UsageDimension[],
): Promise<UsageGroup[]> {
  const asked = (dimension: UsageDimension) => scope.sql`${by.includes(dimension)}::boolean`;
  const rows = await scope.sql<GroupRow[]>`
    select
      by_provider as provider, by_model as model, by_operation as operation, by_api_key as api_key, by_day as day,
      by_outcome as outcome, ${totalColumns(scope)}
    from (
      select
        used.*,
        case when ${asked('PROVIDER')} then provider end collate "C" as by_provider,
        case when ${asked('MODEL')} then model end collate "C" as by_model,
        case when ${asked('OPERATION')} then operation end collate "C" as by_operation,
        case when ${asked('API_KEY')} then nullif(api_key_id, '') end collate "C" as by_api_key,
        case when ${asked('DAY')} then to_char(day, 'YYYY-MM-DD') end collate "C" as by_day,
        case when ${asked('OUTCOME')} then outcome end collate "C" as by_outcome
      from (${usageIn(scope, period)}) as used
    ) as u
    group by 1, 2, 3, 4, 5, 6
    order by sum(u.requests) desc, 1, 2, 3, 4, 5, 6
    limit ${GROUPS_MAX}`;
  return rows.map(({ provider, model, operation, apiKey, day, outcome, ...totals }) => {
    const values = { provider, model, operation, apiKey, day, outcome };
    const key = Object.fromEntries(
      by.map((dimension) => [KEY_OF_DIMENSION[dimension], values[KEY_OF_DIMENSION[dimension]]]),
    );
    return { key: key as UsageKey, totals };
  });
}

/** The columns of `UsageTotals` over the rows `u` of `usageIn`. Counts are exact up to 2^53. */
function totalColumns(scope: WorkspaceScope): Fragment {
  return scope.sql`
    coalesce(sum(u.requests), 0)::float8 as requests,
    coalesce(sum(u.requests) filter (where u.outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0)::float8 as failed,
    coalesce(sum(u.cache_hits), 0)::float8 as cache_hits,
    coalesce(sum(u.embeddings), 0)::float8 as embeddings,
    coalesce(sum(u.llm_calls), 0)::float8 as llm_calls,
    coalesce(sum(u.vector_queries), 0)::float8 as vector_queries,
    coalesce(sum(u.input_tokens), 0)::float8 as input_tokens,
    coalesce(sum(u.output_tokens), 0)::float8 as output_tokens,
    coalesce(sum(u.input_tokens + u.output_tokens), 0)::float8 as total_tokens,
    trim_scale(coalesce(sum(u.cost_usd), 0))::text as cost_usd,
    coalesce(sum(u.unpriced), 0)::float8 as unpriced,
    trim_scale(round(coalesce(sum(u.cost_usd) / nullif(sum(u.requests - u.unpriced), 0), 0), 12))::text
      as average_cost_usd,
    round((sum(u.latency_ms) filter (where u.operation <> 'vector_query'))::numeric / nullif(sum(u.requests), 0), 3)::float8
      as average_latency_ms`;
}

/** Rows of the shape of `usage_daily` for a period that may begin and end within a day. */
function usageIn(scope: WorkspaceScope, period: Period): Fragment {
  const { days, edges } = splitIntoDays(period);
  const [before, after] = edges;
  return scope.sql`
    select
      day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls, vector_queries, cache_hits,
      input_tokens, output_tokens, cost_usd, unpriced, latency_ms
    from usage_daily
    where workspace_id = ${scope.workspaceId}
      and day >= ${dayOf(days.from.getTime())}::date and day < ${dayOf(days.to.getTime())}::date
    union all
    select
      (at at time zone 'utc')::date, provider, model, operation, coalesce(api_key_id, ''), outcome,
      (operation <> 'vector_query')::int, embeddings, llm_calls, vector_queries, cache_hits, input_tokens,
      output_tokens, coalesce(cost_usd, 0), (operation <> 'vector_query' and cost_usd is null)::int, latency_ms
    from usage_attempts
    where workspace_id = ${scope.workspaceId} and (
      (at >= ${before.from} and at < ${before.to}) or (at >= ${after.from} and at < ${after.to}))`;
}

/** What a cache gave and did not have. */
export interface CacheUse {
  hits: number;
  misses: number;
  /** Exact decimal. */
  savedUsd: string;
}

/** What the caches have done since a day. */
export async function readCacheUse(scope: WorkspaceScope, sinceMs: number): Promise<Map<CacheKind, CacheUse>> {
  const rows = await scope.sql<(CacheUse & { kind: CacheKind })[]>`
    select kind, sum(hits)::float8 as hits, sum(misses)::float8 as misses, trim_scale(sum(saved_usd))::text as saved_usd
    from cache_days where workspace_id = ${scope.workspaceId} and day >= ${dayOf(sinceMs)}::date
    group by kind`;
  return new Map(rows.map(({ kind, ...use }) => [kind, use]));
}

/** What the meters have counted since a day. */
export async function readMeters(scope: WorkspaceScope, sinceMs: number): Promise<Map<Meter, MeterUse>> {
  const rows = await scope.sql<{ meter: Meter; used: number; oldestDay: number }[]>`
    select meter, sum(used)::float8 as used, extract(epoch from min(day) filter (where used > 0))::float8 as oldest_day
    from meter_days where workspace_id = ${scope.workspaceId} and day >= ${dayOf(sinceMs)}::date
    group by meter having sum(used) > 0`;
  return new Map(rows.map(({ meter, used, oldestDay }) => [meter, { used, oldestDayMs: oldestDay * 1_000 }]));
}

/** Until the end of the transaction no other server takes from this meter. Sent together with what is sent next. */
export function lockMeter(scope: WorkspaceScope, meter: LimitedMeter): Promise<unknown> {
  return scope.sql`
    select pg_advisory_xact_lock(hashtextextended(${`${meter} ${scope.workspaceId}`}, 0))`.then((rows) => rows);
}

/** Adds to what a day counts. */
export async function addToMeter(
  scope: WorkspaceScope,
  meter: LimitedMeter,
  dayMs: number,
  amount: number,
): Promise<void> {
  await scope.sql`
    insert into meter_days as m (workspace_id, meter, day, used)
    values (${scope.workspaceId}, ${meter}, ${dayOf(dayMs)}::date, ${amount}::bigint)
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used`;
}

/** Takes from what a day counts, down to zero. */
export async function giveBackToMeter(
  scope: WorkspaceScope,
  meter: LimitedMeter,
  dayMs: number,
  amount: number,
): Promise<void> {
  await scope.sql`
    update meter_days set used = greatest(used - ${amount}::bigint, 0)
    where workspace_id = ${scope.workspaceId} and meter = ${meter} and day = ${dayOf(dayMs)}::date`;
}
