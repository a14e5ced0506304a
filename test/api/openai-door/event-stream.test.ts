import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { EventStream, type EventStreamTimes } from '../../../src/server/openai-door/event-stream.ts';

const TIMES: EventStreamTimes = { pingMs: 20_000, firstPingMs: 20_000, stallMs: 20_000 };

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

interface Opened {
  events: EventStream;
  response: ServerResponse;
  /** The client's side, once it has the headers. */
  received: Promise<IncomingMessage>;
}

/** A stream from a server to a client on this machine. */
async function openStream(times: Partial<EventStreamTimes> = {}): Promise<Opened> {
  const server = createServer();
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const received = once(client, 'response').then(([message]) => message as IncomingMessage);
  const [, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  const events = new EventStream(response, () => ({ 'x-signalbox-model': 'mine/small' }), { ...TIMES, ...times });
  return { events, response, received };
}

/** Everything that comes, and whether it came to its end. */
async function readAll(message: IncomingMessage): Promise<{ text: string; whole: boolean }> {
  let text = '';
  message.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  message.on('error', () => undefined);
  await once(message, 'close').catch(() => undefined);
  return { text, whole: message.complete };
}

test('the first event leaves with the headers, at once', async () => {
  const { events, received } = await openStream();
  expect(events.opened).toBe(false);
  events.write('data: 1\n\n');
  const message = await received;
  expect(message.headers).toMatchObject({ 'content-type': 'text/event-stream; charset=utf-8' });
  expect(message.headers['x-signalbox-model']).toBe('mine/small');
  const [chunk] = (await once(message, 'data')) as [Buffer];
  expect(chunk.toString()).toBe('data: 1\n\n');
});

test('an event of failure reaches the client, and the stream has no end', async () => {
  const { events, received } = await openStream();
  events.write('data: 1\n\n');
  events.fail('data: {"error":{}}\n\n');
  expect(await readAll(await received)).toEqual({ text: 'data: 1\n\ndata: {"error":{}}\n\n', whole: false });
});

test('a silent stream is kept alive by comments, also before its first event', async () => {
  const { events, received } = await openStream({ firstPingMs: 5, pingMs: 5 });
  const message = await received;
  await once(message, 'data');
  await once(message, 'data');
  const rest = readAll(message);
  events.end('data: [DONE]\n\n');
  const { text, whole } = await rest;
  expect(whole).toBe(true);
  expect(text.replaceAll(': ping\n\n', '')).toBe('data: [DONE]\n\n');
});

test('a slow client is waited for', async () => {
  const { events, received } = await openStream();
  const event = `data: ${'x'.repeat(1 << 20)}\n\n`;
  events.write('data: 1\n\n');
  const rest = readAll(await received);
  for (let count = 0; count < 8; count++) {
    const waiting = events.write(event);
    expect(waiting).toBeInstanceOf(Promise);
    await waiting;
  }
  events.end('data: [DONE]\n\n');
  expect(await rest).toEqual({ text: `data: 1\n\n${event.repeat(8)}data: [DONE]\n\n`, whole: true });
});

test.each(['write', 'end', 'fail'] as const)('a client that stops reading is dropped, after %s too', async (way) => {
  const { events, response, received } = await openStream({ stallMs: 50 });
  const closed = once(response, 'close');
  // More than the buffers of both sides take.
  const waiting = events[way](`data: ${'x'.repeat(64 << 20)}\n\n`);
  (await received).pause();
  await closed;
  await waiting;
  expect(response.destroyed).toBe(true);
  expect(response.writableFinished).toBe(false);
});
