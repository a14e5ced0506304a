import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Database, openDatabase } from '../../../src/db/client.ts';
import type { SystemScope } from '../../../src/db/workspace-scope.ts';
import { KeptReservations, stepAbove } from '../../../src/domain/usage/kept-reservations.ts';
import type { HeldReservation } from '../../../src/domain/usage/reservation.ts';
import type { ReservationRequest } from '../../../src/domain/usage/reservation-service.ts';
import { compareDecimals } from '../../../src/shared/decimal.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  addBudgetedWorkspace,
  asked,
  expectExact,
  type Ledger,
  openLedger,
  periodsOf,
  writeCall,
} from './budget-fixtures.ts';
import { NOON } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;

let opened: TestDatabase;
let database: Database;
let ours: Ledger;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
  ours = openServer();
});
afterAll(async () => {
  await ours.reservations.close();
  await opened.close();
});

/** A server that waits for next calls as long as a test may take. */
function openServer(): Ledger {
  return openLedger(database, { now: NOON }, HOUR_MS);
}

async function hold(
  ledger: Ledger,
  workspaceId: string,
  amountUsd = '0.02',
  fields: Partial<ReservationRequest> = {},
): Promise<HeldReservation> {
  const held = await ledger.reservations.reserve(asked(workspaceId, amountUsd, fields));
  if (held === null) throw new Error('nothing is held');
  return held;
}

/** Two calls after each other: the second one leaves what it has held for a third. */
async function keepOne(ledger: Ledger, workspaceId: string, fields: Partial<ReservationRequest> = {}) {
  await writeCall(ledger, await hold(ledger, workspaceId, '0.02', fields), '0.01');
  const kept = await hold(ledger, workspaceId, '0.02', fields);
  await writeCall(ledger, kept, '0.01');
  return kept;
}

async function books(workspaceId: string) {
  const periods = await periodsOf(database, workspaceId);
  expectExact(periods);
  return periods.map(({ used, reserved }) => ({ used: used / 10_000, reserved: reserved / 10_000 }));
}

function isShort(workspaceId: string): Promise<boolean> {
  return database.withSystem(async ({ sql }) => {
    const short = await sql`select from budget_periods where workspace_id = ${workspaceId} and short_at is not null`;
    return short.length > 0;
  });
}

test('calls that follow each other use one reservation, and each of them is paid', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  const kept = await keepOne(ours, workspaceId);
  for (let calls = 0; calls < 5; calls++) {
    const taken = await hold(ours, workspaceId, '0.015');
    expect(taken.id).toBe(kept.id);
    await writeCall(ours, taken, '0.01');
  }
  expect(await books(workspaceId)).toEqual([{ used: 7, reserved: 2 }]);
  await ours.reservations.letGo(workspaceId);
  expect(await books(workspaceId)).toEqual([{ used: 7, reserved: 0 }]);
});

test('two calls at once never take the same one', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  const kept = await keepOne(ours, workspaceId);
  const calls = await Promise.all(Array.from({ length: 4 }, () => hold(ours, workspaceId)));
  expect(new Set(calls.map(({ id }) => id)).size).toBe(4);
  expect(calls.filter(({ id }) => id === kept.id)).toHaveLength(1);
  await Promise.all(calls.map((call) => writeCall(ours, call, '0.02')));
  await ours.reservations.letGo(workspaceId);
  expect(await books(workspaceId)).toEqual([{ used: 10, reserved: 0 }]);
});

test('a call takes nothing over that another key, workspace or day holds, that is too small, much too large or ends too soon', async () => {
  const [workspaceId, other] = [
    await addBudgetedWorkspace(database, ours, '1'),
    await addBudgetedWorkspace(database, ours, '1'),
  ];
  const kept = await keepOne(ours, workspaceId, { apiKeyId: 'key_a' });
  const others = await Promise.all([
    hold(ours, workspaceId),
    hold(ours, workspaceId, '0.02', { apiKeyId: 'key_b' }),
    hold(ours, other, '0.02', { apiKeyId: 'key_a' }),
    hold(ours, workspaceId, '0.03', { apiKeyId: 'key_a' }),
    hold(ours, workspaceId, '0.001', { apiKeyId: 'key_a' }),
    hold(ours, workspaceId, '0.02', { apiKeyId: 'key_a', ttlMs: HOUR_MS }),
  ]);
  expect(others.map(({ id }) => id)).not.toContain(kept.id);
  ours.clock.now += 24 * HOUR_MS;
  const tomorrow = await hold(ours, workspaceId, '0.02', { apiKeyId: 'key_a' });
  ours.clock.now -= 24 * HOUR_MS;
  expect(tomorrow.id).not.toBe(kept.id);
  expect((await hold(ours, workspaceId, '0.02', { apiKeyId: 'key_a' })).id).toBe(kept.id);
});

test('what is kept is given back when no call comes', async () => {
  const brief = openLedger(database, { now: NOON }, 400);
  const workspaceId = await addBudgetedWorkspace(database, brief, '1');
  for (let calls = 0; calls < 3; calls++) await writeCall(brief, await hold(brief, workspaceId), '0.01');
  await waitFor('nothing is held', async () => (await books(workspaceId))[0]?.reserved === 0);
  expect(await books(workspaceId)).toEqual([{ used: 3, reserved: 0 }]);
  await brief.reservations.close();
});

test('nothing is kept that the limit has no room for beside what was used', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '0.05');
  await writeCall(ours, await hold(ours, workspaceId), '0.02');
  await writeCall(ours, await hold(ours, workspaceId), '0.02');
  expect(await books(workspaceId)).toEqual([{ used: 4, reserved: 0 }]);
});

test('a call that finds no room gets what its own server keeps, at once', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '0.05');
  await keepOne(ours, workspaceId);
  expect(await books(workspaceId)).toEqual([{ used: 2, reserved: 2 }]);
  expect(await hold(ours, workspaceId, '0.03')).toMatchObject({ amountUsd: '0.03' });
  expect(await books(workspaceId)).toEqual([{ used: 2, reserved: 3 }]);
});

test('a call that needs more for its next try gets what its own server keeps', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '0.1');
  const kept = await keepOne(ours, workspaceId);
  const [retrying, other] = [await hold(ours, workspaceId), await hold(ours, workspaceId)];
  expect(retrying.id).toBe(kept.id);
  await writeCall(ours, other, '0.01');
  expect(await books(workspaceId)).toEqual([{ used: 3, reserved: 4 }]);
  await ours.reservations.raise(retrying, '0.05', 60_000);
  expect(await books(workspaceId)).toEqual([{ used: 3, reserved: 7 }]);
});

test('calls that follow each other hold no more than they can cost, so that as many have room at once', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '0.3');
  for (let calls = 0; calls < 3; calls++) await writeCall(ours, await hold(ours, workspaceId, '0.06'), '0');
  await Promise.all(Array.from({ length: 4 }, () => hold(ours, workspaceId, '0.06')));
  expect(await hold(ours, workspaceId, '0.06')).toMatchObject({ amountUsd: '0.06' });
  expect(await books(workspaceId)).toEqual([{ used: 0, reserved: 30 }]);
});

test('whoever looks at the budgets waits for what is being given back', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  await keepOne(ours, workspaceId);
  const both = [ours.reservations.letGo(workspaceId), ours.reservations.letGo(workspaceId)];
  expect(await Promise.all(both)).toEqual([true, true]);
  expect(await ours.reservations.letGo(workspaceId)).toBe(false);
});

/** Loses connections. */
class BreakingDatabase extends Database {
  breaksLeft = 0;

  override async withSystem<Result>(work: (scope: SystemScope) => Promise<Result>): Promise<Result> {
    if (this.breaksLeft-- > 0) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    return super.withSystem(work);
  }
}

test('what could not be given back is taken over by nobody, and given back later', async () => {
  const breaking = new BreakingDatabase(database.sql, null);
  const theirs = openLedger(breaking, { now: NOON }, HOUR_MS);
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  const kept = await keepOne(theirs, workspaceId);
  breaking.breaksLeft = 2;
  await expect(theirs.reservations.letGo(workspaceId)).rejects.toThrow('ECONNRESET');
  const next = await hold(theirs, workspaceId);
  expect(next.id).not.toBe(kept.id);
  await waitFor('it is given back', async () => (await books(workspaceId))[0]?.reserved === 2);
  await theirs.reservations.release(next);
  expect(await books(workspaceId)).toEqual([{ used: 2, reserved: 0 }]);
  await theirs.reservations.close();
});

test('once a call was short of room, no server keeps anything for a while, so that it gets what those under way do not need', async () => {
  const theirDatabase = opened.databaseUrl === undefined ? database : await openDatabase(opened);
  const theirs = openLedger(theirDatabase, { now: NOON }, HOUR_MS);
  const workspaceId = await addBudgetedWorkspace(database, ours, '0.10');
  const kept = await keepOne(theirs, workspaceId);
  const underWay = await hold(theirs, workspaceId);
  expect(underWay.id).toBe(kept.id);
  const { signal } = new AbortController();
  const waiting = ours.reservations.reserve(asked(workspaceId, '0.07', { signal }));
  await waitFor('the call is short of room', () => isShort(workspaceId));
  await writeCall(theirs, underWay, '0.01');
  expect(await waiting).toMatchObject({ amountUsd: '0.07' });
  expect(await books(workspaceId)).toEqual([{ used: 3, reserved: 7 }]);
  if (theirDatabase !== database) await theirDatabase.close();
});

test('a budget that is changed, or asked for, lets go what its server keeps', async () => {
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  await keepOne(ours, workspaceId);
  await ours.budgets.write(workspaceId, { subject: '', window: 'DAY', limitUsd: '0.02' });
  expect(await books(workspaceId)).toEqual([{ used: 2, reserved: 0 }]);
  await expect(hold(ours, workspaceId)).rejects.toThrow('budget');
});

test('what calls hold is kept no more once none has followed another for a minute', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  try {
    const kept = new KeptReservations(() => undefined, 250);
    const spender = { workspaceId: 'ws_1', apiKeyId: '' };
    const callAfter = (pauseMs: number) => {
      vi.advanceTimersByTime(pauseMs);
      kept.take({ ...spender, day: '2026-03-10', amountUsd: '0.02' }, 60_000);
      kept.ended(spender);
      return kept.isWanted(spender);
    };
    expect([0, 249, 30_000, 29_000, 1_000].map(callAfter)).toEqual([false, true, true, true, false]);
    expect(callAfter(249)).toBe(true);
    kept.close();
  } finally {
    vi.useRealTimers();
  }
});

test('after a clean stop nothing is held, also of calls that end later', async () => {
  const stopping = openServer();
  const workspaceId = await addBudgetedWorkspace(database, stopping, '1');
  await keepOne(stopping, workspaceId);
  const [underWay, kept] = await Promise.all([hold(stopping, workspaceId), hold(stopping, workspaceId)]);
  await writeCall(stopping, kept, '0.01');
  await stopping.reservations.close();
  await writeCall(stopping, underWay, '0.01');
  expect(await books(workspaceId)).toEqual([{ used: 4, reserved: 0 }]);
});

test('a step is no less than its amount and no more than two and a half times it, however large or small', () => {
  const amounts = fc
    .record({ digits: fc.bigInt({ min: 1n, max: 10n ** 18n }), scale: fc.nat(12) })
    .map(({ digits, scale }) => {
      const padded = String(digits).padStart(scale + 1, '0');
      return scale === 0 ? padded : `${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
    });
  fc.assert(
    fc.property(amounts, (amount) => {
      const step = stepAbove(amount);
      expect(compareDecimals(step, amount)).toBeGreaterThanOrEqual(0);
      expect(Number(step) / Number(amount)).toBeLessThanOrEqual(2.5 + 1e-9);
      expect(step).toMatch(/^(0\.0*)?[125]0*$/);
    }),
    { examples: [['1'], ['10'], ['0.01'], ['0.020'], ['9.99'], ['1000000']] },
  );
  expect([stepAbove('0'), stepAbove('0.0031'), stepAbove('7'), stepAbove('12')]).toEqual(['0', '0.005', '10', '20']);
});
