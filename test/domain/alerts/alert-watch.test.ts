import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import type { WorkspaceScope } from '../../../src/db/workspace-scope.ts';
import { dropOldAlerts, readLimits } from '../../../src/domain/alerts/alert-store.ts';
import { AlertWatch } from '../../../src/domain/alerts/alert-watch.ts';
import type { BudgetWindow } from '../../../src/domain/usage/budget.ts';
import { BudgetService } from '../../../src/domain/usage/budget-service.ts';
import { ReservationService } from '../../../src/domain/usage/reservation-service.ts';
import { MAX_TOKENS } from '../../../src/shared/token-count.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { addWorkspace, NOON, usageEvent } from '../usage/usage-fixtures.ts';
import { alertRows, type Clock, openWatch } from './alert-fixtures.ts';

const DAY_MS = 86_400_000;

let opened: TestDatabase;
let database: Database;
let clock: Clock;
let server: ReturnType<typeof openWatch>;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
beforeEach(() => {
  clock = { now: NOON };
  server = openWatch(database, clock);
});
afterAll(() => opened.close());

async function budget(workspaceId: string, limitUsd: string, window: BudgetWindow = 'DAY', subject = '') {
  const { recorder } = server;
  const now = () => clock.now;
  const reservations = new ReservationService(database, now);
  const budgets = new BudgetService({ database, recorder, reservations, onChange: () => undefined, now });
  await budgets.write(workspaceId, { subject, window, limitUsd });
}

async function budgeted(limitUsd = '10'): Promise<string> {
  const { id } = await addWorkspace(database, 'ENTERPRISE');
  await budget(id, limitUsd);
  return id;
}

/** A period exists from the first reservation in it; here as a budget that is set again makes it. */
async function nextDay(workspaceId: string, limitUsd = '10') {
  clock.now += DAY_MS;
  await budget(workspaceId, limitUsd);
}

const levels = async (workspaceId: string) => (await alertRows(database, workspaceId)).map(({ level }) => level);

async function useMeter(workspaceId: string, amount: number, atMs = clock.now) {
  server.recorder.record(usageEvent(workspaceId, { at: atMs, embeddings: amount }));
  await server.recorder.flush();
}

describe('a budget', () => {
  test('warns at 80 % and again at 95 %, and says nothing in between', async () => {
    const id = await budgeted();
    await server.spend(id, '7.9999');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual([]);
    await server.spend(id, '0.0001');
    await server.watch.check([id]);
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toEqual([
      { level: 'WARNING', subject: 'BUDGET  DAY', percent: 80, startsOn: '2026-03-10', ended: false },
    ]);
    await server.spend(id, '1.4');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING']);
    await server.spend(id, '0.1');
    await server.watch.check([id]);
    await server.spend(id, '0.4');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING', 'CRITICAL']);
    expect(server.sent).toHaveLength(2);
  });

  test('that is passed in one step raises both levels, the lower one first', async () => {
    const id = await budgeted();
    await server.spend(id, '9.9');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING', 'CRITICAL']);
  });

  test('warns again in its next window, and in no other', async () => {
    const id = await budgeted();
    await budget(id, '100', 'MONTH');
    await server.spend(id, '9');
    await server.watch.check([id]);
    await nextDay(id);
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toMatchObject([{ level: 'WARNING', startsOn: '2026-03-10', ended: true }]);
    await server.spend(id, '9');
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toMatchObject([
      { startsOn: '2026-03-10', ended: true },
      { startsOn: '2026-03-11', ended: false, subject: 'BUDGET  DAY' },
    ]);
  });

  test('of a key, a day and a month warn each for themselves', async () => {
    const id = await budgeted('100');
    await budget(id, '1', 'MONTH', 'key_poor');
    await server.spend(id, '0.85', 'key_poor');
    await server.spend(id, '5', 'key_rich');
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toMatchObject([
      { level: 'WARNING', subject: 'BUDGET key_poor MONTH', percent: 85, startsOn: '2026-03-01' },
    ]);
  });

  test('that is raised arms its levels again, and one that is put back does not repeat itself', async () => {
    const id = await budgeted();
    await server.spend(id, '9.6');
    await server.watch.check([id]);
    await budget(id, '20');
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toMatchObject([{ ended: true }, { ended: true }]);
    await server.spend(id, '7');
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toMatchObject([{}, {}, { level: 'WARNING', percent: 83, ended: false }]);
    for (const limitUsd of ['10', '40', '10', '40']) {
      await budget(id, limitUsd);
      await server.watch.check([id]);
    }
    expect(await levels(id)).toHaveLength(3);
  });

  test('a little larger, and still used that far, says nothing new', async () => {
    const id = await budgeted();
    await server.spend(id, '9');
    await server.watch.check([id]);
    await budget(id, '10.5');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING']);
  });

  test('of nothing, and one that was taken away, warn of nothing', async () => {
    const id = await budgeted('0');
    await server.watch.check([id]);
    expect(await levels(id)).toEqual([]);
  });

  test('what is held for calls under way is not used yet', async () => {
    const id = await budgeted();
    await database.withSystem(
      ({ sql }) => sql`update budget_periods set reserved_usd = 9.9 where workspace_id = ${id}`,
    );
    await server.watch.check([id]);
    expect(await levels(id)).toEqual([]);
  });
});

describe('an allowance of 30 days', () => {
  test('warns once a level for as long as it is used that far, day after day', async () => {
    const { id } = await addWorkspace(database, 'FREE');
    await useMeter(id, 799);
    await server.watch.check([id]);
    expect(await levels(id)).toEqual([]);
    await useMeter(id, 1);
    await server.watch.check([id]);
    for (let day = 0; day < 5; day++) {
      clock.now += DAY_MS;
      await useMeter(id, 1);
      await server.watch.check([id]);
    }
    expect(await alertRows(database, id)).toMatchObject([
      { level: 'WARNING', subject: 'METER EMBEDDINGS SLIDING', percent: 80, ended: false },
    ]);
    await useMeter(id, 145);
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING', 'CRITICAL']);
  });

  test('that no tier includes warns of nothing, however much is used', async () => {
    const { id } = await addWorkspace(database, 'FREE');
    const much = { inputTokens: MAX_TOKENS, images: 1_000_000, audioSeconds: 1_000_000, vectorQueries: 1_000_000 };
    server.recorder.record(usageEvent(id, { at: clock.now, ...much }));
    await server.recorder.flush();
    await server.watch.check([id]);
    expect(await alertRows(database, id)).toEqual([]);
  });

  test('is armed again once its use has slid below the level, also while nothing is used', async () => {
    const { id } = await addWorkspace(database, 'FREE');
    await useMeter(id, 900);
    await server.watch.check([id]);
    clock.now += 30 * DAY_MS;
    await server.watch.sweep();
    expect(await alertRows(database, id)).toMatchObject([{ level: 'WARNING', ended: true }]);
    await useMeter(id, 850);
    await server.watch.check([id]);
    expect(await levels(id)).toEqual(['WARNING', 'WARNING']);
  });

  test('that goes up and down around a level on one day warns once', async () => {
    const { id } = await addWorkspace(database, 'FREE');
    const setTo = (used: number) =>
      database.withWorkspace(id, ({ sql }) => sql`update meter_days set used = ${used} where workspace_id = ${id}`);
    await useMeter(id, 800);
    for (let round = 0; round < 5; round++) {
      await setTo(800);
      await server.watch.check([id]);
      await setTo(790);
      await server.watch.check([id]);
    }
    expect(await alertRows(database, id)).toMatchObject([{ level: 'WARNING', ended: true }]);
  });

  test('without a limit warns of nothing', async () => {
    const { id } = await addWorkspace(database, 'ENTERPRISE');
    await useMeter(id, 1_000_000);
    await server.watch.check([id]);
    expect(await levels(id)).toEqual([]);
  });
});

describe('the watch', () => {
  test('checks what was written without being asked, and the last of many writes too', async () => {
    const id = await budgeted();
    for (let i = 0; i < 19; i++) await server.spend(id, '0.5');
    expect(await waitFor('both alerts', async () => (await levels(id)).length === 2)).toBe(true);
    await server.watch.close();
  });

  test('checks what is due before it ends', async () => {
    const ids = [await budgeted(), await budgeted()];
    for (const id of ids) await server.spend(id, '8.5');
    await server.watch.close();
    for (const id of ids) expect(await levels(id)).toEqual(['WARNING']);
    server.watch.checkSoon(ids);
  });

  test('raises each alert once, however many servers look at once, and each is sent once', async () => {
    const id = await budgeted();
    await server.spend(id, '9.9');
    const others = await Promise.all([1, 2, 3].map(() => secondServer()));
    const watches = [server, ...others.map(({ served }) => served)];
    await Promise.all(watches.flatMap(({ watch }) => [watch.check([id]), watch.check([id]), watch.sweep()]));
    expect(await levels(id)).toEqual(['WARNING', 'CRITICAL']);
    expect(watches.flatMap(({ sent }) => sent).filter((sentOf) => sentOf === id)).toHaveLength(2);
    await Promise.all(others.map(({ close }) => close()));
  });

  test('finds on its sweep what a server did not live to raise, and nothing twice', async () => {
    const id = await budgeted();
    await spendUnwatched(id, '8.5');
    await server.watch.sweep();
    await server.watch.sweep();
    expect(await levels(id)).toEqual(['WARNING']);
  });

  test('finds on its sweep a budget that was lowered long after its last use', async () => {
    const id = await budgeted();
    await budget(id, '100', 'MONTH');
    await spendUnwatched(id, '8.5');
    clock.now += 9 * DAY_MS;
    await budget(id, '10', 'MONTH');
    await server.watch.sweep();
    expect(await alertRows(database, id)).toMatchObject([{ level: 'WARNING', subject: 'BUDGET  MONTH', percent: 85 }]);
  });

  test('is held up by no workspace whose alerts cannot be written', async () => {
    const ids = [await budgeted(), await budgeted(), await budgeted()];
    for (const id of ids) await spendUnwatched(id, '8.5');
    const told: string[] = [];
    const send = async ({ workspaceId }: WorkspaceScope) => {
      if (workspaceId === ids[0]) throw new Error('no place for its job');
      told.push(workspaceId);
    };
    const watch = new AlertWatch({ database, logger: pino({ level: 'silent' }), now: () => clock.now, send });
    await watch.check(ids);
    expect(told).toEqual(ids.slice(1));
    expect(await levels(ids[0] ?? '')).toEqual([]);
    await server.watch.sweep();
    expect(await levels(ids[0] ?? '')).toEqual(['WARNING']);
  });

  test('reads of the budgets of many keys those alone that are nearly spent, and raises them in one go', async () => {
    const { id } = await addWorkspace(database, 'ENTERPRISE');
    await database.withSystem(async ({ sql }) => {
      await sql`
        insert into budgets (workspace_id, subject, "window", limit_usd)
        select ${id}, 'key_' || n, 'DAY', 10 from generate_series(1, 3000) n`;
      await sql`
        insert into budget_periods (workspace_id, subject, "window", starts_on, ends_on, used_usd, reserved_usd)
        select ${id}, 'key_' || n, 'DAY', '2026-03-10', '2026-03-11', case when n > 2000 then 9.6 else 7.9999 end, 0
        from generate_series(1, 3000) n`;
    });
    expect(await database.withWorkspace(id, (scope) => readLimits(scope, [id], clock.now))).toHaveLength(1000);
    let sends = 0;
    const send = async () => void sends++;
    const watch = new AlertWatch({ database, logger: pino({ level: 'silent' }), now: () => clock.now, send });
    await watch.check([id]);
    await watch.check([id]);
    expect(sends).toBe(1);
    const rows = await alertRows(database, id);
    expect(new Set(rows.map(({ level, subject }) => `${level} ${subject}`)).size).toBe(2000);
    expect(rows.map(({ level }) => level)).toEqual(Array.from({ length: 1000 }, () => ['WARNING', 'CRITICAL']).flat());
  });

  test('goes on when the database is back', async () => {
    const id = await budgeted();
    await spendUnwatched(id, '8.5');
    const broken = new Proxy(database, {
      get: (target, name) => (name === 'withSystem' ? withSystem : Reflect.get(target, name).bind(target)),
    });
    let refusals = 3;
    const withSystem: Database['withSystem'] = async (work) => {
      if (refusals-- > 0) throw new Error('no database');
      return database.withSystem(work);
    };
    const second = openWatch(broken, clock);
    second.watch.checkSoon([id]);
    await waitFor('the alert', async () => second.sent.length === 1);
    await second.watch.close();
  });

  test('forgets alerts after a time, unless they still stand', async () => {
    const id = await budgeted();
    for (const [alert, days, endedAt] of [
      ['alr_old', 401, new Date()],
      ['alr_standing', 401, null],
      ['alr_new', 399, new Date()],
    ] as const) {
      await database.withWorkspace(
        id,
        ({ sql }) => sql`
          insert into alerts (workspace_id, id, source, subject, "window", starts_on, level, limit_amount, used_amount, percent,
            raised_at, ended_at)
          values (${id}, ${alert}, 'METER', ${alert}, 'SLIDING', '2025-01-01', 'WARNING', 1, 1, 100,
            now() - make_interval(days => ${days}), ${endedAt})`,
      );
    }
    expect(await database.withSystem((scope) => dropOldAlerts(scope, 400, 10))).toBe(1);
    expect((await alertRows(database, id)).map(({ subject }) => subject.split(' ')[1])).toEqual([
      'alr_standing',
      'alr_new',
    ]);
  });

  test('rings for the workspace once its alert can be read', async () => {
    const id = await budgeted();
    let seen = 0;
    database.bus.listen(`alerts/${id}`, async () => {
      seen = Math.max(seen, (await levels(id)).length);
    });
    await server.spend(id, '9');
    await waitFor('the bell', () => seen === 1);
    await server.watch.close();
  });
});

/** By a server that dies before it looks. */
async function spendUnwatched(workspaceId: string, costUsd: string) {
  const { recorder, spend } = openWatch(database, clock);
  recorder.onWritten(() => undefined);
  await spend(workspaceId, costUsd);
}

/** On connections of its own, where the database has more than one. */
async function secondServer() {
  if (opened.databaseUrl === undefined) return { served: openWatch(database, clock), close: async () => undefined };
  const own = await openDatabase({ databaseUrl: opened.databaseUrl, poolSize: 3, dataDir: opened.dataDir });
  return { served: openWatch(own, clock), close: () => own.close() };
}
