import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

/** Whatever is sent, an answer is there within this time. */
const PATIENCE_MS = 25_000;

let server: TestServer;
let workspace: TestWorkspace;
let collectionId: string;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
  const made = await ask<{ createCollection: { id: string } }>(
    'mutation { createCollection(input: { name: "Notes" }) { ... on Collection { id } } }',
  );
  collectionId = made.body.data?.createCollection.id ?? '';
});
afterAll(() => server?.close());

function ask<Data = Record<string, never>>(document: string, variables?: object): Promise<Answer<Data>> {
  return server.query<Data>(document, variables as Record<string, unknown>, {
    key: workspace.ownerKey,
    timeoutMs: PATIENCE_MS,
  });
}

const codesOf = ({ body }: Answer<unknown>) => [...new Set(body.errors?.map((error) => error.extensions.code))];

const SEARCH = 'query ($query: String!) { search(query: $query, first: 1, mode: KEYWORD) { nodes { rank } } }';
const UPSERT = /* GraphQL */ `
  mutation ($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) {
      __typename
      ... on Error { code message }
      ... on UpsertedDocuments { created documents { id text title } }
    }
  }
`;

interface Upserted {
  upsertDocuments: { __typename: string; code?: string; created?: number; documents?: { id: string; text: string }[] };
}

async function countDocuments(): Promise<number | undefined> {
  const { body } = await ask<{ documents: { totalCount: number } }>('{ documents(first: 1) { totalCount } }');
  return body.data?.documents.totalCount;
}

describe('what does not fit the schema', () => {
  test.each([
    ['a number for a text', 'query ($query: String!) { search(query: $query) { totalCount } }', { query: 7 }],
    ['nothing for what is required', 'query ($query: String!) { search(query: $query) { totalCount } }', {}],
    ['an unknown value of an enum', '{ search(query: "x", mode: TELEPATHY) { totalCount } }', {}],
    ['a list for an object', '{ documents(filter: [1, 2]) { totalCount } }', {}],
    ['a text for metadata', '{ documents(filter: { metadata: "plan" }) { totalCount } }', {}],
    ['a day before the calendar', '{ documents(filter: { createdAfter: "0000-01-01T00:00:00Z" }) { totalCount } }', {}],
    [
      'a day that is one before the calendar in UTC',
      '{ documents(filter: { createdAfter: "0001-01-01T00:00:00+05:00" }) { totalCount } }',
      {},
    ],
    [
      'a day after the year 9999 in UTC',
      '{ documents(filter: { createdBefore: "9999-12-31T23:59:59-01:00" }) { totalCount } }',
      {},
    ],
    ['a day that is none', '{ documents(filter: { createdAfter: "2026-02-31T25:00:00Z" }) { totalCount } }', {}],
    ['a number beyond 32 bits', '{ documents(first: 99999999999) { totalCount } }', {}],
    ['a fraction for a page', '{ documents(first: 1.5) { totalCount } }', {}],
    ['an unknown field', '{ documents { secretField } }', {}],
    ['an unknown argument', '{ documents(everything: true) { totalCount } }', {}],
    ['an unfinished document', '{ documents {', {}],
    ['no document at all', '', {}],
  ])('%s is BAD_INPUT', async (_what, document, variables) => {
    expect(codesOf(await ask(document, variables))).toEqual(['BAD_INPUT']);
  });

  test.each([
    ['no JSON', 'this is no JSON'],
    ['broken UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0xff, 0x22, 0x7d])],
    ['a number', '42'],
    ['null', 'null'],
    ['a list', '[]'],
    ['a query that is no text', '{"query": {"a": 1}}'],
    ['variables that are no object', '{"query": "{ __typename }", "variables": "x"}'],
    ['nothing', ''],
  ])('a body that is %s is refused with 400 and BAD_INPUT', async (_what, body) => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] });
  });
});

describe('texts', () => {
  test.each(['', '   ', '\n\t', '\0'])('a search for nothing (%j) is BAD_INPUT', async (query) => {
    expect(codesOf(await ask(SEARCH, { query }))).toEqual(['BAD_INPUT']);
  });

  test('a search of 100,000 characters is answered, one of 100,001 is BAD_INPUT', async () => {
    const words = 'dock door '.repeat(10_000);
    expect((await ask(SEARCH, { query: words })).body).toEqual({ data: { search: { nodes: [] } } });
    expect(codesOf(await ask(SEARCH, { query: `${words}s` }))).toEqual(['BAD_INPUT']);
  });

  test('a text of 10 MB is refused with a reason, and nothing of its request is written', async () => {
    const before = await countDocuments();
    const { body } = await ask<Upserted>(UPSERT, {
      input: { collectionId, documents: [{ text: 'short' }, { text: 'x'.repeat(10 * 1024 * 1024) }], tasks: [] },
    });
    expect(body.data?.upsertDocuments).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(await countDocuments()).toBe(before);
  });

  test('half a surrogate pair and NUL do not reach the database, and the rest of the text does', async () => {
    const { body } = await ask<Upserted>(UPSERT, {
      input: { collectionId, documents: [{ text: 'before \ud83d after\0 the end', title: 'a\0b' }], tasks: [] },
    });
    expect(body.data?.upsertDocuments.documents).toEqual([
      { id: expect.any(String), text: 'before \ufffd after the end', title: 'ab' },
    ]);
  });

  test('a document without any text is refused with the place in the input', async () => {
    const { body } = await ask<{ upsertDocuments: { issues: { path: string[] }[] } }>(
      'mutation ($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { ... on InvalidInputError { issues { path } } } }',
      { input: { collectionId, documents: [{ text: 'fine' }, { text: ' ' }] } },
    );
    expect(body.data?.upsertDocuments.issues).toEqual([{ path: ['documents', '1'] }]);
  });

  test.each(['\0', ' ', '\ud800', 'n'.repeat(201)])('a collection cannot be called %j', async (name) => {
    const { body } = await ask<{ createCollection: { __typename: string } }>(
      'mutation ($name: String!) { createCollection(input: { name: $name }) { __typename } }',
      { name },
    );
    expect(body.data?.createCollection.__typename).toBe('InvalidInputError');
  });
});

describe('ids, pages and cursors', () => {
  test.each([
    'doc_01h455vb4pex5vsknk084sn02q',
    'ws_01h455vb4pex5vsknk084sn02q',
    'nothing',
    '',
    '\0',
    "x'; drop table documents; --",
    'd'.repeat(100_000),
  ])('an id of nothing (%j) is NOT_FOUND', async (id) => {
    expect(codesOf(await ask('query ($id: ID!) { node(id: $id) { id } }', { id }))).toEqual(['NOT_FOUND']);
    expect((await ask('query ($id: ID!) { nodes(ids: [$id]) { id } }', { id })).body).toEqual({
      data: { nodes: [null] },
    });
  });

  test.each([-1, 0, 101, 1_000, -2_147_483_648])('a page of %i is BAD_INPUT in every list', async (first) => {
    for (const list of ['documents', 'collections', 'jobs']) {
      const answer = await ask(`query ($first: Int) { ${list}(first: $first) { nodes { id } } }`, { first });
      expect([list, codesOf(answer)]).toEqual([list, ['BAD_INPUT']]);
    }
    const answer = await ask('query ($first: Int) { search(query: "x", first: $first) { nodes { rank } } }', { first });
    expect(codesOf(answer)).toEqual(['BAD_INPUT']);
  });

  test('a page of two thousand million is too costly before anything is read', async () => {
    const answer = await ask('{ documents(first: 2147483647) { nodes { id } } }');
    expect(codesOf(answer)).toEqual(['QUERY_TOO_COSTLY']);
  });

  test.each([
    '{ documents(filter: { collectionIds: ["\\u0000"] }) { totalCount } }',
    'mutation { deleteDocuments(input: { ids: ["\\u0000"] }) { __typename ... on Deleted { count } } }',
    'mutation { revokeApiKey(input: { id: "\\u0000" }) { __typename } }',
    '{ documents(filter: { metadata: { a: "\\u0000" } }) { totalCount } }',
  ])('NUL in an id or a filter is never an unexpected failure: %s', async (document) => {
    const answer = await ask(document);
    expect(codesOf(answer).filter((code) => code !== 'BAD_INPUT')).toEqual([]);
  });

  const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  test.each([
    'x',
    '',
    '!!!',
    base64({}),
    base64(null),
    base64([1, [2], { three: 3 }]),
    base64('\0'),
    base64({ score: 'NaN', id: 7 }),
    base64('y'.repeat(200)),
    'A'.repeat(100_000),
  ])('a cursor that is none (%.30s) is BAD_INPUT in every list', async (after) => {
    for (const list of ['documents', 'collections', 'jobs', 'search']) {
      const given = list === 'search' ? 'query: "x", after: $after' : 'after: $after';
      const fields = list === 'search' ? 'nodes { rank }' : 'nodes { id }';
      const answer = await ask(`query ($after: String) { ${list}(${given}) { ${fields} } }`, { after });
      expect([list, codesOf(answer)]).toEqual([list, ['BAD_INPUT']]);
    }
  });

  test('a cursor of another list is BAD_INPUT or a place in this one, and never an unexpected failure', async () => {
    const lists = ['documents', 'collections', 'jobs'];
    const cursors = await Promise.all(
      lists.map(async (list) => {
        const { body } = await ask<Record<string, { pageInfo: { endCursor: string | null } }>>(
          `{ ${list} { pageInfo { endCursor } } }`,
        );
        return body.data?.[list]?.pageInfo.endCursor ?? null;
      }),
    );
    for (const after of cursors) {
      for (const list of lists) {
        const answer = await ask(`query ($after: String) { ${list}(after: $after) { nodes { id } } }`, { after });
        expect(codesOf(answer).filter((code) => code !== 'BAD_INPUT')).toEqual([]);
      }
    }
  });
});

describe('documents that cost too much', () => {
  const deep = (levels: number, open: string, inner: string) => `${open.repeat(levels)}${inner}${'}'.repeat(levels)}`;

  test.each([
    [
      '50 levels of fields',
      `{ documents { nodes { ${deep(50, 'similar { document { ', 'id ').replaceAll('}', '} }')} } } }`,
    ],
    [
      '50 levels of introspection',
      `{ __schema { types { ${deep(50, 'fields { type { ', 'name ').replaceAll('}', '} }')} } } }`,
    ],
    [
      '50 levels of inline fragments and fields',
      `{ ${deep(50, 'documents { nodes { ... on Document { collection { ', 'id ').replaceAll('}', '} } } }')} }`,
    ],
    [
      '50 fragments, each inside the next',
      `{ documents { nodes { ...F0 } } } ${Array.from({ length: 50 }, (_, level) => `fragment F${level} on Document { similar { document { ${level === 49 ? 'id' : `...F${level + 1}`} } } }`).join(' ')}`,
    ],
    [
      'fragments that double at every level',
      `{ documents { nodes { ...F0 } } } ${Array.from({ length: 30 }, (_, level) => `fragment F${level} on Document { ${level === 29 ? 'a: id b: id' : `...F${level + 1} ...F${level + 1}`} }`).join(' ')}`,
    ],
    ['10,000 aliases', `{ ${Array.from({ length: 10_000 }, (_, index) => `a${index}: __typename`).join(' ')} }`],
    [
      '1,000 aliases of a search',
      `{ ${Array.from({ length: 1_000 }, (_, index) => `a${index}: search(query: "x") { totalCount }`).join(' ')} }`,
    ],
    ['10,000 directives', `{ __typename ${'@include(if: true) '.repeat(10_000)} }`],
    ['a list of 100,000 ids in the document', `{ nodes(ids: [${'"x",'.repeat(100_000)}]) { id } }`],
    ['a fragment of 2,000 fields of one name', `{ ...F } fragment F on Query { ${'__typename '.repeat(2_000)} }`],
    [
      'more mistakes than validation lists',
      `{ viewer { ${Array.from({ length: 900 }, (_, index) => `wrong${index}`).join(' ')} } }`,
    ],
    ['a page of 100 pages of 100', '{ collections(first: 100) { nodes { documents(first: 100) { nodes { id } } } } }'],
    [
      'a page of 100 pages of similar documents',
      '{ documents(first: 100) { edges { node { similar(first: 100) { document { id } } } } } }',
    ],
    [
      'pages of pages of pages',
      '{ documents(first: 100) { nodes { similar(first: 100) { document { similar(first: 100) { document { id } } } } } } }',
    ],
  ])('%s: QUERY_TOO_COSTLY', async (_what, document) => {
    const answer = await ask(document);
    expect(codesOf(answer)).toContain('QUERY_TOO_COSTLY');
    expect(answer.body.data ?? null).toBeNull();
  });

  test.each([
    ['itself', '{ documents { nodes { ...A } } } fragment A on Document { id ...A }'],
    [
      'another one that spreads it',
      '{ documents { nodes { ...A } } } fragment A on Document { ...B } fragment B on Document { id ...A }',
    ],
  ])('a fragment that spreads %s is BAD_INPUT', async (_what, document) => {
    expect(codesOf(await ask(document))).toEqual(['BAD_INPUT']);
  });

  test.each(['nodes { ...D }', 'edges { node { ...D } }'])(
    'a page of 100 documents with all that models make of them and 10 similar ones each is not too costly (%s)',
    async (fields) => {
      const answer = await ask(`{ documents(first: 100) { totalCount pageInfo { hasNextPage endCursor } ${fields} } }
        fragment D on Document {
          id externalId kind title text metadata language createdAt updatedAt
          collection { id name } embedding { status model tokenCount chunks }
          classification { ...C } intent { ...C } sentiment { score confidence }
          similar(first: 10) { rank similarity score document { id title kind createdAt } }
        }
        fragment C on Classification { taxonomy type urgency productArea confidence reasoning model }`);
      expect(answer.body.errors).toBeUndefined();
    },
  );

  test('refusing a document costs little: it is measured before it is validated', async () => {
    const fields = Array.from({ length: 1_000 }, () => 'search(query: "x") { totalCount }').join(' ');
    expect(codesOf(await ask(`{ ${fields} there is no such field }`))).toEqual(['QUERY_TOO_COSTLY']);
  });

  test('what GraphiQL and code generators ask of the schema is not too costly', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const { body } = await ask<{ __schema: object }>(getIntrospectionQuery());
    expect(body.errors).toBeUndefined();
    expect(body.data?.__schema).toBeDefined();
  });

  test.each([
    ['1,001 documents', { documents: Array.from({ length: 1_001 }, () => ({ text: 'x' })) }],
    ['2,000 documents', { documents: Array.from({ length: 2_000 }, () => ({ text: 'x' })) }],
  ])('%s in one call are refused and nothing is written', async (_what, given) => {
    const before = await countDocuments();
    const { body } = await ask<Upserted>(UPSERT, { input: { collectionId, tasks: [], ...given } });
    expect(body.data?.upsertDocuments.code).toBe('BAD_INPUT');
    expect(await countDocuments()).toBe(before);
  });

  test('101 ids at once are BAD_INPUT', async () => {
    const ids = Array.from({ length: 101 }, () => collectionId);
    expect(codesOf(await ask('query ($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids }))).toEqual(['BAD_INPUT']);
  });

  test('metadata nested 10,000 levels deep are refused, and the server lives', async () => {
    const source = `{"a":`.repeat(10_000);
    const input = `{"collectionId":"${collectionId}","tasks":[],"documents":[{"text":"x","metadata":${source}1${'}'.repeat(10_000)}}]}`;
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
      body: `{"query":${JSON.stringify(UPSERT)},"variables":{"input":${input}}}`,
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    expect(await response.text()).toContain('BAD_INPUT');
    expect((await ask('{ __typename }')).status).toBe(200);
  });
});
