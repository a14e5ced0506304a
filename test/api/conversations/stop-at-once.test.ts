import { afterAll, beforeAll, expect, test } from 'vitest';
import { countTokens } from '../../../src/domain/usage/token-count.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { ConversationClient } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

/** Each takes the counting thread tens of milliseconds. */
const COUNTED_BEFORE = 200;

const models = new PacedModels();
let server: TestServer;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  client = new ConversationClient(server, (await server.createWorkspace()).ownerKey);
});
afterAll(() => server?.close());

test('a stopped answer is over before its tokens can be counted: it is billed for what they are by their bytes', async () => {
  const { id } = await client.send(await client.create(), 'How long is it?');
  const answer = await models.next();
  const follower = client.follow(id);
  answer.say('So far');
  await follower.next();
  await follower.next();
  const order: string[] = [];
  const text = 'The export to CSV breaks at 10,000 rows. '.repeat(5_000);
  const counted = Promise.all(Array.from({ length: COUNTED_BEFORE }, () => countTokens([text]))).then(() =>
    order.push('counted'),
  );
  const ended = follower.rest().then((rest) => {
    order.push('ended');
    return rest;
  });
  const stopped = await client.stop(id);
  order.push('answered');
  expect(await ended).toMatchObject([
    { __typename: 'GenerationCompleted', stopped: true, message: { text: 'So far' } },
  ]);
  expect(stopped).toMatchObject({ status: 'STOPPED', usage: { outputTokens: 2 } });
  expect(stopped.usage.inputTokens).toBeGreaterThan(0);
  await counted;
  expect(order.at(-1)).toBe('counted');
}, 180_000);
