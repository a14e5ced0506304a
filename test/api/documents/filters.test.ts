import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let boardId: string;
let inboxId: string;

beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  boardId = await workspace.createCollection('FEEDBACK');
  inboxId = await workspace.createCollection('MESSAGE');
  await workspace.store(boardId, [
    {
      externalId: 'export',
      text: 'The export crashes with an error every time.',
      metadata: { plan: 'pro', team: { name: 'ledger', size: 4 }, tags: ['csv', 'export'] },
      createdAt: '2025-01-10T00:00:00Z',
    },
    {
      externalId: 'thanks',
      text: 'Thank you, the new calendar is wonderful!',
      metadata: { plan: 'free', team: { name: 'atlas', size: 9 } },
      createdAt: '2025-02-10T00:00:00Z',
    },
  ]);
  await workspace.store(inboxId, [
    {
      externalId: 'hello',
      text: 'Hello, is anybody on duty?',
      metadata: { plan: 'pro', team: { name: 'atlas', size: 9 } },
      createdAt: '2025-03-10T00:00:00Z',
    },
  ]);
  await workspace.upsert({
    collectionId: inboxId,
    tasks: [],
    documents: [{ externalId: 'waiting', kind: 'TEXT', text: 'Not embedded yet.', createdAt: '2025-04-10T00:00:00Z' }],
  });
});
afterAll(() => server.close());

interface Page {
  totalCount: number;
  nodes: { id: string; externalId: string }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

const PAGE = /* GraphQL */ `
  query Page($filter: DocumentFilter, $first: Int, $after: String) {
    documents(filter: $filter, first: $first, after: $after) {
      totalCount
      nodes { id externalId }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`;

async function readPage(client: WorkspaceClient, variables: Record<string, unknown>): Promise<Page> {
  return (await client.read<{ documents: Page }>(PAGE, variables)).documents;
}

async function matching(filter: Record<string, unknown> | null): Promise<string[]> {
  const page = await readPage(workspace, { filter });
  expect(page.totalCount).toBe(page.nodes.length);
  return page.nodes.map(({ externalId }) => externalId);
}

test('without a filter come all documents of the workspace, newest first', async () => {
  expect(await matching(null)).toEqual(['waiting', 'hello', 'thanks', 'export']);
  expect(await matching({})).toEqual(['waiting', 'hello', 'thanks', 'export']);
});

test('a filter keeps the documents of its collections', async () => {
  expect(await matching({ collectionIds: [boardId] })).toEqual(['thanks', 'export']);
  expect(await matching({ collectionIds: [boardId, inboxId] })).toHaveLength(4);
  expect(await matching({ collectionIds: [] })).toEqual([]);
  expect(await matching({ collectionIds: ['no such id'] })).toEqual([]);
});

test('a filter keeps the documents of its kinds', async () => {
  expect(await matching({ kinds: ['FEEDBACK'] })).toEqual(['thanks', 'export']);
  expect(await matching({ kinds: ['MESSAGE', 'TEXT'] })).toEqual(['waiting', 'hello']);
});

test('a filter keeps the documents whose metadata holds all that it names, nested too', async () => {
  expect(await matching({ metadata: { plan: 'pro' } })).toEqual(['hello', 'export']);
  expect(await matching({ metadata: { team: { name: 'atlas' } } })).toEqual(['hello', 'thanks']);
  expect(await matching({ metadata: { plan: 'pro', team: { name: 'atlas' } } })).toEqual(['hello']);
  expect(await matching({ metadata: { tags: ['csv'] } })).toEqual(['export']);
  expect(await matching({ metadata: { team: { size: '9' } } })).toEqual([]);
  expect(await matching({ metadata: { "o'clock": '"); drop table documents; --' } })).toEqual([]);
});

test('a filter keeps what was created between its instants, without the instants themselves', async () => {
  expect(await matching({ createdAfter: '2025-02-10T00:00:00Z' })).toEqual(['waiting', 'hello']);
  expect(await matching({ createdBefore: '2025-02-10T00:00:00Z' })).toEqual(['export']);
  expect(
    await matching({ createdAfter: '2025-02-09T23:59:59.999Z', createdBefore: '2025-03-10T02:00:00+01:00' }),
  ).toEqual(['hello', 'thanks']);
});

test('a filter keeps the documents whose embedding is in one of its states', async () => {
  expect(await matching({ embedding: ['READY'] })).toEqual(['hello', 'thanks', 'export']);
  expect(await matching({ embedding: ['MISSING'] })).toEqual(['waiting']);
  expect(await matching({ embedding: ['STALE', 'FAILED'] })).toEqual([]);
});

test('a filter keeps the documents that were classified so, once they were', async () => {
  const complaints = { classification: { taxonomy: 'feedback', labels: ['bug'] } };
  expect(await matching(complaints)).toEqual([]);
  const read =
    'query ($filter: DocumentFilter) { documents(filter: $filter) { nodes { externalId classification { type } } } }';
  await workspace.read(read, { filter: { collectionIds: [boardId] } });
  expect(await matching(complaints)).toEqual(['export']);
  expect(await matching({ classification: { taxonomy: 'feedback', labels: ['praise', 'bug'] } })).toEqual([
    'thanks',
    'export',
  ]);
  expect(await matching({ classification: { taxonomy: 'intent', labels: ['give_praise'] } })).toEqual([]);
  const sure = { taxonomy: 'feedback', labels: ['bug', 'praise'], minConfidence: 1 };
  expect(await matching({ classification: sure })).toEqual([]);
});

test('a label is found in whatever way it is spelled, the way of the API’s enums too', async () => {
  await workspace.read('{ documents { nodes { classification { type } } } }');
  expect(await matching({ classification: { taxonomy: 'Feedback', labels: ['PRAISE'] } })).toEqual(['thanks']);
  const correct = /* GraphQL */ `
    mutation ($input: CorrectClassificationInput!) {
      correctClassification(input: $input) { ... on Classification { productArea } }
    }
  `;
  const { nodes } = await readPage(workspace, { filter: { metadata: { plan: 'free' } } });
  const labels = [{ dimension: 'product_area', label: 'Team calendar' }];
  await workspace.read(correct, { input: { documentId: nodes[0]?.id, labels } });
  for (const label of ['Team calendar', 'TEAM_CALENDAR', 'team-calendar', 'teamCalendar']) {
    expect(await matching({ classification: { taxonomy: 'feedback', labels: [label] } })).toEqual(['thanks']);
  }
});

test.each([
  ['an unknown taxonomy', { taxonomy: 'no such', labels: ['bug'] }, 'NOT_FOUND'],
  ['a label that the taxonomy cannot give', { taxonomy: 'intent', labels: ['bug'] }, 'BAD_INPUT'],
  ['a confidence above 1', { taxonomy: 'feedback', labels: ['bug'], minConfidence: 6 }, 'BAD_INPUT'],
  ['a confidence below 0', { taxonomy: 'feedback', labels: ['bug'], minConfidence: -0.1 }, 'BAD_INPUT'],
])(
  '%s is refused in lists, counts, searches and deletions, and nothing is deleted',
  async (_what, classification, code) => {
    const variables = { filter: { classification } };
    for (const fields of ['nodes { id }', 'totalCount']) {
      const list = `query ($filter: DocumentFilter) { documents(filter: $filter) { ${fields} } }`;
      expect(await workspace.errorCode(list, variables)).toBe(code);
    }
    const search = 'query ($filter: DocumentFilter) { search(query: "export", filter: $filter) { edges { cursor } } }';
    expect(await workspace.errorCode(search, variables)).toBe(code);
    const remove = /* GraphQL */ `
    mutation ($input: DeleteDocumentsInput!) { deleteDocuments(input: $input) { __typename ... on Error { code } } }
  `;
    const { deleteDocuments } = await workspace.read<{ deleteDocuments: { code?: string } }>(remove, {
      input: variables,
    });
    expect(deleteDocuments.code).toBe(code);
    expect(await matching(null)).toHaveLength(4);
  },
);

test('a label that is refused is told together with those that there are', async () => {
  const { errors } = await workspace.ask(
    'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }',
    {
      filter: { classification: { taxonomy: 'sentiment', labels: ['positive', 'cheerful'] } },
    },
  );
  expect(errors?.[0]?.message).toBe(
    'filter.classification.labels.1: "sentiment" has no such label; there are: negative, neutral, positive, mixed',
  );
});

test('all parts of a filter hold at once', async () => {
  const filter = { kinds: ['FEEDBACK', 'MESSAGE'], metadata: { plan: 'pro' }, createdAfter: '2025-02-01T00:00:00Z' };
  expect(await matching(filter)).toEqual(['hello']);
  expect(await matching({ ...filter, embedding: ['MISSING'] })).toEqual([]);
});

test('the documents of a collection are filtered as those of the workspace are', async () => {
  const { node } = await workspace.read<{ node: { documents: Page } }>(
    `query ($id: ID!, $filter: DocumentFilter) {
      node(id: $id) { ... on Collection { documents(filter: $filter) { totalCount nodes { externalId } } } }
    }`,
    { id: boardId, filter: { metadata: { plan: 'pro' }, collectionIds: [inboxId] } },
  );
  expect(node.documents).toEqual({ totalCount: 1, nodes: [{ externalId: 'export' }] });
});

/** Follows `endCursor` to the end. */
async function readAll(
  client: WorkspaceClient,
  first: number,
  between: () => Promise<unknown> = async () => undefined,
) {
  const seen: string[] = [];
  for (let after: string | null = null; ; ) {
    const page: Page = await readPage(client, { first, after });
    expect(page.pageInfo.hasPreviousPage).toBe(after !== null);
    seen.push(...page.nodes.map(({ externalId }) => externalId));
    if (!page.pageInfo.hasNextPage) return seen;
    after = page.pageInfo.endCursor;
    await between();
  }
}

test('paging over 250 documents of one call gives each of them once', async () => {
  const client = await openWorkspace(server);
  const collectionId = await client.createCollection();
  const documents = Array.from({ length: 250 }, (_, i) => ({ externalId: `n-${i}`, text: `Number ${i}.` }));
  await client.upsert({ collectionId, documents, tasks: [] });
  const seen = await readAll(client, 60);
  expect(seen).toHaveLength(250);
  expect(new Set(seen)).toEqual(new Set(documents.map(({ externalId }) => externalId)));
});

test('documents that are added while somebody pages neither repeat nor push out the ones that were there', async () => {
  const client = await openWorkspace(server);
  const collectionId = await client.createCollection();
  const documents = Array.from({ length: 250 }, (_, i) => ({ externalId: `old-${i}`, text: `Old number ${i}.` }));
  await client.upsert({ collectionId, documents, tasks: [] });
  let added = 0;
  const seen = await readAll(client, 40, () => {
    added += 1;
    const document = { externalId: `new-${added}`, text: `Added number ${added}.` };
    return client.upsert({ collectionId, documents: [document], tasks: [] });
  });
  expect(added).toBeGreaterThan(3);
  expect(new Set(seen).size).toBe(seen.length);
  expect(seen.filter((id) => id.startsWith('old-'))).toHaveLength(250);
});

test('a page holds 1 to 100 documents', async () => {
  for (const first of [0, -1, 101]) expect(await workspace.errorCode(PAGE, { first })).toBe('BAD_INPUT');
  expect(await workspace.errorCode(PAGE, { first: 100 })).toBeNull();
});

test('a cursor that is none of this list is refused', async () => {
  const cursors = ['', 'x', '💥', 'eyJhIjoxfQ', Buffer.from('["2025-01-01","doc_1"]').toString('base64url')];
  for (const after of cursors)
    expect([after, await workspace.errorCode(PAGE, { after })]).toEqual([after, 'BAD_INPUT']);
});
