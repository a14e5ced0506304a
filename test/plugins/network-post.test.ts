import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
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
