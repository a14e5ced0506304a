import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type EarlierVersion, earlierVersion } from '../support/earlier-version.ts';
import type { TestServer } from '../support/provided-context.ts';
import { insertWorkspace } from '../support/rows.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { createDatabase, databaseName, dropDatabase } from '../support/test-server.ts';

/** Everything that a migration can change: what has been run, and each table, column, index, policy, function and right. */
async function describeSchema(database: Database): Promise<unknown> {
  const [row] = await database.sql`
    select
      (select json_agg(m order by m.id) from signalbox_migrations.__drizzle_migrations m) as migrations,
      (select json_agg(json_build_array(table_name, column_name, data_type, is_nullable, column_default)
        order by table_name, ordinal_position) from information_schema.columns where table_schema = 'public') as columns,
      (select json_agg(indexdef order by indexdef) from pg_indexes where schemaname = 'public') as indexes,
      (select json_agg(p order by tablename, policyname) from pg_policies p) as policies,
      (select json_agg(json_build_array(relname, relacl::text) order by relname)
        from pg_class where relnamespace = 'public'::regnamespace) as rights,
      (select json_agg(json_build_array(proname, prosrc, proacl::text) order by proname)
        from pg_proc where pronamespace = 'public'::regnamespace) as functions`;
  return row;
}

describe('migrations', () => {
  let testing: TestDatabase;

  beforeAll(async () => {
    testing = await testDatabase();
  });

  afterAll(() => testing?.close());

  test('run again change nothing and lose nothing', async () => {
    const { database, databaseUrl } = testing;
    await insertWorkspace(database, 'ws_1');
    const before = await describeSchema(database);

    // The embedded database has one session only, which is the one that is open.
    if (databaseUrl === undefined) await migrate(database.sql);
    else await (await openDatabase({ ...testing })).close();

    expect(await describeSchema(database)).toEqual(before);
    expect(before).toMatchObject({ migrations: expect.arrayContaining([expect.objectContaining({ id: 1 })]) });
    const workspaces = await database.withSystem(({ sql }) => sql`select id from workspaces`);
    expect([...workspaces]).toEqual([{ id: 'ws_1' }]);
  });
});

describe('a migration that the database refuses', () => {
  let earlier: EarlierVersion;
  let folder: TempFolder;

  beforeAll(async () => {
    earlier = await earlierVersion();
    folder = makeTempFolder('refused-migration');
  });

  afterAll(async () => {
    await earlier?.remove();
    await folder?.remove();
  });

  test('leaves nothing behind of itself or of those before it, says what was refused, and runs once it is mended', async () => {
    const journal = (...tags: string[]) => {
      const entries = tags.map((tag, idx) => ({ idx, tag, when: 9_000_000_000_000 + idx, breakpoints: true }));
      writeFileSync(join(folder.path, 'meta', '_journal.json'), JSON.stringify({ entries }));
    };
    const migration = (tag: string, statements: string[]) =>
      writeFileSync(join(folder.path, `${tag}.sql`), statements.join('\n--> statement-breakpoint\n'));
    mkdirSync(join(folder.path, 'meta'));
    journal('first', 'second');
    migration('first', ['create table made_first (id int)']);
    migration('second', ['create table made_second (id int)', 'drop table nothing_of_that_name']);

    await earlier.before('0001_row_level_security', async (sql) => {
      const made = async () => {
        const rows = await sql<{ name: string }[]>`
          select relname as name from pg_class where relname in ('made_first', 'made_second')
          union all select 'noted' from signalbox_migrations.__drizzle_migrations where created_at >= 9000000000000
          order by 1`;
        return rows.map(({ name }) => name);
      };
      const refused = migrate(sql, folder.path);
      await expect(refused).rejects.toThrow(/is as it was: .*nothing_of_that_name.*, in: drop table/);
      await expect(refused).rejects.toMatchObject({ cause: { code: '42P01' } });
      expect(await made()).toEqual([]);

      migration('second', ['create table made_second (id int)']);
      await migrate(sql, folder.path);
      expect(await made()).toEqual(['made_first', 'made_second', 'noted', 'noted']);
    });
  });
});

/** Only there where SIGNALBOX_TEST_DATABASE_URL is set: an embedded database has one process. */
const server = inject('testServer') as TestServer;

describe.skipIf(server === null)('servers that start together on an empty Postgres', () => {
  test('migrate it once, whichever comes first', async () => {
    const name = databaseName(server);
    const databaseUrl = await createDatabase(server, name);
    try {
      const options = { databaseUrl, poolSize: 2, dataDir: '' };
      const opened = await Promise.all(Array.from({ length: 4 }, () => openDatabase(options)));
      const [first] = opened as [Database];
      const [count] = await first.sql`
        select count(*)::int as runs, count(distinct hash)::int as migrations from signalbox_migrations.__drizzle_migrations`;
      await Promise.all(opened.map((database) => database.close()));
      expect(count?.migrations).toBeGreaterThan(0);
      expect(count?.runs).toBe(count?.migrations);
    } finally {
      await dropDatabase(server, name);
    }
  });
});
