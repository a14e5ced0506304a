import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;

/** The provider itself, whose default model has a second name. */
function withAlias(provider: Provider): Provider {
  return {
    embed: (request, call) => {
      if (provider.embed === undefined) throw new Error('the provider does not embed');
      return provider.embed(request, call);
    },
    listModels: async (call) =>
      (await provider.listModels(call)).map((model) =>
        model.name === 'use-lite-768' ? { ...model, aliases: ['someone/use-lite'] } : model,
      ),
    check: (call) => provider.check(call),
    close: () => provider.close(),
  };
}

beforeAll(async () => {
  const environment = { SIGNALBOX_EMBEDDING_MODEL: 'local/someone/use-lite' };
  server = await startTestServer({ environment, wrapProvider: withAlias });
  workspace = await openWorkspace(server);
});
afterAll(() => server?.close());

test('documents are embedded once and count as READY where the model is set by an alias', async () => {
  const collectionId = await workspace.createCollection('TEXT');
  const documents = [{ externalId: 'a', text: 'The harbour is closed.' }];
  const first = await workspace.upsert({ collectionId, documents, tasks: ['EMBED'], wait: true });
  expect(first.documents.map(({ embedding }) => embedding.status)).toEqual(['READY']);
  const second = await workspace.upsert({ collectionId, documents, tasks: ['EMBED'], wait: true });
  expect([second.unchanged, second.job]).toEqual([1, null]);
  const { collections } = await workspace.read<{
    collections: { nodes: { embeddingCoverage: number }[] };
  }>('{ collections { nodes { embeddingCoverage } } }');
  expect(collections.nodes).toEqual([{ embeddingCoverage: 1 }]);
});
