import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { WorkspaceCaller } from '../../../src/domain/access/caller.ts';
import { DailySummaryService } from '../../../src/domain/usage/daily-summary-service.ts';
import { findUnsummedDays } from '../../../src/domain/usage/daily-summary-store.ts';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addWorkspace, NOON, readableLogger, usageEvent } from './usage-fixtures.ts';

const DAY_MS = 86_400_000;

let opened: TestDatabase;
let database: Database;
let recorder: UsageRecorder;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
  recorder = new UsageRecorder({ database, logger: readableLogger().logger });
});
afterAll(() => opened.close());

/** A viewer of a new workspace, and what sums up its days, at noon of the 10th of March until told otherwise. */
async function open() {
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const caller: WorkspaceCaller = { kind: 'user', workspace, role: 'VIEWER', apiKeyId: null, userId: 'ann' };
  const clock = { now: NOON };
  const service = new DailySummaryService(database, () => clock.now);
  const write = async (daysAgo: number, changes: Partial<UsageEvent> = {}) => {
    recorder.record(usageEvent(workspace.id, { at: NOON - daysAgo * DAY_MS, costUsd: '0.25', ...changes }));
    await recorder.flush();
  };
  const list = (from = '2025-04-01', to = '2026-03-31') => service.list(caller, from, to);
  /** Each day with its requests. */
  const days = async () => (await list()).map(({ date, totals }) => `${date} ${totals.requests}`);
  return { id: workspace.id, caller, clock, service, write, list, days };
}

test('a past day is summed up with its totals and its providers, the busiest first', async () => {
  const { service, write, list } = await open();
  await write(1, { inputTokens: 100, outputTokens: 20, operation: 'chat', llmCalls: 1 });
  await write(1, { provider: 'busy', model: 'busy/m', outcome: 'FAILED', costUsd: null });
  await write(1, { provider: 'busy', model: 'busy/m', costUsd: '1.5' });
  await write(1, { provider: 'signalbox', operation: 'vector_query', vectorQueries: 1 });
  await service.sumUp();
  const [summary, ...others] = await list();
  expect(others).toEqual([]);
  expect(summary).toMatchObject({
    date: '2026-03-09',
    totals: { requests: 3, failed: 1, vectorQueries: 1, inputTokens: 100, totalTokens: 120, unpriced: 1 },
    byProvider: [
      { key: { provider: 'busy' }, totals: { requests: 2, costUsd: '1.5' } },
      { key: { provider: 'local' }, totals: { requests: 1, costUsd: '0.25', llmCalls: 1 } },
      { key: { provider: 'signalbox' }, totals: { requests: 0, vectorQueries: 1 } },
    ],
  });
});

test('today is not over, and summed up once it is', async () => {
  const { clock, service, write, days } = await open();
  await write(0);
  await service.sumUp();
  expect(await days()).toEqual([]);
  clock.now += DAY_MS / 2;
  await service.sumUp();
  expect(await days()).toEqual(['2026-03-10 1']);
});

test('days that passed while nobody worked are made up for, all of them', async () => {
  const { service, write, days } = await open();
  for (const daysAgo of [1, 2, 3, 30, 300]) await write(daysAgo);
  await service.sumUp();
  expect(await days()).toEqual(['2025-05-14 1', '2026-02-08 1', '2026-03-07 1', '2026-03-08 1', '2026-03-09 1']);
});

test('what is written late is added to its day: of yesterday at once, of an earlier day within the hour', async () => {
  const { clock, service, write, days } = await open();
  for (const daysAgo of [1, 20]) await write(daysAgo);
  await service.sumUp();
  for (const daysAgo of [1, 20]) await write(daysAgo);
  await service.sumUp();
  expect(await days()).toEqual(['2026-02-18 1', '2026-03-09 2']);
  clock.now += 3_600_000;
  await service.sumUp();
  expect(await days()).toEqual(['2026-02-18 2', '2026-03-09 2']);
});

test('a day is there once, however many workers sum it up at once, with all that it has', async () => {
  const { service, write, days } = await open();
  await write(1);
  const workers = [1, 2, 3, 4].map(() => new DailySummaryService(database, () => NOON));
  await Promise.all([...workers.map((worker) => worker.sumUp()), write(1), service.sumUp()]);
  await service.sumUp();
  expect(await days()).toEqual(['2026-03-09 2']);
});

test('a sum that was read before another one was written does not replace it', async () => {
  const { id, service, write, days } = await open();
  await write(1);
  await service.sumUp();
  await database.withWorkspace(
    id,
    ({ sql }) => sql`update daily_summaries set counted = 5, totals = totals || '{"requests": 5}'`,
  );
  await service.sumUp();
  expect(await days()).toEqual(['2026-03-09 5']);
  const range = { from: '2026-03-01', before: '2026-03-10' };
  expect(await database.withSystem((scope) => findUnsummedDays(scope, [id], range, 10))).toEqual([]);
});

test('a day that is summed up is not written again as long as nothing is added', async () => {
  const { id, service, write } = await open();
  await write(1);
  await service.sumUp();
  const madeAt = () => database.withWorkspace(id, ({ sql }) => sql`select made_at from daily_summaries`);
  const before = await madeAt();
  await service.sumUp();
  expect([...(await madeAt())]).toEqual([...before]);
});

test('a round that is told to stop leaves the rest to the next one', async () => {
  const { service, write, days } = await open();
  await write(1);
  await service.sumUp(AbortSignal.abort());
  expect(await days()).toEqual([]);
  await service.sumUp();
  expect(await days()).toEqual(['2026-03-09 1']);
});

test('a workspace sees its own days alone, in their order, both ends of the range included', async () => {
  const [own, other] = [await open(), await open()];
  for (const daysAgo of [5, 4, 3, 2]) await own.write(daysAgo);
  await other.write(4);
  await own.service.sumUp();
  const dates = async (from: string, to: string) => (await own.list(from, to)).map(({ date }) => date);
  expect(await dates('2026-03-06', '2026-03-07')).toEqual(['2026-03-06', '2026-03-07']);
  expect(await dates('2026-03-01', '2026-03-31')).toHaveLength(4);
  expect(await other.days()).toEqual(['2026-03-06 1']);
});

test.each([
  ['yesterday', '2026-03-10', 'from'],
  ['2026-02-30', '2026-03-10', 'from'],
  ['2026-03-01', '2026-3-10', 'to'],
  ['2026-03-02', '2026-03-01', 'from'],
  ['2025-01-01', '2026-01-02', 'to'],
])('%s to %s is no range of days', async (from, to, path) => {
  const { list } = await open();
  await expect(list(from, to)).rejects.toMatchObject({ code: 'BAD_INPUT', issues: [{ path: [path] }] });
});

test('366 days are a range, and a leap day is a day', async () => {
  const { list } = await open();
  expect(await list('2024-02-29', '2025-02-28')).toEqual([]);
});
