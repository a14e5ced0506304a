import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const PAGE_SIZE = 50;

let server: TestServer;
let workspace: WorkspaceClient;
/** How many texts each call of the provider had, since the last test began. */
let calls: number[] = [];

/** The provider itself, with its calls counted. */
function counted(provider: Provider): Provider {
  return {
    embed: (request, call) => {
      calls.push(request.texts.length);
      if (provider.embed === undefined) throw new Error('the provider does not embed');
      return provider.embed(request, call);
    },
    listModels: (call) => provider.listModels(call),
    check: (call) => provider.check(call),
    close: () => provider.close(),
  };
}

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: counted });
  // What the taxonomies themselves need is embedded once a process, by whoever asks first.
  const first = await openWorkspace(server);
  await first.read('{ sentiment(text: "hello") { label } classify(text: "hello") { type } }');
  await first.read('{ classify(text: "hello", taxonomy: "intent") { taxonomy } }');
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  const collectionId = await workspace.createCollection('FEEDBACK');
  const documents = Array.from({ length: PAGE_SIZE }, (_, i) => ({
    text: `Report ${i}: door ${i * 7} does not open.`,
  }));
  await workspace.upsert({ collectionId, documents, tasks: [] });
  calls = [];
});
afterAll(() => server.close());

interface Page {
  documents: { nodes: Record<'classification' | 'sentiment' | 'intent', object | null>[] };
}

async function readPage(fields: string) {
  const { data, errors, extensions } = await workspace.ask<Page>(
    `{ documents(first: ${PAGE_SIZE}) { nodes { ${fields} } } }`,
  );
  expect(errors).toBeUndefined();
  return { nodes: data?.documents.nodes ?? [], usage: extensions?.usage };
}

test.each(['classification { type }', 'sentiment { label }', 'intent { labels { label } }'])(
  'a page of 50 documents with %s makes one provider call',
  async (field) => {
    const { nodes, usage } = await readPage(field);
    expect(nodes).toHaveLength(PAGE_SIZE);
    expect(calls).toEqual([PAGE_SIZE]);
    expect(usage).toMatchObject({ calls: 1, cacheHits: 0, costUsd: '0' });
  },
);

test('a page with three AI fields makes no more than one provider call a field, and says so', async () => {
  const { nodes, usage } = await readPage('classification { type } sentiment { label } intent { labels { label } }');
  for (const node of nodes) expect(Object.values(node)).not.toContain(null);
  expect(calls.length).toBeGreaterThanOrEqual(1);
  expect(calls.length).toBeLessThanOrEqual(3);
  expect(usage).toMatchObject({ calls: calls.length });
});

test('the same taxonomy under two names in one document is asked for once', async () => {
  const { usage } = await readPage('a: classification { type } b: classification { urgency }');
  expect(calls).toEqual([PAGE_SIZE]);
  expect(usage).toMatchObject({ calls: 1 });
});

test('the second read makes no call and spends nothing', async () => {
  const fields = 'classification { type confidence } sentiment { label score } intent { confidence }';
  const first = await readPage(fields);
  calls = [];
  const second = await readPage(fields);
  expect(second.nodes).toEqual(first.nodes);
  expect(calls).toEqual([]);
  expect(second.usage).toBeUndefined();
});

test('after one document was edited, the page makes a call for that one alone', async () => {
  const collectionId = await workspace.createCollection('FEEDBACK');
  const write = (text: string) =>
    workspace.upsert({ collectionId, documents: [{ externalId: 'edited', text }], tasks: [] });
  await write('The first text.');
  await readPage('classification { type }');
  calls = [];
  await write('The second text.');
  await readPage('classification { type }');
  expect(calls).toEqual([1]);
});
