import type { PendingQuery, Row } from 'postgres';
import type { Database } from '../../db/client.ts';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { LimitedMeter, Meter } from './tiers.ts';
import type { CacheKind, UsageEvent } from './usage-event.ts';
import type { DayPart, MeterUse, Period, UsageDimension, UsageGroup, UsageKey, UsageTotals } from './usage-report.ts';
import { splitAtSealed, splitIntoDays } from './usage-report.ts';
import { dayOf } from './utc-day.ts';

/** An event with the id of its row, made when it was recorded: a batch that is written again changes nothing. */
export interface RecordedEvent extends UsageEvent {
  id: string;
}

/** Groups that one report shows, biggest first. */
const GROUPS_MAX = 1_000;

/**
 * Adds the attempts of the next hour that is over to the slices, and drops slices of hours that are older than the attempts.
 * @param latest up to which instant hours may be sealed; by default those that are over for an hour
 * @returns whether there are more such hours
 */
export async function sealUsage({ sql }: SystemScope, keptDays: number, latest?: Date): Promise<boolean> {
  const [row] = await sql<{ isLeft: boolean }[]>`
    select ${latest === undefined ? sql`seal_usage(${keptDays})` : sql`seal_usage(${keptDays}, ${latest})`} as is_left`;
  return row?.isLeft === true;
}

/**
 * Writes events with what they add to the days, the meters and the budgets; those that are written already, or whose
 * workspace is gone, change nothing. What was held for a call becomes what it has cost in the same statement. See
 * `record_usage` of the migrations.
 */
export async function recordUsage(database: Database, events: readonly RecordedEvent[]): Promise<void> {
  await database.callSystem('record_usage', events);
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

/** The dimensions that each slice of `usage_slices` keeps beside the day, smallest slices first. */
const SLICES: Readonly<Record<string, readonly UsageDimension[]>> = {
  OPERATION_OUTCOME: ['OPERATION', 'OUTCOME'],
  OPERATION_API_KEY: ['OPERATION', 'API_KEY'],
  API_KEY_OUTCOME: ['API_KEY', 'OUTCOME'],
  MODEL_OPERATION: ['PROVIDER', 'MODEL', 'OPERATION'],
  MODEL_OUTCOME: ['PROVIDER', 'MODEL', 'OUTCOME'],
  MODEL_API_KEY: ['PROVIDER', 'MODEL', 'API_KEY'],
};

/** What a workspace used in a period: from what is added up as far as there is, the rest from the attempts. */
export async function readTotals(scope: WorkspaceScope, period: Period, nowMs = Date.now()): Promise<UsageTotals> {
  const sealedBefore = await readSealedBefore(scope);
  const [totals] = await scope.sql<UsageTotals[]>`
    select ${totalColumns(scope)} from (${usageIn(scope, period, [], { sealedBefore, nowMs })}) as u`;
  if (totals === undefined) throw new Error('an aggregate without groups gives one row');
  return totals;
}

/** The same by the values of some dimensions: most requests first, then by the key; up to 1,000 groups. */
export async function readGroups(
  scope: WorkspaceScope,
  period: Period,
  by: readonly UsageDimension[],
  nowMs = Date.now(),
): Promise<UsageGroup[]> {
  const sealedBefore = await readSealedBefore(scope);
  const rows = await scope.sql<GroupRow[]>`
    select
      provider collate "C" as provider, model collate "C" as model, operation collate "C" as operation,
      nullif(api_key_id, '') collate "C" as api_key, to_char(day, 'YYYY-MM-DD') collate "C" as day,
      outcome collate "C" as outcome, ${totalColumns(scope)}
    from (${usageIn(scope, period, by, { sealedBefore, nowMs })}) as u
    group by u.provider, u.model, u.operation, u.api_key_id, u.day, u.outcome
    -- What was taken from a day may have been all that a group had of it.
    having sum(u.requests) <> 0 or sum(u.vector_queries) <> 0
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
    coalesce(sum(u.failed), 0)::float8 as failed,
    coalesce(sum(u.cache_hits), 0)::float8 as cache_hits,
    coalesce(sum(u.embeddings), 0)::float8 as embeddings,
    coalesce(sum(u.llm_calls), 0)::float8 as llm_calls,
    coalesce(sum(u.vector_queries), 0)::float8 as vector_queries,
    coalesce(sum(u.input_tokens), 0)::float8 as input_tokens,
    coalesce(sum(u.output_tokens), 0)::float8 as output_tokens,
    coalesce(sum(u.input_tokens) + sum(u.output_tokens), 0)::float8 as total_tokens,
    trim_scale(coalesce(sum(u.cost_usd), 0))::text as cost_usd,
    coalesce(sum(u.unpriced), 0)::float8 as unpriced,
    trim_scale(round(coalesce(sum(u.cost_usd) / nullif(sum(u.requests) - sum(u.unpriced), 0), 0), 12))::text
      as average_cost_usd,
    round(sum(u.latency_ms)::numeric / nullif(sum(u.requests), 0), 3)::float8 as average_latency_ms`;
}

/** The columns that a report tells apart, in one order; null where it does not. */
function dimensionColumns(scope: WorkspaceScope, by: readonly UsageDimension[], day: Fragment): Fragment {
  const { sql } = scope;
  const asked = (dimension: UsageDimension, column: Fragment) => (by.includes(dimension) ? column : sql`null`);
  return sql`
    ${asked('PROVIDER', sql`provider`)} as provider, ${asked('MODEL', sql`model`)} as model,
    ${asked('OPERATION', sql`operation`)} as operation, ${asked('API_KEY', sql`coalesce(api_key_id, '')`)} as api_key_id,
    ${asked('OUTCOME', sql`outcome`)} as outcome, ${by.includes('DAY') ? day : sql`null::date`} as day`;
}

/**
 * Rows that add up to a period, with the dimensions asked for alone. Where slices have them: whole days and whole hours from
 * those, as far as they are sealed, the rest from the attempts. Otherwise days from what is added up by all dimensions, whose
 * parts count with their sign.
 */
function usageIn(
  scope: WorkspaceScope,
  period: Period,
  by: readonly UsageDimension[],
  { sealedBefore, nowMs }: { sealedBefore: Date; nowMs: number },
): Fragment {
  const slice = sliceOf(by);
  if (slice !== null) {
    const { days, hours, attempts } = splitAtSealed(period, sealedBefore);
    return joined(scope, [
      usageOfSlices(scope, days, by, slice),
      ...hours.map((part) => usageOfHours(scope, part, by, slice)),
      ...attempts.map((part) => usageOfPart(scope, { period: part, sign: 1 }, by)),
    ]);
  }
  const { days, parts } = splitIntoDays(period, nowMs);
  const read = parts.filter((part) => part.period.from < part.period.to);
  return joined(scope, [usageOfDays(scope, days, by), ...read.map((part) => usageOfPart(scope, part, by))]);
}

function joined(scope: WorkspaceScope, [first, ...others]: readonly [Fragment, ...Fragment[]]): Fragment {
  return others.reduce((rows, part) => scope.sql`${rows} union all ${part}`, first);
}

/** The smallest slice that keeps the dimensions; null where none does. */
function sliceOf(by: readonly UsageDimension[]): string | null {
  const kept = Object.entries(SLICES).find(([, dimensions]) =>
    by.every((dimension) => dimension === 'DAY' || dimensions.includes(dimension)),
  );
  return kept?.[0] ?? null;
}

/** Up to when the attempts are in the slices. It may have gone on since: what was read stays right. */
async function readSealedBefore({ sql }: WorkspaceScope): Promise<Date> {
  const [row] = await sql<{ sealedBefore: Date }[]>`select sealed_before from usage_sealed`;
  if (row === undefined) throw new Error('usage_sealed has one row');
  return row.sealedBefore;
}

/** Of a part of a day, from its attempts. */
function usageOfPart(scope: WorkspaceScope, { period, sign }: DayPart, by: readonly UsageDimension[]): Fragment {
  const { sql } = scope;
  const signed = sign === 1 ? sql`` : sql`-`;
  return sql`
    select
      ${dimensionColumns(scope, by, sql`(at at time zone 'utc')::date`)},
      ${signed} count(*) filter (where operation <> 'vector_query'),
      ${signed} count(*) filter (where operation <> 'vector_query' and outcome in ('FAILED', 'RETRIED', 'RESTARTED')),
      ${signed} sum(embeddings), ${signed} sum(llm_calls), ${signed} sum(vector_queries), ${signed} sum(cache_hits),
      ${signed} sum(input_tokens), ${signed} sum(output_tokens), ${signed} coalesce(sum(cost_usd), 0),
      ${signed} count(*) filter (where operation <> 'vector_query' and cost_usd is null),
      ${signed} coalesce(sum(latency_ms) filter (where operation <> 'vector_query'), 0)
    from usage_attempts
    where workspace_id = ${scope.workspaceId} and at >= ${period.from} and at < ${period.to}
    group by 1, 2, 3, 4, 5, 6`;
}

/** Of whole days that are sealed. */
function usageOfSlices(scope: WorkspaceScope, days: Period, by: readonly UsageDimension[], slice: string): Fragment {
  const { sql } = scope;
  return sql`
    select ${dimensionColumns(scope, by, sql`day`)}, ${sliceColumns(scope)}
    from usage_slices where workspace_id = ${scope.workspaceId} and slice = ${slice} and ${inDays(scope, days)}`;
}

/** Of whole hours that are sealed. */
function usageOfHours(scope: WorkspaceScope, hours: Period, by: readonly UsageDimension[], slice: string): Fragment {
  const { sql } = scope;
  return sql`
    select ${dimensionColumns(scope, by, sql`(hour at time zone 'utc')::date`)}, ${sliceColumns(scope)}
    from usage_hour_slices
    where workspace_id = ${scope.workspaceId} and slice = ${slice} and hour >= ${hours.from} and hour < ${hours.to}`;
}

function sliceColumns(scope: WorkspaceScope): Fragment {
  return scope.sql`
    requests, failed, embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced,
    latency_ms`;
}

/** Of whole days, by all dimensions. */
function usageOfDays(scope: WorkspaceScope, days: Period, by: readonly UsageDimension[]): Fragment {
  const { sql } = scope;
  return sql`
    select
      ${dimensionColumns(scope, by, sql`day`)}, requests,
      case when outcome in ('FAILED', 'RETRIED', 'RESTARTED') then requests else 0 end as failed,
      embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cost_usd, unpriced,
      case when operation <> 'vector_query' then latency_ms else 0 end as latency_ms
    from usage_daily where workspace_id = ${scope.workspaceId} and ${inDays(scope, days)}`;
}

function inDays({ sql }: WorkspaceScope, { from, to }: Period): Fragment {
  return sql`day >= ${dayOf(from.getTime())}::date and day < ${dayOf(to.getTime())}::date`;
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
