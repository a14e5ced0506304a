import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { Budget } from '../../../src/domain/usage/budget.ts';
import { type Reservation, subjectsOf } from '../../../src/domain/usage/reservation.ts';
import { reserveBudgets } from '../../../src/domain/usage/reservation-store.ts';
import { dayOf } from '../../../src/domain/usage/utc-day.ts';
import { newId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addBudgetedWorkspace, expectExact, expire, openLedger, periodsOf, writeTry } from './budget-fixtures.ts';
import { addWorkspace, NOON, usageEvent } from './usage-fixtures.ts';

const TODAY = dayOf(NOON);

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

interface Ask {
  apiKeyId: string;
  cents: number;
}

function usd(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** Calls of one group, as `reserveBudgets` takes them. */
function grouped(workspaceId: string, asks: readonly (Ask & { id?: string })[], hold = true) {
  const asked = asks.map(({ id, apiKeyId, cents }) => ({
    ...{ id: id ?? newId('Reservation'), apiKeyId, amountUsd: usd(cents), day: TODAY, ttlMs: 60_000 },
  }));
  return { workspaceId, today: TODAY, hold, asked };
}

/** What becomes of calls that are decided one after the other. */
function oneAfterTheOther(budgets: readonly Budget[], asks: readonly Ask[]): string[] {
  const left = budgets.map(({ subject, limitUsd }) => ({ subject, cents: Math.round(Number(limitUsd) * 100) }));
  return asks.map(({ apiKeyId, cents }) => {
    const inForce = left.filter(({ subject }) => subjectsOf({ apiKeyId }).includes(subject));
    if (inForce.length === 0) return 'free';
    if (inForce.some((budget) => cents > budget.cents)) return 'refused';
    for (const budget of inForce) budget.cents -= cents;
    return 'held';
  });
}

const KEYS = ['', 'key_a', 'key_b'] as const;
const asks = fc.array(fc.record({ apiKeyId: fc.constantFrom(...KEYS), cents: fc.integer({ min: 1, max: 30 }) }), {
  minLength: 1,
  maxLength: 12,
});
const budgetsOfWorkspace = fc.uniqueArray(
  fc.record({
    subject: fc.constantFrom(...KEYS),
    window: fc.constantFrom('DAY' as const, 'MONTH' as const),
    limitUsd: fc.integer({ min: 0, max: 300 }).map(usd),
  }),
  { selector: ({ subject, window }) => `${subject} ${window}`, maxLength: 4 },
);

const limit = (subject: string, limitUsd: string): Budget => ({ subject, window: 'DAY', limitUsd });
const ask = (apiKeyId: string, cents: number): Ask => ({ apiKeyId, cents });
/** All are held; one is refused and a smaller one after it is not; one has no budget. */
const EXAMPLES: [Budget[], Ask[]][] = [
  [[limit('', '1')], [ask('', 40), ask('key_a', 60)]],
  [[limit('', '1')], [ask('', 90), ask('key_a', 20), ask('key_b', 10)]],
  [[limit('key_a', '1')], [ask('key_a', 10), ask('key_b', 10), ask('', 10)]],
];

test('calls that are decided together get what they would get one after the other, and exactly that is held', async () => {
  await fc.assert(
    fc.asyncProperty(budgetsOfWorkspace, asks, async (budgets, asked) => {
      const { id } = await addWorkspace(database, 'ENTERPRISE');
      const ledger = openLedger(database);
      for (const budget of budgets) await ledger.budgets.write(id, budget);
      const expected = oneAfterTheOther(budgets, asked);
      for (const hold of [false, true]) {
        const admissions = await reserveBudgets(database, grouped(id, asked, hold));
        expect(Array.isArray(admissions) ? admissions.map(({ kind }) => kind) : admissions).toEqual(expected);
      }
      const periods = await periodsOf(database, id);
      expectExact(periods);
      const heldCents = asked.reduce((sum, { cents }, place) => sum + (expected[place] === 'held' ? cents : 0), 0);
      for (const { subject, reserved } of periods) if (subject === '') expect(reserved).toBe(heldCents * 10_000);
    }),
    { numRuns: 60, examples: EXAMPLES },
  );
});

test('a reservation that is raised twice at once is one, and holds both as far as there is room', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const id = newId('Reservation');
  const raise = (cents: number) => ({ id, apiKeyId: '', cents });
  await reserveBudgets(database, grouped(workspaceId, [raise(20)]));
  const both = await reserveBudgets(database, grouped(workspaceId, [raise(30), raise(10)]));
  expect(both).toEqual([{ kind: 'held' }, { kind: 'held' }]);
  const one = await reserveBudgets(database, grouped(workspaceId, [raise(15), raise(50)]));
  expect(one).toMatchObject([{ kind: 'held' }, { kind: 'refused' }]);
  expectExact(await periodsOf(database, workspaceId));
  const reservation: Reservation = { id, workspaceId, apiKeyId: '', day: TODAY, amountUsd: '0.75' };
  await writeTry(ledger, reservation, '0.7', true);
  expect(await periodsOf(database, workspaceId)).toMatchObject([{ used: 700_000, reserved: 0, held: 0 }]);
});

test('what dead servers hold is asked for only where room is short', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const id = newId('Reservation');
  await reserveBudgets(database, grouped(workspaceId, [{ id, apiKeyId: '', cents: 40 }]));
  await expire(database, { id, workspaceId, apiKeyId: '', day: TODAY, amountUsd: '0.4' });
  expect(await reserveBudgets(database, grouped(workspaceId, [ask('', 50)]))).toEqual([{ kind: 'held' }]);
  expect(await reserveBudgets(database, grouped(workspaceId, [ask('', 20)]))).toBe('EXPIRED');
  expectExact(await periodsOf(database, workspaceId));
  await ledger.reservations.sweep(workspaceId);
  expect(await reserveBudgets(database, grouped(workspaceId, [ask('', 20)]))).toEqual([{ kind: 'held' }]);
  expectExact(await periodsOf(database, workspaceId));
});

test('what a try costs that is not the last one is taken from what is held for the call', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const id = newId('Reservation');
  await reserveBudgets(database, grouped(workspaceId, [{ id, apiKeyId: '', cents: 80 }]));
  const attempt = { at: NOON, costUsd: '0.3', operation: 'chat' as const, reservationId: id };
  ledger.recorder.record(usageEvent(workspaceId, attempt));
  await ledger.recorder.settle();
  expect(await periodsOf(database, workspaceId)).toMatchObject([{ used: 300_000, reserved: 500_000, held: 500_000 }]);
  ledger.recorder.record(usageEvent(workspaceId, { ...attempt, costUsd: '0.1' }));
  ledger.recorder.record(usageEvent(workspaceId, { ...attempt, costUsd: '0.2', settles: true }));
  await ledger.recorder.settle();
  expect(await periodsOf(database, workspaceId)).toMatchObject([{ used: 600_000, reserved: 0, held: 0 }]);
});
