import { inject } from 'vitest';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/client.ts';
import { readPreparedFolder } from './prepared-folder.ts';
import type {} from './provided-context.ts';
import { makeTempFolder } from './temp-folder.ts';
import { createDatabase, databaseName, dropDatabase } from './test-server.ts';

/** A migrated, empty database for one test file, not opened yet: what a test hands to a server that it starts. */
export interface TestDatabaseTarget extends DatabaseOptions {
  /** A folder of this database's own, also where the database is a Postgres. */
  readonly dataDir: string;
  /** Removes the database and the folder. Close what uses them first. */
  remove(): Promise<void>;
}

/** The same, opened. */
export interface TestDatabase extends Omit<TestDatabaseTarget, 'remove'> {
  readonly database: Database;
  /** Closes and removes the database. What a failing test leaves behind is removed when the run ends. */
  close(): Promise<void>;
}

/**
 * An embedded database in memory, copied from the one that global-setup.ts has migrated; where
 * SIGNALBOX_TEST_DATABASE_URL is set, a new database on that Postgres instead.
 */
export async function testDatabaseTarget(): Promise<TestDatabaseTarget> {
  const folder = makeTempFolder('database');
  const server = inject('testServer');
  const shared = { dataDir: folder.path, poolSize: 4 };
  if (server === null) {
    const preparedFolder = await readPreparedFolder();
    return { ...shared, databaseUrl: undefined, inMemory: true, preparedFolder, remove: folder.remove };
  }
  const name = databaseName(server);
  const databaseUrl = await createDatabase(server, name, server.template);
  const remove = async () => {
    await dropDatabase(server, name);
    await folder.remove();
  };
  return { ...shared, databaseUrl, remove };
}

/** `testDatabaseTarget()`, opened. */
export async function testDatabase(): Promise<TestDatabase> {
  const { remove, ...target } = await testDatabaseTarget();
  const database = await openDatabase(target);
  const close = async () => {
    await database.close();
    await remove();
  };
  return { ...target, database, close };
}
