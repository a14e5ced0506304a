import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { SearchPage, SearchRequest } from '../../../src/domain/search/search.ts';
import { SearchService } from '../../../src/domain/search/search-service.ts';
import { InvalidInputError } from '../../../src/shared/errors.ts';
import { direction, FLAT_MODEL, givenDocuments, givenWorkspace, openEmptyDatabase } from './search-workspace.ts';

let database: Database;
let close: () => Promise<void>;
let service: SearchService;

beforeAll(async () => {
  ({ database, close } = await openEmptyDatabase());
  service = new SearchService(database);
  for (const workspaceId of ['north', 'south', 'long', 'wide', 'waiting']) await givenWorkspace(database, workspaceId);
  await givenDocuments(database, 'north', [
    { id: 'login', title: 'Login fails', text: 'The login page answers with an error.', vectors: [[1, 0, 0, 0]] },
    { id: 'signin', text: 'Nobody can get into their account.', vectors: [[0.9, 0.1, 0, 0]], collectionId: 'board' },
    {
      id: 'guide',
      text: 'Colours. Passwords.',
      vectors: [
        [0, 0, 1, 0],
        [0.8, 0.3, 0, 0],
      ],
      kind: 'MESSAGE',
      metadata: { area: { name: 'docs' } },
    },
    { id: 'invoice', text: 'The invoice shows a wrong total.', vectors: [[0, 1, 0, 0]], kind: 'MESSAGE' },
    { id: 'export', text: 'An export of the invoices and the login names.', vectors: [[0, 0.2, 0, 1]] },
  ]);
  await givenDocuments(database, 'south', [
    { id: 'login', text: 'Login login login of another tenant.', vectors: [[1, 0, 0, 0]] },
  ]);
  await givenDocuments(database, 'waiting', [
    { id: 'ready', text: 'a parrot', vectors: [[1, 0, 0, 0]] },
    { id: 'missing', text: 'a parrot too', kind: 'COMMIT' },
    { id: 'stale', text: 'a parrot again', vectors: [[0, 1, 0, 0]], status: 'STALE' },
    { id: 'foreign', text: 'a parrot by another model', vectors: [[1, 0, 0, 0]], model: 'test/other-4' },
  ]);
  await givenDocuments(
    database,
    'wide',
    Array.from({ length: 150 }, (_, i) => ({
      id: `w${String(i).padStart(3, '0')}`,
      text: i < 40 ? 'cargo' : 'freight',
      vectors: [[1, i / 100, 0, 0]],
    })),
  );
  await givenDocuments(
    database,
    'long',
    Array.from({ length: 90 }, (_, i) => ({
      id: `d${String(i).padStart(3, '0')}`,
      text: `parcel ${'lost '.repeat(1 + (i % 7))}`,
      vectors: [[1, i / 100, 0, 0]],
    })),
  );
});

afterAll(() => close());

function search(request: Partial<SearchRequest> & Pick<SearchRequest, 'mode'>): Promise<SearchPage> {
  return service.search({
    workspaceId: 'north',
    query: 'login',
    queryVector: direction(1, 0, 0, 0),
    model: FLAT_MODEL,
    first: 10,
    ...request,
  });
}

const idsOf = (page: SearchPage) => page.hits.map((hit) => hit.documentId);

test('a semantic search ranks documents by their best passage, and says which one that is', async () => {
  const page = await search({ mode: 'SEMANTIC' });
  expect(idsOf(page)).toEqual(['login', 'signin', 'guide', 'export', 'invoice']);
  expect(page.hits[0]).toMatchObject({ rank: 1, matchedBy: ['SEMANTIC'], bestChunk: { start: 0, end: 10 } });
  expect(page.hits[0]?.similarity).toBeCloseTo(1, 5);
  expect(page.hits[2]?.bestChunk).toEqual({ start: 10, end: 20 });
  expect(page.hits[2]?.similarity).toBeCloseTo(0.8 / Math.hypot(0.8, 0.3), 5);
  expect(page).toMatchObject({ totalCount: 5, hasNextPage: false });
  expect(page.plan).toMatchObject({
    strategy: 'EXACT',
    embeddingModel: FLAT_MODEL.id,
    complete: true,
    estimatedRecall: 1,
  });
});

test('a keyword search finds any of the words in any form, has no similarity and needs no vector', async () => {
  const page = await search({
    mode: 'KEYWORD',
    query: 'logins and wrong invoices',
    queryVector: null,
    minSimilarity: 0.9,
  });
  expect(idsOf(page).sort()).toEqual(['export', 'invoice', 'login']);
  expect(page.hits.every((hit) => hit.similarity === null && hit.bestChunk === null)).toBe(true);
  expect(page.hits.map((hit) => hit.matchedBy)).toEqual([['KEYWORD'], ['KEYWORD'], ['KEYWORD']]);
  expect(page.plan).toMatchObject({ strategy: 'KEYWORD', embeddingModel: null, complete: true });
  expect(page.totalCount).toBe(3);
});

test('a hybrid search puts what matches by words and by meaning first, and gives real similarities to both', async () => {
  for (const fusion of ['WEIGHTED', 'RECIPROCAL_RANK'] as const) {
    const page = await search({ mode: 'HYBRID', fusion });
    expect(page.hits[0]).toMatchObject({ documentId: 'login', matchedBy: ['SEMANTIC', 'KEYWORD'], score: 1 });
    expect(page.hits.find((hit) => hit.documentId === 'signin')?.matchedBy).toEqual(['SEMANTIC']);
    expect(page.hits.every((hit) => hit.similarity !== null && hit.bestChunk !== null)).toBe(true);
    expect(page.plan.strategy).toBe('HYBRID_EXACT');
  }
});

test('a threshold drops what is less similar, also where its words match, but never a keyword search', async () => {
  expect(idsOf(await search({ mode: 'SEMANTIC', minSimilarity: 0.95 }))).toEqual(['login', 'signin']);
  expect(idsOf(await search({ mode: 'HYBRID', minSimilarity: 0.95 }))).toEqual(['login', 'signin']);
  expect(idsOf(await search({ mode: 'KEYWORD', minSimilarity: 0.95 })).sort()).toEqual(['export', 'login']);
  expect(idsOf(await search({ mode: 'SEMANTIC', minSimilarity: 1 }))).toEqual(['login']);
});

test('every mode keeps to the filter', async () => {
  for (const mode of ['SEMANTIC', 'KEYWORD', 'HYBRID'] as const) {
    const query = 'login account password invoice';
    const found = async (filter: SearchRequest['filter']) => idsOf(await search({ mode, query, filter })).sort();
    expect(await found({ collectionIds: ['board'] })).toEqual(['signin']);
    expect(await found({ kinds: ['MESSAGE'] })).toEqual(['guide', 'invoice']);
    expect(await found({ metadata: { area: { name: 'docs' } } })).toEqual(['guide']);
    expect(await found({ kinds: ['COMMIT'] })).toEqual([]);
    expect(await found({ kinds: [] })).toEqual([]);
  }
});

test("no search sees another workspace's documents, nor is it ranked otherwise because of them", async () => {
  const before = await search({ mode: 'HYBRID' });
  await givenDocuments(database, 'south', [{ id: 'flood', text: 'login '.repeat(50), vectors: [[1, 0.01, 0, 0]] }]);
  service.forgetWorkspace('north');
  const after = await search({ mode: 'HYBRID' });
  expect(after.hits).toEqual(before.hits);
  expect(idsOf(await search({ mode: 'SEMANTIC', workspaceId: 'south' }))).toEqual(['login', 'flood']);
});

test('where a hybrid list ends before all that match, its last page says that it is not complete', async () => {
  const pageOf = (given: Partial<SearchRequest>) =>
    search({ mode: 'HYBRID', workspaceId: 'wide', query: 'cargo', first: 60, ...given });
  const first = await pageOf({});
  expect(first).toMatchObject({ hasNextPage: true, plan: { complete: true } });
  const last = await pageOf({ after: first.endCursor });
  expect([first.hits.length + last.hits.length, last.hasNextPage, last.plan.complete]).toEqual([100, false, false]);
  const close = await pageOf({ minSimilarity: 0.9 });
  expect([close.hits.length, close.hasNextPage, close.plan.complete]).toEqual([49, false, true]);
  const semantic = await pageOf({ mode: 'SEMANTIC', first: 100 });
  const rest = await pageOf({ mode: 'SEMANTIC', first: 100, after: semantic.endCursor });
  expect([rest.hits.length, rest.plan.complete]).toEqual([50, true]);
});

test('documents that wait for a vector of this model are counted, and the answer is called incomplete', async () => {
  const page = await search({ mode: 'SEMANTIC', workspaceId: 'waiting' });
  expect(idsOf(page)).toEqual(['ready', 'stale']);
  expect(page.plan).toMatchObject({ pendingDocuments: 3, complete: false });
  const commits = await search({ mode: 'SEMANTIC', workspaceId: 'waiting', filter: { kinds: ['COMMIT'] } });
  expect(commits.plan).toMatchObject({ pendingDocuments: 1, complete: false });
  const words = await search({ mode: 'KEYWORD', workspaceId: 'waiting', query: 'parrots' });
  expect(words.hits).toHaveLength(4);
  expect(words.plan).toMatchObject({ pendingDocuments: 0, complete: true });
});

test('a document without a vector is found by its words in a hybrid search, whatever the threshold', async () => {
  const page = await search({ mode: 'HYBRID', workspaceId: 'waiting', query: 'parrot too', minSimilarity: 0.9 });
  expect(page.hits.find((hit) => hit.documentId === 'missing')).toMatchObject({
    similarity: null,
    matchedBy: ['KEYWORD'],
  });
});

test('a query without a word falls back to meaning in HYBRID and finds nothing in KEYWORD', async () => {
  for (const query of ['the of and', '🦜🦜', '登录失败', '', '\0 \ud800', "' | & ! ( : * <-> \\"]) {
    expect((await search({ mode: 'KEYWORD', query })).hits, query).toEqual([]);
    const page = await search({ mode: 'HYBRID', query });
    expect(page.hits, query).toHaveLength(5);
    expect(page.plan.strategy, query).toBe(page.hits[0]?.matchedBy.includes('KEYWORD') ? 'HYBRID_EXACT' : 'EXACT');
  }
  expect((await search({ mode: 'HYBRID', queryVector: null })).plan.strategy).toBe('KEYWORD');
});

test('a query of 100,000 characters is answered from its beginning', async () => {
  const query = `login ${Array.from({ length: 20_000 }, (_, i) => `w${i}`).join(' ')}`.slice(0, 100_000);
  expect(idsOf(await search({ mode: 'KEYWORD', query })).sort()).toEqual(['export', 'login']);
});

test('pages go through every hit once, in one order, with ranks that go on', async () => {
  for (const mode of ['SEMANTIC', 'KEYWORD', 'HYBRID'] as const) {
    const request = { mode, workspaceId: 'long', query: 'lost parcels' };
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: SearchPage = await search({ ...request, first: 50, after });
      expect(page.hits[0]?.rank).toBe(seen.length + 1);
      seen.push(...idsOf(page));
      after = page.hasNextPage ? page.endCursor : null;
    } while (after !== null);
    expect(new Set(seen).size).toBe(90);
    expect(seen).toHaveLength(90);
    expect(seen).toEqual(idsOf(await search({ ...request, first: 100 })));
  }
});

test('a cursor that is malformed, or of another search, is refused', async () => {
  const { endCursor } = await search({ mode: 'SEMANTIC', first: 1 });
  const foreign = { mode: 'SEMANTIC', first: 1, after: endCursor } as const;
  await expect(search(foreign)).resolves.toMatchObject({ hits: [{ rank: 2 }] });
  await expect(search({ ...foreign, query: 'other' })).rejects.toThrow(InvalidInputError);
  await expect(search({ ...foreign, mode: 'HYBRID' })).rejects.toThrow('another search');
  await expect(search({ ...foreign, filter: { kinds: ['TEXT'] } })).rejects.toThrow('another search');
  await expect(search({ ...foreign, workspaceId: 'south' })).rejects.toThrow('another search');
  for (const after of ['', 'x', 'LTE', '💥', 'A'.repeat(100_000)]) {
    await expect(search({ ...foreign, after })).rejects.toThrow('no cursor');
  }
});

test('pages of less than 1 or more than 100, and thresholds outside of 0 to 1, are refused', async () => {
  for (const first of [0, -1, 101, 1.5, Number.NaN]) {
    await expect(search({ mode: 'SEMANTIC', first })).rejects.toThrow(InvalidInputError);
  }
  for (const minSimilarity of [-0.1, 1.1, Number.NaN]) {
    await expect(search({ mode: 'SEMANTIC', minSimilarity })).rejects.toThrow(InvalidInputError);
  }
  await expect(search({ mode: 'SEMANTIC', queryVector: direction(1, 0) })).rejects.toThrow(InvalidInputError);
});

test('similar documents are the nearest others, best first, above the threshold', async () => {
  const request = { workspaceId: 'north', model: FLAT_MODEL, first: 10, minSimilarity: 0.9 };
  const hits = await service.similarTo('login', request);
  expect(hits.map((hit) => hit.documentId)).toEqual(['signin', 'guide']);
  expect(hits[0]).toMatchObject({ rank: 1, matchedBy: ['SEMANTIC'], bestChunk: { start: 0, end: 10 } });
  expect(await service.similarTo('login', { ...request, first: 1 })).toHaveLength(1);
  expect(await service.similarTo('login', { ...request, filter: { kinds: ['MESSAGE'] } })).toMatchObject([
    { documentId: 'guide' },
  ]);
});

test('a page of documents gets the similar ones of each in one call, as if asked one by one', async () => {
  const request = { workspaceId: 'north', model: FLAT_MODEL, first: 3, minSimilarity: 0 };
  const documentIds = ['login', 'guide', 'invoice', 'unknown'];
  const together = await service.similarToMany({ ...request, documentIds });
  expect([...together.keys()]).toEqual(documentIds);
  expect(together.get('unknown')).toEqual([]);
  for (const id of documentIds) {
    expect(together.get(id)).toEqual(await service.similarTo(id, request));
    expect(together.get(id)?.map((hit) => hit.documentId)).not.toContain(id);
  }
});
