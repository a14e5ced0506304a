import { type Client, createClient, type ExecutionResult } from 'graphql-sse';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
let ticksRead = 0;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
  countTicks(server);
});
afterAll(() => server?.close());

const clients: Client[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
});

/** Each tick asks for a report: where none is asked for any more, the subscription has ended on the server. */
function countTicks({ app }: TestServer): void {
  const { usage } = app.services;
  const report = usage.report.bind(usage);
  usage.report = (...asked) => {
    ticksRead += 1;
    return report(...asked);
  };
}

function connect(key?: string): Client {
  const client = createClient({
    url: `${server.url}/graphql`,
    singleConnection: false,
    retryAttempts: 0,
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
  });
  clients.push(client);
  return client;
}

async function firstOf(results: AsyncIterator<ExecutionResult<Record<string, unknown>, unknown>>) {
  const { value, done } = await results.next();
  if (done === true) throw new Error('the operation ended without a result');
  return value as ExecutionResult;
}

describe('GraphQL over SSE, one connection an operation', () => {
  test('a query is answered and its stream ends', async () => {
    const results = connect(workspace.ownerKey).iterate({ query: '{ viewer { role } }' });
    expect(await firstOf(results)).toEqual({ data: { viewer: { role: 'OWNER' } } });
    expect(await results.next()).toMatchObject({ done: true });
  });

  test('a subscription tells the usage of today at once and again', async () => {
    const ticks = connect(workspace.ownerKey).iterate({
      query: 'subscription ($every: Int) { usageTick(everySeconds: $every) { requests } }',
      variables: { every: 1 },
    });
    expect(await firstOf(ticks)).toEqual({ data: { usageTick: { requests: 0 } } });
    expect(await firstOf(ticks)).toEqual({ data: { usageTick: { requests: 0 } } });
    await ticks.return?.();
  });

  test('a client that leaves ends its subscription on the server', async () => {
    const before = ticksRead;
    const ticks = connect(workspace.ownerKey).iterate({
      query: 'subscription { usageTick(everySeconds: 1) { requests } }',
    });
    await firstOf(ticks);
    expect(ticksRead).toBeGreaterThan(before);
    await ticks.return?.();
    // One tick may be on its way; after that there must be none for as long as two would take.
    await waitFor('two seconds without a tick', async () => {
      const seen = ticksRead;
      await new Promise((resolve) => setTimeout(resolve, 2_200));
      return ticksRead === seen;
    });
  });

  test('a subscription needs a key as everything else does', async () => {
    const ticks = connect().iterate({ query: 'subscription { usageTick(everySeconds: 1) { requests } }' });
    await expect(firstOf(ticks)).rejects.toMatchObject({ response: { status: 401 } });
  });

  test('a wrong key is refused with 401 before any stream begins', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'text/event-stream',
        'content-type': 'application/json',
        authorization: 'Bearer sbx_nobody',
      },
      body: JSON.stringify({ query: '{ __typename }' }),
    });
    expect(response.status).toBe(401);
    expect(await response.text()).toContain('UNAUTHENTICATED');
  });
});
