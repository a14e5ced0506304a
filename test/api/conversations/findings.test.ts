import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { AnsweredMessage } from '../../../src/domain/conversations/answer.ts';
import { AnswerFindings, findCaller } from '../../../src/domain/conversations/answer-findings.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ConversationClient } from './conversation-client.ts';

const SUGGESTED = { kind: 'ask', label: 'Ask about restores', text: 'Who tries out the restore?' };
let asked = 0;

/** Answers everything, and suggests one action when it is asked for objects. */
function withWriter(provider: Provider): Provider {
  return {
    ...{ embed: provider.embed?.bind(provider) as NonNullable<Provider['embed']> },
    generate: async ({ model }) => {
      asked += 1;
      const usage = { inputTokens: 5, outputTokens: 5 };
      return { text: JSON.stringify({ actions: [SUGGESTED] }), toolCalls: [], finishReason: 'stop', model, usage };
    },
    stream: async function* ({ model }) {
      yield { kind: 'text', text: 'Good day.' };
      yield { kind: 'finish', finishReason: 'stop', usage: { inputTokens: 9, outputTokens: 4 }, model };
    },
    listModels: async (call) => [
      ...(await provider.listModels(call)),
      { name: 'writer', capabilities: ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT'], contextTokens: 8_000 },
    ],
    check: (call) => provider.check(call),
    close: () => provider.close(),
  };
}

let server: TestServer;
let workspace: TestWorkspace;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: withWriter });
});
beforeEach(async () => {
  workspace = await server.createWorkspace();
  client = new ConversationClient(server, workspace.ownerKey);
  asked = 0;
});
afterAll(() => server?.close());

const inWorkspace = <Row extends object>(text: string, values: string[] = []) =>
  server.app.database.withWorkspace(workspace.id, ({ sql }) => sql.unsafe<Row[]>(text, values));
const policy = (suggestedActions: unknown) =>
  client.read<{ updateSettings: object }>(
    'mutation ($policies: JSON!) { updateSettings(input: { policies: $policies }) { __typename ... on Error { message } } }',
    { policies: { suggestedActions } },
  );

/** An answer about which everything is found out. */
async function answered(text: string): Promise<{ id: string; messageId: string }> {
  const { id, message } = await client.send(await client.create(), text, { model: null });
  await client.follow(id).rest();
  await waitFor('all to be found out', async () => {
    const [row] = await inWorkspace<{ due: Date | null; status: string }>(
      'select findings_due_at as due, status from generations where id = $1',
      [id],
    );
    return row?.status === 'COMPLETED' && row.due === null;
  });
  return { id, messageId: message.id };
}

const actionsOf = async (messageId: string) => {
  const [row] = await inWorkspace<{ actions: { kind: string }[] }>(
    'select suggested_actions as actions from messages where id = $1',
    [messageId],
  );
  return row?.actions.map(({ kind }) => kind);
};

test('actions are suggested by a model, by rules that cost nothing, or not at all, as the policy says', async () => {
  const upset = 'The export fails every day and nobody helps me, this is terrible!';
  expect(await actionsOf((await answered(upset)).messageId)).toEqual(['ask']);
  expect(asked).toBe(1);
  await policy('rules');
  expect(await actionsOf((await answered(`${upset} Again!`)).messageId)).not.toContain('ask');
  await policy('off');
  expect(await actionsOf((await answered(`${upset} Still!`)).messageId)).toEqual([]);
  expect(asked).toBe(1);
  const { updateSettings } = await policy('sometimes');
  expect(updateSettings).toMatchObject({
    __typename: 'InvalidInputError',
    message: expect.stringContaining('"rules"'),
  });
});

test('what a server that died has not found out is found out later, once, and by one of many', async () => {
  const { id, messageId } = await answered('How do I restore a backup?');
  // As a server leaves it that dies right after the text was stored.
  await inWorkspace(`update generations set findings_due_at = now() - interval '1 second' where id = $1`, [id]);
  await inWorkspace(`update messages set suggested_actions = '[]', intent = null, sentiment = null`);
  const before = asked;
  const looked: AnsweredMessage[] = [];
  const { database } = server.app;
  const parts = {
    ...{ database, logger: createLogger('silent') },
    postProcessor: {
      process: async (_call: unknown, message: AnsweredMessage) => {
        looked.push(message);
      },
    },
  };
  const upkeep = () => new AnswerFindings(parts).findMissed(AbortSignal.timeout(50_000));
  await Promise.all([upkeep(), upkeep(), upkeep()]);
  expect(looked).toMatchObject([{ id: messageId, text: 'Good day.', model: 'local/writer' }]);
  await upkeep();
  expect(looked).toHaveLength(1);
  expect(asked).toBe(before);
});

test('a look that fails is tried again by others, three times at the most', async () => {
  const { id } = await answered('How do I delete a backup?');
  let looks = 0;
  const { database } = server.app;
  const findings = new AnswerFindings({
    ...{ database, logger: createLogger('silent') },
    postProcessor: {
      process: async () => {
        looks += 1;
        throw new Error('the provider is away');
      },
    },
  });
  for (let round = 0; round < 5; round++) {
    await inWorkspace(
      `update generations set findings_due_at = now() - interval '1 second' where id = $1 and
        (findings_due_at is not null or findings_tries = 0)`,
      [id],
    );
    await findings.findMissed(AbortSignal.timeout(50_000));
  }
  expect(looks).toBe(3);
});

test('an answer whose workspace is gone has nobody to be looked at for', async () => {
  expect(await findCaller(server.app.database, { workspaceId: 'ws_gone', apiKeyId: null, userId: null })).toBeNull();
});
