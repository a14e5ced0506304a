/**
 * What does a budget add to a call: holding what it can cost before it, and writing what it has cost before its answer is
 * given? With one call at a time, and with 64 at once, of one workspace with a day's and a month's budget; a vendor takes
 * its time between the two, which is not counted: as vendors do a fifth more or less than it is given here, and, for 64 calls that end in
 * one moment each time, exactly that. Beside it, what two statements cost that do nothing: no ledger in the database that
 * is asked twice a call costs less.
 *
 * Run: node bench/ledger.ts --database=postgres://… [--calls=2000] [--vendor-ms=100]
 * (without a database: the embedded one)
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { type Database, openDatabase } from '../src/db/client.ts';
import { BudgetService } from '../src/domain/usage/budget-service.ts';
import { ReservationService } from '../src/domain/usage/reservation-service.ts';
import type { UsageEvent } from '../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../src/domain/usage/usage-recorder.ts';
import { insertWorkspace } from '../src/domain/workspaces/workspace-store.ts';
import { newId } from '../src/shared/ids.ts';
import { median } from './processes.ts';

const ROUNDS = 3;
const { values: flags } = parseArgs({
  options: {
    database: { type: 'string' },
    calls: { type: 'string', default: '2000' },
    'vendor-ms': { type: 'string', default: '100' },
  },
});

const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
const database = await openDatabase({ databaseUrl: flags.database, poolSize: 10, dataDir });
try {
  console.log('| calls at once | p50 (rounds) | p99 (rounds) | calls/s |\n|---|---|---|---|');
  await measure('1, two bare statements', 1, bareCalls(database));
  for (const atOnce of [1, 64]) await measure(String(atOnce), atOnce, await ledgerCalls(database));
  await measure('64 in step', 64, await ledgerCalls(database), { inStep: true });
  console.log(`\n${database.kind}, load of the machine ${loadavg()[0]?.toFixed(1)}`);
} finally {
  await database.close();
  rmSync(dataDir, { recursive: true, force: true });
}

/** What a call is, without its vendor. */
interface Call {
  hold(): Promise<{ settle(): Promise<void> }>;
}

function bareCalls({ sql }: Database): Call {
  return {
    hold: async () => {
      await sql`select 1`;
      return { settle: async () => void (await sql`select 1`) };
    },
  };
}

async function ledgerCalls(opened: Database): Promise<Call> {
  const recorder = new UsageRecorder({ database: opened, logger: pino({ level: 'silent' }) });
  const reservations = new ReservationService(opened);
  const budgets = new BudgetService({ database: opened, recorder, reservations, onChange: () => undefined });
  const workspaceId = newId('Workspace');
  const named = { name: 'bench', slug: workspaceId.replace('_', '-'), tier: 'ENTERPRISE' as const };
  await opened.withSystem((scope) => insertWorkspace(scope, { id: workspaceId, ...named, createdAt: new Date() }));
  for (const window of ['DAY', 'MONTH'] as const) {
    await budgets.write(workspaceId, { subject: '', window, limitUsd: '1000000' });
  }
  return {
    hold: async () => {
      const { signal } = new AbortController();
      const asked = { workspaceId, apiKeyId: null, amountUsd: '0.01', ttlMs: 60_000, signal };
      const reservation = await reservations.reserve(asked);
      if (reservation === null) throw new Error('nothing was held');
      return {
        settle: () => {
          const event = { ...eventOf(workspaceId), reservationId: reservation.id, settles: true };
          recorder.record({ ...event, keeps: reservations.isWanted(reservation) }, (isKept) =>
            reservations.over(reservation, isKept),
          );
          return recorder.settle();
        },
      };
    },
  };
}

async function measure(label: string, atOnce: number, call: Call, { inStep = false } = {}): Promise<void> {
  const vendorMs = () => Number(flags['vendor-ms']) * (inStep ? 1 : 0.8 + 0.4 * Math.random());
  const one = async () => {
    const startedAt = performance.now();
    const held = await call.hold();
    const heldAt = performance.now();
    await sleep(vendorMs());
    const answeredAt = performance.now();
    await held.settle();
    return heldAt - startedAt + (performance.now() - answeredAt);
  };
  const run = async (calls: number) => {
    const latencies: number[] = [];
    let left = calls;
    const lane = async () => {
      while (left-- > 0) latencies.push(await one());
    };
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: atOnce }, lane));
    const perSecond = (calls / (performance.now() - startedAt)) * 1_000;
    latencies.sort((left_, right) => left_ - right);
    const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN;
    return { p50: at(0.5), p99: at(0.99), perSecond };
  };
  await run(callsOf(atOnce) / 4);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await run(callsOf(atOnce)));
  const cell = (values: number[]) =>
    `${median(values).toFixed(2)} ms (${values.map((value) => value.toFixed(2)).join(', ')})`;
  const perSecond = Math.round(median(rounds.map((round) => round.perSecond)));
  console.log(
    `| ${label} | ${cell(rounds.map(({ p50 }) => p50))} | ${cell(rounds.map(({ p99 }) => p99))} | ${perSecond} |`,
  );
}

/** One at a time takes a vendor's time each. */
function callsOf(atOnce: number): number {
  return atOnce === 1 ? Number(flags.calls) / 20 : Number(flags.calls);
}

function eventOf(workspaceId: string): UsageEvent {
  return {
    ...{ workspaceId, apiKeyId: null, userId: null, requestId: 'req_bench', at: Date.now() },
    ...{ provider: 'vendor', model: 'vendor/m', operation: 'chat', outcome: 'SUCCEEDED', errorCode: null },
    ...{ embeddings: 0, llmCalls: 1, vectorQueries: 0, cacheHits: 0, cacheKind: null, cacheMisses: 0, savedUsd: '0' },
    ...{ inputTokens: 900, outputTokens: 120, cachedTokens: 0, costUsd: '0.0031', latencyMs: 800, metered: true },
  };
}
