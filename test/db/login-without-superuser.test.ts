import postgres, { type Sql } from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

/** As on a managed Postgres: the login owns its database and may make roles, and an administrator made the extensions. */
describe('a database whose login is no superuser', () => {
  let folder: TempFolder;
  let embedded: EmbeddedPostgres;
  let sql: Sql;

  beforeAll(async () => {
    folder = makeTempFolder('login');
    embedded = await EmbeddedPostgres.start(folder.path, { inMemory: true });
    const options = { path: embedded.socket, host: embedded.socket, user: 'postgres', database: 'postgres', max: 1 };
    sql = postgres({
      ...options,
      transform: { column: { from: postgres.toCamel } },
      onnotice: () => undefined,
    } as never);
    await sql`create extension vector`;
    await sql`create extension btree_gin`;
    await sql`create role manager login createrole`;
    await sql`alter database postgres owner to manager`;
    await sql`set session authorization manager`;
  });

  afterAll(async () => {
    await sql?.end({ timeout: 5 });
    await embedded?.close();
    await folder?.remove();
  });

  test('is set up by the first start, job queue included', async () => {
    await migrate(sql);
    const boss = await startBoss(new Database(sql, embedded), createLogger('silent'));
    await boss.stop({ graceful: false });
    const [login] = await sql<{ name: string; rolsuper: boolean }[]>`
      select rolname as name, rolsuper from pg_roles where rolname = current_user`;
    expect(login).toEqual({ name: 'manager', rolsuper: false });
  });

  test('lets each scope work with its own role', async () => {
    const database = new Database(sql, embedded);
    const inWorkspace = await database.withWorkspace('ws_1', (scope) => scope.sql`select current_user as role`);
    const acrossWorkspaces = await database.withSystem((scope) => scope.sql`select current_user as role`);
    expect([inWorkspace[0]?.role, acrossWorkspaces[0]?.role]).toEqual(['signalbox_app', 'signalbox_system']);
  });
});
