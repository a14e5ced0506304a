import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { insertWorkspace } from '../support/rows.ts';

let testing: TestDatabase;
let database: Database;

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  for (const id of ['ws_a', 'ws_b']) await insertWorkspace(database, id);
  if (database.kind === 'embedded') return;
  // Once the bus is connected it wakes everybody, whatever was rung.
  const connected = Promise.withResolvers<void>();
  database.bus.listen('anything', connected.resolve);
  await connected.promise;
});

afterAll(() => testing?.close());

const keep = (workspaceId: string, slug: string, as = workspaceId) =>
  database.writeWorkspace(as, async ({ sql, ring }) => {
    ring(`collections:${slug}`);
    await sql`insert into collections (workspace_id, id, slug, name, kind)
      values (${workspaceId}, ${slug}, ${slug}, ${slug}, 'TEXT')`;
  });

const slugsOf = (workspaceId: string) =>
  database.readWorkspace(workspaceId, async ({ sql }) => {
    const rows = await sql<{ slug: string }[]>`select slug from collections where id <> 'col_1' order by slug`;
    return rows.map(({ slug }) => slug);
  });

/** What is set on the connections of the pool, more often than there are connections. */
async function leftOnConnections(): Promise<string[]> {
  const looks = Array.from(
    { length: 8 },
    () => database.sql<{ role: string; workspace: string }[]>`
      select current_setting('role') as role, coalesce(current_setting('app.workspace_id', true), '') as workspace`,
  );
  return (await Promise.all(looks)).map(([row]) => `${row?.role} ${row?.workspace}`);
}

describe('a statement that writes in a workspace', () => {
  test('is committed when it has answered, and leaves nothing on its connection', async () => {
    await keep('ws_a', 'kept');
    expect(await slugsOf('ws_a')).toEqual(['kept']);
    expect(await slugsOf('ws_b')).toEqual([]);
    expect(new Set(await leftOnConnections())).toEqual(new Set(['none ']));
  });

  test('can write none of another workspace, nor change any', async () => {
    await expect(keep('ws_b', 'foreign', 'ws_a')).rejects.toMatchObject({ code: '42501' });
    await keep('ws_b', 'theirs');
    const changed = await database.writeWorkspace(
      'ws_a',
      ({ sql }) => sql`update collections set name = 'changed' where id <> 'col_1'`,
    );
    expect(changed.count).toBe((await slugsOf('ws_a')).length);
    const theirs = await database.readWorkspace(
      'ws_b',
      ({ sql }) => sql`select name from collections where id <> 'col_1'`,
    );
    expect(theirs.map(({ name }) => name)).toEqual(['theirs']);
  });

  test('that fails leaves nothing behind, and the connection as it was', async () => {
    const before = await slugsOf('ws_a');
    for (let round = 0; round < 3; round++) {
      const failing = database.writeWorkspace(
        'ws_a',
        ({ sql }) => sql`
          with made as (
            insert into collections (workspace_id, id, slug, name, kind)
            values ('ws_a', 'half', 'half', 'half', 'TEXT') returning id
          ) select 1 / (${0}::int * length(id)) from made`,
      );
      await expect(failing).rejects.toMatchObject({ code: '22012' });
    }
    expect(await slugsOf('ws_a')).toEqual(before);
    expect(new Set(await leftOnConnections())).toEqual(new Set(['none ']));
  });

  test('writes where the one before it on the connection could only read, and the other way round', async () => {
    const { length } = await slugsOf('ws_a');
    for (let round = 0; round < 8; round++) {
      await keep('ws_a', `round_${round}`);
      expect(await slugsOf('ws_a')).toHaveLength(length + round + 1);
      const writing = database.readWorkspace('ws_a', ({ sql }) => sql`delete from collections`);
      await expect(writing).rejects.toMatchObject({ code: '25006' });
    }
  });

  test('is told of once it is committed, and not where it failed', async () => {
    const heard: string[] = [];
    const told = Promise.withResolvers<void>();
    const unlisten = ['failed', 'rung'].map((slug) =>
      database.bus.listen(`collections:${slug}`, () => {
        heard.push(slug);
        if (slug === 'rung') told.resolve();
      }),
    );
    await expect(keep('ws_b', 'failed', 'ws_a')).rejects.toMatchObject({ code: '42501' });
    await keep('ws_a', 'rung');
    await told.promise;
    expect(heard).toEqual(['rung']);
    for (const stop of unlisten) stop();
  });
});
