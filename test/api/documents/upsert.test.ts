import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { type DocumentInput, type DocumentKind, openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

const texts = (count: number, about: string): DocumentInput[] =>
  Array.from({ length: count }, (_, i) => ({ externalId: `${about}-${i}`, text: `Note ${i} about ${about}.` }));

async function countIn(collectionId: string): Promise<number> {
  const { documents } = await workspace.read<{ documents: { totalCount: number } }>(
    'query ($ids: [ID!]) { documents(filter: { collectionIds: $ids }) { totalCount } }',
    { ids: [collectionId] },
  );
  return documents.totalCount;
}

/** Texts that a provider has embedded for this workspace. */
async function embeddingsMade(client: WorkspaceClient): Promise<number> {
  const { usage } = await client.read<{ usage: { total: { embeddings: number } } }>(
    '{ usage { total { embeddings } } }',
  );
  return usage.total.embeddings;
}

interface StoredDocument {
  title: string | null;
  text: string;
  createdAt: string;
  embedding: { status: string };
}

async function readDocument(id: string): Promise<StoredDocument> {
  const { node } = await workspace.read<{ node: StoredDocument }>(
    'query ($id: ID!) { node(id: $id) { ... on Document { title text createdAt embedding { status } } } }',
    { id },
  );
  return node;
}

test('a document that is written twice by its external id is one document', async () => {
  const collectionId = await workspace.createCollection();
  const first = await workspace.upsert({ collectionId, documents: texts(3, 'tides'), wait: true });
  const again = await workspace.upsert({ collectionId, documents: texts(3, 'tides'), wait: true });
  expect(first).toMatchObject({ created: 3, updated: 0, unchanged: 0, job: { kind: 'EMBED', status: 'COMPLETED' } });
  expect(again).toMatchObject({ created: 0, updated: 0, unchanged: 3, job: null });
  expect(again.documents.map(({ id }) => id)).toEqual(first.documents.map(({ id }) => id));
  expect(await countIn(collectionId)).toBe(3);
});

test('the same external id in another collection is another document', async () => {
  const [one, two] = [await workspace.createCollection(), await workspace.createCollection()];
  const documents = texts(1, 'lighthouses');
  const first = await workspace.upsert({ collectionId: one, documents, tasks: [] });
  const second = await workspace.upsert({ collectionId: two, documents, tasks: [] });
  expect(second.created).toBe(1);
  expect(second.documents[0]?.id).not.toBe(first.documents[0]?.id);
});

test('a call that is repeated with its idempotency key does nothing again and gets the same answer', async () => {
  const collectionId = await workspace.createCollection();
  const call = { collectionId, documents: [{ text: 'Without an external id.' }], tasks: [], idempotencyKey: 'repeat' };
  const first = await workspace.upsert(call);
  const again = await workspace.upsert(call);
  expect(again).toEqual(first);
  expect(first.created).toBe(1);
  expect(await countIn(collectionId)).toBe(1);
});

test('two identical calls with one idempotency key that run at once are done once', async () => {
  const collectionId = await workspace.createCollection();
  const documents = [{ text: 'Sent twice by an impatient client.' }, { text: 'And this one with it.' }];
  const call = { collectionId, documents, tasks: [] as [], idempotencyKey: 'at-once' };
  const answers = await Promise.all([1, 2, 3, 4].map(() => workspace.upsert(call)));
  expect(answers.map(({ documents: written }) => written.map(({ id }) => id))).toEqual(
    Array(4).fill(answers[0]?.documents.map(({ id }) => id)),
  );
  expect(await countIn(collectionId)).toBe(2);
});

test('an idempotency key that was used for another input is a conflict, and nothing is written', async () => {
  const collectionId = await workspace.createCollection();
  const call = { collectionId, tasks: [] as [], idempotencyKey: 'reused' };
  await workspace.upsert({ ...call, documents: [{ text: 'The first input.' }] });
  const other = await workspace.upsert({ ...call, documents: [{ text: 'Another input.' }] });
  expect(other).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
  expect(await countIn(collectionId)).toBe(1);
});

test('a call may carry 1,000 documents, and not 1,001', async () => {
  const collectionId = await workspace.createCollection();
  const tooMany = await workspace.upsert({ collectionId, documents: texts(1_001, 'shoals'), tasks: [] });
  expect(tooMany).toMatchObject({ __typename: 'InvalidInputError', issues: [{ path: ['documents'] }] });
  expect(await countIn(collectionId)).toBe(0);
  const most = await workspace.upsert({ collectionId, documents: texts(1_000, 'shoals'), tasks: [] });
  expect(most).toMatchObject({ created: 1_000, job: null });
  expect(most.documents).toHaveLength(1_000);
});

test('a text that has not changed is not embedded again', async () => {
  const client = await openWorkspace(server);
  const collectionId = await client.createCollection();
  const documents = texts(20, 'harbours');
  await client.store(collectionId, documents);
  const before = await embeddingsMade(client);
  expect(before).toBe(20);
  await client.store(collectionId, documents);
  await client.store(
    collectionId,
    documents.map((document) => ({ ...document, metadata: { seen: true } })),
  );
  expect(await embeddingsMade(client)).toBe(before);
});

test('what changes beside the text of a document is an update', async () => {
  const collectionId = await workspace.createCollection();
  const [document] = texts(1, 'ferries');
  await workspace.upsert({ collectionId, documents: [document as DocumentInput], tasks: [] });
  const changed = { ...document, metadata: { route: 'north' } };
  expect(await workspace.upsert({ collectionId, documents: [changed], tasks: [] })).toMatchObject({ updated: 1 });
});

test('a changed text is STALE until it is embedded, and then READY', async () => {
  const collectionId = await workspace.createCollection();
  const [stored] = await workspace.store(collectionId, [{ externalId: 'buoy', text: 'The buoy is red.' }]);
  expect(stored?.embedding.status).toBe('READY');
  const id = stored?.id as string;
  const change = { collectionId, documents: [{ externalId: 'buoy', text: 'The buoy is green.' }] };
  await workspace.upsert({ ...change, tasks: [] });
  expect(await readDocument(id)).toMatchObject({ text: 'The buoy is green.', embedding: { status: 'STALE' } });
  const repeated = await workspace.upsert({ ...change, wait: true });
  expect(repeated).toMatchObject({ unchanged: 1, job: { status: 'COMPLETED' } });
  expect((await readDocument(id)).embedding.status).toBe('READY');
});

test('without waiting the answer comes at once, and the document ends up READY', async () => {
  const collectionId = await workspace.createCollection();
  const result = await workspace.upsert({ collectionId, documents: texts(2, 'moorings') });
  const id = result.documents[0]?.id as string;
  expect(result.job).not.toBeNull();
  await waitFor('a READY document', async () => (await readDocument(id)).embedding.status === 'READY');
});

test('a document keeps its createdAt where the next call leaves it out', async () => {
  const collectionId = await workspace.createCollection();
  const createdAt = '2024-02-29T12:30:00.000Z';
  const [document] = await workspace.store(collectionId, [{ externalId: 'old', text: 'Long ago.', createdAt }]);
  await workspace.store(collectionId, [{ externalId: 'old', text: 'Long ago, and edited.' }]);
  expect((await readDocument(document?.id as string)).createdAt).toBe(createdAt);
});

test('one document that cannot be stored keeps all of its call from being stored', async () => {
  const collectionId = await workspace.createCollection();
  const documents = [...texts(5, 'wrecks'), { externalId: 'nothing' }, { externalId: 'wrecks-0', text: 'Twice.' }];
  const refused = await workspace.upsert({ collectionId, documents });
  expect(refused.__typename).toBe('InvalidInputError');
  expect(refused.issues.map(({ path }) => path)).toEqual([
    ['documents', '5'],
    ['documents', '6', 'externalId'],
  ]);
  expect(await countIn(collectionId)).toBe(0);
});

test('a collection of another workspace is not found', async () => {
  const other = await openWorkspace(server);
  const collectionId = await other.createCollection();
  expect(await workspace.upsert({ collectionId, documents: texts(1, 'elsewhere') })).toMatchObject({
    __typename: 'NotFoundError',
    code: 'NOT_FOUND',
  });
});

test('writers of the same documents in opposite orders at once all succeed', async () => {
  const collectionId = await workspace.createCollection();
  const version = (number: number) =>
    texts(200, 'currents').map((document) => ({ ...document, text: `${document.text} Version ${number}.` }));
  await workspace.upsert({ collectionId, documents: version(0), tasks: [] });
  const writers = Array.from({ length: 8 }, (_, i) => {
    const documents = i % 2 === 0 ? version(i) : version(i).reverse();
    return workspace.upsert({ collectionId, documents, tasks: [] });
  });
  for (const result of await Promise.all(writers)) expect(result.__typename).toBe('UpsertedDocuments');
  expect(await countIn(collectionId)).toBe(200);
});

test('writers who create the same documents at once make each of them once', async () => {
  const collectionId = await workspace.createCollection();
  const documents = texts(100, 'eddies');
  const writers = Array.from({ length: 6 }, (_, i) =>
    workspace.upsert({ collectionId, documents: i % 2 === 0 ? documents : [...documents].reverse(), tasks: [] }),
  );
  const results = await Promise.all(writers);
  expect(results.reduce((sum, { created }) => sum + created, 0)).toBe(100);
  expect(await countIn(collectionId)).toBe(100);
});

const SOURCES: Record<string, { source: object; title: string | null; contains: string[]; lacks: string[] }> = {
  FEEDBACK: {
    source: { title: 'Dark mode', body: '<p>My eyes <b>hurt</b> at night.</p>', board: 'Ideas', votes: 12 },
    title: 'Dark mode',
    contains: ['My eyes hurt at night.', 'Ideas', '12'],
    lacks: ['<b>', '<p>'],
  },
  COMPANY: {
    source: {
      name: 'Quayside Robotics',
      description: 'Builds cranes.',
      sic_codes: ['28220'],
      website: 'https://www.quay.example/',
    },
    title: 'Quayside Robotics',
    contains: ['Builds cranes.', '28220', 'quay.example'],
    lacks: ['https://'],
  },
  JIRA_ISSUE: {
    source: {
      key: 'QR-7',
      fields: { summary: 'Crane stalls', description: 'h1. Steps\n*Lift* a box.', priority: { name: 'High' } },
    },
    title: 'Crane stalls',
    contains: ['Steps', 'Lift a box.', 'High'],
    lacks: ['h1.', '*Lift*'],
  },
  PULL_REQUEST: {
    source: { title: 'Fix the stall', body: 'Closes **#7**.', state: 'open', labels: [{ name: 'motor' }] },
    title: 'Fix the stall',
    contains: ['Closes #7.', 'open', 'motor'],
    lacks: ['**'],
  },
  COMMIT: {
    source: {
      commit: { message: 'Raise the limit\n\nThe motor can do it.' },
      files: [{ filename: 'src/motor.ts', additions: 3 }],
    },
    title: 'Raise the limit',
    contains: ['The motor can do it.', 'src/motor.ts'],
    lacks: ['{'],
  },
  MESSAGE: {
    source: { user: { name: 'Ines' }, channel: 'cranes', text: 'It <https://quay.example|stalls> again' },
    title: null,
    contains: ['Ines', 'cranes', 'stalls again'],
    lacks: ['https://'],
  },
  TEXT: { source: { text: 'A plain note.' }, title: null, contains: ['A plain note.'], lacks: ['{'] },
};

test.each(Object.entries(SOURCES))('a source of the kind %s becomes readable text', async (kind, expected) => {
  const collectionId = await workspace.createCollection(kind as DocumentKind);
  const { documents } = await workspace.upsert({ collectionId, documents: [{ source: expected.source }], tasks: [] });
  const document = await readDocument(documents[0]?.id as string);
  expect(document.title).toBe(expected.title);
  for (const part of expected.contains) expect(document.text).toContain(part);
  for (const part of expected.lacks) expect(document.text).not.toContain(part);
});

test('the same new documents sent several times at once are made once, and every answer names them', async () => {
  const collectionId = await workspace.createCollection();
  const documents = texts(20, 'echoes').map((document) => ({ ...document, createdAt: '2026-05-01T08:00:00.000Z' }));
  const answers = await Promise.all(Array.from({ length: 6 }, () => workspace.upsert({ collectionId, documents })));
  expect(answers.map(({ code, message }) => ({ code, message }))).toEqual(answers.map(() => ({})));
  const ids = answers.map((answer) => answer.documents.map(({ id }) => id));
  expect(new Set(ids.map((list) => list.join())).size).toBe(1);
  expect(ids[0]).toHaveLength(20);
  expect(answers.reduce((sum, { created }) => sum + created, 0)).toBe(20);
});

test('a task that was not asked for the last time is done on documents that have not changed', async () => {
  const collectionId = await workspace.createCollection();
  const documents = texts(2, 'second thoughts');
  expect(await workspace.upsert({ collectionId, documents, tasks: [] })).toMatchObject({ created: 2, job: null });
  const again = await workspace.upsert({ collectionId, documents, tasks: ['SENTIMENT'], wait: true });
  expect(again).toMatchObject({ unchanged: 2, job: { kind: 'PROCESS_DOCUMENTS', status: 'COMPLETED' } });
});
