import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Deletion {
  __typename: string;
  count: number;
  code: string;
}

async function remove(client: WorkspaceClient, input: Record<string, unknown>): Promise<Deletion> {
  const { deleteDocuments } = await client.read<{ deleteDocuments: Deletion }>(
    `mutation ($input: DeleteDocumentsInput!) {
      deleteDocuments(input: $input) { __typename ... on Deleted { count } ... on Error { code } }
    }`,
    { input },
  );
  return deleteDocuments;
}

async function found(query: string, collectionId: string): Promise<string[]> {
  const results = await Promise.all(
    ['SEMANTIC', 'KEYWORD', 'HYBRID'].map((mode) =>
      workspace.read<{ search: { nodes: { document: { externalId: string } }[] } }>(
        `query ($query: String!, $mode: SearchMode!, $ids: [ID!]) {
          search(query: $query, mode: $mode, filter: { collectionIds: $ids }) { nodes { document { externalId } } }
        }`,
        { query, mode, ids: [collectionId] },
      ),
    ),
  );
  return results.flatMap(({ search }) => search.nodes.map(({ document }) => document.externalId));
}

const DOCUMENTS = [
  { externalId: 'anchor', text: 'The anchor drags in a southerly gale.', metadata: { deck: 'lower' } },
  { externalId: 'kettle', text: 'The kettle whistles in the galley.', metadata: { deck: 'upper' } },
  { externalId: 'bell', text: 'The bell rings at eight.', metadata: { deck: 'upper' } },
];

test('a document that is deleted by its id is found no more, and its vectors and labels are gone', async () => {
  const collectionId = await workspace.createCollection('FEEDBACK');
  const [anchor] = await workspace.store(collectionId, DOCUMENTS);
  const id = anchor?.id as string;
  const { node } = await workspace.read<{ node: { classification: { id: string } } }>(
    'query ($id: ID!) { node(id: $id) { ... on Document { classification { id } } } }',
    { id },
  );
  expect(await found('anchor drags gale', collectionId)).toContain('anchor');

  expect(await remove(workspace, { ids: [id] })).toEqual({ __typename: 'Deleted', count: 1 });

  expect(await found('anchor drags gale', collectionId)).not.toContain('anchor');
  const byId = 'query ($id: ID!) { node(id: $id) { id } }';
  expect(await workspace.errorCode(byId, { id })).toBe('NOT_FOUND');
  expect(await workspace.errorCode(byId, { id: node.classification.id })).toBe('NOT_FOUND');
  const [left] = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`
      select (select count(*)::int from chunks where document_id = ${id}) as chunks,
        (select count(*)::int from classifications where document_id = ${id}) as labels`,
  );
  expect(left).toEqual({ chunks: 0, labels: 0 });
});

test('deleting the same document again deletes nothing', async () => {
  const collectionId = await workspace.createCollection();
  const [document] = await workspace.store(collectionId, DOCUMENTS.slice(0, 1));
  const ids = [document?.id, document?.id, 'no such id'];
  expect(await remove(workspace, { ids })).toMatchObject({ count: 1 });
  expect(await remove(workspace, { ids })).toMatchObject({ count: 0 });
});

test('a filter deletes all that match it and nothing else', async () => {
  const collectionId = await workspace.createCollection();
  await workspace.store(collectionId, DOCUMENTS);
  const filter = { collectionIds: [collectionId], metadata: { deck: 'upper' } };
  expect(await remove(workspace, { filter })).toMatchObject({ count: 2 });
  expect(new Set(await found('kettle bell anchor', collectionId))).toEqual(new Set(['anchor']));
});

test('a filter that matches more than 1,000 documents deletes them all', async () => {
  const collectionId = await workspace.createCollection();
  for (const part of ['a', 'b']) {
    const documents = Array.from({ length: 600 }, (_, i) => ({ externalId: `${part}-${i}`, text: `Row ${i}.` }));
    await workspace.upsert({ collectionId, documents, tasks: [] });
  }
  expect(await remove(workspace, { filter: { collectionIds: [collectionId] } })).toMatchObject({ count: 1_200 });
});

test('a filter that does not narrow is refused, and so are both or neither of the ways to name documents', async () => {
  const collectionId = await workspace.createCollection();
  const [document] = await workspace.store(collectionId, DOCUMENTS.slice(2));
  const ids = [document?.id];
  const refused = [{ filter: {} }, { filter: { kinds: null } }, {}, { ids, filter: { kinds: ['TEXT'] } }];
  for (const input of refused) {
    expect(await remove(workspace, input)).toEqual({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  }
  expect(await remove(workspace, { ids: Array(1_001).fill('doc') })).toMatchObject({ code: 'BAD_INPUT' });
  expect(await found('bell', collectionId)).toContain('bell');
});

test('the documents of another workspace are passed over, by id and by filter', async () => {
  const collectionId = await workspace.createCollection();
  const [document] = await workspace.store(collectionId, DOCUMENTS.slice(0, 1));
  const stranger = await openWorkspace(server);
  expect(await remove(stranger, { ids: [document?.id] })).toMatchObject({ count: 0 });
  expect(await remove(stranger, { filter: { collectionIds: [collectionId] } })).toMatchObject({ count: 0 });
  expect(await found('anchor', collectionId)).toContain('anchor');
});

test('a viewer may not delete', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const { body } = await server.query<{ deleteDocuments: Deletion }>(
    'mutation { deleteDocuments(input: { ids: ["doc"] }) { __typename } }',
    {},
    { key: secret },
  );
  expect(body.data?.deleteDocuments.__typename).toBe('ForbiddenError');
});
