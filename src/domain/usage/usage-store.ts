import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceScope, WorkspaceSnapshot } from '../../db/workspace-scope.ts';
import type { LimitedMeter, Meter } from './tiers.ts';
import { DAY_HOURS, partsOf, type SealedTime, type UsagePart, wholeDaysOf } from './usage-blocks.ts';
import type { CacheKind } from './usage-event.ts';
import type { MeterUse, Period, UsageDimension, UsageGroup, UsageKey, UsageTotals } from './usage-report.ts';
import { dayOf } from './utc-day.ts';

const HOUR_MS = 3_600_000;
/** Groups that one report shows, biggest first. */
const GROUPS_MAX = 1_000;
const SEALING_TIMEOUT = '10min';

/**
 * Adds the attempts of the next hour that is over to the blocks, and drops blocks of hours that are older than the attempts. Where
 * there is no such hour, a day from before there were blocks is carried over to them.
 * @param latest up to which instant hours may be sealed; by default those that are over for an hour
 * @returns whether there is more of that
 */
export async function sealUsage({ sql }: SystemScope, keptDays: number, latest?: Date): Promise<boolean> {
  // An hour of all workspaces is done whole or not at all, and would be cut off again and again.
  await sql`select set_config('statement_timeout', ${SEALING_TIMEOUT}, true)`;
  const [row] = await sql<{ isLeft: boolean }[]>`
    select ${latest === undefined ? sql`seal_usage(${keptDays})` : sql`seal_usage(${keptDays}, ${latest})`} as is_left`;
  return row?.isLeft === true;
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

/** What a workspace used in a period: from what is added up as far as there is, the rest from the attempts. */
export async function readTotals(scope: WorkspaceSnapshot, period: Period, nowMs = Date.now()): Promise<UsageTotals> {
  const parts = partsOf(period, [], await readSealedTime(scope), nowMs);
  const [totals] = await scope.sql<UsageTotals[]>`
    select ${totalColumns(scope)} from (select ${sumColumns(scope)} from (${usageOf(scope, parts, [])}) as u) as g`;
  if (totals === undefined) throw new Error('an aggregate without groups gives one row');
  return totals;
}

/** The same by the values of some dimensions: most requests first, then by the key; up to 1,000 groups. */
export async function readGroups(
  scope: WorkspaceSnapshot,
  period: Period,
  by: readonly UsageDimension[],
  nowMs = Date.now(),
): Promise<UsageGroup[]> {
  const [sealedTime, listedDays] = await Promise.all([
    readSealedTime(scope),
    by.includes('DAY') ? readListedDays(scope, period) : [],
  ]);
  const parts = partsOf(period, by, sealedTime, nowMs);
  const wholeDays = new Set(wholeDaysOf(parts).map(dayOf));
  const listed = listedDays.filter((day) => wholeDays.has(day));
  // What is shown of a group is made of those that are shown alone.
  const { sql } = scope;
  const inOrder = sql`provider collate "C", model collate "C", operation collate "C", api_key collate "C", day, outcome collate "C"`;
  const rows = await sql<GroupRow[]>`
    select
      provider, model, operation, api_key, to_char(day, 'YYYY-MM-DD') as day, outcome, ${totalColumns(scope)}
    from (
      select
        provider, model, operation, nullif(api_key_id, '') as api_key, day, outcome, ${sumColumns(scope)}
      from (${usageOf(scope, parts, by, listed)}) as u
      group by provider, model, operation, api_key_id, day, outcome
      -- What was taken away may have been all that a group had.
      having sum(requests) <> 0 or sum(vector_queries) <> 0
      order by sum(requests) desc, provider collate "C", model collate "C", operation collate "C",
        nullif(api_key_id, '') collate "C", day, outcome collate "C"
      limit ${GROUPS_MAX}
    ) as g
    order by g.requests desc, ${inOrder}`;
  return rows.map(({ provider, model, operation, apiKey, day, outcome, ...totals }) => {
    const values = { provider, model, operation, apiKey, day, outcome };
    const key = Object.fromEntries(
      by.map((dimension) => [KEY_OF_DIMENSION[dimension], values[KEY_OF_DIMENSION[dimension]]]),
    );
    return { key: key as UsageKey, totals };
  });
}

/** Counts are exact up to 2^53, and so are sums of them; cost is an exact decimal. */
function sumColumns({ sql }: WorkspaceScope): Fragment {
  return sql`
    coalesce(sum(requests), 0) as requests, coalesce(sum(failed), 0) as failed, coalesce(sum(embeddings), 0) as embeddings,
    coalesce(sum(llm_calls), 0) as llm_calls, coalesce(sum(vector_queries), 0) as vector_queries,
    coalesce(sum(cache_hits), 0) as cache_hits, coalesce(sum(input_tokens), 0) as input_tokens,
    coalesce(sum(output_tokens), 0) as output_tokens, coalesce(sum(cost_usd), 0) as cost_usd,
    coalesce(sum(unpriced), 0) as unpriced, coalesce(sum(latency_ms), 0) as latency_ms`;
}

/** The columns of `UsageTotals` over the rows `g` with `sumColumns`. */
function totalColumns({ sql }: WorkspaceScope): Fragment {
  return sql`
    g.requests, g.failed, g.cache_hits, g.embeddings, g.llm_calls, g.vector_queries, g.input_tokens, g.output_tokens,
    g.input_tokens + g.output_tokens as total_tokens, trim_scale(g.cost_usd)::text as cost_usd, g.unpriced,
    trim_scale(round(coalesce(g.cost_usd / nullif((g.requests - g.unpriced)::bigint, 0), 0), 12))::text as average_cost_usd,
    round((g.latency_ms / nullif(g.requests, 0))::numeric, 3)::float8 as average_latency_ms`;
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
 * Rows that add up to the parts, with the dimensions asked for alone.
 * @param listed days of which the lists are read, in place of the blocks
 */
function usageOf(
  scope: WorkspaceSnapshot,
  parts: readonly UsagePart[],
  by: readonly UsageDimension[],
  listed: readonly string[] = [],
): Fragment {
  const attempts = parts.filter(({ hours }) => hours === null);
  const isListed = new Set(listed);
  const added = parts
    .flatMap(blocksOf)
    .filter(({ hours, startsAt }) => hours !== DAY_HOURS || !isListed.has(dayOf(startsAt.getTime())));
  return [
    usageOfBlocks(
      scope,
      added.filter(({ slice }) => slice !== null),
      by,
    ),
    usageOfDays(
      scope,
      added.filter(({ slice }) => slice === null),
      by,
    ),
    ...(listed.length === 0 ? [] : [usageOfLists(scope, listed, by)]),
    ...attempts.map((part) => usageOfAttempts(scope, part, by)),
  ].reduce((rows, part) => scope.sql`${rows} union all ${part}`);
}

interface Block {
  slice: string | null;
  hours: number;
  startsAt: Date;
  sign: 1 | -1;
}

function blocksOf({ slice, hours, period, sign }: UsagePart): Block[] {
  const blocks: Block[] = [];
  if (hours === null) return blocks;
  for (let startMs = period.from.getTime(); startMs < period.to.getTime(); startMs += hours * HOUR_MS) {
    blocks.push({ slice, hours, startsAt: new Date(startMs), sign });
  }
  return blocks;
}

/**
 * Of which time the attempts are in the blocks: as long as the snapshot, so much is in them. For the rest of it nothing is
 * compiled, which takes longer than any report runs, and groups stay in memory where they fit into twice that.
 */
async function readSealedTime({ sql }: WorkspaceSnapshot): Promise<SealedTime> {
  const [row] = await sql<SealedTime[]>`
    select carried_from, sealed_before, set_config('jit', 'off', true), set_config('work_mem', '32MB', true) from usage_sealed`;
  if (row === undefined) throw new Error('usage_sealed has one row');
  return row;
}

/** Days of a period that have lists of their groups. */
async function readListedDays(scope: WorkspaceSnapshot, { from, to }: Period): Promise<string[]> {
  const rows = await scope.sql<{ day: string }[]>`
    select to_char(day, 'YYYY-MM-DD') as day from usage_day_lists
    where workspace_id = ${scope.workspaceId} and is_listed
      and day between ${dayOf(from.getTime())}::text::date and ${dayOf(to.getTime())}::text::date`;
  return rows.map(({ day }) => day);
}

function usageOfAttempts(scope: WorkspaceScope, { period, sign }: UsagePart, by: readonly UsageDimension[]): Fragment {
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

/**
 * Each block is looked up by itself: no plan could read less, and none is made that reads more. A sign is given as what it is
 * multiplied with: made a numeric for each row it would take as long as all else that is done with the row.
 */
function usageOfBlocks(scope: WorkspaceScope, blocks: readonly Block[], by: readonly UsageDimension[]): Fragment {
  const { sql } = scope;
  return sql`
    select
      ${dimensionColumns(scope, by, sql`(p.starts_at at time zone 'utc')::date`)}, p.sign * requests as requests,
      p.sign * failed as failed, p.sign * embeddings as embeddings, p.sign * llm_calls as llm_calls,
      p.sign * vector_queries as vector_queries, p.sign * cache_hits as cache_hits, p.sign * input_tokens as input_tokens,
      p.sign * output_tokens as output_tokens, p.exact_sign * cost_usd as cost_usd, p.sign * unpriced as unpriced,
      p.sign * latency_ms as latency_ms
    from unnest(
      ${blocks.map(({ slice }) => slice)}::text[], ${blocks.map(({ hours }) => hours)}::integer[],
      ${blocks.map(({ startsAt }) => startsAt.toISOString())}::text[]::timestamptz[],
      ${blocks.map(({ sign }) => sign)}::float8[], ${blocks.map(({ sign }) => sign)}::numeric[]
    ) as p (slice, hours, starts_at, sign, exact_sign)
    cross join lateral (
      select * from usage_blocks b
      where b.workspace_id = ${scope.workspaceId} and b.slice = p.slice and b.hours = p.hours and b.starts_at = p.starts_at
      offset 0
    ) as b`;
}

/** Of whole days, by all dimensions. */
function usageOfDays(scope: WorkspaceScope, days: readonly Block[], by: readonly UsageDimension[]): Fragment {
  const { sql } = scope;
  return sql`
    select
      ${dimensionColumns(scope, by, sql`day`)}, p.sign * requests,
      case when outcome in ('FAILED', 'RETRIED', 'RESTARTED') then p.sign * requests else 0 end,
      p.sign * embeddings, p.sign * llm_calls, p.sign * vector_queries, p.sign * cache_hits, p.sign * input_tokens,
      p.sign * output_tokens, p.exact_sign * cost_usd, p.sign * unpriced,
      case when operation <> 'vector_query' then p.sign * latency_ms else 0 end
    from unnest(
      ${days.map(({ startsAt }) => dayOf(startsAt.getTime()))}::text[]::date[],
      ${days.map(({ sign }) => sign)}::float8[], ${days.map(({ sign }) => sign)}::numeric[]
    ) as p (on_day, sign, exact_sign)
    cross join lateral (
      select * from usage_daily d where d.workspace_id = ${scope.workspaceId} and d.day = p.on_day offset 0
    ) as d`;
}

/** Of each dimension, in the kind of a list: `usage_listed_groups`. */
const KIND_BIT: Readonly<Record<Exclude<UsageDimension, 'DAY'>, number>> = {
  PROVIDER: 16,
  MODEL: 8,
  OPERATION: 4,
  API_KEY: 2,
  OUTCOME: 1,
};

/**
 * The groups of whole days that a report can show. A thousand of them, the first of each day, have some number of requests each:
 * what has less is not among the first thousand of all, and is not read.
 */
function usageOfLists(scope: WorkspaceScope, days: readonly string[], by: readonly UsageDimension[]): Fragment {
  const { sql } = scope;
  const kind = by.reduce((bits, dimension) => bits + (dimension === 'DAY' ? 0 : KIND_BIT[dimension]), 0);
  const onDays = sql`unnest(${days}::text[]::date[]) as p (on_day)`;
  const ofDay = sql`g.workspace_id = ${scope.workspaceId} and g.kind = ${kind} and g.day = p.on_day`;
  return sql`
    select
      ${dimensionColumns(scope, by, sql`day`)}, requests, failed, embeddings, llm_calls, vector_queries, cache_hits, input_tokens,
      output_tokens, cost_usd, unpriced, latency_ms
    from ${onDays}
    cross join lateral (
      select * from usage_listed_groups g
      where ${ofDay} and g.requests >= coalesce((
        select min(f.requests) from (
          select g.requests from ${onDays} cross join lateral (
            select g.requests from usage_listed_groups g where ${ofDay}
            order by g.requests desc limit ${Math.ceil(GROUPS_MAX / days.length)}
          ) as g
          order by g.requests desc limit ${GROUPS_MAX}
        ) as f having count(*) = ${GROUPS_MAX}
      ), 0)
      offset 0
    ) as g`;
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

/** As sound is counted by day: rounded to seconds, many short clips would be nothing, or twice what they are. */
const AUDIO_ROWS = 'AUDIO_MICROSECONDS';
const SECOND_MICROSECONDS = 1e6;

/** What the meters have counted since a day; tokens are not among them, see `readTokenUse`. */
export async function readMeters(scope: WorkspaceScope, sinceMs: number): Promise<Map<Meter, MeterUse>> {
  const rows = await scope.sql<{ meter: Meter | typeof AUDIO_ROWS; used: number; oldestDay: number }[]>`
    select meter, sum(used)::float8 as used, extract(epoch from min(day) filter (where used > 0))::float8 as oldest_day
    from meter_days where workspace_id = ${scope.workspaceId} and day >= ${dayOf(sinceMs)}::date
    group by meter having sum(used) > 0`;
  return new Map(
    rows.map(({ meter, used, oldestDay }) => {
      const oldestDayMs = oldestDay * 1_000;
      if (meter !== AUDIO_ROWS) return [meter, { used, oldestDayMs }];
      return ['AUDIO_SECONDS', { used: Math.round(used / SECOND_MICROSECONDS), oldestDayMs }];
    }),
  );
}

/** Tokens of some whole days: no meter has them, the sums of the attempts do. */
export async function readTokenUse(scope: WorkspaceSnapshot, period: Period, nowMs: number): Promise<MeterUse> {
  const [{ totalTokens: used }, [oldest]] = await Promise.all([
    readTotals(scope, period, nowMs),
    scope.sql<{ day: number }[]>`
      select extract(epoch from day)::float8 as day from usage_daily
      where workspace_id = ${scope.workspaceId} and day >= ${dayOf(period.from.getTime())}::date
        and day < ${dayOf(period.to.getTime())}::date and input_tokens + output_tokens > 0
      order by usage_daily.day limit 1`,
  ]);
  return { used, oldestDayMs: oldest === undefined ? null : oldest.day * 1_000 };
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
