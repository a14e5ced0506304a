import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ChatWire, VendorWire } from '../../../src/plugins/conformance/subject.ts';
import { type RecordedRequest, VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { ANTHROPIC_WIRE } from '../../providers/anthropic/wire.ts';
import { WIRE as CLOUDFLARE_WIRE } from '../../providers/cloudflare/wire.ts';
import { GOOGLE_WIRE } from '../../providers/google/wire.ts';
import { OPENAI_WIRE } from '../../providers/openai/wire.ts';
import { waitFor } from '../../support/wait-for.ts';
import { joined } from '../conversations/conversation-client.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { chatScript, MediaClient, PNG } from './media-client.ts';

interface Vendor {
  plugin: string;
  model: string;
  wire: ChatWire;
  config(url: string): object;
  credentials?: object;
}

const chat = (wire: VendorWire) => wire.chat as ChatWire;
const VENDORS: Vendor[] = [
  { plugin: 'openai', model: 'gpt-4.1-mini', wire: chat(OPENAI_WIRE), config: (url) => ({ baseUrl: `${url}/v1` }) },
  {
    ...{ plugin: 'anthropic', model: 'claude-haiku-4-5', wire: chat(ANTHROPIC_WIRE) },
    config: (url) => ({ baseUrl: url }),
  },
  { plugin: 'google', model: 'gemini-2.5-flash', wire: chat(GOOGLE_WIRE), config: (url) => ({ baseUrl: url }) },
  {
    ...{ plugin: 'cloudflare', model: 'llama-4-scout-17b', wire: chat(CLOUDFLARE_WIRE) },
    config: (url) => ({ baseUrl: url, accountId: 'acc' }),
    credentials: { apiToken: 'cf-token-1' },
  },
];

let server: TestServer;
let vendor: VendorServer;
let workspace: TestWorkspace;
let client: MediaClient;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
  vendor = await VendorServer.start();
});
beforeEach(async () => {
  workspace = await server.createWorkspace();
  client = new MediaClient(server, workspace.ownerKey);
});
afterAll(async () => {
  await server?.close();
  await vendor?.close();
});

const withOpenAi = () => client.integrate('openai', 'openai', { baseUrl: `${vendor.url}/v1` });
const chats = () => vendor.requests.filter(({ method }) => method === 'POST');
const asked = (wire: ChatWire) => wire.asked(chats()[0] as RecordedRequest);

/** Rows of a table that belong to the workspace. */
async function count(table: string): Promise<number> {
  const [row] = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ rows: number }[]>`select count(*)::int as rows from ${sql(table)}`,
  );
  return row?.rows ?? -1;
}

describe.each(VENDORS)('a picture described by $plugin', ({ plugin, model, wire, config, credentials }) => {
  test('is sent as it is with the question, and the description streams as a generation', async () => {
    await client.integrate('eyes', plugin, config(vendor.url), credentials);
    vendor.play(chatScript(wire, ['A red ', 'dot on ', 'white.']));
    const file = { content: PNG, fileName: 'dot.txt', mimeType: 'text/plain' };
    const told = await client.describe(file, { prompt: 'Which colours are there?', model: `eyes/${model}` });
    expect(told).toMatchObject({ __typename: 'Generation', status: 'STREAMING' });
    const id = told.id as string;
    const all = await client.conversations.follow(id).rest();
    expect(joined(all)).toBe('A red dot on white.');
    expect(all.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', message: { text: 'A red dot on white.' } });
    expect(asked(wire).images).toEqual([{ mimeType: 'image/png', base64: PNG.toString('base64') }]);
    expect(asked(wire).texts.at(-1)?.text).toContain('Which colours are there?');
    expect(asked(wire).texts[0]).toMatchObject({ role: 'system', text: expect.stringContaining('Answer in English') });
    // On any server and from any number on, as any answer.
    expect(await client.conversations.follow(id, { after: 1, over: 'SSE' }).rest()).toEqual(all.slice(1));
    expect(await client.conversations.generation(id)).toMatchObject({
      ...{ status: 'COMPLETED', model: `eyes/${model}`, attempts: [{ outcome: 'SUCCEEDED' }] },
      usage: { inputTokens: 900, outputTokens: 12 },
    });
  });
});

test('what it took is in the ledger under its own name, and the picture is gone when it is over', async () => {
  await withOpenAi();
  vendor.play(chatScript(chat(OPENAI_WIRE), ['A dot.']));
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  await client.conversations.follow(id as string).rest();
  const rows = await waitFor('the ledger', async () => {
    const written = await server.app.database.withWorkspace(
      workspace.id,
      ({ sql }) => sql`select operation, about_id, outcome, input_tokens::int, cost_usd::text from usage_attempts`,
    );
    return written.length > 0 && [...written];
  });
  expect(rows).toEqual([
    {
      ...{ operation: 'describe_image', aboutId: id, outcome: 'SUCCEEDED', inputTokens: 900 },
      costUsd: expect.stringMatching(/^0\.000/),
    },
  ]);
  expect(await count('message_attachments')).toBe(0);
  expect(
    await client.conversations.read('{ conversations { nodes { id } } }'),
    'a description is no conversation of anybody',
  ).toEqual({ conversations: { nodes: [] } });
});

test('it is stopped as any answer, and bills what was used', async () => {
  await withOpenAi();
  const wire = chat(OPENAI_WIRE);
  const whole = chatScript(wire, ['Half of ', 'a dot']);
  vendor.play((request) => {
    const script = whole(request);
    if (script.do !== 'stream') return script;
    return { ...script, chunks: script.chunks.slice(0, 3), after: 'stall' };
  });
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  const follower = client.conversations.follow(id as string);
  expect([await follower.next(), await follower.next()]).toMatchObject([{}, { text: 'Half of ' }]);
  const stopped = await client.conversations.stop(id as string);
  expect(stopped).toMatchObject({ status: 'STOPPED', text: 'Half of ', attempts: [{ outcome: 'CANCELLED' }] });
  expect(stopped.usage.inputTokens).toBeGreaterThan(700);
  await chats()[0]?.abandoned;
  expect(await count('message_attachments')).toBe(0);
});

test('one that is stopped before anybody begins it keeps no picture either', async () => {
  await withOpenAi();
  vendor.play({ do: 'silence' });
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  // As it is where no server has room.
  await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`update generations set status = 'QUEUED', owner = null, claim = claim + 1,
      lease_until = now() + interval '1 hour' where id = ${id as string}`,
  );
  expect(await count('message_attachments')).toBe(1);
  expect(await client.conversations.stop(id as string)).toMatchObject({ status: 'STOPPED', text: '' });
  expect(await count('message_attachments')).toBe(0);
});

test('without a question all of it is described; without a model one that sees is found', async () => {
  await withOpenAi();
  const wire = chat(OPENAI_WIRE);
  vendor.play(chatScript(wire, ['A dot.']));
  const { id } = await client.describe({ content: PNG });
  const events = await client.conversations.follow(id as string).rest();
  expect(events[0]?.model).toMatch(/^openai\//);
  expect(asked(wire).texts.at(-1)?.text).toBe('Describe this picture.');
});

test('a chosen model that sees describes; one that does not is passed over', async () => {
  await withOpenAi();
  const wire = chat(OPENAI_WIRE);
  await client.integrate('blind', 'openai-compatible', {
    baseUrl: `${vendor.url}/v1`,
    models: [{ name: 'text-only', capabilities: ['GENERATE', 'STREAM'] }],
  });
  vendor.play(chatScript(wire, ['A dot.']));
  const choose = (primary: string) =>
    client.conversations.read(
      'mutation ($models: JSON!) { updateSettings(input: { models: $models }) { __typename ... on Error { message } } }',
      { models: { chat: { primary } } },
    );
  const describedBy = async () => {
    const { id } = await client.describe({ content: PNG });
    const [first] = await client.conversations.follow(id as string).rest();
    return first?.model;
  };
  expect(await choose('openai/gpt-4.1-mini')).toEqual({ updateSettings: { __typename: 'Settings' } });
  expect(await describedBy()).toBe('openai/gpt-4.1-mini');
  expect(await choose('blind/text-only')).toEqual({ updateSettings: { __typename: 'Settings' } });
  expect(await describedBy()).toMatch(/^openai\//);
  const body = await client.post('describeImage', { file: null, model: 'blind/text-only' }, { file: { content: PNG } });
  expect(body.errors?.[0]).toMatchObject({
    extensions: { code: 'NO_PROVIDER' },
    message: expect.stringContaining('IMAGE_INPUT'),
  });
});

test('a model that gives its answer in one piece describes as well, named or not', async () => {
  const wire = chat(OPENAI_WIRE);
  await client.integrate('whole', 'openai-compatible', {
    baseUrl: `${vendor.url}/v1`,
    models: [{ name: 'seer', capabilities: ['GENERATE', 'IMAGE_INPUT'] }],
  });
  vendor.play(chatScript(wire, ['A dot.']));
  for (const input of [{ model: 'whole/seer' }, {}]) {
    const { id } = await client.describe({ content: PNG }, input);
    expect(joined(await client.conversations.follow(id as string).rest())).toBe('A dot.');
  }
  expect(asked(wire).images).toHaveLength(1);
});

test('the conversation that it is made in is nobody’s: it is neither shown nor gone on with', async () => {
  await withOpenAi();
  vendor.play(chatScript(chat(OPENAI_WIRE), ['A dot.']));
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  await client.conversations.follow(id as string).rest();
  const [hidden] = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ id: string }[]>`select id from conversations`,
  );
  const conversationId = hidden?.id ?? '';
  expect(await client.conversations.send(conversationId, 'And now?')).toMatchObject({ code: 'NOT_FOUND' });
  const shown = client.conversations.read('query ($id: ID!) { node(id: $id) { id } }', { id: conversationId });
  await expect(shown).rejects.toThrow('NOT_FOUND');
});

describe('refused before anything is written:', () => {
  test.each<[string, Uint8Array, object, string]>([
    ['more than 5 MB', Buffer.concat([PNG, Buffer.alloc(5 * 1024 * 1024)]), {}, 'may have 5 MB'],
    ['a text that is called a picture', Buffer.from('GIF? no, a text'), {}, 'PNG, JPEG, GIF or WebP'],
    ['a question of 10,001 characters', PNG, { prompt: 'x'.repeat(10_001) }, 'may have 10000 characters'],
  ])('%s', async (_what, content, input, said) => {
    await withOpenAi();
    vendor.play(chatScript(chat(OPENAI_WIRE), ['never']));
    const told = await client.describe({ content, fileName: 'a.png', mimeType: 'image/png' }, input);
    expect(told).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(told.message).toContain(said);
    expect([await count('generations'), await count('message_attachments')]).toEqual([0, 0]);
  });

  test('a workspace where nothing sees is told which plugins could', async () => {
    const { errors } = await client.post('describeImage', { file: null }, { file: { content: PNG } });
    expect(errors?.[0]?.extensions.code).toBe('NO_PROVIDER');
    expect(errors?.[0]?.message).toMatch(/createIntegration, of a plugin that can: .*openai.*anthropic/);
    expect(await count('conversations')).toBe(0);
  });

  test('a budget that does not cover it, and calls beyond those of a minute', async () => {
    await withOpenAi();
    vendor.play(chatScript(chat(OPENAI_WIRE), ['never']));
    const model = 'openai/gpt-4.1-mini';
    const limit = (mutation: string) => client.conversations.read(`mutation { ${mutation} { __typename } }`);
    await limit('setBudget(input: { window: DAY, limitUsd: "0.0001" })');
    expect(await client.describe({ content: PNG }, { model })).toMatchObject({ __typename: 'BudgetExceededError' });
    await limit('setBudget(input: { window: DAY, limitUsd: "100" })');
    await limit('updateSettings(input: { policies: { requestsPerMinute: 1 } })');
    const { id } = await client.describe({ content: PNG }, { model });
    await client.conversations.follow(id as string).rest();
    expect(await client.describe({ content: PNG }, { model })).toMatchObject({ __typename: 'RateLimitedError' });
    expect(await count('generations')).toBe(1);
  });

  test('a key that may not use models', async () => {
    await withOpenAi();
    const viewer = new MediaClient(server, (await server.createKey(workspace.ownerKey, 'VIEWER')).secret);
    expect(await viewer.describe({ content: PNG })).toMatchObject({ __typename: 'ForbiddenError' });
  });
});

test('another workspace neither sees, follows nor stops it', async () => {
  await withOpenAi();
  vendor.play(chatScript(chat(OPENAI_WIRE), ['Mine.']));
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  await client.conversations.follow(id as string).rest();
  const other = new MediaClient(server, (await server.createWorkspace()).ownerKey);
  await expect(other.conversations.generation(id as string)).rejects.toThrow('NOT_FOUND');
  await expect(other.conversations.follow(id as string).next()).rejects.toThrow();
  expect(await other.conversations.stop(id as string)).toMatchObject({ code: 'NOT_FOUND' });
});
