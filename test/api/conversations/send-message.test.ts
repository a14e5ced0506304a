import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ConversationClient, type GenerationResult, joined } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

const models = new PacedModels();
let server: TestServer;
let workspace: TestWorkspace;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  workspace = await server.createWorkspace();
  client = new ConversationClient(server, workspace.ownerKey);
});
afterAll(() => server?.close());

const hello = () => `Hello ${crypto.randomUUID()}`;

async function ledger(conversationId: string) {
  return server.app.database.withWorkspace(
    workspace.id,
    (scope) => scope.sql<{ outcome: string; inputTokens: number; outputTokens: number }[]>`
      select outcome, input_tokens::int as input_tokens, output_tokens::int as output_tokens
      from usage_attempts where about_id = ${conversationId} and operation = 'chat'`,
  );
}

describe('sending a message', () => {
  test('writes the question and its answer down in order, and the next question comes with what was said before', async () => {
    const id = await client.create({ title: 'Invoices', persona: 'You are brief.', metadata: { team: 'billing' } });
    await client.send(id, 'What is due?');
    const first = await models.next();
    first.say('Ten.');
    first.finish();
    await waitFor('the first answer', async () => (await client.send(id, 'And tomorrow?')).__typename === 'Generation');
    const second = await models.next();
    expect(second.request.messages).toEqual([
      { role: 'system', text: expect.stringContaining('You are brief.') },
      { role: 'user', parts: [{ kind: 'text', text: 'What is due?' }] },
      { role: 'assistant', text: 'Ten.' },
      { role: 'user', parts: [{ kind: 'text', text: 'And tomorrow?' }] },
    ]);
    second.say('Two.');
    second.finish();
    const document = `query ($id: ID!, $first: Int, $last: Int, $after: String, $before: String) { node(id: $id) { ... on Conversation {
      title persona metadata
      messages(first: $first, last: $last, after: $after, before: $before) {
        nodes { role text generation { status } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    } } }`;
    type Read = {
      node: {
        messages: {
          nodes: { text: string; generation: { status: string } | null }[];
          pageInfo: Record<string, unknown>;
        };
      };
    };
    const read = async (page: object) => (await client.read<Read>(document, { id, ...page })).node;
    await waitFor('the second answer', async () => (await read({ last: 1 })).messages.nodes[0]?.text === 'Two.');
    expect(await read({})).toMatchObject({
      ...{ title: 'Invoices', persona: 'You are brief.', metadata: { team: 'billing' } },
      messages: {
        nodes: [
          { role: 'USER', text: 'What is due?', generation: null },
          { role: 'ASSISTANT', text: 'Ten.', generation: { status: 'COMPLETED' } },
          { role: 'USER', text: 'And tomorrow?', generation: null },
          { role: 'ASSISTANT', text: 'Two.', generation: { status: 'COMPLETED' } },
        ],
        pageInfo: { hasNextPage: false, hasPreviousPage: false },
      },
    });
    const head = (await read({ first: 1 })).messages;
    expect(head).toMatchObject({ nodes: [{ text: 'What is due?' }], pageInfo: { hasNextPage: true } });
    const next = (await read({ first: 2, after: head.pageInfo.endCursor })).messages;
    expect(next.nodes.map(({ text }) => text)).toEqual(['Ten.', 'And tomorrow?']);
    const tail = (await read({ last: 2 })).messages;
    expect(tail).toMatchObject({
      nodes: [{ text: 'And tomorrow?' }, { text: 'Two.' }],
      pageInfo: { hasPreviousPage: true },
    });
    const earlier = (await read({ last: 5, before: tail.pageInfo.startCursor })).messages;
    expect(earlier).toMatchObject({
      nodes: [{ text: 'What is due?' }, { text: 'Ten.' }],
      pageInfo: { hasPreviousPage: false, hasNextPage: true },
    });
  });

  test('with one key a hundred times at once is one generation', async () => {
    const id = await client.create();
    const before = models.answers;
    const text = hello();
    const sent = await Promise.all(
      Array.from({ length: 100 }, () => client.send(id, text, { idempotencyKey: 'the same' })),
    );
    expect(new Set(sent.map((generation) => generation.id)).size).toBe(1);
    const answer = await models.next();
    expect(models.answers).toBe(before + 1);
    answer.finish();
    const other = await client.send(id, 'something else', { idempotencyKey: 'the same' });
    expect(other).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
  });

  test('amid an answer is a conflict, and of many at once one is taken', async () => {
    const id = await client.create();
    const sent = await Promise.all(Array.from({ length: 10 }, () => client.send(id, hello())));
    const taken = sent.filter(({ __typename }) => __typename === 'Generation');
    expect(taken).toHaveLength(1);
    const refused = sent.filter(({ __typename }) => __typename === 'ConflictError');
    expect(refused).toHaveLength(9);
    expect(refused[0]?.errorMessage).toContain('stopGeneration');
    (await models.next()).finish();
    await client.follow(taken[0]?.id ?? '').rest();
  });

  test.each<[string, object | string, string]>([
    ['nothing', { text: ' ' }, 'BAD_INPUT'],
    ['a megabyte', { text: 'x'.repeat(1_000_000) }, 'BAD_INPUT'],
    ['a temperature of 3', { temperature: 3 }, 'BAD_INPUT'],
    ['no tokens', { maxTokens: 0 }, 'BAD_INPUT'],
    ['an empty key', { idempotencyKey: '' }, 'BAD_INPUT'],
    ['an unknown conversation', { conversationId: 'conv_01h455vb4pex5vsknk084sn02q' }, 'NOT_FOUND'],
    ['an unknown taxonomy', { filter: { classification: { taxonomy: 'none', labels: ['x'] } } }, 'NOT_FOUND'],
  ])('of %s is refused, and nothing is written', async (_what, input, code) => {
    const id = await client.create();
    expect(await client.send(id, hello(), input as object)).toMatchObject({ code });
    const { node } = await client.read<{ node: { messages: { nodes: object[] } } }>(
      'query ($id: ID!) { node(id: $id) { ... on Conversation { messages { nodes { id } } } } }',
      { id },
    );
    expect(node.messages.nodes).toEqual([]);
  });

  test('needs AI_USE, and a conversation of the workspace', async () => {
    const id = await client.create();
    const viewer = new ConversationClient(server, (await server.createKey(workspace.ownerKey, 'VIEWER')).secret);
    expect(await viewer.send(id, hello())).toMatchObject({ code: 'FORBIDDEN' });
    const other = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
    expect(await other.send(id, hello())).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('by a model that is not there is refused at once', async () => {
    await expect(client.send(await client.create(), hello(), { model: 'local/nobody' })).rejects.toThrow('NO_PROVIDER');
  });
});

describe('stopping an answer', () => {
  const begin = async (): Promise<{ conversationId: string; generation: GenerationResult }> => {
    const conversationId = await client.create();
    return { conversationId, generation: await client.send(conversationId, hello()) };
  };

  test('keeps what there is of it and bills what was used, and a second time changes nothing', async () => {
    const { conversationId, generation } = await begin();
    const answer = await models.next();
    const follower = client.follow(generation.id);
    answer.say('So far');
    await follower.next();
    await follower.next();
    const stopped = await client.stop(generation.id);
    expect(stopped).toMatchObject({
      ...{ __typename: 'Generation', status: 'STOPPED', text: 'So far' },
      attempts: [{ model: 'local/writer', outcome: 'CANCELLED' }],
    });
    expect(stopped.usage.inputTokens).toBeGreaterThan(0);
    expect(stopped.usage.outputTokens).toBeGreaterThan(0);
    expect(answer.signal.aborted).toBe(true);
    const rest = await follower.rest();
    expect(rest).toMatchObject([{ __typename: 'GenerationCompleted', stopped: true, message: { text: 'So far' } }]);
    expect(await client.stop(generation.id)).toEqual(stopped);
    const { inputTokens, outputTokens } = stopped.usage;
    const rows = await waitFor('the ledger', async () => {
      const written = await ledger(conversationId);
      return written.length > 0 && written;
    });
    expect(rows).toEqual([{ outcome: 'CANCELLED', inputTokens, outputTokens }]);
  });

  test('before its first word leaves an empty one, and the conversation is free', async () => {
    const { conversationId, generation } = await begin();
    await models.next();
    expect(await client.stop(generation.id)).toMatchObject({ status: 'STOPPED', text: '' });
    const events = await client.follow(generation.id).rest();
    expect(joined(events)).toBe('');
    expect(events.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', stopped: true });
    expect((await client.send(conversationId, hello())).__typename).toBe('Generation');
    (await models.next()).finish();
  });

  test('of a finished one gives it as it is; of another workspace’s is refused', async () => {
    const { generation } = await begin();
    const answer = await models.next();
    answer.say('Done');
    answer.finish();
    await client.follow(generation.id).rest();
    expect(await client.stop(generation.id)).toMatchObject({ status: 'COMPLETED', text: 'Done' });
    const other = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
    expect(await other.stop(generation.id)).toMatchObject({ code: 'NOT_FOUND' });
  });
});
