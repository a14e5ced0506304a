/**
 * How long does `usage` take over 10 million attempts? They are spread evenly over 90 days and 30 models of 5 providers, in
 * one of two ways:
 *
 * - `independent`: 20 keys, 6 operations and 4 outcomes, each independent of the others, so that hardly two attempts of a day
 *   are alike (14,400 combinations): the worst that adding up can meet.
 * - `teams`: as teams make them. A key belongs to an application, which was written for one to four models and one to three
 *   operations; a few of the 40 applications make most of the calls, most of them to their first model, and a few models are
 *   chosen by most; 6 % come from the cache, 1 % is tried again, half a percent fails. 760 combinations in 90 days, 663 of them on
 *   any one.
 *
 * Then reports are asked of the service, by each dimension and by two together, over the last day, week, month and quarter,
 * and over ranges that begin and end within a day; with --all by every grouping that there is.
 *
 * What is asked of is made as an upgrade makes it: the days carried over, the hours of today sealed.
 *
 * Run on a database of its own, which it fills:
 * node bench/usage.ts --database=postgres://… [--data=independent|teams] [--attempts=10000000] [--rounds=5] [--all]
 */
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import type { PendingQuery, Row, TransactionSql } from 'postgres';
import { type Database, openDatabase } from '../src/db/client.ts';
import { UsageRecorder } from '../src/domain/usage/usage-recorder.ts';
import {
  USAGE_RETENTION_DAYS,
  USAGE_WINDOW_DAYS,
  type UsageDimension,
  type UsageRange,
} from '../src/domain/usage/usage-report.ts';
import { UsageService } from '../src/domain/usage/usage-service.ts';
import { sealUsage } from '../src/domain/usage/usage-store.ts';
import { insertWorkspace } from '../src/domain/workspaces/workspace-store.ts';
import { newId } from '../src/shared/ids.ts';
import { median } from './processes.ts';

const DAYS = 90;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const AIM_MS = 50;
const DIMENSIONS = ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'DAY', 'OUTCOME'] as const;
const GROUPINGS: readonly (readonly UsageDimension[])[] = [
  [],
  ...DIMENSIONS.map((dimension) => [dimension]),
  ...[['MODEL', 'API_KEY'] as const, ['OPERATION', 'OUTCOME'] as const, ['DAY', 'MODEL'] as const],
  ...[['PROVIDER', 'MODEL', 'OPERATION'] as const, ['OPERATION', 'API_KEY', 'OUTCOME'] as const],
];
const { values: flags } = parseArgs({
  options: {
    database: { type: 'string' },
    attempts: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '5' },
    all: { type: 'boolean', default: false },
    data: { type: 'string', default: 'independent' },
  },
});
if (flags.database === undefined)
  throw new Error('--database=postgres://… is needed: ten million rows are not embedded');
if (flags.data !== 'independent' && flags.data !== 'teams') throw new Error('--data is independent or teams');

// One connection, for which the filling lifts the limit of time.
const database = await openDatabase({ databaseUrl: flags.database, poolSize: 1, dataDir: '' });
try {
  const workspaceId = await filledWorkspace(database, Number(flags.attempts));
  const nowMs = await newestAttempt(database, workspaceId);
  await seal(database, nowMs);
  await measure(database, workspaceId, nowMs);
  console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);
} finally {
  await database.close();
}

/** The one that an earlier run has filled, or a new one. */
async function filledWorkspace(opened: Database, attempts: number): Promise<string> {
  const name = `bench ${attempts} ${flags.data}`;
  const [known] = await opened.withSystem(
    ({ sql }) => sql<{ id: string }[]>`select id from workspaces where name = ${name}`,
  );
  if (known !== undefined) return known.id;
  const id = newId('Workspace');
  const named = { name, slug: id.replace('_', '-'), tier: 'ENTERPRISE' as const };
  await opened.withSystem((scope) => insertWorkspace(scope, { id, ...named, createdAt: new Date() }));
  const startedAt = performance.now();
  await fill(opened, id, attempts);
  console.log(`${attempts} attempts in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`);
  return id;
}

/** Straight into the tables, with what the ledger would have added up of it. */
async function fill(opened: Database, workspaceId: string, attempts: number): Promise<void> {
  const { sql } = opened;
  const endMs = Date.now();
  await sql.begin(async (transaction) => {
    await transaction`set local statement_timeout = 0`;
    for (let day = 0; day <= DAYS; day += 28) {
      const month = new Date(endMs - day * DAY_MS).toISOString().slice(0, 10);
      await transaction`select make_usage_partition(date_trunc('month', ${month}::date)::date)`;
    }
    await transaction`
      insert into usage_attempts (
        workspace_id, id, at, api_key_id, request_id, provider, model, operation, outcome, embeddings, llm_calls,
        vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
      select
        ${workspaceId}, 'att_' || lpad(to_hex(n), 26, '0'),
        to_timestamp(${endMs / 1_000}::float8 - ${DAYS * 86_400}::float8 * (n + 0.5) / ${attempts}::float8),
        'key_' || key_no, 'req_' || n, 'provider-' || model_no % 5, 'provider-' || model_no % 5 || '/model-' || model_no,
        (array['chat', 'embed', 'classify', 'search', 'rerank', 'summarise'])[1 + operation_no], outcome,
        0, 1, 0, (outcome = 'CACHED')::int, 500 + shuffled % 1000, 100 + shuffled % 200, 0,
        case when outcome = 'SUCCEEDED' then (shuffled % 9973) * 0.000001 else 0 end, 200 + shuffled % 1500
      from generate_series(0, ${attempts}::int - 1) n
      cross join lateral (select hashint8extended(n, 7) & 9007199254740991 as shuffled) mixed
      ${chosen(transaction)}`;
    await transaction`
      insert into usage_daily (
        workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
        vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
      select
        workspace_id, (at at time zone 'utc')::date, provider, model, operation, api_key_id, outcome, count(*), 0, count(*),
        0, sum(cache_hits), sum(input_tokens), sum(output_tokens), 0, sum(cost_usd), 0, sum(latency_ms)
      from usage_attempts where workspace_id = ${workspaceId} group by 1, 2, 3, 4, 5, 6, 7`;
    await transaction`
      update usage_sealed set sealed_before = s.midnight, carried_from = s.midnight
      from (select date_trunc('day', now() - interval '1 hour', 'UTC') as midnight) as s`;
  });
  await sql`set statement_timeout = 0`;
  for (const table of ['usage_attempts', 'usage_daily']) await sql.unsafe(`vacuum analyze ${table}`);
}

/** What each attempt was, by its number `shuffled`. */
function chosen(sql: TransactionSql): PendingQuery<Row[]> {
  if (flags.data === 'independent')
    return sql`
      cross join lateral (
        select
          (shuffled / 18000) % 20 as key_no, shuffled % 30 as model_no, (shuffled / 30) % 6 as operation_no,
          case
            when (shuffled / 180) % 100 < 90 then 'SUCCEEDED' when (shuffled / 180) % 100 < 95 then 'CACHED'
            when (shuffled / 180) % 100 < 98 then 'RETRIED' else 'FAILED'
          end as outcome
      ) chosen`;
  return sql`
    cross join lateral (
      select floor(40 * ((shuffled % 10007) / 10007.0::float8) ^ 3)::bigint as key_no, (shuffled / 10007) % 1000 as kind
    ) application
    cross join lateral (
      select floor((1 + key_no % 4) * ((shuffled / 10007000) % 1000 / 1000.0::float8) ^ 2)::bigint as model_slot
    ) slot
    cross join lateral (
      select
        floor(30 * ((hashint8extended(4 * key_no + model_slot, 5) & 1048575) / 1048576.0::float8) ^ 2)::bigint as model_no,
        (5 * key_no + (shuffled / 7919) % (1 + key_no % 3)) % 6 as operation_no,
        case when kind < 925 then 'SUCCEEDED' when kind < 985 then 'CACHED' when kind < 995 then 'RETRIED' else 'FAILED' end
          as outcome
    ) chosen`;
}

/** Reports are asked as if it were still then: a day that has just begun would have hardly anything to be read. */
async function newestAttempt(opened: Database, workspaceId: string): Promise<number> {
  const [newest] = await opened.sql<{ at: Date }[]>`
    select at from usage_attempts where workspace_id = ${workspaceId} order by at desc limit 1`;
  if (newest === undefined) throw new Error('a workspace without attempts measures nothing');
  return newest.at.getTime();
}

/** Also of what an earlier version has filled. */
async function seal(opened: Database, nowMs: number): Promise<void> {
  const startedAt = performance.now();
  let steps = 0;
  const latest = new Date(nowMs - HOUR_MS);
  while (await opened.withSystem((scope) => sealUsage(scope, USAGE_RETENTION_DAYS, latest))) steps++;
  if (steps === 0) return;
  console.log(`${steps} days and hours added up in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s\n`);
  for (const table of ['usage_blocks', 'usage_listed_groups']) await opened.sql.unsafe(`vacuum analyze ${table}`);
}

/** By 0 to 6 dimensions. */
function everyGrouping(): UsageDimension[][] {
  return Array.from({ length: 2 ** DIMENSIONS.length }, (_, chosen) =>
    DIMENSIONS.filter((_dimension, place) => (chosen & (2 ** place)) !== 0),
  ).sort((one, other) => one.length - other.length);
}

async function measure(opened: Database, workspaceId: string, nowMs: number): Promise<void> {
  const recorder = new UsageRecorder({ database: opened, logger: pino({ level: 'silent' }) });
  const service = new UsageService({ database: opened, recorder, now: () => nowMs });
  const midday = Math.floor(nowMs / DAY_MS) * DAY_MS - DAY_MS / 2;
  const windows = Object.keys(USAGE_WINDOW_DAYS) as (keyof typeof USAGE_WINDOW_DAYS)[];
  const ranges: [string, UsageRange][] = [
    ...windows.map((last): [string, UsageRange] => [last, { last }]),
    ['24 hours to now', { from: new Date(nowMs - DAY_MS), to: new Date(nowMs) }],
    ['30 days, noon to noon', { from: new Date(midday - 30 * DAY_MS), to: new Date(midday) }],
  ];
  console.log(`| by | ${ranges.map(([name]) => name).join(' | ')} |\n|---|${ranges.map(() => '---|').join('')}`);
  for (const by of flags.all ? everyGrouping() : GROUPINGS) {
    const cells: string[] = [];
    for (const [, range] of ranges) {
      const times: number[] = [];
      // The first one opens the connection's plan.
      for (let round = -1; round < Number(flags.rounds); round++) {
        const startedAt = performance.now();
        const report = await service.report({ id: workspaceId, tier: 'ENTERPRISE' }, range);
        const answered = by.length === 0 ? [await report.totals()] : await report.groups(by);
        if (answered.length === 0) throw new Error('an empty report measures nothing');
        if (round >= 0) times.push(performance.now() - startedAt);
      }
      cells.push(`${median(times).toFixed(1)}${median(times) > AIM_MS ? ' (missed)' : ''}`);
    }
    console.log(`| ${by.join(' + ') || 'totals'} | ${cells.join(' | ')} |`);
  }
}
