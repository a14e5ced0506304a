import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { UsageDimension, UsageKey } from '../../../src/domain/usage/usage-report.ts';
import { UsageService } from '../../../src/domain/usage/usage-service.ts';
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

test('however a report is asked for, it is what the attempts of its period add up to', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 40 }),
      fc.array(question, { minLength: 5, maxLength: 5 }),
      async (given, questions) => {
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
        for (const one of events) recorder.record(one);
        for (const { by, from, to } of questions) {
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
