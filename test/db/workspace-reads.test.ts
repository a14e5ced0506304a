import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { insertDocument, insertWorkspace } from '../support/rows.ts';

let testing: TestDatabase;
let database: Database;

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  for (const id of ['ws_a', 'ws_b']) {
    await insertWorkspace(database, id);
    await database.withWorkspace(id, (scope) => insertDocument(scope, { id: `doc_${id}`, text: `invoice of ${id}` }));
  }
});

afterAll(() => testing?.close());

const idsSeenBy = (workspaceId: string) =>
  database.readWorkspace(workspaceId, async ({ sql }) => {
    const rows = await sql<{ id: string }[]>`select id from documents order by id`;
    return rows.map(({ id }) => id);
  });

/** What is set on the connections of the pool, more often than there are connections. */
async function leftOnConnections(): Promise<object[]> {
  const looks = Array.from(
    { length: 8 },
    () => database.sql<object[]>`
      select current_setting('role') as role, coalesce(current_setting('app.workspace_id', true), '') as workspace,
        current_setting('transaction_read_only') as "readOnly"`,
  );
  return (await Promise.all(looks)).map((rows) => ({ ...rows[0] }));
}

const CLEAN = Array.from({ length: 8 }, () => ({ role: 'none', workspace: '', readOnly: 'off' }));

describe('reading a workspace without a transaction around it', () => {
  test('sees the rows of that workspace alone, as the application', async () => {
    expect(await idsSeenBy('ws_a')).toEqual(['doc_ws_a']);
    expect(await idsSeenBy('ws_b')).toEqual(['doc_ws_b']);
    expect(await idsSeenBy('ws_of_nobody')).toEqual([]);
    const seen = await database.readWorkspace(
      'ws_a',
      ({ sql }) => sql`select current_user as role, count(*)::int as workspaces from workspaces`,
    );
    expect([...seen]).toEqual([{ role: 'signalbox_app', workspaces: 1 }]);
  });

  test('sees the same with a statement that the connection knows from another workspace', async () => {
    for (let round = 0; round < 20; round++) {
      for (const id of ['ws_a', 'ws_b']) {
        const rows = await database.readWorkspace(
          id,
          ({ sql }) => sql<{ id: string }[]>`select id from documents where id <> ${'doc_of_nobody'}`,
        );
        expect(rows.map((row) => row.id)).toEqual([`doc_${id}`]);
      }
    }
  });

  test('takes whatever a workspace may be called for a value', async () => {
    const quoted = "ws_a', true), set_config('role', 'none";
    expect(await idsSeenBy(quoted)).toEqual([]);
    expect(await idsSeenBy('')).toEqual([]);
    expect(await leftOnConnections()).toEqual(CLEAN);
  });

  test('leaves nothing on the connection, also where the statement fails', async () => {
    await idsSeenBy('ws_a');
    expect(await leftOnConnections()).toEqual(CLEAN);
    for (let round = 0; round < 3; round++) {
      const failing = database.readWorkspace('ws_a', ({ sql }) => sql`select 1 / ${0}::int`);
      await expect(failing).rejects.toMatchObject({ code: '22012' });
      expect(await leftOnConnections()).toEqual(CLEAN);
    }
    const unknown = database.readWorkspace('ws_a', ({ sql }) => sql`select * from nothing_of_that_name`);
    await expect(unknown).rejects.toMatchObject({ code: '42P01' });
    expect(await leftOnConnections()).toEqual(CLEAN);
  });

  test('cannot write', async () => {
    const writing = database.readWorkspace('ws_a', ({ sql }) => sql`update documents set title = 'changed'`);
    await expect(writing).rejects.toMatchObject({ code: '25006' });
    expect(await leftOnConnections()).toEqual(CLEAN);
  });

  test('runs the statements that are asked for together, each in the workspace', async () => {
    const answers = await database.readWorkspace('ws_a', ({ sql }) =>
      Promise.all(
        Array.from(
          { length: 20 },
          (_, i) => sql<{ id: string; i: number }[]>`select id, ${i}::int as i from documents`,
        ),
      ),
    );
    expect(answers.map((rows) => rows.map((row) => [row.id, row.i]))).toEqual(
      Array.from({ length: 20 }, (_, i) => [['doc_ws_a', i]]),
    );
  });

  test('does not meet other work, a thousand at once', async () => {
    const look = async (i: number) => {
      const own = i % 2 === 0 ? 'ws_a' : 'ws_b';
      const outside = database.sql<{ role: string }[]>`select current_setting('role') as role`;
      if (i % 10 === 0) return (await outside)[0]?.role === 'none';
      if (i % 5 === 0) {
        const written = await database.withWorkspace(
          own,
          ({ sql }) => sql<{ id: string }[]>`update documents set title = ${String(i)} returning id`,
        );
        return written.map(({ id }) => id).join() === `doc_${own}`;
      }
      if (i % 7 === 0) {
        const failing = database.readWorkspace(own, ({ sql }) => sql`select 1 / ${0}::int`);
        return failing.then(
          () => false,
          (error: { code: string }) => error.code === '22012',
        );
      }
      return (await idsSeenBy(own)).join() === `doc_${own}`;
    };
    const seen = await Promise.all(Array.from({ length: 1_000 }, (_, i) => look(i)));
    expect(seen.filter((isOwn) => !isOwn)).toEqual([]);
    expect(await leftOnConnections()).toEqual(CLEAN);
  });

  test('refuses what is asked for after its end, and what is not sent in one piece', async () => {
    const left = await database.readWorkspace('ws_a', async ({ sql }) => ({ sql }));
    await expect(left.sql`select id from documents`).rejects.toMatchObject({ code: 'SCOPE_OVER' });
    const simple = database.readWorkspace('ws_a', ({ sql }) => sql.unsafe('commit; select id from documents'));
    await expect(simple).rejects.toMatchObject({ code: 'NOT_PRECEDED' });
    const cursor = database.readWorkspace('ws_a', ({ sql }) =>
      sql`select id from documents`.cursor(1, () => undefined),
    );
    await expect(cursor).rejects.toMatchObject({ code: 'NOT_PRECEDED' });
    expect(await idsSeenBy('ws_a')).toEqual(['doc_ws_a']);
  });

  test('fails with what its work has failed with', async () => {
    const own = new Error('of its own');
    await expect(database.readWorkspace('ws_a', () => Promise.reject(own))).rejects.toBe(own);
  });
});
