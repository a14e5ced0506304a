import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ConversationClient, follow, joined, type ToldEvent } from './conversation-client.ts';
import { PacedModels } from './paced-models.ts';

const models = new PacedModels();
let server: TestServer;
let workspace: TestWorkspace;
let client: ConversationClient;
let ownListeners: number;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  ownListeners = server.app.database.bus.listenerCount;
  workspace = await server.createWorkspace();
  client = new ConversationClient(server, workspace.ownerKey);
});
afterAll(() => server?.close());

const REFUSED = new ProviderError('content_filter', 'the vendor does not say that');
const BROKEN = new ProviderError('conflict', 'the vendor broke off');

/** A generation and the answer that the test paces. */
async function begin(text = `Hello ${crypto.randomUUID()}`, input: object = {}) {
  const generation = await client.send(await client.create(), text, input);
  return { id: generation.id, generation, answer: await models.next() };
}

/** A finished generation of many events. */
async function finished(pieces: readonly string[]): Promise<string> {
  const { id, answer } = await begin();
  const follower = client.follow(id);
  for (const piece of pieces) {
    answer.say(piece);
    let event: ToldEvent | null = null;
    while (event?.__typename !== 'TextDelta') event = await follower.next();
  }
  answer.finish();
  await follower.rest();
  return id;
}

const seqs = (events: readonly ToldEvent[]) => events.map(({ seq }) => seq);

describe.each(['WebSocket', 'SSE'] as const)('following an answer over %s', (over) => {
  test('tells every event once and in order, as it happens, and ends after the last', async () => {
    const { id, answer, generation } = await begin();
    expect(generation).toMatchObject({ __typename: 'Generation', status: 'STREAMING', lastSeq: 0, text: '' });
    const follower = client.follow(id, { over });
    answer.say('Good ');
    expect(await follower.next()).toMatchObject({ __typename: 'GenerationStarted', seq: 1, model: 'local/writer' });
    expect(await follower.next()).toMatchObject({ __typename: 'TextDelta', seq: 2, text: 'Good ', generationId: id });
    expect(await client.generation(id)).toMatchObject({ status: 'STREAMING', text: 'Good ', message: { text: '' } });
    answer.say('mor', 'ning', '.');
    answer.finish();
    const rest = await follower.rest();
    expect(joined(rest)).toBe('morning.');
    const end = rest.at(-1);
    const usage = { inputTokens: 11, outputTokens: 7, costUsd: '0.000025' };
    expect(end).toMatchObject({ __typename: 'GenerationCompleted', stopped: false, usage });
    expect(end?.message.text).toBe('Good morning.');
    expect(seqs(rest)).toEqual(rest.map((_event, index) => index + 3));
    expect(await client.generation(id)).toMatchObject({
      ...{ status: 'COMPLETED', text: 'Good morning.', model: 'local/writer', lastSeq: end?.seq, usage },
      attempts: [{ model: 'local/writer', outcome: 'SUCCEEDED' }],
    });
  });

  test('goes on from any number with the same that the others saw', async () => {
    const id = await finished(['One', ' two', ' three', ' four']);
    const all = await client.follow(id, { over }).rest();
    expect(seqs(all)).toEqual(all.map((_event, index) => index + 1));
    for (let after = 0; after < all.length; after += 1) {
      expect(await client.follow(id, { after, over }).rest()).toEqual(all.slice(after));
    }
  });

  test('of an id that is not there, or another workspace’s, is refused', async () => {
    const id = await finished(['Mine']);
    const other = await server.createWorkspace();
    const refusal = { errors: [{ extensions: { code: 'NOT_FOUND' } }] };
    await expect(follow(server.url, other.ownerKey, id, { over }).next()).rejects.toMatchObject(refusal);
    const missing = id.slice(0, -1) + (id.endsWith('0') ? '1' : '0');
    await expect(client.follow(missing, { over }).next()).rejects.toMatchObject(refusal);
    await expect(client.follow(id, { over, after: -1 }).next()).rejects.toMatchObject({
      errors: [{ extensions: { code: 'BAD_INPUT' } }],
    });
  });
});

test('one that begins beyond the last event goes on from there; of a finished one it is told the end once more', async () => {
  const { id, answer } = await begin();
  answer.say('Yes');
  const first = client.follow(id);
  await first.next();
  expect(await first.next()).toMatchObject({ seq: 2 });
  const ahead = client.follow(id, { after: 1_000 });
  const told = ahead.rest();
  answer.say('!');
  answer.finish();
  const all = await first.rest();
  const aheadOf = await told;
  expect(aheadOf.length).toBeGreaterThan(0);
  expect(aheadOf).toEqual(all.slice(-aheadOf.length));
  expect(await client.follow(id, { after: 1_000 }).rest()).toEqual(all.slice(-1));
});

test('many viewers of one answer see the same, whenever they come, and one that leaves ends nothing', async () => {
  const { id, answer } = await begin();
  const viewers = Array.from({ length: 20 }, (_, index) =>
    client.follow(id, { over: index % 2 === 0 ? 'WebSocket' : 'SSE' }).rest(),
  );
  const leaver = client.follow(id);
  answer.say('a');
  await leaver.next();
  await leaver.leave();
  for (let piece = 0; piece < 30; piece += 1) {
    answer.say(` ${piece}`);
    if (piece % 10 === 0) viewers.push(client.follow(id).rest());
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  answer.finish();
  const [first = [], ...others] = await Promise.all(viewers);
  expect(seqs(first)).toEqual(first.map((_event, index) => index + 1));
  for (const other of others) expect(other).toEqual(first);
  expect(joined(first)).toBe(first.at(-1)?.message.text);
  await waitFor('nobody to listen', () => server.app.database.bus.listenerCount === ownListeners);
});

test('an answer that starts again elsewhere voids the text before it', async () => {
  const { updateSettings } = await client.read<{ updateSettings: object }>(
    `mutation ($input: UpdateSettingsInput!) {
      updateSettings(input: $input) { __typename ... on Error { message } }
    }`,
    { input: { models: { chat: { primary: 'local/writer', fallbacks: ['local/second'] } } } },
  );
  expect(updateSettings).toEqual({ __typename: 'Settings' });
  const { id, answer } = await begin(undefined, { model: null });
  answer.say('A first try');
  const follower = client.follow(id);
  await follower.next();
  await follower.next();
  answer.fail(BROKEN);
  const second = await models.next('second');
  second.say('The ', 'second');
  second.finish();
  const rest = await follower.rest();
  const restart = { fromModel: 'local/writer', toModel: 'local/second', reason: BROKEN.message };
  expect(rest[0]).toMatchObject({ __typename: 'GenerationRestarted', seq: 3, ...restart });
  expect(joined(rest)).toBe('The second');
  expect(rest.at(-1)?.message.text).toBe('The second');
  expect(await client.generation(id)).toMatchObject({
    attempts: [{ outcome: 'RESTARTED' }, { outcome: 'SUCCEEDED' }],
    model: 'local/second',
  });
});

test('an answer that fails says why, and keeps what there was of it', async () => {
  const { id, answer } = await begin();
  answer.say('Half of ');
  const follower = client.follow(id);
  await follower.next();
  await follower.next();
  answer.fail(REFUSED);
  const rest = await follower.rest();
  expect(rest.at(-1)).toMatchObject({
    __typename: 'GenerationFailed',
    code: 'PROVIDER_FAILED',
    failure: REFUSED.message,
  });
  expect(await client.generation(id)).toMatchObject({
    status: 'FAILED',
    text: 'Half of ',
    message: { text: 'Half of ' },
  });
});

test('text that no database stores is told and stored alike', async () => {
  const { id, answer } = await begin();
  const follower = client.follow(id);
  answer.say('nul \0 and \ud83d');
  await follower.next();
  const first = await follower.next();
  answer.say('\ude00 and half \ud83d');
  answer.finish();
  const rest = await follower.rest();
  expect(first?.text).toBe('nul  and ');
  expect(joined(rest)).toBe('😀 and half \ufffd');
  expect(rest.at(-1)?.message.text).toBe('nul  and 😀 and half \ufffd');
});

test('a provider that does not end is cut off with a reason', async () => {
  const { id, answer } = await begin();
  for (let piece = 0; piece < 101; piece += 1) answer.say('x'.repeat(10_000));
  const events = await client.follow(id).rest();
  expect(events.at(-1)).toMatchObject({ __typename: 'GenerationFailed', code: 'PROVIDER_FAILED' });
  const { text } = (await client.generation(id)).message;
  expect(joined(events)).toBe(text);
  expect(text.length).toBeLessThanOrEqual(1_000_000);
  expect(answer.signal.aborted).toBe(true);
});
