import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VendorServer } from '../../src/plugins/conformance/vendor-server.ts';
import { ProviderError } from '../../src/plugins/errors.ts';
import { PluginNetwork } from '../../src/plugins/network.ts';

const MEGABYTE = 1024 * 1024;
let vendor: VendorServer;
let elsewhere: VendorServer;
let network: PluginNetwork;

beforeEach(async () => {
  [vendor, elsewhere] = await Promise.all([VendorServer.start(), VendorServer.start()]);
  network = new PluginNetwork({ allowPrivate: true });
});
afterEach(() => Promise.all([network.close(), vendor.close(), elsewhere.close()]));

const fetchHere = (path: string, init?: RequestInit) => network.access(1_000).fetch(`${vendor.url}${path}`, init);
const SECRET = { method: 'POST', headers: { 'x-api-key': 'sk-secret' }, body: 'client_secret=hidden' };

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    'with %i to another origin is an error, and nothing goes there',
    async (status) => {
      elsewhere.play({ do: 'answer', body: 'stolen' });
      vendor.play({ do: 'answer', status, headers: { location: `${elsewhere.url}/take` }, body: '' });
      await expect(fetchHere('/', SECRET)).rejects.toMatchObject({
        ...{ name: 'ProviderError', kind: 'bad_request', status, message: expect.stringContaining(elsewhere.url) },
      });
      expect(elsewhere.requests).toEqual([]);
    },
  );

  test('within the origin is followed, by 307 with method, headers and body', async () => {
    vendor.play(({ path }) =>
      path === '/there'
        ? { do: 'answer', body: 'here' }
        : { do: 'answer', status: 307, headers: { location: '/there' }, body: '' },
    );
    const response = await fetchHere('/', SECRET);
    expect([response.status, await response.text()]).toEqual([200, 'here']);
    const [, second] = vendor.requests;
    expect(second).toMatchObject({ method: 'POST', path: '/there', headers: { 'x-api-key': 'sk-secret' } });
    expect(Buffer.from(second?.body ?? []).toString()).toBe('client_secret=hidden');
  });

  test('within the origin by 302 makes a GET of a POST, without its body', async () => {
    vendor.play(({ method }) =>
      method === 'GET'
        ? { do: 'answer', body: 'here' }
        : { do: 'answer', status: 302, headers: { location: '/there' }, body: '' },
    );
    expect(await (await fetchHere('/', SECRET)).text()).toBe('here');
    expect(vendor.requests[1]).toMatchObject({ method: 'GET', headers: { 'x-api-key': 'sk-secret' } });
    expect(vendor.requests[1]?.body).toHaveLength(0);
  });

  test('in a circle ends after five', async () => {
    vendor.play({ do: 'answer', status: 308, headers: { location: '/again' }, body: '' });
    await expect(fetchHere('/')).rejects.toMatchObject({ kind: 'bad_request' });
    expect(vendor.requests).toHaveLength(6);
  });

  test('that is not to be followed comes as it is', async () => {
    vendor.play({ do: 'answer', status: 302, headers: { location: elsewhere.url }, body: '' });
    expect((await fetchHere('/', { redirect: 'manual' })).status).toBe(302);
  });
});

describe('the body of an answer', () => {
  test('may have 64 MB and no byte more, counted after it was unpacked', async () => {
    const packed = (bytes: number) => ({
      ...{ do: 'answer' as const, headers: { 'content-encoding': 'gzip' }, body: gzipSync(Buffer.alloc(bytes)) },
    });
    vendor.play(packed(64 * MEGABYTE));
    expect((await (await fetchHere('/')).arrayBuffer()).byteLength).toBe(64 * MEGABYTE);
    vendor.play(packed(64 * MEGABYTE + 1));
    const response = await fetchHere('/');
    await expect(response.text()).rejects.toMatchObject({ name: 'ProviderError', kind: 'malformed' });
  }, 30_000);

  test('and its status, headers and url are those of the server', async () => {
    vendor.play({ do: 'answer', status: 418, headers: { 'x-mark': 'yes' }, body: { tea: true } });
    const response = await fetchHere('/pot');
    expect([response.status, response.headers.get('x-mark'), response.url]).toEqual([418, 'yes', `${vendor.url}/pot`]);
    expect(await response.json()).toEqual({ tea: true });
    vendor.play({ do: 'answer', status: 204, body: '' });
    expect(await (await fetchHere('/')).text()).toBe('');
  });
});

test('connections are shared by all that wait about as long for one', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    sockets.add(request.socket);
    response.end('x');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const signal = new AbortController().signal;
  const ask = async (connectMs: number) =>
    (await network.access(connectMs).post(url, { headers: {}, body: '', signal })).text();
  for (let connectMs = 2_001; connectMs <= 2_040; connectMs++) await ask(connectMs);
  // One that is just being given back is not waited for.
  expect(sockets.size).toBeLessThan(10);
  server.closeAllConnections();
  server.close();
});

test.each([
  [Number.POSITIVE_INFINITY, 86_400_000],
  [1e300, 86_400_000],
  [Number.NaN, undefined],
  [-1, undefined],
  [1_500, 1_500],
])('a vendor that asks to wait %d ms is waited for %s ms: a day at the most', (retryAfterMs, expected) => {
  expect(new ProviderError('overloaded', 'full', { retryAfterMs }).retryAfterMs).toBe(expected);
});
