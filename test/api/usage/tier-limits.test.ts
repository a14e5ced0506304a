import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { addToMeter } from '../../../src/domain/usage/usage-store.ts';
import { startOfDay } from '../../../src/domain/usage/utc-day.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const FREE_EMBEDDINGS = 1_000;

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server, { tier: 'FREE' });
});
afterAll(() => server.close());

const EMBED = 'query ($texts: [String!]!) { embed(texts: $texts) { cached } }';
const texts = (count: number, about: string) => Array.from({ length: count }, (_, i) => `${about} ${i}`);

/** Counts embeddings without making them: as if the workspace had used them up to now. */
async function useEmbeddings(amount: number): Promise<void> {
  await server.app.database.withWorkspace(workspace.id, (scope) =>
    addToMeter(scope, 'EMBEDDINGS', startOfDay(Date.now()), amount),
  );
}

async function embeddingsUsed(): Promise<number> {
  const { usage } = await workspace.read<{ usage: { limits: { meter: string; used: number }[] } }>(
    '{ usage { limits { meter used } } }',
  );
  return usage.limits.find(({ meter }) => meter === 'EMBEDDINGS')?.used ?? 0;
}

async function countDocuments(): Promise<number> {
  const { documents } = await workspace.read<{ documents: { totalCount: number } }>('{ documents { totalCount } }');
  return documents.totalCount;
}

async function raiseTier(): Promise<void> {
  const { body } = await server.query<{ updateWorkspace: { tier: string } }>(
    'mutation ($id: ID!) { updateWorkspace(input: { id: $id, tier: PRO }) { ... on Workspace { tier } } }',
    { id: workspace.id },
    { key: server.rootKey },
  );
  expect(body.data?.updateWorkspace.tier).toBe('PRO');
}

test('the 1,001st embedding of a FREE workspace is refused, with what is used and when some of it comes back', async () => {
  await workspace.read(EMBED, { texts: texts(FREE_EMBEDDINGS, 'word') });
  const { data, errors } = await workspace.ask(EMBED, { texts: ['one more'] });
  expect(data).toBeFalsy();
  expect(errors?.[0]?.extensions).toEqual({
    code: 'LIMIT_REACHED',
    meter: 'EMBEDDINGS',
    limit: FREE_EMBEDDINGS,
    used: FREE_EMBEDDINGS,
    resetsAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT00:00:00.000Z$/),
  });
  expect(Date.parse(String(errors?.[0]?.extensions.resetsAt))).toBeGreaterThan(Date.now());
  expect(await embeddingsUsed()).toBe(FREE_EMBEDDINGS);
});

test('a call that would go over the limit is refused whole, and what still fits is granted', async () => {
  await useEmbeddings(995);
  expect(await workspace.errorCode(EMBED, { texts: texts(6, 'too many') })).toBe('LIMIT_REACHED');
  expect(await embeddingsUsed()).toBe(995);
  expect(await workspace.errorCode(EMBED, { texts: texts(5, 'just enough') })).toBeNull();
  expect(await embeddingsUsed()).toBe(FREE_EMBEDDINGS);
});

test('what the cache has is free, also when the allowance is used up', async () => {
  await workspace.read(EMBED, { texts: texts(10, 'word') });
  await useEmbeddings(990);
  const { embed } = await workspace.read<{ embed: { cached: boolean }[] }>(EMBED, { texts: ['word 7', 'word 8'] });
  expect(embed).toEqual([{ cached: true }, { cached: true }]);
});

test('an upsert that the allowance does not cover is refused, and nothing is written', async () => {
  await useEmbeddings(990);
  const collectionId = await workspace.createCollection();
  const documents = texts(11, 'Document').map((text, i) => ({ externalId: `d-${i}`, text }));
  const refused = await workspace.upsert({ collectionId, documents, wait: true });
  expect(refused).toMatchObject({
    __typename: 'LimitReachedError',
    code: 'LIMIT_REACHED',
    meter: 'EMBEDDINGS',
    limit: FREE_EMBEDDINGS,
    used: 990,
  });
  expect(Date.parse(refused.resetsAt)).toBeGreaterThan(Date.now());
  expect(await countDocuments()).toBe(0);
  const { jobs } = await workspace.read<{ jobs: { nodes: object[] } }>('{ jobs { nodes { id } } }');
  expect(jobs.nodes).toEqual([]);

  expect((await workspace.upsert({ collectionId, documents: documents.slice(1), wait: true })).created).toBe(10);
  expect(await embeddingsUsed()).toBe(FREE_EMBEDDINGS);
});

test('documents that need no embedding are written without an allowance', async () => {
  const collectionId = await workspace.createCollection();
  const documents = [{ externalId: 'kept', text: 'Embedded while there was something left.' }];
  await workspace.store(collectionId, documents);
  await useEmbeddings(999);
  const renamed = documents.map((document) => ({ ...document, metadata: { shelf: 3 } }));
  expect(await workspace.upsert({ collectionId, documents: renamed })).toMatchObject({ updated: 1 });
  const without = { collectionId, documents: [{ text: 'Only kept.' }], tasks: [] };
  expect(await workspace.upsert(without)).toMatchObject({ created: 1, job: null });
  expect(await workspace.upsert({ ...without, tasks: ['EMBED'] })).toMatchObject({ code: 'LIMIT_REACHED' });
});

test('twenty calls at once use the allowance up and never pass it', async () => {
  const [before, each] = [900, 7];
  await useEmbeddings(before);
  const calls = Array.from({ length: 20 }, (_, i) => workspace.errorCode(EMBED, { texts: texts(each, `call ${i}`) }));
  const codes = await Promise.all(calls);
  const granted = codes.filter((code) => code === null).length;
  expect(granted).toBe(Math.floor((FREE_EMBEDDINGS - before) / each));
  expect(codes.filter((code) => code === 'LIMIT_REACHED')).toHaveLength(20 - granted);
  expect(await embeddingsUsed()).toBe(before + granted * each);
});

test('one workspace at its limit does not hold up another', async () => {
  await useEmbeddings(FREE_EMBEDDINGS);
  const other = await openWorkspace(server, { tier: 'FREE' });
  expect(await other.errorCode(EMBED, { texts: ['word 1'] })).toBeNull();
});

test('a raised tier counts for the next call', async () => {
  await useEmbeddings(FREE_EMBEDDINGS);
  expect(await workspace.errorCode(EMBED, { texts: ['one more'] })).toBe('LIMIT_REACHED');
  await raiseTier();
  expect(await workspace.errorCode(EMBED, { texts: ['one more'] })).toBeNull();
});

interface Job {
  status: string;
  attempt: number;
  error: string | null;
  nextAttemptAt: string | null;
}

test('a job that goes over the limit waits and is not lost; with a raised tier it is done', async () => {
  const collectionId = await workspace.createCollection();
  // A long text is embedded in many pieces: how many is only known when the job runs.
  const documents = ['morning', 'evening'].map((time) => ({
    text: texts(600, `The ${time} ferry of this line calls at quay`).join('. '),
  }));
  await useEmbeddings(900);
  const { job } = await workspace.upsert({ collectionId, documents });
  const readJob = async () => {
    const { node } = await workspace.read<{ node: Job }>(
      'query ($id: ID!) { node(id: $id) { ... on Job { status attempt error nextAttemptAt } } }',
      { id: job?.id },
    );
    return node;
  };
  const waiting = await waitFor('the job to wait', async () => {
    const seen = await readJob();
    return seen.status === 'RETRYING' && seen;
  });
  expect(waiting.error).toContain('FREE');
  expect(waiting.attempt).toBe(0);
  expect(Date.parse(waiting.nextAttemptAt ?? '') - Date.now()).toBeLessThanOrEqual(3_600_000);
  expect(await embeddingsUsed()).toBeLessThanOrEqual(FREE_EMBEDDINGS);
  expect(await countDocuments()).toBe(2);

  // Its wait is not over for long.
  await raiseTier();
  await waitFor('the job to be done', async () => (await readJob()).status === 'COMPLETED');
  const { documents: ready } = await workspace.read<{ documents: { totalCount: number } }>(
    '{ documents(filter: { embedding: [READY] }) { totalCount } }',
  );
  expect(ready.totalCount).toBe(2);
});
