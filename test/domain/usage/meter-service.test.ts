import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { LimitReachedError } from '../../../src/domain/usage/errors.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { deleteWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import { NotFoundError } from '../../../src/shared/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addWorkspace, NOON } from './usage-fixtures.ts';

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

const DAY_MS = 86_400_000;

/** A service whose days the test turns. */
function meterAt(startMs: number) {
  const clock = { now: startMs };
  return { clock, meters: new MeterService(database, () => clock.now) };
}

async function countedRows(workspaceId: string): Promise<number> {
  const [row] = await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ n: number }[]>`select count(*)::int as n from meter_days`,
  );
  return row?.n ?? -1;
}

test("a FREE workspace's 1,001st embedding is refused, with what is used and when some of it is free again", async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { meters } = meterAt(NOON);
  await meters.take(workspace, 'EMBEDDINGS', 1_000);
  const refused = await meters.take(workspace, 'EMBEDDINGS', 1).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(LimitReachedError);
  expect(refused).toMatchObject({
    code: 'LIMIT_REACHED',
    details: { meter: 'EMBEDDINGS', limit: 1_000, used: 1_000, resetsAt: '2026-04-09T00:00:00.000Z' },
  });
  expect((refused as Error).message).toBe(
    'the tier FREE includes 1,000 embeddings in 30 days; 1,000 are used and this call needs 1: ask for fewer, ' +
      'wait until 2026-04-09T00:00:00.000Z, or move to the tier PRO (50,000)',
  );
});

test.each([
  ['FREE', 'EMBEDDINGS', 1_000],
  ['FREE', 'LLM_CALLS', 100],
  ['PRO', 'EMBEDDINGS', 50_000],
  ['PRO', 'LLM_CALLS', 5_000],
] as const)('the tier %s has %s up to %i and not one more', async (tier, meter, limit) => {
  const workspace = await addWorkspace(database, tier);
  const { meters } = meterAt(NOON);
  await expect(meters.take(workspace, meter, limit + 1)).rejects.toBeInstanceOf(LimitReachedError);
  await expect(meters.take(workspace, meter, limit)).resolves.toMatchObject({ metered: true });
  await expect(meters.take(workspace, meter, 1)).rejects.toBeInstanceOf(LimitReachedError);
});

test('one meter, and one workspace, does not use up another', async () => {
  const [workspace, other] = [await addWorkspace(database, 'FREE'), await addWorkspace(database, 'FREE')];
  const { meters } = meterAt(NOON);
  await meters.take(workspace, 'LLM_CALLS', 100);
  await meters.take(workspace, 'EMBEDDINGS', 1_000);
  await meters.take(other, 'LLM_CALLS', 100);
});

test('ENTERPRISE has no limit and takes nothing before the call', async () => {
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const { meters } = meterAt(NOON);
  const taking = await meters.take(workspace, 'EMBEDDINGS', 1_000_000);
  await taking.release(1_000_000);
  await meters.check(workspace, 'LLM_CALLS', 1_000_000);
  expect(taking.metered).toBe(false);
  expect(await countedRows(workspace.id)).toBe(0);
});

describe('the limit is exact', () => {
  test('with 50 takes at once on several servers: what fits is granted, the rest is refused', async () => {
    const workspace = await addWorkspace(database, 'FREE');
    const servers = Array.from({ length: 5 }, () => meterAt(NOON).meters);
    await servers[0]?.take(workspace, 'EMBEDDINGS', 700);
    const takes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => (servers[i % 5] as MeterService).take(workspace, 'EMBEDDINGS', 9)),
    );
    expect(takes.filter(({ status }) => status === 'fulfilled')).toHaveLength(33);
    await expect(servers[0]?.check(workspace, 'EMBEDDINGS', 4)).rejects.toMatchObject({ used: 997 });
    await servers[0]?.check(workspace, 'EMBEDDINGS', 3);
  });

  test('with takes that come while others are being served', async () => {
    const workspace = await addWorkspace(database, 'FREE');
    const { meters } = meterAt(NOON);
    const granted: number[] = [];
    const worker = async () => {
      for (let i = 0; i < 15; i++) {
        const taking = await meters.take(workspace, 'LLM_CALLS', 1).catch(() => null);
        if (taking !== null) granted.push(1);
      }
    };
    await Promise.all(Array.from({ length: 10 }, worker));
    expect(granted).toHaveLength(100);
  });
});

describe('what a call did not use', () => {
  test('is given back and can be taken again', async () => {
    const workspace = await addWorkspace(database, 'FREE');
    const { meters } = meterAt(NOON);
    const taking = await meters.take(workspace, 'EMBEDDINGS', 1_000);
    await taking.release(400);
    await meters.take(workspace, 'EMBEDDINGS', 400);
    await expect(meters.take(workspace, 'EMBEDDINGS', 1)).rejects.toBeInstanceOf(LimitReachedError);
  });

  test('is no more than it took, however often it gives back', async () => {
    const workspace = await addWorkspace(database, 'FREE');
    const { meters } = meterAt(NOON);
    await meters.take(workspace, 'LLM_CALLS', 90);
    const taking = await meters.take(workspace, 'LLM_CALLS', 10);
    await Promise.all([taking.release(8), taking.release(8)]);
    await expect(meters.check(workspace, 'LLM_CALLS', 11)).rejects.toMatchObject({ used: 90 });
    await meters.check(workspace, 'LLM_CALLS', 10);
  });

  test('goes back to the day it was taken on, also after midnight', async () => {
    const workspace = await addWorkspace(database, 'FREE');
    const { meters, clock } = meterAt(NOON);
    const taking = await meters.take(workspace, 'LLM_CALLS', 60);
    clock.now += DAY_MS;
    await meters.take(workspace, 'LLM_CALLS', 40);
    await taking.release(60);
    await expect(meters.take(workspace, 'LLM_CALLS', 61)).rejects.toMatchObject({
      used: 40,
      resetsAt: new Date('2026-04-10T00:00:00Z'),
    });
  });
});

test('a day stops counting 30 days later, at midnight UTC', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { meters, clock } = meterAt(NOON);
  await meters.take(workspace, 'LLM_CALLS', 70);
  clock.now += DAY_MS;
  await meters.take(workspace, 'LLM_CALLS', 30);
  clock.now = Date.parse('2026-04-08T23:59:59.999Z');
  await expect(meters.take(workspace, 'LLM_CALLS', 1)).rejects.toMatchObject({
    used: 100,
    resetsAt: new Date('2026-04-09T00:00:00Z'),
  });
  clock.now += 1;
  await meters.take(workspace, 'LLM_CALLS', 70);
  await expect(meters.take(workspace, 'LLM_CALLS', 1)).rejects.toMatchObject({
    resetsAt: new Date('2026-04-10T00:00:00Z'),
  });
});

test('asking before queueing a job takes nothing', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { meters } = meterAt(NOON);
  for (let i = 0; i < 3; i++) await meters.check(workspace, 'LLM_CALLS', 100);
  await expect(meters.check(workspace, 'LLM_CALLS', 101)).rejects.toBeInstanceOf(LimitReachedError);
  await meters.take(workspace, 'LLM_CALLS', 100);
  await expect(meters.check(workspace, 'LLM_CALLS', 1)).rejects.toBeInstanceOf(LimitReachedError);
});

test('a workspace that has been deleted meanwhile is not found', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { meters } = meterAt(NOON);
  const taking = await meters.take(workspace, 'LLM_CALLS', 1);
  await database.withSystem((scope) => deleteWorkspace(scope, workspace.id));
  await expect(meters.take(workspace, 'LLM_CALLS', 1)).rejects.toBeInstanceOf(NotFoundError);
  await taking.release(1);
});

test.each([-1, 0.5, Number.NaN])('%d is no amount', async (amount) => {
  const { meters } = meterAt(NOON);
  expect(() => meters.take({ id: 'ws_1', tier: 'FREE' }, 'LLM_CALLS', amount)).toThrow(RangeError);
  await expect(meters.check({ id: 'ws_1', tier: 'FREE' }, 'LLM_CALLS', amount)).rejects.toThrow(RangeError);
});
