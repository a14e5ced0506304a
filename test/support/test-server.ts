import { randomBytes } from 'node:crypto';
import postgres, { type Sql } from 'postgres';
import type { TestServer } from './provided-context.ts';

/**
 * Makes a database.
 * @param template name of the database to copy; left out, the new one is empty
 * @returns its url
 */
export async function createDatabase(server: TestServer, name: string, template = 'template1'): Promise<string> {
  await onServer(server, (sql) => sql`create database ${sql(name)} template ${sql(template)}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url.href;
}

/** A name for a further database of this run. */
export function databaseName(server: TestServer): string {
  return `${server.template}_${randomBytes(5).toString('hex')}`;
}

/** Drops a database with the connections that a failing test has left open. */
export async function dropDatabase(server: TestServer, name: string): Promise<void> {
  await onServer(server, (sql) => sql`drop database if exists ${sql(name)} with (force)`);
}

/** Drops the template and all databases whose tests did not close them. */
export async function dropDatabasesOf(server: TestServer): Promise<void> {
  await onServer(server, async (sql) => {
    const left = await sql<{ datname: string }[]>`
      select datname from pg_database where starts_with(datname, ${server.template})`;
    for (const { datname } of left) await sql`drop database if exists ${sql(datname)} with (force)`;
  });
}

async function onServer(server: TestServer, work: (sql: Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(server.url, { max: 1, connect_timeout: 5, onnotice: () => undefined });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
