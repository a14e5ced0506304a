import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { judgeAll, writingProvider } from '../../domain/classification/llm-fixtures.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const writer = writingProvider(judgeAll);

let server: TestServer;
let workspace: WorkspaceClient;

/** The built-in provider, with a model that writes beside its own. */
function withWriter(provider: Provider): Provider {
  return {
    embed: (request, call) => {
      if (provider.embed === undefined) throw new Error('the provider does not embed');
      return provider.embed(request, call);
    },
    generate: writer.generate,
    listModels: async (call) => [...(await provider.listModels(call)), ...(await writer.listModels(call))],
    check: (call) => provider.check(call),
    close: () => provider.close(),
  };
}

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: withWriter });
  workspace = await openWorkspace(server);
  const choose = /* GraphQL */ `
    mutation Choose($models: JSON!) {
      updateSettings(input: { models: $models }) {
        __typename
        ... on Error { message }
      }
    }
  `;
  const { updateSettings } = await workspace.read<{ updateSettings: object }>(choose, {
    models: { classify: { primary: 'local/writer' } },
  });
  expect(updateSettings).toEqual({ __typename: 'Settings' });
});
afterAll(() => server.close());

test('a page of 25 documents makes three calls of the chosen model, says so, and none when it is read again', async () => {
  const collectionId = await workspace.createCollection('FEEDBACK');
  const documents = Array.from({ length: 25 }, (_, i) => ({ text: i % 2 === 0 ? `${i} crashes` : `What is ${i}?` }));
  await workspace.upsert({ collectionId, documents, tasks: [] });
  const page = '{ documents(first: 25) { nodes { text classification { type model } } } }';
  type Page = { documents: { nodes: { text: string; classification: { type: string; model: string } | null }[] } };
  const first = await workspace.ask<Page>(page);
  expect(first.errors).toBeUndefined();
  const nodes = first.data?.documents.nodes ?? [];
  expect(nodes).toHaveLength(25);
  for (const { text, classification } of nodes) {
    const type = text.endsWith('crashes') ? 'BUG' : 'QUESTION';
    expect(classification).toEqual({ type, model: 'local/writer' });
  }
  expect(first.extensions?.usage).toMatchObject({ calls: 3 });
  expect(writer.questions).toHaveLength(3);
  const second = await workspace.ask<Page>(page);
  expect(second.data).toEqual(first.data);
  expect(writer.questions).toHaveLength(3);
});
