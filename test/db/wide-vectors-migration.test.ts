import { afterEach, beforeEach, expect, test } from 'vitest';
import { type EarlierVersion, earlierVersion } from '../support/earlier-version.ts';

let earlier: EarlierVersion;

beforeEach(async () => {
  earlier = await earlierVersion();
});
afterEach(() => earlier?.remove());

test('a database with vectors of 1,901 to 2,000 dimensions is brought over: these change their column, the others stay', async () => {
  await earlier.before('0005_wide_vectors', (sql) =>
    sql.unsafe(`
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
        using hnsw ((embedding::halfvec(2000)) halfvec_cosine_ops) where model = 'model-2000'`),
  );

  const opened = await earlier.bringOver();

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
