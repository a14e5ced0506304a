import { fileURLToPath } from 'node:url';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import type { Sql } from 'postgres';
import { isDatabaseUnavailable } from './failures.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** Any number that only Signalbox's migrations use: servers that start together migrate one after the other. */
const MIGRATION_LOCK = 7_391_004_512;

/** The login may not do what a first start has to do; the message holds the SQL that an administrator runs once. */
export class DatabaseSetupError extends Error {
  override readonly name = 'DatabaseSetupError';
}

/** A statement of a migration that the database refuses: nothing of any of them is kept. */
class MigrationError extends Error {
  override readonly name = 'MigrationError';

  constructor(statement: string, cause: Error) {
    super(`the database was not brought up to date, and is as it was: ${cause.message}, in: ${statement.trim()}`, {
      cause,
    });
  }
}

/**
 * Makes the extensions, roles and tables that are not there yet. Safe to run by several servers at once.
 * @param migrationsFolder another one than ours: that of an earlier version
 */
export async function migrate(sql: Sql, migrationsFolder: string = MIGRATIONS_FOLDER): Promise<void> {
  await sql`select pg_advisory_lock(${MIGRATION_LOCK})`;
  try {
    await makeExtensions(sql);
    await makeRoles(sql);
    await runMigrations(sql, migrationsFolder);
  } finally {
    await sql`select pg_advisory_unlock(${MIGRATION_LOCK})`;
  }
}

/** As drizzle's own runner, which brings all of its query builder along: most of a second of each start. */
async function runMigrations(sql: Sql, migrationsFolder: string): Promise<void> {
  await sql`create schema if not exists signalbox_migrations`;
  await sql`
    create table if not exists signalbox_migrations.__drizzle_migrations (
      id serial primary key, hash text not null, created_at bigint)`;
  const [row] = await sql<{ latest: string | null }[]>`
    select max(created_at)::text as latest from signalbox_migrations.__drizzle_migrations`;
  const latest = Number(row?.latest ?? Number.NEGATIVE_INFINITY);
  const missing = readMigrationFiles({ migrationsFolder }).filter(({ folderMillis }) => folderMillis > latest);
  await sql.begin(async (transaction) => {
    for (const { sql: statements, hash, folderMillis } of missing) {
      for (const statement of statements) {
        await transaction.unsafe(statement).catch((error: Error) => {
          throw isDatabaseUnavailable(error) ? error : new MigrationError(statement, error);
        });
      }
      await transaction`
        insert into signalbox_migrations.__drizzle_migrations (hash, created_at) values (${hash}, ${folderMillis})`;
    }
  });
}

async function makeExtensions(sql: Sql): Promise<void> {
  try {
    await sql`create extension if not exists vector`;
    await sql`create extension if not exists btree_gin`;
  } catch (error) {
    throw new DatabaseSetupError(
      'the database needs the extensions vector (pgvector 0.8 or newer) and btree_gin; ' +
        'a superuser can run: create extension vector; create extension btree_gin',
      { cause: error },
    );
  }
  const [row] = await sql<{ version: string; recent: boolean }[]>`
    select extversion as version, string_to_array(extversion, '.')::int[] >= array[0, 8] as recent
    from pg_extension where extname = 'vector'`;
  if (!row?.recent) throw new DatabaseSetupError(`pgvector ${row?.version} is too old: 0.8 or newer is needed`);
}

/** Roles belong to the whole cluster, so another database's migration may be making them at the same moment. */
async function makeRoles(sql: Sql): Promise<void> {
  try {
    await sql`
      do $$
      declare
        wanted text;
        -- Since 16, who makes a role is a member that may hand it out, but not take it on.
        needed text := case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end;
      begin
        foreach wanted in array array['signalbox_app', 'signalbox_system'] loop
          if not exists (select from pg_roles where rolname = wanted) then
            begin
              execute format('create role %I nologin', wanted);
            exception when duplicate_object or unique_violation then null;
            end;
          end if;
          if not pg_has_role(current_user, wanted, needed) then
            begin
              execute format('grant %I to current_user', wanted);
            exception when unique_violation then null;
            end;
          end if;
        end loop;
      end
      $$`.simple();
  } catch (error) {
    throw new DatabaseSetupError(
      'the database login needs the roles signalbox_app and signalbox_system; an administrator can run: ' +
        'create role signalbox_app nologin; create role signalbox_system nologin; ' +
        'grant signalbox_app, signalbox_system to <login>',
      { cause: error },
    );
  }
  await sql`grant usage on schema public to signalbox_app, signalbox_system`;
}
