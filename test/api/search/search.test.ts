import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let boardId: string;
let inboxId: string;

beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  boardId = await workspace.createCollection('FEEDBACK');
  inboxId = await workspace.createCollection('MESSAGE');
  await workspace.store(boardId, [
    {
      externalId: 'invoice',
      title: 'Invoices show the wrong currency',
      text: 'Every <invoice> we send to "Oslo" & Bergen shows dollars instead of kroner.',
      metadata: { plan: 'pro' },
      createdAt: '2025-01-10T00:00:00Z',
    },
    {
      externalId: 'password',
      title: 'Cannot sign in',
      text: 'I forgot my password and the reset email never arrives.',
      metadata: { plan: 'free' },
      createdAt: '2025-02-10T00:00:00Z',
    },
    {
      externalId: 'billing',
      title: 'Bill is in a foreign money',
      text: 'Our accountant got a bill in US dollars although we pay in Norwegian kroner.',
      metadata: { plan: 'pro' },
      createdAt: '2025-03-10T00:00:00Z',
    },
  ]);
  await workspace.store(inboxId, [
    {
      externalId: 'lunch',
      text: 'Who joins for lunch at noon? Soup and bread today.',
      createdAt: '2025-04-10T00:00:00Z',
    },
    { externalId: 'cjk', text: '請求書の通貨が間違っています 🧾', createdAt: '2025-05-10T00:00:00Z' },
  ]);
});
afterAll(() => server.close());

interface Hit {
  rank: number;
  score: number;
  similarity: number | null;
  highlight: string | null;
  matchedBy: string[];
  document: { externalId: string };
}
interface Search {
  totalCount: number | null;
  nodes: Hit[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; endCursor: string | null };
  plan: {
    strategy: string;
    embeddingModel: string | null;
    complete: boolean;
    estimatedRecall: number | null;
    reranked: boolean;
    durationMs: number;
    pendingDocuments: number;
  };
}

const SEARCH = /* GraphQL */ `
  query Search(
    $query: String!, $mode: SearchMode, $fusion: SearchFusion, $filter: DocumentFilter, $first: Int, $after: String,
    $minSimilarity: Float
  ) {
    search(
      query: $query, mode: $mode, fusion: $fusion, filter: $filter, first: $first, after: $after,
      minSimilarity: $minSimilarity
    ) {
      totalCount
      nodes { rank score similarity highlight matchedBy document { externalId } }
      pageInfo { hasNextPage hasPreviousPage endCursor }
      plan { strategy embeddingModel complete estimatedRecall reranked durationMs pendingDocuments }
    }
  }
`;

async function search(variables: Record<string, unknown>, client = workspace): Promise<Search> {
  return (await client.read<{ search: Search }>(SEARCH, variables)).search;
}

const idsOf = ({ nodes }: Search) => nodes.map(({ document }) => document.externalId);

test('SEMANTIC finds by meaning what shares no word with the query', async () => {
  const found = await search({ query: 'login trouble, credentials lost', mode: 'SEMANTIC' });
  expect(idsOf(found)[0]).toBe('password');
  expect(found.nodes[0]).toMatchObject({ rank: 1, matchedBy: ['SEMANTIC'] });
  expect(found.nodes.every(({ score, similarity }) => score === similarity)).toBe(true);
  const scores = found.nodes.map(({ score }) => score);
  expect(scores).toEqual([...scores].sort((a, b) => b - a));
  expect(found.totalCount).toBe(5);
});

test('KEYWORD finds the documents that have a word of the query, in any of its forms, and compares no vectors', async () => {
  const found = await search({ query: 'accountants', mode: 'KEYWORD' });
  expect(idsOf(found)).toEqual(['billing']);
  expect(found.nodes[0]).toMatchObject({ similarity: null, matchedBy: ['KEYWORD'] });
  expect(found.plan).toMatchObject({ strategy: 'KEYWORD', embeddingModel: null, estimatedRecall: null });
});

test('HYBRID puts a document first that both sides find, and says which sides found it', async () => {
  const found = await search({ query: 'invoice currency' });
  expect(idsOf(found)[0]).toBe('invoice');
  expect(found.nodes[0]?.matchedBy).toEqual(['SEMANTIC', 'KEYWORD']);
  expect(found.nodes.every(({ score }) => score >= 0 && score <= 1)).toBe(true);
});

test('HYBRID may go by rank alone', async () => {
  const found = await search({ query: 'invoice currency', fusion: 'RECIPROCAL_RANK' });
  expect(idsOf(found)[0]).toBe('invoice');
  expect(found.plan.strategy).toBe('HYBRID_EXACT');
  expect(found.nodes.map(({ score }) => score)).not.toEqual(
    (await search({ query: 'invoice currency', fusion: 'WEIGHTED' })).nodes.map(({ score }) => score),
  );
});

test('the plan of a search tells what was done', async () => {
  const { plan } = await search({ query: 'kroner' });
  expect(plan).toEqual({
    strategy: 'HYBRID_EXACT',
    embeddingModel: 'local/use-lite-768',
    complete: true,
    estimatedRecall: 1,
    reranked: false,
    durationMs: expect.any(Number),
    pendingDocuments: 0,
  });
  expect(plan.durationMs).toBeGreaterThan(0);
  expect((await search({ query: 'kroner', mode: 'SEMANTIC' })).plan.strategy).toBe('EXACT');
});

test('what is less similar than the threshold is dropped', async () => {
  const all = await search({ query: 'wrong currency on the bill', mode: 'SEMANTIC' });
  const middle = all.nodes[1]?.similarity as number;
  const close = await search({ query: 'wrong currency on the bill', mode: 'SEMANTIC', minSimilarity: middle });
  expect(idsOf(close)).toEqual(idsOf(all).slice(0, 2));
  expect(close.totalCount).toBe(2);
  const none = await search({ query: 'wrong currency on the bill', mode: 'SEMANTIC', minSimilarity: 1 });
  expect(none).toMatchObject({ totalCount: 0, nodes: [], pageInfo: { hasNextPage: false, endCursor: null } });
  for (const minSimilarity of [-0.1, 1.1]) {
    expect(await workspace.errorCode(SEARCH, { query: 'bill', minSimilarity })).toBe('BAD_INPUT');
  }
});

test.each(['SEMANTIC', 'KEYWORD', 'HYBRID'])(
  'paging through a %s search repeats and leaves out nothing',
  async (mode) => {
    const client = await openWorkspace(server);
    const collectionId = await client.createCollection();
    const documents = Array.from({ length: 23 }, (_, i) => ({
      externalId: `row-${i}`,
      text: `Shipment ${i} of ${['apples', 'pears', 'plums'][i % 3]} left the port.`,
    }));
    await client.store(collectionId, documents);
    const query = 'shipment of pears';
    const whole = idsOf(await search({ query, mode, first: 100 }, client));
    const seen: string[] = [];
    let after: string | null = null;
    do {
      const page: Search = await search({ query, mode, first: 5, after }, client);
      expect(page.nodes.map(({ rank }) => rank)).toEqual(page.nodes.map((_, i) => seen.length + i + 1));
      expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
      seen.push(...idsOf(page));
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
    } while (after !== null);
    expect(seen).toEqual(whole);
    expect(new Set(seen)).toEqual(new Set(documents.map(({ externalId }) => externalId)));
  },
);

test('a cursor holds for its own search alone', async () => {
  const { pageInfo } = await search({ query: 'kroner', first: 1 });
  const after = pageInfo.endCursor;
  expect(await workspace.errorCode(SEARCH, { query: 'kroner', first: 1, after })).toBeNull();
  expect(await workspace.errorCode(SEARCH, { query: 'dollars', first: 1, after })).toBe('BAD_INPUT');
  for (const bad of ['', 'zzz', '💥']) {
    expect(await workspace.errorCode(SEARCH, { query: 'kroner', after: bad })).toBe('BAD_INPUT');
  }
});

test('a page of hits holds 1 to 100 of them', async () => {
  for (const first of [0, -5, 101])
    expect(await workspace.errorCode(SEARCH, { query: 'kroner', first })).toBe('BAD_INPUT');
});

test('a highlight is HTML: the text is escaped and the words of the query stand in <mark>', async () => {
  const { nodes } = await search({ query: 'invoices', mode: 'KEYWORD' });
  expect(nodes[0]?.highlight).toBe(
    'Every &lt;<mark>invoice</mark>&gt; we send to &quot;Oslo&quot; &amp; Bergen shows dollars instead of kroner.',
  );
});

test('a search says how many documents still wait for their vectors, and finds them by their words already', async () => {
  const client = await openWorkspace(server);
  const collectionId = await client.createCollection();
  await client.store(collectionId, [{ externalId: 'done', text: 'The zeppelin has landed.' }]);
  const documents = [{ externalId: 'waiting', text: 'The zeppelin is late.' }];
  await client.upsert({ collectionId, documents, tasks: [] });
  const pending = await search({ query: 'zeppelin' }, client);
  expect(pending.plan).toMatchObject({ pendingDocuments: 1, complete: false });
  expect(new Set(idsOf(pending))).toEqual(new Set(['done', 'waiting']));
  expect(pending.nodes.find(({ document }) => document.externalId === 'waiting')).toMatchObject({
    similarity: null,
    matchedBy: ['KEYWORD'],
  });
  await client.store(collectionId, documents);
  expect((await search({ query: 'zeppelin' }, client)).plan).toMatchObject({ pendingDocuments: 0, complete: true });
});

test('a search looks among the documents of its filter alone, in every mode', async () => {
  const filters: [Record<string, unknown>, string[]][] = [
    [{ collectionIds: [inboxId] }, ['lunch', 'cjk']],
    [{ metadata: { plan: 'pro' } }, ['invoice', 'billing']],
    [{ kinds: ['FEEDBACK'], createdAfter: '2025-01-15T00:00:00Z' }, ['password', 'billing']],
    [{ collectionIds: [boardId], metadata: { plan: 'pro' }, createdBefore: '2025-02-01T00:00:00Z' }, ['invoice']],
    [{ embedding: ['FAILED'] }, []],
  ];
  const query = 'dollars invoice password lunch kroner soup bill';
  for (const [filter, expected] of filters) {
    expect(new Set(idsOf(await search({ query, filter, mode: 'SEMANTIC' })))).toEqual(new Set(expected));
    const words = expected.filter((id) => id !== 'cjk');
    expect(new Set(idsOf(await search({ query, filter, mode: 'KEYWORD' })))).toEqual(new Set(words));
    expect(new Set(idsOf(await search({ query, filter })))).toEqual(new Set(expected));
  }
});

test('similar documents are the nearest in meaning, without the document itself', async () => {
  const { documents } = await workspace.read<{
    documents: { nodes: { externalId: string; similar: (Hit & { highlight: null })[] }[] };
  }>(
    `query ($filter: DocumentFilter, $first: Int, $min: Float) {
      documents(filter: $filter) {
        nodes { externalId similar(first: $first, minSimilarity: $min) { rank similarity highlight document { externalId } } }
      }
    }`,
    { filter: { collectionIds: [boardId] }, first: 3, min: 0 },
  );
  const invoice = documents.nodes.find(({ externalId }) => externalId === 'invoice');
  expect(invoice?.similar[0]).toMatchObject({ rank: 1, highlight: null, document: { externalId: 'billing' } });
  expect(invoice?.similar).toHaveLength(3);
  for (const { externalId, similar } of documents.nodes) {
    expect(similar.map(({ document }) => document.externalId)).not.toContain(externalId);
  }
});

const ODD_QUERIES = [
  'the and of to a in',
  '🧾',
  '👩‍👩‍👧‍👦 👍🏽',
  '請求書の通貨',
  'счёт фактура',
  "a & b | !c:* <-> '",
  "' or 1=1; drop table documents; --",
  '\\',
  "\\' \\\\",
  '"unclosed phrase',
  '(((',
  ':*',
  '<->',
  '%_%',
  '$1 $x {{y}}',
  'nul\u0000inside',
  '\ud800 half a pair',
  '!!! ??? ...',
  'kroner '.repeat(10_000),
];

test.each(ODD_QUERIES.map((query) => [query.slice(0, 40), query]))('the query %j is answered', async (_name, query) => {
  for (const mode of ['SEMANTIC', 'KEYWORD', 'HYBRID']) {
    const { data, errors } = await workspace.ask<{ search: Search }>(SEARCH, { query, mode });
    expect(errors).toBeUndefined();
    expect(data?.search.nodes.length).toBeLessThanOrEqual(5);
  }
});

test('a query of stop words alone has no keywords and is still searched by its meaning', async () => {
  expect(idsOf(await search({ query: 'the and of to', mode: 'KEYWORD' }))).toEqual([]);
  expect((await search({ query: 'the and of to' })).nodes).toHaveLength(5);
});

test('operators of the database’s query language are words like others', async () => {
  const plain = idsOf(await search({ query: 'kroner password', mode: 'KEYWORD' }));
  expect(new Set(plain)).toEqual(new Set(['invoice', 'billing', 'password']));
  expect(idsOf(await search({ query: "kroner & !password:* <-> '", mode: 'KEYWORD' }))).toEqual(plain);
});

test('text in another script is found by its own words', async () => {
  expect(idsOf(await search({ query: '請求書の通貨が間違っています', mode: 'SEMANTIC' }))[0]).toBe('cjk');
});

test('an empty query, and one of more than 100,000 characters, are refused', async () => {
  for (const query of ['', '  \n ', '\u0000', 'x'.repeat(100_001)]) {
    expect(await workspace.errorCode(SEARCH, { query })).toBe('BAD_INPUT');
  }
});
