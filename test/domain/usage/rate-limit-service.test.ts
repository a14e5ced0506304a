import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import type { CallerWorkspace, WorkspaceCaller } from '../../../src/domain/access/caller.ts';
import { RateLimitedError } from '../../../src/domain/usage/rate-limit.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { dropPassedCalls } from '../../../src/domain/usage/rate-limit-store.ts';
import { deleteWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import { NotFoundError } from '../../../src/shared/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addWorkspace } from './usage-fixtures.ts';

let opened: TestDatabase;
let database: Database;
let workspace: CallerWorkspace;
let limits: RateLimitService;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
beforeEach(async () => {
  workspace = await addWorkspace(database, 'FREE');
  limits = new RateLimitService(database);
});
afterAll(() => opened.close());

/** Whoever calls with a key of the workspace; null: a user. */
function callerOf(apiKeyId: string | null = 'key_a'): WorkspaceCaller {
  return { kind: apiKeyId === null ? 'user' : 'apiKey', workspace, role: 'MEMBER', apiKeyId, userId: null };
}

/** Lets time pass for the calls that are counted: they are older by so much. */
async function pass(seconds: number): Promise<void> {
  await database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`update rate_limit_calls set at = at - ${seconds} * interval '1 second'`,
  );
}

async function counted(): Promise<{ rows: number; calls: number }> {
  const [sums] = await database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ rows: number; calls: number }[]>`
      select count(*)::int as rows, coalesce(sum(calls), 0)::int as calls from rate_limit_calls`,
  );
  return sums as { rows: number; calls: number };
}

const refusalOf = (call: Promise<void>): Promise<RateLimitedError> =>
  call.then(
    () => {
      throw new Error('the call passed');
    },
    (error: RateLimitedError) => error,
  );

async function passedOf(calls: readonly Promise<void>[]): Promise<number> {
  const settled = await Promise.allSettled(calls);
  const refused = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  for (const reason of refused) expect(reason).toBeInstanceOf(RateLimitedError);
  return settled.length - refused.length;
}

test('a workspace without a limit costs no row', async () => {
  await limits.pass(callerOf(), {});
  await limits.pass(callerOf(), { answerCache: false });
  expect(await counted()).toEqual({ rows: 0, calls: 0 });
});

test('what is over the limit is told which one it is, how to raise it, and when to come again', async () => {
  const policies = { requestsPerMinute: 2 };
  await limits.pass(callerOf(), policies);
  await limits.pass(callerOf(), policies);
  await pass(20);
  const refused = await refusalOf(limits.pass(callerOf(), policies));
  expect(refused).toBeInstanceOf(RateLimitedError);
  expect(refused.code).toBe('RATE_LIMITED');
  expect(refused.retryAfterMs).toBeGreaterThan(30_000);
  expect(refused.retryAfterMs).toBeLessThanOrEqual(40_050);
  expect(refused.message).toMatch(
    /^the workspace may make 2 model calls a minute, and they are made: try again in \d+ s, or raise policies.requestsPerMinute with updateSettings$/,
  );
  expect(refused.details).toEqual({ retryAfterMs: refused.retryAfterMs });
});

describe('the window slides', () => {
  test('a call is free again a minute after it was made, and not all of them at once', async () => {
    const policies = { requestsPerMinute: 3 };
    await limits.pass(callerOf(), policies);
    await pass(30);
    await limits.pass(callerOf(), policies);
    await limits.pass(callerOf(), policies);
    const full = await refusalOf(limits.pass(callerOf(), policies));
    expect(full.retryAfterMs).toBeLessThanOrEqual(30_050);
    await pass(31);
    expect(await passedOf([1, 2, 3].map(() => limits.pass(callerOf(), policies)))).toBe(1);
    await pass(30);
    expect(await passedOf([1, 2, 3].map(() => limits.pass(callerOf(), policies)))).toBe(2);
  });

  test('a call that was refused is not counted: who tries again and again is let in all the same', async () => {
    const policies = { requestsPerMinute: 1 };
    await limits.pass(callerOf(), policies);
    for (let tries = 0; tries < 5; tries++) await refusalOf(limits.pass(callerOf(), policies));
    await pass(61);
    await limits.pass(callerOf(), policies);
  });

  test('a limit that was lowered lets calls pass once enough of the old ones are over', async () => {
    for (let calls = 0; calls < 4; calls++) {
      await limits.pass(callerOf(), { requestsPerMinute: 10 });
      await pass(10);
    }
    // Made 40, 30, 20 and 10 seconds ago: the third has to be over.
    const refused = await refusalOf(limits.pass(callerOf(), { requestsPerMinute: 2 }));
    expect(refused.retryAfterMs).toBeGreaterThan(35_000);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(40_050);
  });
});

describe('a limit per key', () => {
  const policies = { requestsPerMinutePerKey: 2 };

  test('holds each key by itself', async () => {
    const calls = ['key_a', 'key_b'].flatMap((key) => [1, 2, 3].map(() => limits.pass(callerOf(key), policies)));
    expect(await passedOf(calls)).toBe(4);
    const refused = await refusalOf(limits.pass(callerOf('key_a'), policies));
    expect(refused.message).toMatch(/^each API key may make 2 model calls a minute.*requestsPerMinutePerKey/);
    await limits.pass(callerOf('key_c'), policies);
  });

  test('does not hold users, who have no key', async () => {
    expect(await passedOf([1, 2, 3, 4].map(() => limits.pass(callerOf(null), policies)))).toBe(4);
  });

  test('and one of the workspace hold together: the smaller rest decides', async () => {
    const both = { requestsPerMinute: 3, requestsPerMinutePerKey: 2 };
    expect(await passedOf([1, 2, 3].map(() => limits.pass(callerOf('key_a'), both)))).toBe(2);
    expect(await passedOf([1, 2].map(() => limits.pass(callerOf('key_b'), both)))).toBe(1);
    expect((await refusalOf(limits.pass(callerOf('key_b'), both))).message).toMatch(/^the workspace may make 3/);
    expect(await passedOf([limits.pass(callerOf(null), both)])).toBe(0);
  });

  test('takes nothing from the workspace for what it refuses', async () => {
    const both = { requestsPerMinute: 4, requestsPerMinutePerKey: 1 };
    const calls = ['key_a', 'key_a', 'key_a', 'key_b', 'key_c'].map((key) => limits.pass(callerOf(key), both));
    expect(await passedOf(calls)).toBe(3);
    await limits.pass(callerOf('key_d'), both);
  });
});

describe('the limit is exact', () => {
  test('with five times as many calls at once on two servers: the limit is used up, and not one call more', async () => {
    // An embedded database has one process; a second server is a second service of it.
    const other =
      database.kind === 'embedded' ? null : await openDatabase({ ...opened, databaseUrl: opened.databaseUrl });
    const servers = [limits, new RateLimitService(other ?? database)];
    const policies = { requestsPerMinute: 50 };
    try {
      const calls = Array.from({ length: 250 }, (_, i) =>
        (servers[i % 2] as RateLimitService).pass(callerOf(`key_${i % 7}`), policies),
      );
      expect(await passedOf(calls)).toBe(50);
      expect(await passedOf(servers.map((server) => server.pass(callerOf(), policies)))).toBe(0);
    } finally {
      await other?.close();
    }
    expect((await counted()).calls).toBe(50);
  });

  test('with calls that come one after the other from servers in turn', async () => {
    const servers = [limits, new RateLimitService(database), new RateLimitService(database)];
    const policies = { requestsPerMinutePerKey: 7 };
    let passed = 0;
    for (let i = 0; i < 15; i++) {
      const call = (servers[i % 3] as RateLimitService).pass(callerOf(), policies);
      passed += await passedOf([call]);
    }
    expect(passed).toBe(7);
  });
});

describe('what is kept', () => {
  test('is few rows however many calls', async () => {
    await passedOf(Array.from({ length: 3_000 }, () => limits.pass(callerOf(), { requestsPerMinute: 100_000 })));
    const { rows, calls } = await counted();
    expect(calls).toBe(3_000);
    // Three groups of a thousand.
    expect(rows).toBeLessThanOrEqual(3);
  });

  test('goes with the next call once it is over', async () => {
    for (let calls = 0; calls < 3; calls++) {
      await limits.pass(callerOf(), { requestsPerMinute: 10 });
      await pass(1);
    }
    await pass(60);
    await limits.pass(callerOf(), { requestsPerMinute: 10 });
    expect(await counted()).toEqual({ rows: 1, calls: 1 });
  });

  test('of a workspace that calls no more is swept, and what counts stays', async () => {
    await limits.pass(callerOf('key_a'), { requestsPerMinute: 10 });
    await pass(90);
    await limits.pass(callerOf('key_b'), { requestsPerMinutePerKey: 10 });
    await pass(30);
    const idle = workspace;
    workspace = await addWorkspace(database, 'FREE');
    await limits.pass(callerOf(), { requestsPerMinute: 10 });
    await pass(120);
    expect(await database.withSystem((scope) => dropPassedCalls(scope, 100))).toBe(1);
    expect((await counted()).rows).toBe(0);
    workspace = idle;
    expect((await counted()).rows).toBe(1);
  });

  test('a workspace that was deleted is told as such', async () => {
    await database.withSystem((scope) => deleteWorkspace(scope, workspace.id));
    await expect(limits.pass(callerOf(), { requestsPerMinute: 10 })).rejects.toBeInstanceOf(NotFoundError);
  });
});
