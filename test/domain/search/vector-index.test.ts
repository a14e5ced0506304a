import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import { SearchService } from '../../../src/domain/search/search-service.ts';
import { ensureVectorIndexes, VectorIndexes } from '../../../src/domain/search/vector-index.ts';
import { direction, FLAT_MODEL, givenWorkspace, openEmptyDatabase } from './search-workspace.ts';

const DOCUMENTS = 5_000;
const QUOTED_MODEL = { ...FLAT_MODEL, id: "it's/another" };

let database: Database;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ database, close } = await openEmptyDatabase());
  await givenWorkspace(database, 'many');
  await database.withWorkspace('many', async (scope) => {
    await scope.sql`
      insert into documents (workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes,
        embedding_status, embedding_model, chunk_count, created_at)
      select 'many', 'd' || n, 'inbox', case when n % 100 = 0 then 'COMMIT' else 'TEXT' end, 'point', '{}',
        jsonb_build_object('half', n % 2), '', to_tsvector('english', 'point ' || n), 'READY', ${FLAT_MODEL.id}, 1, now()
      from generate_series(0, ${DOCUMENTS - 1}::int) n`;
    const rows = Array.from({ length: DOCUMENTS }, (_, n) => ({
      documentId: `d${n}`,
      ordinal: 0,
      startOffset: 0,
      endOffset: 5,
      embedding: direction(Math.cos(n), Math.sin(n), Math.cos(n * 7.3), Math.sin(n * 3.1)),
    }));
    await writeChunkVectors(scope, FLAT_MODEL.id, rows);
    await writeChunkVectors(scope, QUOTED_MODEL.id, rows.slice(0, 60));
  });
  await database.sql`analyze`;
});

afterAll(() => close());

const request = {
  workspaceId: 'many',
  query: 'point 17',
  queryVector: direction(0.3, 0.2, -0.6, 0.4),
  model: FLAT_MODEL,
  first: 10,
};

test('a model gets its index once it has enough vectors, and only once', async () => {
  const indexes = new VectorIndexes(database, { ttlMs: 0 });
  expect(await ensureVectorIndexes(database, { fromVectors: DOCUMENTS + 1 })).toEqual([]);
  expect(await indexes.indexedVectors(FLAT_MODEL.id)).toBeNull();
  expect((await ensureVectorIndexes(database, { fromVectors: 50 })).sort()).toEqual([QUOTED_MODEL.id, FLAT_MODEL.id]);
  expect(await indexes.indexedVectors(FLAT_MODEL.id)).toBe(DOCUMENTS);
  expect(await indexes.indexedVectors(QUOTED_MODEL.id)).toBe(60);
  expect(await ensureVectorIndexes(database, { fromVectors: 50 })).toEqual([]);
});

test('with an index, a search that keeps many documents uses it and finds what an exact scan finds', async () => {
  const exact = new SearchService(
    database,
    new (class extends VectorIndexes {
      override indexedVectors(): Promise<null> {
        return Promise.resolve(null);
      }
    })(database),
  );
  const indexed = new SearchService(database);
  for (const filter of [null, { metadata: { half: 1 } }]) {
    const truth = await exact.search({ ...request, mode: 'SEMANTIC', filter });
    const found = await indexed.search({ ...request, mode: 'SEMANTIC', filter });
    expect(truth.plan.strategy).toBe('EXACT');
    expect(found.plan).toMatchObject({ strategy: 'HNSW', complete: true, pendingDocuments: 0 });
    expect(found.hits.map((hit) => hit.documentId)).toEqual(truth.hits.map((hit) => hit.documentId));
    expect(found.totalCount).toBeNull();
  }
  const few = await indexed.search({ ...request, mode: 'SEMANTIC', filter: { kinds: ['COMMIT'] } });
  expect(few.plan).toMatchObject({ strategy: 'EXACT', estimatedRecall: 1 });
  expect(few.totalCount).toBe(DOCUMENTS / 100);
});

test('a threshold that little passes does not make an index scan look unfinished', async () => {
  const page = await new SearchService(database).search({ ...request, mode: 'SEMANTIC', minSimilarity: 1 });
  expect(page).toMatchObject({ hits: [], plan: { strategy: 'HNSW', complete: true } });
});

test('similar documents come the same through the index', async () => {
  const many = { workspaceId: 'many', model: FLAT_MODEL, first: 5, minSimilarity: 0.7 };
  const ids = ['d1', 'd2', 'd3'];
  const found = await new SearchService(database).similarToMany({ ...many, documentIds: ids });
  const filter = { kinds: ['TEXT', 'COMMIT'] as const };
  for (const id of ids) {
    const hits = found.get(id) ?? [];
    expect(hits).toHaveLength(5);
    expect(hits.map((hit) => hit.documentId)).not.toContain(id);
    const filtered = await new SearchService(database).similarTo(id, { ...many, filter });
    expect(filtered.map((hit) => hit.documentId)).toEqual(hits.map((hit) => hit.documentId));
  }
});
