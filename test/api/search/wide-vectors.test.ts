import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeIntegration } from '../integrations/integration-client.ts';
import { installModule, registerPlugin } from '../providers/plugin-client.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let client: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  installModule(server.app.config.pluginsDir, 'examples/plugin-module/echo.ts', 'echo.ts');
  expect(await registerPlugin(server, { path: 'echo.ts' })).toMatchObject({ id: 'echo', error: null });
});
beforeEach(async () => {
  client = await openWorkspace(server);
});
afterAll(() => server?.close());

const DOCUMENTS = [
  { externalId: 'csv', text: 'the export to csv failed' },
  { externalId: 'weather', text: 'lovely weather by the lake' },
];

const SETTINGS = /* GraphQL */ `
  mutation Settings($input: UpdateSettingsInput!) {
    updateSettings(input: $input) {
      __typename
    }
  }
`;

const SEARCH = /* GraphQL */ `
  query Search($query: String!, $minSimilarity: Float, $mode: SearchMode) {
    search(query: $query, mode: $mode, minSimilarity: $minSimilarity) {
      nodes { similarity document { externalId } }
      plan { strategy embeddingModel complete }
    }
  }
`;

/** The workspace's documents are embedded by a model of this many dimensions. */
async function embedWith(dimensions: number): Promise<void> {
  await makeIntegration(client, { name: 'words', pluginId: 'echo', config: { dimensions } });
  const input = { models: { embed: { primary: 'words/hashed' } } };
  expect(await client.read(SETTINGS, { input })).toEqual({ updateSettings: { __typename: 'Settings' } });
}

test.each([3_072, 4_000])('documents are embedded and found by a model of %d dimensions', async (dimensions) => {
  await embedWith(dimensions);
  const collectionId = await client.createCollection();
  const stored = await client.upsert({ collectionId, documents: DOCUMENTS, tasks: ['EMBED'], wait: true });
  expect(stored.documents.map(({ embedding }) => embedding.status)).toEqual(['READY', 'READY']);
  for (const mode of ['SEMANTIC', 'HYBRID']) {
    const query = { query: 'the export to csv failed', mode, minSimilarity: 1 };
    const { search } = await client.read<{ search: object }>(SEARCH, query);
    expect(search).toEqual({
      nodes: [{ similarity: 1, document: { externalId: 'csv' } }],
      plan: { strategy: mode === 'HYBRID' ? 'HYBRID_EXACT' : 'EXACT', embeddingModel: 'words/hashed', complete: true },
    });
  }
});

test('a model of more than 4,000 dimensions is refused for documents, and it is said why', async () => {
  await embedWith(4_001);
  const body = await client.ask(SEARCH, { query: 'export', mode: 'SEMANTIC' });
  expect(body.errors?.[0]).toMatchObject({
    message: expect.stringContaining('words/hashed have 4001 dimensions; documents are stored with 4000 at the most'),
    extensions: { code: 'NO_PROVIDER' },
  });
});
