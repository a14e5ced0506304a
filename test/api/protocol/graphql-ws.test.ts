import { once } from 'node:events';
import { type Client, type ClientOptions, createClient, type FormattedExecutionResult } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());

const clients: Client[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
});

function connect(authorization?: string, options: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    url: server.wsUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: authorization === undefined ? {} : { authorization: `Bearer ${authorization}` },
    ...options,
  });
  clients.push(client);
  return client;
}

/** The first result of an operation. */
async function first(client: Client, query: string, variables?: Record<string, unknown>) {
  for await (const result of client.iterate({ query, variables })) return result as FormattedExecutionResult;
  throw new Error('the operation ended without a result');
}

async function firstOf<Result>(results: AsyncIterator<Result>): Promise<Result> {
  const { value, done } = await results.next();
  if (done === true) throw new Error('the operation ended without a result');
  return value;
}

const CREATE_COLLECTION = /* GraphQL */ `
  mutation ($input: CreateCollectionInput!) {
    createCollection(input: $input) {
      __typename
      ... on Collection { name }
    }
  }
`;

describe('GraphQL over WebSocket', () => {
  test('a query is answered as the caller of the connection', async () => {
    const result = await first(connect(workspace.ownerKey), '{ viewer { role workspace { id } } }');
    expect(result).toEqual({ data: { viewer: { role: 'OWNER', workspace: { id: workspace.id } } } });
  });

  test('what goes wrong is told under the request id of the connection', async () => {
    const client = connect(undefined, {
      connectionParams: { authorization: `Bearer ${workspace.ownerKey}`, 'x-request-id': 'socket-7' },
    });
    await server.app.database.withWorkspace(
      workspace.id,
      ({ sql }) =>
        sql`insert into collections (workspace_id, id, name, slug, kind) values (${workspace.id}, 'col_x', 'X', 'x', 'NO_KIND')`,
    );
    try {
      const result = await first(client, '{ collections { nodes { kind } } }');
      expect(result.errors?.[0]).toMatchObject({ message: expect.stringContaining('socket-7') });
    } finally {
      await server.app.database.withWorkspace(
        workspace.id,
        ({ sql }) => sql`delete from collections where id = 'col_x'`,
      );
    }
  });

  test('a document out of proportion is refused before it is validated', async () => {
    const refused = first(connect(workspace.ownerKey), `{ ${'viewer { role } '.repeat(1_000)} }`);
    await expect(refused).rejects.toMatchObject([{ extensions: { code: 'QUERY_TOO_COSTLY' } }]);
  });

  test('the key may come in the header of the upgrade, as servers send it', async () => {
    class WebSocketWithKey extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols, { headers: { authorization: `Bearer ${workspace.ownerKey}` } });
      }
    }
    const client = connect(undefined, { webSocketImpl: WebSocketWithKey });
    expect(await first(client, '{ viewer { role } }')).toEqual({ data: { viewer: { role: 'OWNER' } } });
  });

  test('a mutation writes', async () => {
    const result = await first(connect(workspace.ownerKey), CREATE_COLLECTION, { input: { name: 'Over a socket' } });
    expect(result).toEqual({ data: { createCollection: { __typename: 'Collection', name: 'Over a socket' } } });
    const { body } = await server.query<{ collections: { nodes: { name: string }[] } }>(
      '{ collections { nodes { name } } }',
      {},
      { key: workspace.ownerKey },
    );
    expect(body.data?.collections.nodes).toContainEqual({ name: 'Over a socket' });
  });

  test('a subscription tells the usage of today at once and again, until the client leaves', async () => {
    const ticks = connect(workspace.ownerKey).iterate({
      query: 'subscription { usageTick(everySeconds: 1) { requests } }',
    });
    expect(await firstOf(ticks)).toEqual({ data: { usageTick: { requests: 0 } } });
    expect(await firstOf(ticks)).toEqual({ data: { usageTick: { requests: 0 } } });
    await ticks.return?.();
  });

  test('operations of one connection run beside each other', async () => {
    const client = connect(workspace.ownerKey);
    const ticks = client.iterate({ query: 'subscription { usageTick(everySeconds: 60) { requests } }' });
    await firstOf(ticks);
    expect(await first(client, '{ viewer { role } }')).toEqual({ data: { viewer: { role: 'OWNER' } } });
    await ticks.return?.();
  });

  test('a connection without a key may only do what needs none', async () => {
    const client = connect();
    expect(await first(client, '{ __typename }')).toEqual({ data: { __typename: 'Query' } });
    const refused = await first(client, '{ collections { nodes { id } } }');
    expect(refused.errors?.[0]?.extensions?.code).toBe('UNAUTHENTICATED');
  });

  test('a wrong key is refused before anything runs, and the reason says so', async () => {
    const closed = Promise.withResolvers<CloseEvent>();
    const client = connect('sbx_nobody', { on: { closed: (event) => closed.resolve(event as CloseEvent) } });
    await expect(first(client, '{ __typename }')).rejects.toBeDefined();
    const { code, reason } = await closed.promise;
    expect(code).toBe(4403);
    expect(reason).toContain('key');
  });

  test('a revoked key ends at its next operation', async () => {
    const key = await server.createKey(workspace.ownerKey, 'MEMBER');
    const client = connect(key.secret, { lazyCloseTimeout: 60_000 });
    expect(await first(client, '{ viewer { role } }')).toEqual({ data: { viewer: { role: 'MEMBER' } } });
    await server.query(
      'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { __typename } }',
      { id: key.id },
      { key: workspace.ownerKey },
    );
    expect(await errorCodes(client, '{ viewer { role } }')).toEqual(new Set(['UNAUTHENTICATED']));
  });

  test('what is wrong with a document is told with its code', async () => {
    const client = connect(workspace.ownerKey);
    for (const query of ['{ nothingLikeThis }', '{ viewer', 'query ($first: Int = "x") { __typename }']) {
      expect(await errorCodes(client, query)).toEqual(new Set(['BAD_INPUT']));
    }
  });

  test('the limits on documents hold here too', async () => {
    const aliases = Array.from({ length: 200 }, (_, index) => `a${index}: __typename`).join(' ');
    expect(await errorCodes(connect(), `{ ${aliases} }`)).toEqual(new Set(['QUERY_TOO_COSTLY']));
  });
});

describe('the socket itself', () => {
  test('on another path nobody is at home', async () => {
    const socket = new WebSocket(server.wsUrl.replace('/graphql', '/elsewhere'), 'graphql-transport-ws');
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(404);
    socket.on('error', () => undefined);
    socket.terminate();
  });

  test('a message beyond the limit ends its connection, and no other', async () => {
    const bystander = connect(workspace.ownerKey, { lazyCloseTimeout: 60_000 });
    await first(bystander, '{ __typename }');
    const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'connection_init', payload: { padding: 'x'.repeat(5 * 1024 * 1024) } }));
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1009);
    expect(await first(bystander, '{ __typename }')).toEqual({ data: { __typename: 'Query' } });
  });

  test('a client that speaks another protocol is turned away', async () => {
    const socket = new WebSocket(server.wsUrl);
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4406);
  });

  test('words that are no message end the connection with a reason', async () => {
    const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.send('this is no JSON');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(4400);
  });
});

/** The codes with which an operation is refused, in its result or in an error message of the protocol. */
async function errorCodes(client: Client, query: string): Promise<Set<unknown>> {
  const codesOf = (errors: readonly { extensions?: Record<string, unknown> }[]) =>
    new Set(errors.map((error) => error.extensions?.code));
  try {
    return codesOf((await first(client, query)).errors ?? []);
  } catch (error) {
    if (Array.isArray(error)) return codesOf(error);
    throw error;
  }
}
