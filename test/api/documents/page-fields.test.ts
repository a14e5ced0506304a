import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let collectionIds: string[];
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  collectionIds = [];
  for (const name of ['Crane', 'Digger']) {
    const collectionId = await workspace.createCollection();
    collectionIds.push(collectionId);
    const documents = [1, 2, 3].map((number) => ({
      externalId: `${name}-${number}`,
      title: `${name} ${number}`,
      text: `The ${name} stands still, for the ${number}. time.`,
      metadata: { number },
      createdAt: `2026-01-0${number}T00:00:00.000Z`,
    }));
    expect(await workspace.upsert({ collectionId, documents, tasks: [] })).toMatchObject({ created: 3 });
  }
});
afterAll(() => server.close());

const BRIEF = '__typename id externalId kind title language createdAt updatedAt collection { id name slug kind }';
const WHOLE = `${BRIEF} text source metadata embedding { status chunks }`;

interface Node {
  id: string;
}

interface Answer {
  documents: { nodes: Node[]; edges: { node: Node }[]; pageInfo: { startCursor: string; endCursor: string } };
}

/** More often than it takes for a query to be compiled. */
async function askedOften(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
  let answer = await workspace.read<Answer>(query, variables);
  for (let round = 0; round < 4; round++) {
    const next = await workspace.read<Answer>(query, variables);
    expect(next).toEqual(answer);
    answer = next;
  }
  return answer;
}

/** What each document says of itself. */
async function alone(nodes: readonly Node[], fields: string): Promise<Node[]> {
  return Promise.all(
    nodes.map(async ({ id }) => {
      const query = `query ($id: ID!) { node(id: $id) { ... on Document { ${fields} } } }`;
      return (await workspace.read<{ node: Node }>(query, { id })).node;
    }),
  );
}

test.each([
  ['what tells documents apart', `{ documents { nodes { ${BRIEF} } } }`, BRIEF],
  ['less than that', '{ documents { nodes { id title } } }', 'id title'],
  ['everything', `{ documents { nodes { ${WHOLE} } } }`, WHOLE],
  [
    'everything without the collection',
    '{ documents { nodes { id text source metadata } } }',
    'id text source metadata',
  ],
  ['a fragment', `{ documents { nodes { id ...F } } } fragment F on Document { ${WHOLE} }`, WHOLE],
  [
    'fragments all the way',
    `{ documents { ...P } } fragment P on DocumentConnection { nodes { ... on Node { id } ... on Document { text } } }`,
    'id text',
  ],
  [
    'the same page twice',
    '{ documents { nodes { id } } documents { nodes { text collection { name } } } }',
    'id text collection { name }',
  ],
  ['another name', '{ documents { nodes { id, title: text } } }', 'id, title: text'],
])('a page of documents says what each says of itself, asked for %s', async (_what, query, fields) => {
  const { documents } = await askedOften(query);
  expect(documents.nodes).toHaveLength(6);
  expect(documents.nodes).toEqual(await alone(documents.nodes, fields));
});

test('a page of documents has in its edges what it has in its nodes', async () => {
  const { documents } = await askedOften(
    '{ documents { nodes { id } edges { cursor node { id text collection { slug } } } pageInfo { startCursor endCursor } } }',
  );
  const nodes = documents.edges.map(({ node }) => node);
  expect(nodes).toEqual(await alone(documents.nodes, 'id text collection { slug }'));
});

test('a page of documents answers the same query with and without a field that a variable leaves out', async () => {
  const query = `query ($whole: Boolean!) {
    documents { nodes { id } }
    documents @include(if: $whole) { nodes { text } }
  }`;
  for (const whole of [false, true, false]) {
    const { documents } = await askedOften(query, { whole });
    expect(documents.nodes).toEqual(await alone(documents.nodes, whole ? 'id text' : 'id'));
  }
});

test('a page of documents holds what each of its names asks for, under other names and at any depth', async () => {
  const query = `query ($id: ID!, $no: Boolean!) {
    brief: documents(first: 3) { items: nodes { id title } }
    whole: documents(first: 3) { items: nodes { id ... @skip(if: $no) { text @include(if: $no) } name: text } }
    node(id: $id) { ... on Collection { documents { items: nodes { id } } } }
    ...Again
    deep: documents(first: 1) { nodes { collection { documents(first: 2) { edges { item: node { id text } } } } } }
  }
  fragment Again on Query { node(id: $id) { id ... on Node { ... on Collection { documents { items: nodes { text } } } } } }`;
  interface Items {
    items: Node[];
  }
  const [id] = collectionIds;
  for (let round = 0; round < 5; round++) {
    const answer = await workspace.read<{
      brief: Items;
      whole: Items;
      node: { documents: Items };
      deep: { nodes: { collection: { documents: { edges: { item: Node }[] } } }[] };
    }>(query, { id, no: round % 2 === 0 });
    expect(answer.brief.items).toEqual(await alone(answer.brief.items, 'id title'));
    const named = await alone(answer.whole.items, 'id name: text');
    expect(answer.whole.items).toEqual(named);
    expect(answer.node.documents.items).toHaveLength(3);
    expect(answer.node.documents.items).toEqual(await alone(answer.node.documents.items, 'id text'));
    const deep = answer.deep.nodes.flatMap(({ collection }) => collection.documents.edges.map(({ item }) => item));
    expect(deep).toHaveLength(2);
    expect(deep).toEqual(await alone(deep, 'id text'));
  }
});

test('the pages of a collection and those behind a cursor hold the same documents in the same order', async () => {
  const list = `query ($id: ID!, $after: String) { node(id: $id) { ... on Collection {
    documents(first: 2, after: $after) { nodes { id title collection { id } } pageInfo { startCursor endCursor } }
  } } }`;
  const [id] = collectionIds;
  const first = await workspace.read<{ node: Answer }>(list, { id });
  const after = first.node.documents.pageInfo.endCursor;
  const second = await workspace.read<{ node: Answer }>(list, { id, after });
  const titles = [...first.node.documents.nodes, ...second.node.documents.nodes].map((node) => ({ ...node, id: '' }));
  const collection = { id };
  expect(titles).toEqual(['Crane 3', 'Crane 2', 'Crane 1'].map((title) => ({ id: '', title, collection })));
  expect(second.node.documents.pageInfo.startCursor).toBe(second.node.documents.pageInfo.endCursor);
});
