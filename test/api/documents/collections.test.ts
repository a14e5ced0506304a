import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Made {
  __typename: string;
  id: string;
  name: string;
  slug: string;
  kind: string;
  embeddingCoverage: number;
  code: string;
}

interface Page {
  nodes: { id: string }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}

const LIST =
  'query ($after: String) { collections(first: 2, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }';

async function create(input: Record<string, unknown>): Promise<Made> {
  const { createCollection } = await workspace.read<{ createCollection: Made }>(
    `mutation ($input: CreateCollectionInput!) {
      createCollection(input: $input) {
        __typename
        ... on Collection { id name slug kind embeddingCoverage }
        ... on Error { code }
      }
    }`,
    { input },
  );
  return createCollection;
}

test('a collection gets its slug from its name, and the kind TEXT, unless told', async () => {
  expect(await create({ name: '  Crane Reports ' })).toMatchObject({
    name: 'Crane Reports',
    slug: 'crane-reports',
    kind: 'TEXT',
    embeddingCoverage: 1,
  });
  expect(await create({ name: 'Issues', slug: 'tracker-2', kind: 'JIRA_ISSUE' })).toMatchObject({
    slug: 'tracker-2',
    kind: 'JIRA_ISSUE',
  });
});

test('a slug is taken once in a workspace, and free in every other one', async () => {
  expect((await create({ name: 'Inbox' })).slug).toBe('inbox');
  expect(await create({ name: 'INBOX' })).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
  workspace = await openWorkspace(server);
  expect((await create({ name: 'Inbox' })).slug).toBe('inbox');
});

test('a name that is empty or too long, and a slug with other characters, are refused', async () => {
  for (const input of [{ name: '   ' }, { name: 'x'.repeat(201) }, { name: 'Fine', slug: 'Not Fine' }]) {
    expect(await create(input)).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  }
});

test('collections are listed oldest first, page by page', async () => {
  const made: string[] = [];
  for (let i = 0; i < 5; i++) made.push((await create({ name: `Shelf ${i}` })).id);
  const listed: string[] = [];
  let after: string | null = null;
  do {
    const { collections }: { collections: Page } = await workspace.read(LIST, { after });
    listed.push(...collections.nodes.map(({ id }) => id));
    after = collections.pageInfo.hasNextPage ? collections.pageInfo.endCursor : null;
  } while (after !== null);
  expect(listed).toEqual(made);
});

test('documents take the kind of their collection unless they name one', async () => {
  const { id: collectionId } = await create({ name: 'Commits', kind: 'COMMIT' });
  const documents = [{ text: 'Its own kind.', kind: 'MESSAGE' as const }, { text: 'The usual kind.' }];
  await workspace.upsert({ collectionId, documents, tasks: [] });
  const { documents: page } = await workspace.read<{ documents: { nodes: { text: string; kind: string }[] } }>(
    '{ documents { nodes { text kind } } }',
  );
  expect(new Map(page.nodes.map(({ text, kind }) => [text, kind]))).toEqual(
    new Map([
      ['Its own kind.', 'MESSAGE'],
      ['The usual kind.', 'COMMIT'],
    ]),
  );
});

test('a collection tells which share of its documents can be found by meaning', async () => {
  const { id: collectionId } = await create({ name: 'Half done' });
  await workspace.store(collectionId, [{ text: 'Embedded.' }]);
  await workspace.upsert({ collectionId, documents: [{ text: 'Not yet.' }], tasks: [] });
  const { node } = await workspace.read<{ node: { embeddingCoverage: number } }>(
    'query ($id: ID!) { node(id: $id) { ... on Collection { embeddingCoverage } } }',
    { id: collectionId },
  );
  expect(node.embeddingCoverage).toBe(0.5);
});

test('a viewer may not make a collection', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const { body } = await server.query<{ createCollection: Made }>(
    'mutation { createCollection(input: { name: "Mine" }) { __typename ... on ForbiddenError { requiredPermission } } }',
    {},
    { key: secret },
  );
  expect(body.data?.createCollection).toEqual({ __typename: 'ForbiddenError', requiredPermission: 'DOCUMENTS_WRITE' });
});
