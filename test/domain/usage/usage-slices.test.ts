import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { UsageDimension, UsageKey } from '../../../src/domain/usage/usage-report.ts';
import { UsageService } from '../../../src/domain/usage/usage-service.ts';
import { sealUsage } from '../../../src/domain/usage/usage-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addWorkspace, NOON, usageEvent } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FAILURES = ['FAILED', 'RETRIED', 'RESTARTED'];
const DIMENSIONS = ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'DAY', 'OUTCOME'] as const;

let opened: TestDatabase;
beforeAll(async () => {
  opened = await testDatabase();
});
afterAll(() => opened?.close());

const VALUE_OF: Record<UsageDimension, (event: UsageEvent) => [keyof UsageKey, string | null]> = {
  PROVIDER: ({ provider }) => ['provider', provider],
  MODEL: ({ model }) => ['model', model],
  OPERATION: ({ operation }) => ['operation', operation],
  API_KEY: ({ apiKeyId }) => ['apiKey', apiKeyId],
  DAY: ({ at }) => ['day', new Date(at).toISOString().slice(0, 10)],
  OUTCOME: ({ outcome }) => ['outcome', outcome],
};

/** What the events of a period add up to, by the dimensions. */
function addedUp(events: readonly UsageEvent[], by: readonly UsageDimension[]) {
  const groups = new Map<string, { key: UsageKey; events: UsageEvent[] }>();
  for (const event of events) {
    const key = Object.fromEntries(by.map((dimension) => VALUE_OF[dimension](event))) as UsageKey;
    const group = groups.get(JSON.stringify(key)) ?? { key, events: [] };
    groups.set(JSON.stringify(key), group);
    group.events.push(event);
  }
  const sum = (all: readonly UsageEvent[], of: (event: UsageEvent) => number) =>
    all.reduce((total, event) => total + of(event), 0);
  return [...groups.values()].map(({ key, events: all }) => {
    const requests = all.filter(({ operation }) => operation !== 'vector_query');
    return {
      key,
      requests: requests.length,
      failed: requests.filter(({ outcome }) => FAILURES.includes(outcome)).length,
      unpriced: requests.filter(({ costUsd }) => costUsd === null).length,
      totalTokens: sum(all, ({ inputTokens, outputTokens }) => inputTokens + outputTokens),
      vectorQueries: sum(all, ({ vectorQueries }) => vectorQueries),
      cents: sum(all, ({ costUsd }) => Math.round(Number(costUsd ?? 0) * 100)),
      latencyMs: requests.length === 0 ? null : sum(requests, ({ latencyMs }) => latencyMs) / requests.length,
    };
  });
}

const event = fc.record({
  hours: fc.integer({ min: -80, max: 20 }),
  vendor: fc.constantFrom('east', 'west'),
  name: fc.constantFrom('small', 'large'),
  operation: fc.constantFrom('chat', 'embed', 'vector_query'),
  apiKeyId: fc.constantFrom(null, 'key_a', 'key_b'),
  outcome: fc.constantFrom('SUCCEEDED', 'FAILED', 'CACHED'),
  costUsd: fc.constantFrom(null, '0', '0.01', '0.25'),
  tokens: fc.nat(50),
}) as fc.Arbitrary<{
  hours: number;
  vendor: string;
  name: string;
  operation: UsageEvent['operation'];
  apiKeyId: string | null;
  outcome: UsageEvent['outcome'];
  costUsd: string | null;
  tokens: number;
}>;
const instant = fc.integer({ min: -90 * 4, max: 30 * 4 }).map((quarters) => NOON + (quarters * HOUR_MS) / 4);
const question = fc.record({
  by: fc.uniqueArray(fc.constantFrom(...DIMENSIONS), { minLength: 1, maxLength: 4 }),
  from: instant,
  to: instant,
});

/** As if no hour from this one on had been over yet. */
async function beginSealingAt(atMs: number): Promise<void> {
  const { sql } = opened.database;
  await sql`truncate usage_hour_slices, usage_slices`;
  await sql`update usage_sealed set sealed_before = ${new Date(atMs)}`;
}

async function seal(hours: number): Promise<void> {
  const latest = new Date(NOON + hours * HOUR_MS);
  while (await opened.database.withSystem((scope) => sealUsage(scope, 400, latest)));
}

test('however a report is asked for, it is what the attempts of its period add up to, whatever of it is sealed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 40 }),
      fc.array(question, { minLength: 6, maxLength: 6 }),
      fc.integer({ min: -80, max: 0 }),
      async (given, questions, sealedHours) => {
        await beginSealingAt(NOON + sealedHours * HOUR_MS);
        const workspace = await addWorkspace(opened.database, 'ENTERPRISE');
        const recorder = new UsageRecorder({ database: opened.database, logger: pino({ level: 'silent' }) });
        const service = new UsageService({ database: opened.database, recorder, now: () => NOON });
        const events = given.map(({ hours, vendor, name, tokens, operation, ...fields }) =>
          usageEvent(workspace.id, {
            ...{ ...fields, operation, at: NOON + hours * HOUR_MS, provider: vendor, model: `${vendor}/${name}` },
            ...{ inputTokens: tokens, outputTokens: 1, latencyMs: tokens, embeddings: 0 },
            vectorQueries: operation === 'vector_query' ? 1 : 0,
          }),
        );
        const late = events.splice(0, Math.floor(events.length / 3));
        for (const one of events) recorder.record(one);
        for (const [place, { by, from, to }] of questions.entries()) {
          if (place === 2) await seal(Math.floor(sealedHours / 2));
          if (place === 4) {
            // Into hours that are sealed, and into some that are not.
            for (const one of late) recorder.record(one);
            events.push(...late);
          }
          if (place === 5) await seal(24);
          const [first, last] = [Math.min(from, to), Math.max(from, to)];
          const report = await service.report(workspace, { from: new Date(first), to: new Date(last) });
          const within = events.filter(({ at }) => at >= first && at < last);
          const groups = (await report.groups(by)).map(({ key, totals }) => ({
            key,
            ...{ requests: totals.requests, failed: totals.failed, unpriced: totals.unpriced },
            ...{ totalTokens: totals.totalTokens, vectorQueries: totals.vectorQueries },
            ...{ cents: Math.round(Number(totals.costUsd) * 100) },
            latencyMs: totals.averageLatencyMs === null ? null : expect.closeTo(totals.averageLatencyMs, 2),
          }));
          expect(addedUp(within, by)).toEqual(expect.arrayContaining(groups));
          expect(groups).toHaveLength(addedUp(within, by).length);
          expect((await report.totals()).requests).toBe(
            within.filter(({ operation }) => operation !== 'vector_query').length,
          );
        }
      },
    ),
    { numRuns: 5 },
  );
}, 120_000);

test('attempts that are written while their hours are sealed are in the slices once, and a workspace that goes leaves none', async () => {
  const { database } = opened;
  await beginSealingAt(NOON - 30 * HOUR_MS);
  const [workspace, leaving] = [await addWorkspace(database, 'ENTERPRISE'), await addWorkspace(database, 'ENTERPRISE')];
  const write = async (recorder: UsageRecorder) => {
    for (let i = 0; i < 30; i++) {
      for (const { id } of [workspace, leaving]) {
        recorder.record(usageEvent(id, { at: NOON - (i % 30) * HOUR_MS, costUsd: '0.01' }));
      }
      await recorder.flush();
    }
  };
  const recorders = [1, 2, 3].map(() => new UsageRecorder({ database, logger: pino({ level: 'silent' }) }));
  const sealing = async () => {
    for (let hours = -29; hours <= 1; hours++) await seal(hours);
  };
  const leave = () => database.withSystem(({ sql }) => sql`delete from workspaces where id = ${leaving.id}`);
  await Promise.all([...recorders.map(write), sealing(), sealing().then(leave)]);
  await Promise.all(recorders.map((recorder) => recorder.flush()));

  for (const table of ['usage_hour_slices', 'usage_slices']) {
    const slices = await database.sql`
      select workspace_id, slice, sum(requests)::int as requests, trim_scale(sum(cost_usd))::text as cost_usd
      from ${database.sql(table)} where workspace_id in ${database.sql([workspace.id, leaving.id])} group by 1, 2`;
    const whole = { workspaceId: workspace.id, requests: 90, costUsd: '0.9' };
    expect(slices).toEqual(Array.from({ length: 6 }, () => ({ ...whole, slice: expect.any(String) })));
  }
}, 60_000);

test('a report that begins within a day whose attempts are gone has all of that day, and says so', async () => {
  const workspace = await addWorkspace(opened.database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database: opened.database, logger: pino({ level: 'silent' }) });
  const service = new UsageService({ database: opened.database, recorder, retentionDays: 30, now: () => NOON });
  const longAgo = NOON - 40 * DAY_MS;
  for (const at of [longAgo - HOUR_MS, longAgo + HOUR_MS, NOON - HOUR_MS, NOON + HOUR_MS]) {
    recorder.record(usageEvent(workspace.id, { at }));
  }
  await recorder.flush();
  await opened.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`delete from usage_attempts where at < ${new Date(NOON - 30 * DAY_MS)}`,
  );
  const report = await service.report(workspace, { from: new Date(longAgo), to: new Date(NOON) });
  expect([report.from, report.to]).toEqual([new Date(longAgo - 12 * HOUR_MS), new Date(NOON)]);
  expect((await report.totals()).requests).toBe(3);
});
