import { createClient as createSseClient } from 'graphql-sse';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { overApollo } from '../../examples/clients/apollo.ts';
import { FOLLOW, type Follow, type GenerationEvent, readAnswer } from '../../examples/clients/generation.ts';
import { overGraphqlSse } from '../../examples/clients/graphql-sse.ts';
import { overGraphqlWs } from '../../examples/clients/graphql-ws.ts';
import { overUrql } from '../../examples/clients/urql.ts';
import { overUrqlSse } from '../../examples/clients/urql-sse.ts';
import { ProviderError } from '../../src/plugins/errors.ts';
import { ConversationClient, type ToldEvent } from '../api/conversations/conversation-client.ts';
import { type PacedAnswer, PacedModels } from '../api/conversations/paced-models.ts';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

const CLIENTS = [
  { name: 'graphql-ws', over: overGraphqlWs, scheme: 'ws' },
  { name: 'graphql-sse', over: overGraphqlSse, scheme: 'http' },
  { name: 'Apollo Client', over: overApollo, scheme: 'ws' },
  { name: 'urql over WebSocket', over: overUrql, scheme: 'ws' },
  { name: 'urql over SSE', over: overUrqlSse, scheme: 'http' },
] as const;

const models = new PacedModels();
let server: TestServer;
let workspace: ConversationClient;
let ownListeners: number;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  ownListeners = server.app.database.bus.listenerCount;
});
beforeEach(async () => {
  workspace = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
  await workspace.read('mutation ($models: JSON!) { updateSettings(input: { models: $models }) { __typename } }', {
    models: { chat: { primary: 'local/writer', fallbacks: ['local/second'] } },
  });
});
afterAll(() => server?.close());

const urlOf = (scheme: string, origin = server.url) => `${origin.replace('http', scheme)}/graphql`;
const followBy = ({ over, scheme }: (typeof CLIENTS)[number], origin?: string): Follow =>
  over(urlOf(scheme, origin), workspace.key);

async function begin(): Promise<{ id: string; answer: PacedAnswer }> {
  const { id } = await workspace.send(await workspace.create(), `Hello ${crypto.randomUUID()}`, { model: null });
  return { id, answer: await models.next() };
}

/** A viewer of an answer: what it shows by now, and in the end. */
function view(follow: Follow, id: string) {
  const viewer = { shown: '', whole: Promise.resolve('') };
  viewer.whole = readAnswer(follow, id, (text) => {
    viewer.shown = text;
  });
  viewer.whole.catch(() => undefined);
  return viewer;
}

/** Everything from a number on. */
function eventsOf(follow: Follow, id: string, after: number): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = [];
  return new Promise((resolve, reject) => {
    follow(id, after, { next: (event) => events.push(event), error: reject, complete: () => resolve(events) });
  });
}

const storedText = async (id: string) => (await workspace.generation(id)).message.text;

test('every client shows two viewers the same text as it is written, and the one that is stored', async () => {
  const { id, answer } = await begin();
  const viewers = CLIENTS.flatMap((client) => {
    const follow = followBy(client);
    return [view(follow, id), view(followBy(client), id)];
  });
  answer.say('Good ');
  await waitFor('the first words everywhere', () => viewers.every(({ shown }) => shown === 'Good '));
  answer.say('day, 日本 ', '😀 “quoted”\n\n', 'data: {}\n\n');
  answer.finish();
  const texts = await Promise.all(viewers.map(({ whole }) => whole));
  expect(new Set(texts)).toEqual(new Set(['Good day, 日本 😀 “quoted”\n\ndata: {}\n\n']));
  expect(texts[0]).toBe(await storedText(id));
  await waitFor('nobody to listen', () => server.app.database.bus.listenerCount === ownListeners);
});

test('two viewers of one client see the same, also the one that comes later', async () => {
  for (const client of CLIENTS) {
    const { id, answer } = await begin();
    const follow = followBy(client);
    const first = view(follow, id);
    answer.say('One ');
    await waitFor(`${client.name} to begin`, () => first.shown === 'One ');
    const late = view(follow, id);
    answer.say('two.');
    answer.finish();
    expect([client.name, await first.whole, await late.whole]).toEqual([client.name, 'One two.', 'One two.']);
  }
});

describe.each(CLIENTS)('$name', (client) => {
  test('drops the text before an answer starts again elsewhere', async () => {
    const { id, answer } = await begin();
    const viewer = view(followBy(client), id);
    answer.say('A first try');
    await waitFor('the first try', () => viewer.shown === 'A first try');
    answer.fail(new ProviderError('conflict', 'the vendor broke off'));
    const second = await models.next('second');
    second.say('The ', 'second');
    second.finish();
    expect(await viewer.whole).toBe('The second');
    expect(await storedText(id)).toBe('The second');
  });

  test('goes on behind any event with what the others saw', async () => {
    const { id, answer } = await begin();
    const viewer = view(followBy(client), id);
    let told = '';
    for (const piece of ['One', ' two', ' three']) {
      answer.say(piece);
      told += piece;
      await waitFor(told, () => viewer.shown === told);
    }
    answer.finish();
    await viewer.whole;
    const all = await eventsOf(followBy(client), id, 0);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, index) => index + 1));
    for (let after = 1; after < all.length; after++) {
      expect(await eventsOf(followBy(client), id, after)).toEqual(all.slice(after));
    }
  });

  test('goes on by itself where its connection is cut, and repeats nothing', async () => {
    const proxy = await startTcpProxy({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
    try {
      const { id, answer } = await begin();
      const viewer = view(followBy(client, `http://127.0.0.1:${proxy.port}`), id);
      answer.say('Before, ');
      await waitFor('the first words', () => viewer.shown === 'Before, ');
      await proxy.cut();
      answer.say('and after.');
      answer.finish();
      await proxy.mend();
      expect(await viewer.whole).toBe('Before, and after.');
    } finally {
      await proxy.close();
    }
  });

  test('says why an answer has failed, and why a subscription is refused', async () => {
    const { id, answer } = await begin();
    const viewer = view(followBy(client), id);
    answer.fail(new ProviderError('content_filter', 'the vendor does not say that'));
    await expect(viewer.whole).rejects.toThrow('the vendor does not say that');
    const missing = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0');
    await expect(readAnswer(followBy(client), missing, () => undefined, 0)).rejects.toSatisfy((error) =>
      JSON.stringify(error, (_key, value) =>
        value instanceof Error ? { ...value, message: value.message } : value,
      ).includes('NOT_FOUND'),
    );
  });

  test('that leaves ends its subscription at the server, and not the answer', async () => {
    const { id, answer } = await begin();
    const seen: GenerationEvent[] = [];
    const sink = {
      next: (event: GenerationEvent) => seen.push(event),
      error: () => undefined,
      complete: () => undefined,
    };
    const leave = followBy(client)(id, 0, sink);
    answer.say('So far');
    await waitFor('the first words', () => seen.length >= 2);
    leave();
    await waitFor('nobody to listen', () => server.app.database.bus.listenerCount <= ownListeners + 1);
    expect(answer.signal.aborted).toBe(false);
    answer.finish();
    await waitFor('the answer', async () => (await storedText(id)) === 'So far');
  });
});

test('an answer read by plain SSE has events of their own, and an end', async () => {
  const { id, answer } = await begin();
  answer.say('Plain');
  answer.finish();
  const response = await fetch(urlOf('http'), {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${workspace.key}`, accept: 'text/event-stream' },
      'content-type': 'application/json',
    },
    body: JSON.stringify({ query: FOLLOW, variables: { id } }),
  });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const blocks = (await response.text()).split('\n\n');
  const events = blocks
    .filter((block) => block.startsWith('event: next'))
    .map((block) => JSON.parse(block.split('data: ')[1] ?? ''));
  const told = events.map(({ data }: { data: { generation: ToldEvent } }) => data.generation);
  expect(told.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', message: { text: 'Plain' } });
  expect(blocks.some((block) => block.startsWith('event: complete'))).toBe(true);
});

test('graphql-sse in its mode of one connection is refused in words', async () => {
  const client = createSseClient({
    ...{ url: urlOf('http'), singleConnection: true, lazy: true, retryAttempts: 0 },
    headers: { authorization: `Bearer ${workspace.key}` },
  });
  await expect(client.iterate({ query: '{ viewer { role } }' }).next()).rejects.toThrow(/Method Not Allowed/);
  client.dispose();
});
