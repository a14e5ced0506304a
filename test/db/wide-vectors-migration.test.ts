import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import postgres, { type Sql } from 'postgres';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrate.ts';
import type { TestServer } from '../support/provided-context.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { createDatabase, databaseName, dropDatabase } from '../support/test-server.ts';

const MIGRATIONS_FOLDER = fileURLToPath(new URL('../../drizzle', import.meta.url));
const server = inject('testServer') as TestServer | null;

let folder: TempFolder;
let name: string;
let databaseUrl: string | undefined;
let opened: Database | undefined;

beforeEach(async () => {
  folder = makeTempFolder('before-wide');
  if (server === null) return;
  name = databaseName(server);
  databaseUrl = await createDatabase(server, name);
});

afterEach(async () => {
  await opened?.close();
  if (server !== null) await dropDatabase(server, name);
  await folder.remove();
});

/** The migrations that came before the one named. */
async function migrationsBefore(tag: string): Promise<string> {
  const earlier = join(folder.path, 'migrations');
  await mkdir(join(earlier, 'meta'), { recursive: true });
  const journal = JSON.parse(await readFile(join(MIGRATIONS_FOLDER, 'meta/_journal.json'), 'utf8')) as {
    entries: { tag: string }[];
  };
  const entries = journal.entries.slice(
    0,
    journal.entries.findIndex((entry) => entry.tag === tag),
  );
  for (const entry of entries) {
    await copyFile(join(MIGRATIONS_FOLDER, `${entry.tag}.sql`), join(earlier, `${entry.tag}.sql`));
  }
  await writeFile(join(earlier, 'meta/_journal.json'), JSON.stringify({ ...journal, entries }));
  return earlier;
}

/** Works on the database as an earlier version would have left it. */
async function atEarlierVersion(tag: string, work: (sql: Sql) => Promise<void>): Promise<void> {
  const dataDir = join(folder.path, 'data');
  await mkdir(dataDir);
  const embedded = databaseUrl === undefined ? await EmbeddedPostgres.start(dataDir) : null;
  const shared = { max: 1, onnotice: () => undefined };
  const target = { ...shared, host: embedded?.socket, path: embedded?.socket, user: 'postgres', database: 'postgres' };
  const connect = (): Sql => (databaseUrl === undefined ? postgres(target as never) : postgres(databaseUrl, shared));
  for (const step of [async (sql: Sql) => migrate(sql, await migrationsBefore(tag)), work]) {
    const sql = connect();
    await step(sql).finally(() => sql.end());
  }
  await embedded?.close();
}

test('a database with vectors of 1,901 to 2,000 dimensions is brought over: these change their column, the others stay', async () => {
  await atEarlierVersion('0005_wide_vectors', async (sql) => {
    await sql.unsafe(`
      insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'FREE');
      insert into collections (workspace_id, id, name, slug, kind) values ('ws_1', 'col_1', 'Notes', 'notes', 'TEXT');
      insert into documents (workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes,
        embedding_status, created_at)
      select 'ws_1', 'doc_' || n, 'col_1', 'TEXT', '', '{}', '{}', '', '', 'READY', now() from generate_series(1, 4) n;
      insert into chunks (workspace_id, model, document_id, ordinal, start_offset, end_offset, embedding)
      select 'ws_1', 'model-' || dimensions, 'doc_' || n, 0, 0, 1,
        array(select (place % 7)::real / 7 from generate_series(1, dimensions) place)::vector
      from generate_series(1, 4) n, unnest(array[3, 1900, 1901, 2000]) dimensions;
      create index chunks_hnsw_3 on chunks using hnsw ((embedding::vector(3)) vector_cosine_ops) where model = 'model-3';
      create index chunks_hnsw_2000 on chunks
        using hnsw ((embedding::halfvec(2000)) halfvec_cosine_ops) where model = 'model-2000'`);
  });

  opened = await openDatabase({ databaseUrl, poolSize: 1, dataDir: join(folder.path, 'data') });

  const rows = await opened.withWorkspace(
    'ws_1',
    ({ sql }) => sql`
      select model, count(*)::int as rows, min(vector_dims(embedding)) as full, min(vector_dims(wide_embedding)) as half,
        bool_and(coalesce(embedding, wide_embedding::vector) <-> sample.vector < 0.02) as is_same
      from chunks cross join lateral (
        select array(
          select (place % 7)::real / 7 from generate_series(1, substring(model from '[0-9]+')::int) place
        )::vector as vector
      ) sample
      group by model order by model`,
  );
  expect([...rows]).toEqual([
    { model: 'model-1900', rows: 4, full: 1_900, half: null, isSame: true },
    { model: 'model-1901', rows: 4, full: null, half: 1_901, isSame: true },
    { model: 'model-2000', rows: 4, full: null, half: 2_000, isSame: true },
    { model: 'model-3', rows: 4, full: 3, half: null, isSame: true },
  ]);
  const indexes = await opened.sql<{ name: string }[]>`
    select indexname as name from pg_indexes where tablename = 'chunks' and indexname like 'chunks_hnsw%'`;
  expect(indexes.map((index) => index.name)).toEqual(['chunks_hnsw_3']);
  const [table] = await opened.sql`
    select relforcerowsecurity as "isForced" from pg_class where oid = 'chunks'::regclass`;
  expect(table).toEqual({ isForced: true });
});
