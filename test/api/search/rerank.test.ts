import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Provider, RerankRequest } from '../../../src/plugins/contract.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const ASKED: RerankRequest[] = [];
/** What the reranker does: scores each text by the number that it names, unless told otherwise. */
let scoresOf: (texts: readonly string[]) => number[];
let hasReranker = true;

const byNumber = (texts: readonly string[]) => texts.map((text) => Number(/number (\d+)/.exec(text)?.[1] ?? 0) / 100);

const withReranker = (provider: Provider): Provider => ({
  embed: (request, call) => (provider.embed as NonNullable<Provider['embed']>)(request, call),
  rerank: async (request) => {
    ASKED.push(request);
    return { scores: scoresOf(request.texts), model: request.model, usage: { inputTokens: 40, outputTokens: 0 } };
  },
  listModels: async (call) => [
    ...(await provider.listModels(call)),
    { name: 'judge', capabilities: hasReranker ? ['RERANK'] : [], inputUsdPerMillion: '1' },
  ],
  check: (call) => provider.check(call),
  close: () => provider.close(),
});

const SEARCH = /* GraphQL */ `
  query ($query: String!, $rerank: Boolean, $first: Int, $after: String, $mode: SearchMode) {
    search(query: $query, rerank: $rerank, first: $first, after: $after, mode: $mode) {
      nodes { rank score similarity highlight document { externalId } }
      pageInfo { hasNextPage endCursor }
      plan { reranked complete }
    }
  }
`;

interface Found {
  nodes: {
    rank: number;
    score: number;
    similarity: number | null;
    highlight: string;
    document: { externalId: string };
  }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
  plan: { reranked: boolean; complete: boolean };
}

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: withReranker });
  workspace = await openWorkspace(server);
  const documents = Array.from({ length: 12 }, (_, i) => ({
    externalId: `d${i + 1}`,
    title: `Ferry note ${i + 1}`,
    text: `The ferry of number ${i + 1} was late.`,
  }));
  await workspace.store(await workspace.createCollection(), documents);
});
beforeEach(() => {
  ASKED.length = 0;
  scoresOf = byNumber;
});
afterAll(() => server?.close());

async function search(variables: Record<string, unknown>): Promise<Found> {
  return (await workspace.read<{ search: Found }>(SEARCH, { query: 'late ferry', rerank: true, ...variables })).search;
}

const idsOf = ({ nodes }: Found) => nodes.map(({ document }) => document.externalId);

test('a reranked search is in the order of the reranker, with its scores', async () => {
  const found = await search({ first: 3 });
  expect(idsOf(found)).toEqual(['d12', 'd11', 'd10']);
  expect(found.nodes.map(({ rank, score }) => [rank, score])).toEqual([
    [1, 0.12],
    [2, 0.11],
    [3, 0.1],
  ]);
  expect(found.plan).toEqual({ reranked: true, complete: true });
  for (const { similarity, highlight } of found.nodes) {
    expect(similarity).toBeGreaterThan(0);
    expect(highlight).toContain('<mark>ferry</mark>');
  }
});

test('all hits are given to the reranker in one call, with title and passage', async () => {
  await search({ first: 3 });
  expect(ASKED).toHaveLength(1);
  expect(ASKED[0]).toMatchObject({ model: 'judge', query: 'late ferry' });
  expect(ASKED[0]?.texts).toHaveLength(12);
  expect(ASKED[0]?.texts).toContain('Ferry note 7\nThe ferry of number 7 was late.');
});

test.each(['SEMANTIC', 'KEYWORD', 'HYBRID'])('the pages of a reranked %s search are one list', async (mode) => {
  const seen: string[] = [];
  for (let after: string | null = null, page = 0; page < 3; page++) {
    const found: Found = await search({ first: 5, after, mode });
    seen.push(...idsOf(found));
    expect(found.nodes[0]?.rank).toBe(page * 5 + 1);
    expect(found.pageInfo.hasNextPage).toBe(page < 2);
    after = found.pageInfo.endCursor;
  }
  expect(seen).toEqual(Array.from({ length: 12 }, (_, i) => `d${12 - i}`));
});

test('hits of one score stay in the order of the search', async () => {
  scoresOf = (texts) => texts.map(() => 0.5);
  const plain = await search({ rerank: false });
  expect(idsOf(await search({}))).toEqual(idsOf(plain));
  expect(plain.plan.reranked).toBe(false);
});

test('a cursor of a search that was not reranked is refused before anything is spent', async () => {
  const { pageInfo } = await search({ rerank: false, first: 2 });
  expect(await workspace.errorCode(SEARCH, { query: 'late ferry', rerank: true, after: pageInfo.endCursor })).toBe(
    'BAD_INPUT',
  );
  expect(ASKED).toEqual([]);
});

test('a search that finds nothing asks no reranker', async () => {
  const found = await search({ query: 'zeppelin', mode: 'KEYWORD' });
  expect(found).toMatchObject({ nodes: [], plan: { reranked: false } });
  expect(ASKED).toEqual([]);
});

test('only the best 50 are reranked and shown, and the plan says that there are more', async () => {
  const many = await openWorkspace(server);
  const documents = Array.from({ length: 60 }, (_, i) => ({ text: `The ferry of number ${i + 1} was late.` }));
  await many.store(await many.createCollection(), documents);
  const read = async (variables: object) =>
    (await many.read<{ search: Found }>(SEARCH, { query: 'late ferry', rerank: true, mode: 'SEMANTIC', ...variables }))
      .search;
  const first = await read({ first: 40 });
  expect(first).toMatchObject({ pageInfo: { hasNextPage: true }, plan: { complete: true } });
  const last = await read({ first: 40, after: first.pageInfo.endCursor });
  expect(last).toMatchObject({ pageInfo: { hasNextPage: false }, plan: { complete: false } });
  expect(last.nodes.map(({ rank }) => rank)).toEqual([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
  expect(ASKED.map(({ texts }) => texts.length)).toEqual([50, 50]);
});

test('no text of more than 2,000 characters goes to the reranker', async () => {
  const long = await openWorkspace(server);
  const text = `The ferry was late. ${'It waited in the harbour for a very long time. '.repeat(200)}`;
  await long.store(await long.createCollection(), [{ title: 'Ferry', text }]);
  await long.read(SEARCH, { query: 'late ferry', rerank: true, mode: 'KEYWORD' });
  const [passage = ''] = ASKED[0]?.texts ?? [];
  expect(passage).toHaveLength(2_000);
  expect(passage.startsWith('Ferry\nThe ferry was late.')).toBe(true);
});

test('reranking is one call of the ledger, with its cost', async () => {
  const client = await openWorkspace(server);
  await client.store(await client.createCollection(), [{ text: 'The ferry of number 3 was late.' }]);
  await client.read(SEARCH, { query: 'late ferry', rerank: true });
  const { usage } = await client.read<{
    usage: { groups: { key: { operation: string }; totals: { llmCalls: number; costUsd: string } }[] };
  }>('{ usage { groups(by: [OPERATION]) { key totals { llmCalls costUsd } } } }');
  const rerank = usage.groups.find(({ key }) => key.operation === 'rerank');
  expect(rerank?.totals).toEqual({ llmCalls: 1, costUsd: '0.00004' });
});

test.each<[string, () => number[]]>([
  [
    'fails',
    () => {
      throw new ProviderError('bad_request', 'the reranker is out of order');
    },
  ],
  ['leaves scores out', () => [0.5]],
  ['gives a score that is no number', () => Array.from({ length: 12 }, () => Number.NaN)],
])('a reranker that %s fails the search, at its path', async (_how, answer) => {
  scoresOf = answer;
  const { data, errors } = await workspace.ask(SEARCH, { query: 'late ferry', rerank: true });
  expect(errors).toMatchObject([{ path: ['search'], extensions: { code: 'PROVIDER_FAILED' } }]);
  expect(data?.search ?? null).toBeNull();
});

test('where no model reranks, the search says so and what would, before anything is spent', async () => {
  hasReranker = false;
  const without = await startTestServer({ wrapProvider: withReranker });
  try {
    const client = await openWorkspace(without);
    const { errors, extensions } = await client.ask(SEARCH, { query: 'late ferry', rerank: true });
    expect(errors).toMatchObject([{ path: ['search'], extensions: { code: 'NO_PROVIDER' } }]);
    expect(errors?.[0]?.message).toMatch(/RERANK.*createIntegration/);
    expect(extensions?.usage).toBeUndefined();
  } finally {
    hasReranker = true;
    await without.close();
  }
});
