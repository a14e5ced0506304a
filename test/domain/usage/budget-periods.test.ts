import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { withinAllowance } from '../../../src/domain/gateway/job-call.ts';
import { BudgetExceededError } from '../../../src/domain/usage/errors.ts';
import type { Reservation } from '../../../src/domain/usage/reservation.ts';
import { deleteWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import { RetryLater } from '../../../src/jobs/define-job.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import {
  addBudgetedWorkspace,
  asked,
  expectExact,
  expire,
  impatient,
  type Ledger,
  openLedger,
  periodsOf,
  writeTry,
} from './budget-fixtures.ts';
import { addWorkspace, NOON, usageEvent } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

/** Holds, or fails where nothing is held. */
async function hold(
  ledger: Ledger,
  workspaceId: string,
  amountUsd: string,
  signal = new AbortController().signal,
): Promise<Reservation> {
  const reservation = await ledger.reservations.reserve(asked(workspaceId, amountUsd, { signal }));
  if (reservation === null) throw new Error('no budget is in force');
  return reservation;
}

async function spendAll(ledger: Ledger, workspaceId: string, amountUsd: string): Promise<void> {
  await writeTry(ledger, await hold(ledger, workspaceId, amountUsd), amountUsd, true);
}

async function figures(workspaceId: string) {
  const periods = await periodsOf(database, workspaceId);
  expectExact(periods);
  return periods.map(({ window, startsOn, used, reserved }) => `${window} ${startsOn} ${used / 1e6} ${reserved / 1e6}`);
}

test('a budget of a day is whole again after midnight (UTC), one of a month on its first day', async () => {
  const ledger = openLedger(database, { now: Date.parse('2026-03-30T12:00:00Z') });
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  await ledger.budgets.write(workspaceId, { subject: '', window: 'MONTH', limitUsd: '2' });
  await spendAll(ledger, workspaceId, '1');
  const refused = await hold(ledger, workspaceId, '0.01').catch((error: unknown) => error);
  expect(refused).toMatchObject({ window: 'DAY', resetsAt: new Date('2026-03-31T00:00:00Z') });
  ledger.clock.now += DAY_MS;
  await spendAll(ledger, workspaceId, '1');
  ledger.clock.now = Date.parse('2026-03-31T23:59:59Z');
  expect(await hold(ledger, workspaceId, '0.01').catch((error: unknown) => error)).toBeInstanceOf(BudgetExceededError);
  ledger.clock.now = Date.parse('2026-04-01T00:00:00Z');
  await spendAll(ledger, workspaceId, '0.5');
  expect(await figures(workspaceId)).toEqual([
    'DAY 2026-03-30 1 0',
    'DAY 2026-03-31 1 0',
    'DAY 2026-04-01 0.5 0',
    'MONTH 2026-03-01 2 0',
    'MONTH 2026-04-01 0.5 0',
  ]);
});

test('a call that goes on over midnight is held in both days, and paid on the day of its end', async () => {
  const ledger = openLedger(database, { now: Date.parse('2026-03-10T23:59:00Z') });
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const over = await hold(ledger, workspaceId, '0.7');
  ledger.clock.now += HOUR_MS;
  const fresh = await hold(ledger, workspaceId, '0.3');
  await expect(hold(ledger, workspaceId, '0.1', impatient())).rejects.toThrow('impatient');
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0 0.7', 'DAY 2026-03-11 0 1']);
  await writeTry(ledger, over, '0.6', true);
  await writeTry(ledger, fresh, '0.3', true);
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0 0', 'DAY 2026-03-11 0.9 0']);
});

test('what a call needs in addition after midnight has to fit into the new day', async () => {
  const ledger = openLedger(database, { now: Date.parse('2026-03-10T23:59:00Z') });
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const over = await hold(ledger, workspaceId, '1');
  ledger.clock.now += HOUR_MS;
  await writeTry(ledger, over, '0.9', false);
  await expect(ledger.reservations.raise(over, '0.9', 60_000)).rejects.toBeInstanceOf(BudgetExceededError);
  await ledger.reservations.raise(over, '0', 60_000);
  await writeTry(ledger, over, '0.1', true);
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0 0', 'DAY 2026-03-11 1 0']);
});

test('a server whose clock is ahead takes no day’s budget from those whose day is not over', async () => {
  const ahead = openLedger(database, { now: Date.parse('2026-03-11T00:00:30Z') });
  const ours = openLedger(database, { now: Date.parse('2026-03-10T23:59:30Z') });
  const workspaceId = await addBudgetedWorkspace(database, ahead, '1');
  await spendAll(ahead, workspaceId, '0.4');
  await spendAll(ours, workspaceId, '0.5');
  const held = await Promise.allSettled([1, 2, 3].map(() => hold(ours, workspaceId, '0.5', impatient())));
  expect(held.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0.5 0.5', 'DAY 2026-03-11 0.4 0.5']);
});

test('what was spent in its window before there was a budget counts, and what was spent before the window does not', async () => {
  const ledger = openLedger(database);
  const { id } = await addWorkspace(database, 'ENTERPRISE');
  ledger.recorder.record(usageEvent(id, { at: NOON - DAY_MS, costUsd: '5' }));
  ledger.recorder.record(usageEvent(id, { at: NOON, costUsd: '0.4', apiKeyId: 'key_a' }));
  await ledger.recorder.flush();
  await ledger.budgets.write(id, { subject: '', window: 'DAY', limitUsd: '1' });
  await ledger.budgets.write(id, { subject: 'key_a', window: 'MONTH', limitUsd: '1' });
  expect(await figures(id)).toEqual(['DAY 2026-03-10 0.4 0', 'MONTH 2026-03-01 0.4 0']);
});

test('what is written without a reservation counts for the budget, too', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  ledger.recorder.record(usageEvent(workspaceId, { at: NOON, costUsd: '0.25' }));
  await ledger.recorder.flush();
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0.25 0']);
});

test('what a dead server holds is free for the next call, once its time is over', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const lost = await hold(ledger, workspaceId, '1');
  await expect(hold(ledger, workspaceId, '1', impatient())).rejects.toThrow('impatient');
  await expire(database, lost);
  const next = await hold(ledger, workspaceId, '1');
  // It was not dead after all: what it has cost counts, and what was held for it is not given back twice.
  await writeTry(ledger, lost, '0.2', true);
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0.2 1']);
  await ledger.reservations.release(next);
  await ledger.reservations.release(next);
  expect(await figures(workspaceId)).toEqual(['DAY 2026-03-10 0.2 0']);
});

test('a call waits for room that calls under way make, also those of another server, and is refused at once where there can be none', async () => {
  const [ours, theirs] = [openLedger(database), openLedger(database)];
  const workspaceId = await addBudgetedWorkspace(database, ours, '1');
  const [first, second] = [await hold(ours, workspaceId, '0.5'), await hold(theirs, workspaceId, '0.5')];
  const { signal } = new AbortController();
  const waiting = ours.reservations.reserve(asked(workspaceId, '0.6', { signal }));
  await writeTry(theirs, second, '0.1', true);
  await writeTry(theirs, first, '0.1', true);
  expect(await waiting).toMatchObject({ amountUsd: '0.6' });
  await expect(ours.reservations.reserve(asked(workspaceId, '0.9', { signal }))).rejects.toBeInstanceOf(
    BudgetExceededError,
  );
});

test('a job that meets an empty budget waits, an hour at the most, and is not lost', async () => {
  const ledger = openLedger(database, { now: Date.now() });
  const workspaceId = await addBudgetedWorkspace(database, ledger, '0');
  const run = withinAllowance(() => hold(ledger, workspaceId, '0.1'));
  const later = await run.catch((error: unknown) => error);
  expect(later).toBeInstanceOf(RetryLater);
  expect((later as RetryLater).delayMs).toBeLessThanOrEqual(HOUR_MS);
});

test('before a job is queued, what is used up refuses and what is held for others does not', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  await hold(ledger, workspaceId, '1');
  await ledger.reservations.check(workspaceId, null, '1');
  await expect(ledger.reservations.check(workspaceId, null, '1.01')).rejects.toBeInstanceOf(BudgetExceededError);
});

test('a workspace that is deleted takes its budgets along, and holds up nobody', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const reservation = await hold(ledger, workspaceId, '1');
  await database.withSystem((scope) => deleteWorkspace(scope, workspaceId));
  await writeTry(ledger, reservation, '1', true);
  expect(await ledger.reservations.reserve(asked(workspaceId, '1'))).toBeNull();
  await waitFor('nothing to be pending', () => ledger.recorder.counts.pending === 0);
});

test.runIf(inject('testServer') !== null)(
  'a budget is set, and a period made, while the hours of the workspace are sealed, however long that takes',
  async () => {
    const ledger = openLedger(database);
    const { id } = await addWorkspace(database, 'ENTERPRISE');
    await database.withSystem(async ({ sql }) => {
      // As sealing does, until its end.
      await sql`select from workspaces where id = ${id} for key share`;
      await ledger.budgets.write(id, { subject: '', window: 'DAY', limitUsd: '1' });
      await hold(ledger, id, '0.4');
    });
    expect(await periodsOf(database, id)).toMatchObject([{ used: 0, reserved: 400_000, held: 400_000 }]);
  },
);
