import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../../src/shared/ids.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ConversationClient, joined } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

/** As many as one process makes at a time. */
const AT_ONCE = 200;

const models = new PacedModels();
let server: TestServer;
let workspace: TestWorkspace;
let client: ConversationClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
});
beforeEach(async () => {
  workspace = await server.createWorkspace();
  client = new ConversationClient(server, workspace.ownerKey);
});
afterAll(() => server?.close());

const sql = <Row extends object>(text: string, values: (string | number)[] = []) =>
  server.app.database.withWorkspace(workspace.id, (scope) => scope.sql.unsafe<Row[]>(text, values));

test('an answer that has lost its server twice ends, says why, and leaves its conversation free', async () => {
  const conversationId = await client.create();
  const { id } = await client.send(conversationId, 'Hello');
  const answer = await models.next();
  const follower = client.follow(id);
  answer.say('Half of ');
  expect([await follower.next(), await follower.next()]).toMatchObject([{}, { text: 'Half of ' }]);
  // As a second server leaves it that had taken it over and is gone as well.
  await sql(
    `update generations set owner = 'gone', claim = claim + 1, tries = 2, lease_until = now() - interval '1 second'
     where id = $1`,
    [id],
  );
  const rest = await follower.rest();
  expect(rest).toMatchObject([
    {
      ...{ __typename: 'GenerationFailed', code: 'UNAVAILABLE' },
      failure: 'the servers that wrote this answer were lost; send the message again',
    },
  ]);
  expect(await client.generation(id)).toMatchObject({ status: 'FAILED', text: 'Half of ' });
  // What the first server still has to say changes nothing.
  answer.say('an answer');
  await waitFor('the first server to stop', () => answer.signal.aborted);
  expect(await client.generation(id)).toMatchObject({ status: 'FAILED', text: 'Half of ' });
  expect(await client.send(conversationId, 'Again')).toMatchObject({ __typename: 'Generation' });
  (await models.next()).finish();
});

describe('what stands against an answer from the start is a typed error, and nothing is written:', () => {
  const mutate = (mutation: string) => client.read(`mutation { ${mutation} { __typename ... on Error { message } } }`);
  const messages = async () => (await sql<{ id: string }>('select id from messages')).length;

  test('a budget that does not cover what it costs at the least', async () => {
    const id = await client.create();
    await mutate('setBudget(input: { window: DAY, limitUsd: "0.001" })');
    // By the model’s prices 4,096 tokens of output alone cost 0.008 USD.
    expect(await client.send(id, 'Hello')).toMatchObject({
      __typename: 'BudgetExceededError',
      code: 'BUDGET_EXCEEDED',
    });
    expect(await messages()).toBe(0);
    expect(await client.send(id, 'Hello', { maxTokens: 100 })).toMatchObject({ __typename: 'Generation' });
    (await models.next()).finish();
  });

  test('calls beyond those of a minute, and a call that is only asked about counts for none', async () => {
    const id = await client.create();
    await mutate('updateSettings(input: { policies: { requestsPerMinute: 1 } })');
    const { id: generationId } = await client.send(id, `Hello ${id}`);
    (await models.next()).finish();
    expect((await client.follow(generationId).rest()).at(-1)).toMatchObject({ __typename: 'GenerationCompleted' });
    const refused = await client.send(id, 'Hello');
    expect(refused).toMatchObject({ __typename: 'RateLimitedError', code: 'RATE_LIMITED' });
    expect(await messages()).toBe(2);
  });

  test('an allowance that is used up', async () => {
    const free = await server.createWorkspace({ tier: 'FREE' });
    [workspace, client] = [free, new ConversationClient(server, free.ownerKey)];
    const id = await client.create();
    await server.app.database.withWorkspace(
      free.id,
      ({ sql: run }) => run`insert into meter_days (workspace_id, day, meter, used)
        values (${free.id}, (now() at time zone 'utc')::date, 'LLM_CALLS', 1000000)`,
    );
    expect(await client.send(id, 'Hello')).toMatchObject({ __typename: 'LimitReachedError', code: 'LIMIT_REACHED' });
    expect(await messages()).toBe(0);
  });
});

// The last one here: the server is full by then.
describe('more answers than a server makes at once', () => {
  test('wait QUEUED, can be stopped there, and are made in their order when there is room', async () => {
    const ids = Array.from({ length: AT_ONCE + 3 }, () => newId('Conversation'));
    await sql('insert into conversations (workspace_id, id) select $1, unnest(string_to_array($2, $3))', [
      ...[workspace.id, ids.join(','), ','],
    ]);
    const send = (conversationId: string) => client.send(conversationId, `Hello ${conversationId}`);
    const sent = [];
    for (let from = 0; from < AT_ONCE; from += 20) {
      sent.push(...(await Promise.all(ids.slice(from, from + 20).map(send))));
    }
    for (const conversationId of ids.slice(AT_ONCE)) sent.push(await send(conversationId));
    expect(new Set(sent.slice(0, AT_ONCE).map(({ status }) => status))).toEqual(new Set(['STREAMING']));
    const [first, second, third] = sent.slice(AT_ONCE);
    expect([first?.status, second?.status, third?.status]).toEqual(['QUEUED', 'QUEUED', 'QUEUED']);
    const answers = [];
    for (let begun = 0; begun < AT_ONCE; begun++) answers.push(await models.next());
    const waiting = client.follow(first?.id ?? '').rest();
    expect(await client.stop(second?.id ?? '')).toMatchObject({ status: 'STOPPED', text: '', lastSeq: 1 });
    expect((await client.generation(first?.id ?? '')).status).toBe('QUEUED');
    answers.pop()?.finish();
    const next = await models.next();
    next.say('At last');
    next.finish();
    expect(joined(await waiting)).toBe('At last');
    expect((await models.next()).request.messages.at(-1)).toMatchObject({ parts: [{ text: `Hello ${ids.at(-1)}` }] });
  }, 120_000);
});
