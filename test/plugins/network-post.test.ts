import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { brotliCompressSync, createGzip, deflateSync, gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { postOn } from '../../src/plugins/network-post.ts';

const MEGABYTE = 1024 * 1024;
let server: Server;
let agent: Agent;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const seen: string[] = [];

beforeEach(async () => {
  seen.length = 0;
  server = createServer((request, response) => {
    seen.push(request.url ?? '');
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  agent = new Agent({ connections: 1, pipelining: 1 });
});
afterEach(async () => {
  await agent.destroy();
  server.closeAllConnections();
  server.close();
});

function post(path: string, signal: AbortSignal = new AbortController().signal) {
  const { port } = server.address() as AddressInfo;
  return postOn(agent, `http://127.0.0.1:${port}${path}`, { headers: {}, body: 'asked', signal });
}

describe('an answer', () => {
  test('that nobody reads holds the sender up', async () => {
    let taken = 0;
    const full = Promise.withResolvers<void>();
    answer = (_request, response) => {
      const write = () => {
        while (taken < 64 * MEGABYTE) {
          taken += MEGABYTE;
          if (!response.write(Buffer.alloc(MEGABYTE))) return void response.once('drain', write);
        }
        response.end();
      };
      response.once('close', () => full.resolve());
      write();
    };
    const response = await post('/');
    const chunks = response.chunks()[Symbol.asyncIterator]();
    await chunks.next();
    for (let turns = 0; turns < 2_000; turns++) await turn();
    expect(taken).toBeLessThan(32 * MEGABYTE);
    let read = 0;
    for await (const chunk of { [Symbol.asyncIterator]: () => chunks }) read += chunk.length;
    await full.promise;
    expect(read).toBeGreaterThan(60 * MEGABYTE);
  });

  test('of more than 64 MB is not read whole', async () => {
    answer = (_request, response) => {
      response.write(Buffer.alloc(64 * MEGABYTE));
      response.end('x');
    };
    const response = await post('/');
    await expect(response.text()).rejects.toMatchObject({ kind: 'malformed' });
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ])(
    'that a proxy compressed by %s unasked is read whole and in chunks, and a cut one fails',
    async (encoding, compress) => {
      const body = compress('Grüße aus dem Norden');
      let sent = body;
      answer = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end(sent);
      expect(await (await post('/')).text()).toBe('Grüße aus dem Norden');
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await post('/')).chunks()) chunks.push(chunk);
      expect(Buffer.concat(chunks).toString()).toBe('Grüße aus dem Norden');
      sent = body.subarray(0, 12);
      const cut = await post('/');
      await expect(cut.text()).rejects.toMatchObject({ kind: 'malformed' });
    },
  );

  test('that is small and unpacks to more than 64 MB is not read whole', async () => {
    const bomb = gzipSync(Buffer.alloc(65 * MEGABYTE));
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    await expect((await post('/')).text()).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('more than'),
    });
  });

  test('that comes compressed is closed at once when nobody reads on, though the server has not ended it', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    answer = (_request, response) => {
      closed = once(response, 'close');
      const packed = createGzip();
      packed.pipe(response.writeHead(200, { 'content-encoding': 'gzip' }));
      packed.write('the first part');
      packed.flush();
    };
    for await (const _ of (await post('/')).chunks()) break;
    await closed;
  });

  test.each(['identity', 'UTF-8', 'none'])('that is said to be encoded as %s is read as it came', async (encoding) => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': encoding }).end('{}');
    expect(await (await post('/')).text()).toBe('{}');
  });

  test('in an encoding that nobody knows is refused by its name', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-encoding': 'lzma' }).end('?');
    await expect((await post('/')).text()).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('lzma'),
    });
  });

  test('has its text without a byte order mark', async () => {
    answer = (_request, response) => response.end('\ufeff{}');
    expect(await (await post('/')).text()).toBe('{}');
  });

  test('that is cut gives what came of it, and then the failure', async () => {
    answer = (_request, response) => {
      response.write('the first part', () => response.destroy());
    };
    const response = await post('/');
    const parts: string[] = [];
    const read = async () => {
      for await (const chunk of response.chunks()) parts.push(Buffer.from(chunk).toString());
    };
    await expect(read()).rejects.toMatchObject({ name: 'ProviderError', kind: 'network' });
    expect(parts.join('')).toBe('the first part');
  });

  test('that is not read to its end closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_request, response) => {
      response.write('one of many');
      response.once('close', () => closed.resolve());
    };
    const response = await post('/');
    for await (const _chunk of response.chunks()) break;
    await closed.promise;
  });
});

describe('a caller who leaves', () => {
  test('while the call waits for a connection is told at once, and nothing is sent for it', async () => {
    const held = Promise.withResolvers<ServerResponse>();
    answer = (_request, response) => held.resolve(response);
    const first = post('/first');
    const holding = await held.promise;
    const leaving = new AbortController();
    const second = post('/second', leaving.signal);
    leaving.abort(new Error('left'));
    await expect(second).rejects.toThrow('left');
    holding.end('done');
    expect(await (await first).text()).toBe('done');
    answer = (_request, response) => response.end('third');
    expect(await (await post('/third')).text()).toBe('third');
    expect(seen).toEqual(['/first', '/third']);
  });

  test('amid the answer closes the connection', async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_request, response) => {
      response.write('part');
      response.once('close', () => closed.resolve());
    };
    const leaving = new AbortController();
    const response = await post('/', leaving.signal);
    const text = response.text();
    leaving.abort(new Error('left'));
    await expect(text).rejects.toThrow('left');
    await closed.promise;
  });
});
