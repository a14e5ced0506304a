import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer } from '../../../src/server/start-server.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

const MEGABYTE = 1024 * 1024;

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, { headers, redirect: 'manual' });

/** Posts a body without saying how long it is, as it comes. A server that has heard enough may hang up on the rest. */
async function postChunks(chunks: Iterable<string>): Promise<{ status: number; body: string }> {
  const post = request(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
    signal: AbortSignal.timeout(50_000),
  });
  const answered = once(post, 'response') as Promise<[IncomingMessage]>;
  post.on('error', () => undefined);
  for (const chunk of chunks) {
    if (post.destroyed) break;
    if (!post.write(chunk)) await Promise.race([once(post, 'drain'), answered.catch(() => undefined)]);
  }
  post.end();
  const [response] = await answered;
  return { status: response.statusCode ?? 0, body: await text(response) };
}

describe('the paths of the server', () => {
  test('/healthz says that the process runs', async () => {
    const response = await get('/healthz');
    expect([response.status, await response.text()]).toEqual([200, 'ok\n']);
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('/readyz says that it can serve', async () => {
    const response = await get('/readyz');
    expect([response.status, await response.text()]).toEqual([200, 'ready\n']);
  });

  test('/metrics tells Prometheus of operations and pending usage', async () => {
    await server.query('{ __typename }');
    const response = await get('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain');
    const metrics = await response.text();
    expect(metrics).toMatch(/^signalbox_graphql_operation_seconds_count\{outcome="ok"\} [1-9]/m);
    expect(metrics).toMatch(/^signalbox_usage_events_pending \d/m);
    expect(metrics).toMatch(/^process_cpu_seconds_total /m);
  });

  test('the bare address leads to GraphQL', async () => {
    const response = await get('/');
    expect([response.status, response.headers.get('location')]).toEqual([302, '/graphql']);
  });

  test.each(['/nowhere', '/graphql/deeper', '/GraphQL', '/..%2f..%2fetc/passwd', '//graphql'])(
    'anything else, such as %s, is a 404 in JSON',
    async (path) => {
      const response = await get(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({
        errors: [{ message: expect.stringContaining('/graphql'), extensions: { code: 'NOT_FOUND' } }],
      });
    },
  );
});

describe('GraphiQL', () => {
  test('a browser gets it at the address of the API, and nothing in it comes from another host', async () => {
    const response = await get('/graphql', { accept: 'text/html' });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
    const html = await response.text();
    expect(html).toMatch(/<div id=["']?root/);
    expect(html.length).toBeGreaterThan(500_000);
    const tags = html.match(/<(?:script|link|img|iframe)\b[^>]*>/gi) ?? [];
    const outside = tags.filter((tag) => /\b(?:src|href)\s*=\s*["']?(?:https?:)?\/\//i.test(tag));
    expect(outside).toEqual([]);
    expect(html).not.toMatch(/@import\s+(?:url\()?["']?(?:https?:)?\/\//i);
    expect(html).not.toMatch(/\bimport\(\s*["']https?:/);
  });

  test('it shows the first queries and no key of this server', async () => {
    const html = await (await get('/graphql', { accept: 'text/html' })).text();
    expect(html).toContain('dock doors double booked');
    expect(html).not.toContain(server.rootKey);
    expect(html).not.toContain(workspace.ownerKey);
  });

  test('it shows the key of a local demo to who opens it there, and to no page of another site', async () => {
    const demo = { key: 'sbx_of_the_demo', collectionId: null };
    const local = await startServer(server.app, () => demo);
    const hasKey = async (headers: Record<string, string>) => {
      const asked = request({
        port: local.address.port,
        path: '/graphql',
        headers: { accept: 'text/html', ...headers },
      });
      const [response] = (await once(asked.end(), 'response')) as [IncomingMessage];
      return (await text(response)).includes(demo.key);
    };
    for (const host of ['127.0.0.1:4000', 'localhost:4000', '[::1]:4000'])
      expect(await hasKey({ host }), host).toBe(true);
    expect(await hasKey({ host: 'localhost', origin: 'https://elsewhere.example' })).toBe(false);
    expect(await hasKey({ host: 'localhost', origin: 'null' })).toBe(false);
    expect(await hasKey({ host: 'leads-to-loopback.example:4000' })).toBe(false);
    await local.close();
  });
});

describe('headers', () => {
  test('a page of any origin may ask, since keys come in a header and never in a cookie', async () => {
    const origin = 'https://app.example.com';
    const preflight = await fetch(`${server.url}/graphql`, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-signalbox-workspace',
      },
    });
    expect(preflight.status).toBeLessThan(300);
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin);
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toContain('authorization');
    expect(preflight.headers.get('access-control-allow-credentials')).toBeNull();
    const { headers } = await server.query('{ __typename }', {}, { headers: { origin } });
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('access-control-expose-headers')).toContain('x-request-id');
  });

  test('the request id of a client is sent back', async () => {
    const { headers } = await server.query('{ __typename }', {}, { headers: { 'x-request-id': 'checkout-17:a.b_c' } });
    expect(headers.get('x-request-id')).toBe('checkout-17:a.b_c');
  });

  test.each([undefined, '', 'with spaces', 'x'.repeat(101), '"quoted"'])(
    'where the client sends none that is fit for a log (%s), one is made',
    async (given) => {
      const { headers } = await server.query(
        '{ __typename }',
        {},
        { headers: given === undefined ? {} : { 'x-request-id': given } },
      );
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/);
    },
  );

  test('every path has a request id', async () => {
    for (const path of ['/healthz', '/nowhere', '/']) {
      expect((await get(path)).headers.get('x-request-id')).toMatch(/^req_/);
    }
  });
});

test.each([
  ['text/csv', 'query'],
  // What any form of another site sends, and what a script of it sends without being asked.
  ['application/x-www-form-urlencoded', 'query=%7B__typename%7D'],
  ['application/x-www-form-urlencoded; charset=utf-8', 'query=%7B__typename%7D'],
  ['application/x-www-form-urlencoded, application/json', 'query=%7B__typename%7D'],
  ['text/plain', '{"query":"{__typename}"}'],
  ['text/plain; application/json', '{"query":"{__typename}"}'],
  ['application/graphql', '{__typename}'],
])('a body that is no JSON by its media type (%s) is refused with 415 and what to send', async (type, body) => {
  const headers = { 'content-type': type, authorization: `Bearer ${workspace.ownerKey}` };
  const response = await fetch(`${server.url}/graphql`, { method: 'POST', headers, body });
  expect(response.status).toBe(415);
  expect(await response.json()).toEqual({
    errors: [{ message: expect.stringContaining('application/json'), extensions: { code: 'BAD_INPUT' } }],
  });
});

describe('the size of a request', () => {
  test('a body that does not say its length is read', async () => {
    const query = JSON.stringify({ query: '{ viewer { workspace { id } } }' });
    const { status, body } = await postChunks([...query]);
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({ data: { viewer: { workspace: { id: workspace.id } } } });
  });

  test('such a body has CORS headers and a request id as others have', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': 'in-pieces', origin: 'https://app.example.com' },
      body: new Blob([JSON.stringify({ query: '{ __typename }' })]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
    expect(response.headers.get('x-request-id')).toBe('in-pieces');
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
  });

  test('such a body is bounded all the same', async () => {
    function* tooMuch() {
      const piece = ' '.repeat(MEGABYTE);
      for (let count = 0; count < 33; count += 1) yield piece;
    }
    const { status, body } = await postChunks(tooMuch());
    expect(status).toBe(413);
    expect(JSON.parse(body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] });
  });

  test('33 MB are refused with 413 and what is allowed', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Uint8Array(33 * MEGABYTE).fill(32),
      signal: AbortSignal.timeout(50_000),
    });
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({
      errors: [{ message: expect.stringContaining(String(32 * MEGABYTE)), extensions: { code: 'BAD_INPUT' } }],
    });
  });

  test('the server serves on after it', async () => {
    expect((await server.query('{ __typename }')).body).toEqual({ data: { __typename: 'Query' } });
  });

  test('a batch of operations is refused: aliases and lists do that better', async () => {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] });
  });

  test('a mutation by GET is refused, so that no link can write', async () => {
    const mutation = 'mutation { createCollection(input: { name: "by a link" }) { __typename } }';
    const response = await fetch(`${server.url}/graphql?query=${encodeURIComponent(mutation)}`, {
      headers: { accept: 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
    });
    expect(response.status).toBe(405);
    const { body } = await server.query('{ collections { nodes { id } } }', {}, { key: workspace.ownerKey });
    expect(body.data).toEqual({ collections: { nodes: [] } });
  });
});
