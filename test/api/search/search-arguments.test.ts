import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let embedded = 0;
let cursor: string | null = null;

const SEARCH = /* GraphQL */ `
  query ($query: String!, $first: Int, $after: String, $minSimilarity: Float) {
    search(query: $query, first: $first, after: $after, minSimilarity: $minSimilarity) { pageInfo { endCursor } }
  }
`;

beforeAll(async () => {
  server = await startTestServer({
    wrapProvider: (provider) => ({
      embed: (request, call) => {
        embedded += 1;
        if (provider.embed === undefined) throw new Error('the provider does not embed');
        return provider.embed(request, call);
      },
      listModels: (call) => provider.listModels(call),
      check: (call) => provider.check(call),
      close: () => provider.close(),
    }),
  });
  workspace = await openWorkspace(server);
  await workspace.store(await workspace.createCollection(), [{ text: 'One ship.' }, { text: 'Two ships.' }]);
  const { search } = await workspace.read<{ search: { pageInfo: { endCursor: string } } }>(SEARCH, {
    query: 'ships',
    first: 1,
  });
  cursor = search.pageInfo.endCursor;
});
afterAll(() => server?.close());

test.each<[string, () => Record<string, unknown>]>([
  ['a page of -1', () => ({ first: -1 })],
  ['a page of 0', () => ({ first: 0 })],
  ['a page of 101', () => ({ first: 101 })],
  ['a threshold of 2', () => ({ minSimilarity: 2 })],
  ['a cursor that is none', () => ({ after: 'zzz' })],
  ['a cursor of another search', () => ({ after: cursor })],
])('%s is refused before the query is embedded', async (what, given) => {
  const before = embedded;
  expect(before).toBeGreaterThan(0);
  expect(await workspace.errorCode(SEARCH, { query: `never embedded: ${what}`, ...given() })).toBe('BAD_INPUT');
  expect(embedded).toBe(before);
});
