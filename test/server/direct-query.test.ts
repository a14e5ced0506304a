import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../api/server-harness.ts';

/** Often enough for a query to be compiled. */
const TIMES = 6;

let server: TestServer;
let workspace: TestWorkspace;
let collectionId: string;

beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
  const { body } = await server.query<{ createCollection: { id: string } }>(
    'mutation { createCollection(input: { name: "Inbox" }) { ... on Collection { id } } }',
    {},
    { key: workspace.ownerKey },
  );
  collectionId = body.data?.createCollection.id ?? '';
});
afterAll(() => server?.close());

interface Sent {
  query: string;
  variables?: object | null;
  operationName?: string;
  headers?: Record<string, string>;
}

async function send({ headers, ...params }: Sent): Promise<{ status: number; headers: object; body: unknown }> {
  const answer = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${workspace.ownerKey}`,
      'x-request-id': 'same',
      ...headers,
    },
    body: JSON.stringify(params),
  });
  const { date: _date, 'content-length': _length, ...others } = Object.fromEntries(answer.headers);
  return { status: answer.status, headers: others, body: await answer.json() };
}

/** The request's answer when its query is new here, and when it has come often. */
async function firstAndLater(sent: Sent, learned: Sent = sent) {
  const fresh = { ...sent, query: `# ${crypto.randomUUID()}\n${sent.query}` };
  const first = await send(fresh);
  for (let time = 0; time < TIMES; time++) await send({ ...learned, query: fresh.query });
  return { first, later: await send(fresh) };
}

const NODE = 'query Node($id: ID!) { node(id: $id) { __typename id ... on Collection { name kind } } }';
const PAGE = 'query Page($first: Int) { documents(first: $first) { totalCount nodes { id createdAt } } }';
const SIMILAR =
  'query Similar($n: Int) { documents(first: $n) { nodes { similar(first: $n) { document { similar(first: $n) { rank } } } } } }';

describe('a query that comes again is answered as it was the first time', () => {
  test.each<[string, () => Sent]>([
    ['a plain one', () => ({ query: '{ viewer { role permissions workspace { id name } } }' })],
    ['one that is named', () => ({ query: 'query Who { viewer { role } }', operationName: 'Who' })],
    ['one of an interface', () => ({ query: NODE, variables: { id: collectionId } })],
    [
      'one with fragments and aliases',
      () => ({ query: '{ a: viewer { ...F } b: viewer { ...F role } } fragment F on Viewer { role }' }),
    ],
    [
      'one with directives',
      () => ({
        query: 'query ($s: Boolean!) { viewer { role @skip(if: $s) permissions @include(if: $s) } }',
        variables: { s: true },
      }),
    ],
    [
      'introspection',
      () => ({
        query:
          '{ __type(name: "Error") { kind possibleTypes { name } fields { name type { kind ofType { name } } } } }',
      }),
    ],
    [
      'from a browser',
      () => ({
        query: '{ viewer { role } }',
        headers: { origin: 'https://app.test', 'access-control-request-headers': 'authorization' },
      }),
    ],
    [
      'for the media type of GraphQL',
      () => ({
        query: '{ viewer { role } }',
        headers: { accept: 'application/graphql-response+json, application/json;q=0.9' },
      }),
    ],
  ])('%s', async (_name, sent) => {
    const { first, later } = await firstAndLater(sent());
    expect(first).toMatchObject({ status: 200, body: { data: expect.anything() } });
    expect(first.body).not.toHaveProperty('errors');
    expect(later).toEqual(first);
  });
});

describe('what goes wrong with a known query reads as it does with a new one', () => {
  test.each<[string, string, number, () => [Sent, Sent]]>([
    [
      'a thing that is not there',
      'NOT_FOUND',
      200,
      () => [
        { query: NODE, variables: { id: collectionId.replace(/.{4}$/, '0000') } },
        { query: NODE, variables: { id: collectionId } },
      ],
    ],
    [
      'an argument that does not fit',
      'BAD_INPUT',
      200,
      () => [{ query: PAGE, variables: { first: 500 } }, { query: PAGE }],
    ],
    [
      'a variable of another type',
      'BAD_INPUT',
      400,
      () => [{ query: PAGE, variables: { first: 'x' } }, { query: PAGE }],
    ],
    [
      'variables that make it too costly',
      'QUERY_TOO_COSTLY',
      200,
      () => [
        { query: SIMILAR, variables: { n: 100 } },
        { query: SIMILAR, variables: { n: 1 } },
      ],
    ],
    [
      'a key that is not known',
      'UNAUTHENTICATED',
      401,
      () => [{ query: PAGE, headers: { authorization: 'Bearer sbx_unknown' } }, { query: PAGE }],
    ],
    [
      'nobody asking',
      'UNAUTHENTICATED',
      401,
      () => [
        {
          query: '{ viewer { role } }',
          headers: { authorization: '' },
        },
        { query: '{ viewer { role } }' },
      ],
    ],
    [
      'a name that it does not have',
      'BAD_INPUT',
      400,
      () => [{ query: 'query A { viewer { role } }', operationName: 'B' }, { query: 'query A { viewer { role } }' }],
    ],
  ])('%s', async (_name, code, status, sent) => {
    const { first, later } = await firstAndLater(...sent());
    expect(first).toMatchObject({ status, body: { errors: [{ extensions: { code } }] } });
    expect(later).toEqual(first);
  });
});

test('a revoked key opens nothing any more, however often its query has come', async () => {
  const key = await server.createKey(workspace.ownerKey, 'VIEWER');
  const sent = { query: '{ viewer { role } }', headers: { authorization: `Bearer ${key.secret}` } };
  expect((await firstAndLater(sent)).later).toMatchObject({
    status: 200,
    body: { data: { viewer: { role: 'VIEWER' } } },
  });
  await send({
    query: 'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }',
    variables: { id: key.id },
  });
  expect(await send(sent)).toMatchObject({ status: 401 });
});
