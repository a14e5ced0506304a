import { createClient } from 'graphql-sse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
let collectionId: string;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
  const { body } = await ask<{ createCollection: { id: string } }>(
    'mutation { createCollection(input: { name: "Notes" }) { ... on Collection { id } } }',
  );
  collectionId = body.data?.createCollection.id ?? '';
});
afterAll(() => server?.close());

const ask = <Data>(document: string, variables = {}) =>
  server.query<Data>(document, variables, { key: workspace.ownerKey });

const UPSERT = /* GraphQL */ `
  mutation ($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) {
      ... on UpsertedDocuments { job { id status progress { done total fraction message } } }
      ... on Error { message }
    }
  }
`;

interface Upserted {
  upsertDocuments: { job: { id: string; status: string; progress: { done: number; total: number | null } } };
}

const documents = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ text: `Note ${index}: the pump of hall ${index % 7} leaks.` }));

describe('a job that a worker runs', () => {
  test('is followed from its beginning to its end, with the progress that it made', async () => {
    const { body } = await ask<Upserted>(UPSERT, {
      input: { collectionId, documents: documents(40), tasks: ['EMBED'] },
    });
    const id = body.data?.upsertDocuments.job.id;
    const client = createClient({
      url: `${server.url}/graphql`,
      headers: { authorization: `Bearer ${workspace.ownerKey}` },
    });
    const told: { seq: number; status: string; progress: { done: number; total: number | null } }[] = [];
    const query = 'subscription ($id: ID!) { job(id: $id) { seq status progress { done total } job { status } } }';
    for await (const { data } of client.iterate<{ job: (typeof told)[number] }>({ query, variables: { id } })) {
      if (data) told.push(data.job);
    }
    client.dispose();
    expect(told.map(({ seq }) => seq)).toEqual(told.map((_, index) => index + 1));
    expect(told[0]).toMatchObject({ status: 'QUEUED' });
    expect(told[1]).toMatchObject({ status: 'RUNNING' });
    expect(told.at(-1)).toMatchObject({ status: 'COMPLETED', progress: { done: 40, total: 40 } });
    const done = told.map(({ progress }) => progress.done);
    expect(done).toEqual([...done].sort((left, right) => left - right));
  });

  test('that is waited for is over in the answer, and leaves nobody listening', async () => {
    const input = {
      collectionId,
      documents: documents(5).map(({ text }) => ({ text: `${text} Again.` })),
      tasks: ['EMBED'],
    };
    const { bus } = server.app.database;
    const listenersBefore = bus.listenerCount;
    const { body } = await ask<Upserted>(UPSERT, { input: { ...input, wait: true } });
    expect(body.data?.upsertDocuments.job).toMatchObject({
      status: 'COMPLETED',
      progress: { done: 5, total: 5, fraction: 1, message: null },
    });
    expect(bus.listenerCount).toBe(listenersBefore);
  });
});
