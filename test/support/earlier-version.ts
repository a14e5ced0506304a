import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres, { type Sql } from 'postgres';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import { makeTempFolder } from './temp-folder.ts';
import { createDatabase, databaseName, dropDatabase } from './test-server.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** A database as an earlier version has left it, and what becomes of it in this one. */
export interface EarlierVersion {
  /** Migrates up to before the migration named, and works on that. */
  before(tag: string, work: (sql: Sql) => Promise<unknown>): Promise<void>;
  /** Brings it over, and opens it. */
  bringOver(): Promise<Database>;
  remove(): Promise<void>;
}

export async function earlierVersion(): Promise<EarlierVersion> {
  const server = inject('testServer');
  const folder = makeTempFolder('earlier-version');
  const name = server === null ? null : databaseName(server);
  const databaseUrl = server === null || name === null ? undefined : await createDatabase(server, name);
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  let opened: Database | undefined;
  return {
    before: async (tag, work) => {
      const migrations = await migrationsBefore(tag, join(folder.path, 'migrations'));
      const embedded = databaseUrl === undefined ? await EmbeddedPostgres.start(dataDir) : null;
      const shared = { max: 1, onnotice: () => undefined };
      const target = {
        ...shared,
        host: embedded?.socket,
        path: embedded?.socket,
        user: 'postgres',
        database: 'postgres',
      };
      const sql = databaseUrl === undefined ? postgres(target as never) : postgres(databaseUrl, shared);
      try {
        await migrate(sql, migrations);
        await work(sql);
      } finally {
        await sql.end();
        await embedded?.close();
      }
    },
    bringOver: async () => {
      opened = await openDatabase({ databaseUrl, poolSize: 2, dataDir });
      return opened;
    },
    remove: async () => {
      await opened?.close();
      if (server !== null && name !== null) await dropDatabase(server, name);
      await folder.remove();
    },
  };
}

/** A folder with the migrations that came before the one named. */
async function migrationsBefore(tag: string, folder: string): Promise<string> {
  await mkdir(join(folder, 'meta'), { recursive: true });
  const journal = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  const end = journal.entries.findIndex((entry) => entry.tag === tag);
  if (end === -1) throw new Error(`there is no migration ${tag}`);
  const entries = journal.entries.slice(0, end);
  for (const entry of entries) {
    await copyFile(join(MIGRATIONS_FOLDER, `${entry.tag}.sql`), join(folder, `${entry.tag}.sql`));
  }
  await writeFile(join(folder, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return folder;
}
