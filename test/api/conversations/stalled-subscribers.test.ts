import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { ConversationClient, FOLLOW, joined, type ToldEvent } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

/** Just short of the most that an answer may have. */
const ANSWER_CHARACTERS = 900_000;
/** Six bytes a character as JSON: 5.4 MB an answer, and as much again with its message at the end. */
const PIECE = '\u0001'.repeat(2_000);
/** On each WebSocket: 32 MB that nobody reads. */
const ANSWERS = 3;
const STALLED = Number(process.env.SIGNALBOX_TEST_STALLED ?? 60);
/** What all of them may take: what is held for each is bounded, and far less than it was sent. */
const MEMORY_BYTES = 250 * 1024 * 1024;

/** 43 MB an answer before its end: the system's buffers of a connection hold less. */
const FOLLOW_ALL = FOLLOW.replace('{ text }', '{ text a: text b: text c: text d: text e: text f: text g: text }');

const models = new PacedModels();
let server: TestServer;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({
    wrapProvider: models.wrap,
    environment: { SIGNALBOX_SUBSCRIBER_PATIENCE_SECONDS: '3' },
  });
  client = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
});
afterAll(() => server?.close());

/** How many subscribers the server has closed because they read nothing. */
async function givenUp(): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  const counts = [...metrics.matchAll(/^signalbox_subscribers_given_up_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Answers that are being made, and what writes one of them to its end. */
async function begin(count: number) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const { id } = await client.send(await client.create(), `Hello ${crypto.randomUUID()}`);
      return id;
    }),
  );
}

async function tell(answers: number): Promise<void> {
  const made = await Promise.all(Array.from({ length: answers }, () => models.next()));
  for (const answer of made) {
    for (let told = 0; told < ANSWER_CHARACTERS; told += PIECE.length) answer.say(PIECE);
    answer.finish();
  }
}

/** A client that follows generations on one connection, and reads nothing once it has subscribed. */
async function stalledSocket(ids: readonly string[]) {
  const tcp = connect(Number(new URL(server.url).port), '127.0.0.1');
  const socket = new WebSocket(server.wsUrl, 'graphql-transport-ws', { createConnection: () => tcp });
  const events: ToldEvent[] = [];
  socket.on('message', (bytes) => {
    const { payload } = JSON.parse(String(bytes)) as { payload?: { data?: { generation: ToldEvent } } };
    if (payload?.data?.generation !== undefined) events.push(payload.data.generation);
  });
  await once(socket, 'open');
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${client.key}` } }));
  await once(socket, 'message');
  for (const [index, id] of ids.entries()) {
    const payload = { query: FOLLOW, variables: { id } };
    socket.send(JSON.stringify({ id: String(index), type: 'subscribe', payload }));
  }
  tcp.pause();
  return { tcp, socket, events };
}

/** The answer to a subscription over SSE, of which nothing is read yet. */
async function stalledStream(id: string, query = FOLLOW): Promise<IncomingMessage> {
  const asked = request(`${server.url}/graphql`, {
    method: 'POST',
    agent: false,
    headers: {
      ...{ 'content-type': 'application/json', accept: 'text/event-stream' },
      authorization: `Bearer ${client.key}`,
    },
  });
  asked.end(JSON.stringify({ query, variables: { id } }));
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  return response;
}

test('a client that stops reading is closed with a reason that it can read, and goes on from its last event', async () => {
  const [id = ''] = await begin(1);
  const stalled = await stalledSocket([id]);
  const before = await givenUp();
  const quick = client.follow(id).rest();
  await tell(1);
  const whole = (await quick).at(-1)?.message.text ?? '';
  expect(whole.length).toBeGreaterThanOrEqual(ANSWER_CHARACTERS);
  await waitFor('the server to give it up', async () => (await givenUp()) > before);
  const closed = once(stalled.socket, 'close');
  stalled.tcp.resume();
  const [code, reason] = (await closed) as [number, Buffer];
  expect([code, String(reason)]).toEqual([1013, expect.stringContaining('go on from the last seq')]);
  expect(stalled.events.length).toBeGreaterThan(0);
  const after = stalled.events.at(-1)?.seq ?? 0;
  const rest = await client.follow(id, { after }).rest();
  expect(joined([...stalled.events, ...rest])).toBe(whole);
});

test('over SSE the reason is the last event before the end', async () => {
  const [id = ''] = await begin(1);
  const before = await givenUp();
  const response = await stalledStream(id, FOLLOW_ALL);
  const quick = client.follow(id).rest();
  await tell(1);
  const whole = (await quick).at(-1)?.message.text ?? '';
  await waitFor('the server to give it up', async () => (await givenUp()) > before);
  const said = (await text(response)).split('\n\n').filter((part) => part.startsWith('event: next'));
  const results = said.map((part) => JSON.parse(part.slice(part.indexOf('{'))));
  expect(results.pop()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
  const events = results.map(({ data }) => data.generation as ToldEvent);
  const rest = await client.follow(id, { after: events.at(-1)?.seq ?? 0, over: 'SSE' }).rest();
  expect(joined([...events, ...rest])).toBe(whole);
});

test(`${STALLED} clients that read nothing of 32 MB hold no memory and nobody up`, async () => {
  const ids = await begin(ANSWERS);
  const stalled = await Promise.all(
    Array.from({ length: STALLED }, (_, index) =>
      index % 2 === 0 ? stalledSocket(ids) : stalledStream(ids[index % ANSWERS] as string),
    ),
  );
  const givenUpBefore = await givenUp();
  const before = process.memoryUsage.rss();
  const quick = Promise.all(ids.map((id) => client.follow(id).rest()));
  let peak = before;
  const watching = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  await tell(ANSWERS);
  for (const events of await quick) {
    expect(joined(events)).toBe(events.at(-1)?.message.text);
    expect(joined(events).length).toBeGreaterThanOrEqual(ANSWER_CHARACTERS);
  }
  clearInterval(watching);
  expect(peak - before).toBeLessThan(MEMORY_BYTES);
  await waitFor('all to be given up', async () => (await givenUp()) >= givenUpBefore + STALLED);
  for (const one of stalled)
    if ('tcp' in one) one.tcp.destroy();
    else one.destroy();
}, 120_000);
