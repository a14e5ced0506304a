import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { endOrphanedReservations } from '../../../src/domain/usage/orphaned-reservations.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addBudgetedWorkspace, asked, expectExact, openLedger, periodsOf, writeTry } from './budget-fixtures.ts';

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

test('what a dead process held is free at the next start of its own database, and waits for its time on a server', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '10');
  const spending = await ledger.reservations.reserve(asked(workspaceId, '2'));
  if (spending === null) throw new Error('a budget is in force');
  await writeTry(ledger, spending, '1.5', false);
  await ledger.reservations.reserve(asked(workspaceId, '3'));

  const isEmbedded = database.kind === 'embedded';
  expect(await endOrphanedReservations(database)).toBe(isEmbedded ? 2 : 0);
  const periods = await periodsOf(database, workspaceId);
  const [used, reserved] = [1_500_000, isEmbedded ? 0 : 3_500_000];
  expect(periods.map((period) => [period.used, period.reserved])).toEqual(periods.map(() => [used, reserved]));
  expectExact(periods);
  if (isEmbedded) expect(await ledger.reservations.reserve(asked(workspaceId, '8.5'))).not.toBeNull();
});
