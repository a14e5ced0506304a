import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { callOf, question } from '../../domain/gateway/gateway-fixtures.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const models = new ScriptedModels();
let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  models.play('writer', says('An answer.'));
});
afterAll(() => server?.close());

interface Stats {
  kind: string;
  entries: number;
  hits: number;
  misses: number;
  hitRate: number;
  savedUsd: string;
}

interface Result {
  __typename: string;
  id: string;
  count: number;
  code: string;
  issues: { path: string[]; message: string }[];
}

const INVALIDATE = /* GraphQL */ `
  mutation ($input: InvalidateCacheInput!) {
    invalidateCache(input: $input) {
      __typename
      ... on Deleted { count }
      ... on Error { code }
    }
  }
`;
const WARM = /* GraphQL */ `
  mutation ($input: WarmCacheInput!) {
    warmCache(input: $input) {
      __typename
      ... on Job { id kind status }
      ... on Error { code }
      ... on InvalidInputError { issues { path message } }
    }
  }
`;
const JOB = 'query ($id: ID!) { node(id: $id) { ... on Job { status result progress { done total } } } }';
const SEARCH = 'query ($query: String!) { search(query: $query, mode: SEMANTIC) { nodes { rank } } }';

async function stats(of: WorkspaceClient = workspace): Promise<{ embedding: Stats; response: Stats }> {
  const { cacheStats } = await of.read<{ cacheStats: Stats[] }>(
    '{ cacheStats { kind entries hits misses hitRate savedUsd } }',
  );
  const [embedding, response] = cacheStats;
  expect(cacheStats.map(({ kind }) => kind)).toEqual(['EMBEDDING', 'RESPONSE']);
  return { embedding: embedding as Stats, response: response as Stats };
}

async function invalidate(input: { kind?: string; documentIds?: string[] }): Promise<Result> {
  return (await workspace.read<{ invalidateCache: Result }>(INVALIDATE, { input })).invalidateCache;
}

async function warm(texts: string[]): Promise<Result> {
  return (await workspace.read<{ warmCache: Result }>(WARM, { input: { texts } })).warmCache;
}

/** Waits for a job. Returns what it did. */
async function finished(id: string): Promise<{ result: unknown; progress: { done: number; total: number } }> {
  return waitFor('the job to be done', async () => {
    const { node } = await workspace.read<{
      node: { status: string; result: unknown; progress: { done: number; total: number } };
    }>(JOB, { id });
    return node.status === 'COMPLETED' ? node : null;
  });
}

/** Asks the model a question about some documents, as the product's own features do. */
async function answer(text: string, documentIds: string[]): Promise<boolean> {
  const messages = [{ role: 'user' as const, parts: [{ kind: 'text' as const, text }] }];
  const asked = question({ model: 'local/writer', messages, documentIds });
  return (await server.app.services.gateway.generate(callOf(workspace.id), asked)).cached;
}

async function chat(content: string): Promise<string | null> {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${workspace.ownerKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'local/writer', messages: [{ role: 'user', content }] }),
  });
  await response.text();
  return response.headers.get('x-signalbox-cache');
}

describe('cacheStats', () => {
  test('tells of both caches what they gave, and what that has saved', async () => {
    expect(await chat('hello?')).toBe('MISS');
    expect(await chat('hello?')).toBe('HIT');
    await workspace.read('{ embed(texts: ["one", "two"]) { cached } }');
    await workspace.read('{ embed(texts: ["two", "three"]) { cached } }');
    const { embedding, response } = await stats();
    expect(embedding).toMatchObject({ entries: 3, hits: 1, misses: 3, hitRate: 0.25 });
    // 11 tokens at 1 USD and 7 at 2 USD a million.
    expect(response).toEqual({
      ...{ kind: 'RESPONSE', entries: 1, hits: 1, misses: 1, hitRate: 0.5, savedUsd: '0.000025' },
    });
  });

  test('a workspace sees nothing of another one', async () => {
    await chat('hello?');
    await workspace.read('{ embed(texts: ["one"]) { cached } }');
    const { embedding, response } = await stats(await openWorkspace(server));
    for (const figures of [embedding, response]) expect(figures).toMatchObject({ entries: 0, hits: 0, misses: 0 });
  });
});

describe('invalidateCache', () => {
  test('without anything named makes everything of the workspace void', async () => {
    await chat('hello?');
    await workspace.read('{ embed(texts: ["one", "two"]) { cached } }');
    expect(await invalidate({})).toEqual({ __typename: 'Deleted', count: 3 });
    expect((await stats()).embedding.entries).toBe(0);
    expect(await chat('hello?')).toBe('MISS');
    expect(await workspace.read('{ embed(texts: ["one"]) { cached } }')).toEqual({ embed: [{ cached: false }] });
  });

  test('of one kind leaves the other', async () => {
    await chat('hello?');
    await workspace.read('{ embed(texts: ["one"]) { cached } }');
    expect((await invalidate({ kind: 'RESPONSE' })).count).toBe(1);
    expect(await workspace.read('{ embed(texts: ["one"]) { cached } }')).toEqual({ embed: [{ cached: true }] });
    expect(await chat('hello?')).toBe('MISS');
    expect((await invalidate({ kind: 'EMBEDDING' })).count).toBe(1);
    expect(await chat('hello?')).toBe('HIT');
  });

  test('of a document makes the vectors of its text and the answers made from it void, and no others', async () => {
    const collectionId = await workspace.createCollection();
    const texts = ['The ferry leaves at nine.', 'The harbour closes at six.'];
    const embed = 'query ($texts: [String!]!) { embed(texts: $texts) { cached } }';
    await workspace.read(embed, { texts });
    const [first, second] = (
      await workspace.store(
        collectionId,
        texts.map((text) => ({ text })),
      )
    ).map(({ id }) => id);
    await answer('When does it leave?', [first as string]);
    await answer('When does it close?', [second as string]);
    expect((await invalidate({ documentIds: [first as string, 'doc_none'] })).count).toBe(2);
    expect(await workspace.read(embed, { texts })).toEqual({ embed: [{ cached: false }, { cached: true }] });
    expect(await answer('When does it leave?', [first as string])).toBe(false);
    expect(await answer('When does it close?', [second as string])).toBe(true);
  });

  test('takes no more than 1,000 documents', async () => {
    const documentIds = Array.from({ length: 1_001 }, (_, i) => `doc_${i}`);
    expect(await invalidate({ documentIds })).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  });

  test('leaves what the workspace has chosen as it is', async () => {
    const choose = 'mutation ($p: JSON!) { updateSettings(input: { preferences: $p }) { __typename } }';
    await workspace.read(choose, { p: { tone: 'plain' } });
    await invalidate({});
    const { viewer } = await workspace.read<{ viewer: { workspace: { settings: { preferences: object } } } }>(
      '{ viewer { workspace { settings { preferences } } } }',
    );
    expect(viewer.workspace.settings.preferences).toEqual({ tone: 'plain' });
  });
});

describe('warmCache', () => {
  test('has texts embedded as queries by a job, so that searches for them find their vectors', async () => {
    const job = await warm(['lost luggage', 'late ferry', 'lost luggage']);
    expect(job).toMatchObject({ __typename: 'Job', kind: 'EMBED' });
    expect(await finished(job.id)).toMatchObject({ result: { done: 2, failed: 0 }, progress: { done: 2, total: 2 } });
    expect((await stats()).embedding).toMatchObject({ entries: 2, hits: 0, misses: 2 });
    await workspace.read(SEARCH, { query: 'late ferry' });
    expect((await stats()).embedding).toMatchObject({ hits: 1, misses: 2 });
  });

  test('a second time makes nothing again', async () => {
    for (let times = 0; times < 2; times++) await finished((await warm(['lost luggage', 'late ferry'])).id);
    expect((await stats()).embedding).toMatchObject({ entries: 2, misses: 2 });
  });

  test.each([
    ['no text', [], ['texts']],
    ['1,001 texts', Array.from({ length: 1_001 }, (_, i) => `text ${i}`), ['texts']],
    ['a text of spaces', ['good', ' \n'], ['texts', '1']],
    ['a text of more than 10,000 characters', ['x'.repeat(10_001)], ['texts', '0']],
  ])('refuses %s, and starts no job', async (_what, texts, path) => {
    expect(await warm(texts)).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path }] });
    const { jobs } = await workspace.read<{ jobs: { nodes: unknown[] } }>('{ jobs { nodes { id } } }');
    expect(jobs.nodes).toEqual([]);
  });
});

describe('the answers of a document', () => {
  let documentId: string;
  let other: string;
  let collectionId: string;
  beforeEach(async () => {
    collectionId = await workspace.createCollection();
    const documents = ['a', 'b'].map((externalId) => ({ externalId, text: `Text of ${externalId}.` }));
    [documentId = '', other = ''] = (await workspace.store(collectionId, documents)).map(({ id }) => id);
    await answer('Of both?', [documentId, other]);
    await answer('Of the other?', [other]);
  });

  test('go at once when it is edited', async () => {
    await workspace.upsert({ collectionId, documents: [{ externalId: 'a', text: 'Another text.' }] });
    expect(await answer('Of both?', [documentId, other])).toBe(false);
    expect(await answer('Of the other?', [other])).toBe(true);
  });

  test('stay when it is written again as it was', async () => {
    await workspace.upsert({ collectionId, documents: [{ externalId: 'a', text: 'Text of a.' }] });
    expect(await answer('Of both?', [documentId, other])).toBe(true);
  });

  test('go at once when it is deleted, by its id or by a filter', async () => {
    await workspace.read('mutation ($id: ID!) { deleteDocuments(input: { ids: [$id] }) { __typename } }', {
      id: documentId,
    });
    expect(await answer('Of both?', [documentId, other])).toBe(false);
    expect(await answer('Of the other?', [other])).toBe(true);
    const filter = { collectionIds: [collectionId] };
    await workspace.read('mutation ($f: DocumentFilter!) { deleteDocuments(input: { filter: $f }) { __typename } }', {
      f: filter,
    });
    expect(await answer('Of the other?', [other])).toBe(false);
  });

  test('go with the whole workspace', async () => {
    const { answerCache } = await answersInMemory();
    expect(answerCache).toBe(2);
    const input = { id: workspace.id, confirmSlug: workspace.slug };
    await workspace.read('mutation ($input: DeleteWorkspaceInput!) { deleteWorkspace(input: $input) { __typename } }', {
      input,
    });
    await expect(answersInMemory()).resolves.toEqual({ answerCache: 0 });
  });

  async function answersInMemory(): Promise<{ answerCache: number }> {
    const [, response] = await server.app.services.caches.stats(callOf(workspace.id).caller);
    return { answerCache: response?.entries ?? -1 };
  }
});
