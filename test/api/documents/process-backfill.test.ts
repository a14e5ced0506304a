import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import {
  backfill,
  insertMany,
  isCompleted,
  jobsOf,
  process,
  scriptedEmbedding,
  statuses,
  untilJob,
} from './processing-client.ts';

const embedding = scriptedEmbedding();
const sizes: number[] = [];

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;

/** The scripted models, and another one of three dimensions beside. */
function withSecondModel(provider: Provider): Provider {
  return embedding.wrap({
    embed: provider.embed?.bind(provider),
    listModels: async (call) => {
      const models = await provider.listModels(call);
      const [first] = models.filter(({ embedding: traits }) => traits !== undefined);
      if (first === undefined) throw new Error('the provider embeds');
      return [...models, { ...first, name: 'second', aliases: [], dimensions: 3 }];
    },
    check: (call) => provider.check(call),
    close: () => provider.close(),
  });
}

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: withSecondModel });
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection();
  embedding.texts.length = 0;
  sizes.length = 0;
  embedding.before = ({ texts }) => {
    sizes.push(texts.length);
  };
});
afterAll(() => server?.close());

async function choose(primary: string): Promise<void> {
  const mutation =
    'mutation ($models: JSON!) { updateSettings(input: { models: $models }) { __typename ... on Error { message } } }';
  await workspace.read(mutation, { models: { embed: { primary } } });
}

async function finished(input: object = {}) {
  const job = await backfill(workspace, input);
  if (job.__typename !== 'Job') throw new Error(`refused: ${JSON.stringify(job)}`);
  return untilJob(workspace, job.id, isCompleted);
}

describe('a backfill', () => {
  test('embeds what has no vector of its text, in the queue for large work, and nothing twice', async () => {
    await insertMany(server.app, workspace.id, collectionId, 150);
    const job = await finished();
    expect(job).toMatchObject({ kind: 'BACKFILL_EMBEDDINGS', queue: 'BATCH', result: { done: 150, failed: 0 } });
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 150 });
    expect((await finished()).result).toEqual({ done: 0, failed: 0 });
    expect(embedding.texts).toHaveLength(150);
  });

  test('tries those again that were refused before', async () => {
    await insertMany(server.app, workspace.id, collectionId, 20);
    embedding.before = ({ texts }) => {
      if (texts.includes('note 7')) throw new ProviderError('too_large', 'too long for this week');
    };
    await untilJob(workspace, (await process(workspace, { filter: {}, tasks: ['EMBED'] })).id, isCompleted);
    expect(await statuses(server.app, workspace.id)).toEqual({ FAILED: 1, READY: 19 });
    const [followUp] = await jobsOf(workspace, ['EMBED']);
    await untilJob(workspace, followUp?.id ?? '', ({ status }) => status === 'RETRYING');
    embedding.before = () => undefined;
    expect((await finished()).result).toEqual({ done: 1, failed: 0 });
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 20 });
  });

  test('keeps to the collection, the documents and the size of its batches', async () => {
    const [first, ...others] = await insertMany(server.app, workspace.id, collectionId, 60);
    const elsewhere = await workspace.createCollection();
    const [strange] = await insertMany(server.app, workspace.id, elsewhere, 5, 'elsewhere');
    const narrow = await finished({ collectionId, documentIds: [first, strange] });
    expect(narrow.result).toEqual({ done: 1, failed: 0 });
    expect(embedding.texts).toEqual(['note 1']);
    sizes.length = 0;
    const rest = await finished({ collectionId, batchSize: 7 });
    expect(rest.result).toEqual({ done: others.length, failed: 0 });
    expect(Math.max(...sizes)).toBe(7);
    expect(await statuses(server.app, workspace.id)).toEqual({ MISSING: 5, READY: 60 });
  });

  test('of another model prepares a change to it: the documents keep their state, and are paid once', async () => {
    await insertMany(server.app, workspace.id, collectionId, 40);
    await finished();
    expect((await finished({ model: 'local/second' })).result).toEqual({ done: 40, failed: 0 });
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 40 });
    expect((await finished({ model: 'local/second' })).result).toEqual({ done: 0, failed: 0 });
    expect(embedding.texts).toHaveLength(80);
    await choose('local/second');
    // One text has changed since: that one is embedded, the others are taken over.
    await server.app.database.withWorkspace(
      workspace.id,
      ({ sql }) => sql`
        update documents set text = 'edited', content_hash = sha256('edited'), embedding_status = 'STALE'
        where id = 'doc_note_0000009'`,
    );
    expect((await finished()).result).toEqual({ done: 40, failed: 0 });
    expect(embedding.texts.slice(80)).toEqual(['edited']);
    const query = '{ documents(first: 100) { nodes { embedding { status model } } } }';
    const { documents } = await workspace.read<{ documents: { nodes: object[] } }>(query);
    expect(new Set(documents.nodes.map((node) => JSON.stringify(node)))).toEqual(
      new Set([JSON.stringify({ embedding: { status: 'READY', model: 'local/second' } })]),
    );
  });

  test.each([
    ['a model that is not there', { model: 'local/nothing' }, 'BAD_INPUT'],
    ['a batch of 101', { batchSize: 101 }, 'BAD_INPUT'],
    ['a collection that is not there', { collectionId: 'col_nothing' }, 'NOT_FOUND'],
  ])('refuses %s', async (_what, input, code) => {
    expect(await backfill(workspace, input)).toMatchObject({ code });
  });
});
