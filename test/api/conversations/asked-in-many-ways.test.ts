import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { dropLogs } from '../../../src/domain/conversations/generation-log-store.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { ConversationClient, follow, joined } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

const models = new PacedModels();
let server: TestServer;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  client = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
});
afterAll(() => server?.close());

async function begin() {
  const { id } = await client.send(await client.create(), `Hello ${crypto.randomUUID()}`);
  return { id, answer: await models.next() };
}

/** Everything that a document is told over WebSocket. */
async function told(key: string, query: string, variables: Record<string, unknown>): Promise<unknown[]> {
  const socket = createClient({
    url: server.wsUrl,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${key}` },
  });
  const results: unknown[] = [];
  for await (const { data, errors } of socket.iterate({ query, variables })) {
    results.push(errors ?? (data as { generation: unknown }).generation);
  }
  await socket.dispose();
  return results;
}

test('of one event everybody is told what they asked for, whoever else asks for what', async () => {
  const { id, answer } = await begin();
  const query = `subscription ($id: ID!, $after: Int, $words: Boolean!) {
    generation(id: $id, after: $after) {
      seq ... on TextDelta @include(if: $words) { text }
      ... on GenerationCompleted { message { text generation { id } } }
    }
  }`;
  const other = `subscription ($id: ID!) { generation(id: $id) { number: seq ... on TextDelta { said: text } } }`;
  const viewer = (await server.createKey(client.key, 'VIEWER')).secret;
  const all = Promise.all([
    told(client.key, query, { id, words: true }),
    told(viewer, query, { id, words: true, after: 0 }),
    told(client.key, query, { id, words: false }),
    told(client.key, other, { id }),
    told(client.key, query, { id, words: true, after: 1 }),
  ]);
  const watching = client.follow(id);
  answer.say('One');
  await watching.next();
  await watching.next();
  answer.say(' two');
  answer.finish();
  const [full = [], asViewer, wordless, renamed, later] = await all;
  expect(full.slice(0, 2)).toEqual([{ seq: 1 }, { seq: 2, text: 'One' }]);
  expect(full.at(-1)).toMatchObject({ message: { text: 'One two', generation: { id } } });
  expect(asViewer).toEqual(full);
  expect(wordless?.slice(0, 2)).toEqual([{ seq: 1 }, { seq: 2 }]);
  expect(renamed?.slice(0, 2)).toEqual([{ number: 1 }, { number: 2, said: 'One' }]);
  expect(later).toEqual(full.slice(1));
  await watching.leave();
});

describe.each(['WebSocket', 'SSE'] as const)('over %s', (over) => {
  test('an answer whose log is gone is told from any number on, in fewer events', async () => {
    const { id, answer } = await begin();
    const watching = client.follow(id);
    const all = [];
    for (const piece of ['One', ' two', ' three']) {
      answer.say(piece);
      for (let event = await watching.next(); event !== null; event = await watching.next()) {
        all.push(event);
        if (event.__typename === 'TextDelta') break;
      }
    }
    answer.finish();
    all.push(...(await watching.rest()));
    const whole = all.at(-1)?.message.text;
    while ((await server.app.database.withSystem((scope) => dropLogs(scope, -1, 100))) > 0);
    const again = await client.follow(id, { over }).rest();
    expect(again.map(({ __typename }) => __typename)).toEqual([
      'GenerationStarted',
      'TextDelta',
      'GenerationCompleted',
    ]);
    expect(joined(again)).toBe(whole);
    const rest = await client.follow(id, { over, after: 2 }).rest();
    expect(joined(all.slice(0, 2)) + joined(rest)).toBe(whole);
    expect(await client.follow(id, { over, after: 2_000_000_000 }).rest()).toEqual(all.slice(-1));
  });

  test('a number that is none, or below nothing, is refused with the reason', async () => {
    const { id, answer } = await begin();
    answer.finish();
    const badInput = { errors: [{ extensions: { code: 'BAD_INPUT' } }] };
    await expect(client.follow(id, { over, after: -1 }).next()).rejects.toMatchObject(badInput);
    await expect(follow(server.url, client.key, 'gen_no', { over }).next()).rejects.toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
  });
});

test('a message of a megabyte is refused with how much it may have, and nothing of it is kept', async () => {
  const conversationId = await client.create();
  const asked = models.answers;
  expect(await client.send(conversationId, 'x'.repeat(1_000_000))).toMatchObject({
    ...{ __typename: 'InvalidInputError', code: 'BAD_INPUT' },
    errorMessage: expect.stringContaining('100000'),
  });
  const { node } = await client.read<{ node: { messages: { nodes: unknown[] } } }>(
    'query ($id: ID!) { node(id: $id) { ... on Conversation { messages(first: 1) { nodes { id } } } } }',
    { id: conversationId },
  );
  expect(node.messages.nodes).toEqual([]);
  expect(models.answers).toBe(asked);
});
