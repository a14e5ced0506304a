import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import type { SearchModel, SearchPage, SearchRequest } from '../../../src/domain/search/search.ts';
import { SearchService } from '../../../src/domain/search/search-service.ts';
import { indexedExpression, indexedType } from '../../../src/domain/search/stored-vectors.ts';
import { ensureVectorIndexes, VectorIndexes } from '../../../src/domain/search/vector-index.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { direction, givenWorkspace } from './search-workspace.ts';

/** More than the planner always compares one by one. */
const DOCUMENTS = 2_400;
const QUERIES = 40;
const TOPICS = 60;
const WIDE_MODEL: SearchModel = { id: 'test/wide-3072', dimensions: 3_072, hybridVectorWeight: 0.5 };

let testing: TestDatabase;
let database: Database;
let exact: SearchService;
let vectors: Float32Array[];
let queries: Float32Array[];

/** As in real spaces: a common direction, topics around it, and documents around their topic. */
function* generatedSpace(): Generator<Float32Array, never> {
  const next = normalNumbers(20_261_121);
  const around = (center: Float32Array, spread: number) =>
    direction(...center.map((value) => value + (spread * next()) / Math.sqrt(WIDE_MODEL.dimensions)));
  const common = around(new Float32Array(WIDE_MODEL.dimensions), 1);
  const topics = Array.from({ length: TOPICS }, () => around(common, 0.9));
  for (let i = 0; ; i++) yield around(topics[i % TOPICS] as Float32Array, 0.5 + 0.3 * (i % 3));
}

/** Normally distributed, the same in every run. */
function normalNumbers(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state + 1) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** In full precision, without a database. */
function nearestByHand(query: Float32Array, count: number): string[] {
  const cosines = vectors.map((vector, n) => ({ id: `d${n}`, cosine: innerProduct(vector, query) }));
  return cosines
    .sort((first, second) => second.cosine - first.cosine)
    .slice(0, count)
    .map(({ id }) => id);
}

const innerProduct = (first: Float32Array, second: Float32Array) =>
  first.reduce((sum, value, i) => sum + value * (second[i] as number), 0);

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  const space = generatedSpace();
  vectors = Array.from({ length: DOCUMENTS }, () => space.next().value);
  queries = Array.from({ length: QUERIES }, () => space.next().value);
  await givenWorkspace(database, 'wide');
  await database.withWorkspace('wide', async (scope) => {
    await scope.sql`
      insert into documents (workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes,
        embedding_status, embedding_model, chunk_count, created_at)
      select 'wide', 'd' || n, 'inbox', 'TEXT', 'point ' || n, '{}', '{}', '', to_tsvector('english', 'point ' || n),
        'READY', ${WIDE_MODEL.id}, 1, now()
      from generate_series(0, ${DOCUMENTS - 1}::int) n`;
    const place = { ordinal: 0, startOffset: 0, endOffset: 5 };
    const rows = vectors.map((embedding, n) => ({ ...place, documentId: `d${n}`, embedding }));
    await writeChunkVectors(scope, WIDE_MODEL.id, rows);
  });
  await database.sql`analyze`;
  exact = new SearchService(
    database,
    new (class extends VectorIndexes {
      override indexedVectors(): Promise<null> {
        return Promise.resolve(null);
      }
    })(database),
  );
}, 120_000);

afterAll(() => testing?.close());

const search = (service: SearchService, request: Partial<SearchRequest>): Promise<SearchPage> =>
  service.search({
    workspaceId: 'wide',
    query: 'point 17',
    queryVector: queries[0] as Float32Array,
    model: WIDE_MODEL,
    mode: 'SEMANTIC',
    first: 10,
    ...request,
  });

const idsOf = ({ hits }: Pick<SearchPage, 'hits'>) => hits.map((hit) => hit.documentId);

async function recallOf(service: SearchService, strategy: SearchPage['plan']['strategy']): Promise<number> {
  let found = 0;
  for (const queryVector of queries) {
    const page = await search(service, { queryVector });
    expect(page.plan.strategy).toBe(strategy);
    const wanted = new Set(nearestByHand(queryVector, 10));
    found += idsOf(page).filter((id) => wanted.has(id)).length;
  }
  return found / (10 * QUERIES);
}

describe('vectors of 3,072 dimensions', { timeout: 120_000 }, () => {
  test('are found as they would be in full precision: at least 99 of 100, and each similarity to 0.0001', async () => {
    expect(await recallOf(exact, 'EXACT')).toBeGreaterThanOrEqual(0.99);
    for (const queryVector of queries.slice(0, 5)) {
      for (const { documentId, similarity } of (await search(exact, { queryVector })).hits) {
        const byHand = innerProduct(queryVector, vectors[Number(documentId.slice(1))] as Float32Array);
        expect(Math.abs((similarity ?? 0) - byHand)).toBeLessThan(1e-4);
      }
    }
  });

  test('equal themselves, although half precision makes each a little longer or shorter', async () => {
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const page = await search(exact, { queryVector: vectors[n] as Float32Array, minSimilarity: 1 });
      expect(idsOf(page)).toEqual([`d${n}`]);
      expect(page.hits[0]?.similarity).toBeCloseTo(1, 6);
    }
  });

  test('take part in a hybrid search, also where its words alone bring a document', async () => {
    const page = await search(exact, { mode: 'HYBRID', first: 100 });
    expect(page.plan.strategy).toBe('HYBRID_EXACT');
    const byWords = page.hits.find((hit) => hit.documentId === 'd17');
    expect(byWords?.matchedBy).toEqual(['KEYWORD']);
    const byHand = innerProduct(queries[0] as Float32Array, vectors[17] as Float32Array);
    expect(byWords?.similarity).toBeCloseTo(byHand, 4);
    expect(page.hits.find((hit) => hit.documentId === nearestByHand(queries[0] as Float32Array, 1)[0])).toMatchObject({
      matchedBy: ['SEMANTIC'],
      bestChunk: { start: 0, end: 5 },
    });
  });

  test('say which documents are similar', async () => {
    const similar = { workspaceId: 'wide', model: WIDE_MODEL, first: 5, minSimilarity: 0 };
    const found = await exact.similarToMany({ ...similar, documentIds: ['d1', 'd2'] });
    for (const n of [1, 2]) {
      const wanted = nearestByHand(vectors[n] as Float32Array, 6).filter((id) => id !== `d${n}`);
      expect(found.get(`d${n}`)?.map((hit) => hit.documentId)).toEqual(wanted);
    }
  });

  test('are left aside, not taken for unlike, where the model has another length of vectors by now', async () => {
    const model = { ...WIDE_MODEL, dimensions: 4 };
    const page = await search(exact, { model, queryVector: direction(1, 0, 0, 0) });
    expect(page.hits).toEqual([]);
  });

  test('get an index on a server, which finds what an exact scan finds; the embedded database makes none', async () => {
    const built = await ensureVectorIndexes(database, { fromVectors: DOCUMENTS });
    expect(built).toEqual(database.kind === 'postgres' ? [WIDE_MODEL.id] : []);
    const service = new SearchService(database);
    const strategy = database.kind === 'postgres' ? 'HNSW' : 'EXACT';
    expect(await recallOf(service, strategy)).toBeGreaterThanOrEqual(0.97);
    expect((await search(service, { mode: 'HYBRID' })).plan.strategy).toBe(`HYBRID_${strategy}`);
    const similar = { workspaceId: 'wide', model: WIDE_MODEL, first: 5, minSimilarity: 0 };
    const found = await service.similarTo('d1', similar);
    const wanted = await exact.similarTo('d1', similar);
    expect(found.map((hit) => hit.documentId)).toEqual(wanted.map((hit) => hit.documentId));
  });
});

test('vectors are indexed as they are stored: in half precision above 1,900 dimensions, none above 4,000', () => {
  expect(indexedType(1)).toBe('vector(1)');
  expect(indexedExpression(1_900)).toBe('embedding::vector(1900)');
  expect(indexedExpression(1_901)).toBe('wide_embedding::halfvec(1901)');
  expect(indexedType(4_000)).toBe('halfvec(4000)');
  for (const dimensions of [4_001, 0, 1.5]) expect(() => indexedType(dimensions)).toThrow(`${dimensions} dimensions`);
});
