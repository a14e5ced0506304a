import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readAttachment } from '../../../src/domain/conversations/message-store.ts';
import type { ChatWire } from '../../../src/plugins/conformance/subject.ts';
import { type RecordedRequest, VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { OPENAI_WIRE } from '../../providers/openai/wire.ts';
import { joined } from '../conversations/conversation-client.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { chatScript, MediaClient, PNG, type SentFile } from './media-client.ts';

const WIRE = OPENAI_WIRE.chat as ChatWire;
const GIF = Buffer.from('GIF89a\x01\x00\x01\x00\x80\x00\x00', 'latin1');

let server: TestServer;
let vendor: VendorServer;
let workspace: TestWorkspace;
let client: MediaClient;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
});
// One each: what follows an answer is asked after its test is over.
beforeEach(async () => {
  vendor = await VendorServer.start();
  workspace = await server.createWorkspace();
  client = new MediaClient(server, workspace.ownerKey);
  vendor.play(chatScript(WIRE, ['I see ', 'two.']));
});
afterEach(() => vendor?.close());
afterAll(() => server?.close());

const withOpenAi = () => client.integrate('openai', 'openai', { baseUrl: `${vendor.url}/v1` });
const withBlind = () =>
  client.integrate('blind', 'openai-compatible', {
    baseUrl: `${vendor.url}/v1`,
    models: [{ name: 'text-only', capabilities: ['GENERATE', 'STREAM'] }],
  });

/** Sends a message with pictures. */
async function send(pictures: readonly SentFile[], input: object = {}) {
  const conversationId = await client.conversations.create();
  const files = Object.fromEntries(pictures.map((picture, i) => [`attachments.${i}`, picture]));
  const given = { text: 'What is this?', attachments: pictures.map(() => null), retrieval: false, ...input };
  return { conversationId, told: await client.sent('sendMessage', { conversationId, ...given }, files) };
}

test('pictures of a message go to a model that sees, in their order and as they are', async () => {
  await withOpenAi();
  const { told, conversationId } = await send([{ content: PNG, mimeType: 'image/bmp' }, { content: GIF }], {
    model: 'openai/gpt-4.1-mini',
  });
  expect(told).toMatchObject({ __typename: 'Generation' });
  expect(joined(await client.conversations.follow(told.id as string).rest())).toBe('I see two.');
  const request = vendor.requests.find(({ method }) => method === 'POST') as RecordedRequest;
  expect(WIRE.asked(request).images).toEqual([
    { mimeType: 'image/png', base64: PNG.toString('base64') },
    { mimeType: 'image/gif', base64: GIF.toString('base64') },
  ]);
  expect(WIRE.asked(request).texts.at(-1)?.text).toContain('What is this?');
  // What was shown is kept with the message, and is its workspace's alone.
  const { database } = server.app;
  const [kept] = await database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ id: string }[]>`select a.id from message_attachments a
      join messages m on m.workspace_id = a.workspace_id and m.id = a.message_id
      where m.conversation_id = ${conversationId} order by a.position`,
  );
  const id = kept?.id ?? '';
  const read = (workspaceId: string) => database.withWorkspace(workspaceId, (scope) => readAttachment(scope, id));
  expect(Buffer.from((await read(workspace.id)) ?? [])).toEqual(PNG);
  expect(await read((await server.createWorkspace()).id)).toBeNull();
});

test('with one key many times at once they are one message, with its pictures once', async () => {
  await withOpenAi();
  const conversationId = await client.conversations.create();
  const input = {
    ...{ conversationId, text: 'What is this?', attachments: [null, null], retrieval: false, idempotencyKey: 'once' },
    model: 'openai/gpt-4.1-mini',
  };
  const files = { 'attachments.0': { content: PNG }, 'attachments.1': { content: GIF } };
  const told = await Promise.all(Array.from({ length: 12 }, () => client.sent('sendMessage', input, files)));
  expect(new Set(told.map(({ __typename, id }) => `${__typename} ${id}`)).size).toBe(1);
  const [kept] = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ messages: number; pictures: number }[]>`select (select count(*)::int from messages) as messages,
      (select count(*)::int from message_attachments) as pictures`,
  );
  expect(kept).toEqual({ messages: 2, pictures: 2 });
  await client.conversations.follow(told[0]?.id as string).rest();
});

describe('a model that does not see', () => {
  test('is refused at once with the models that do, and nothing is written', async () => {
    await withOpenAi();
    await withBlind();
    const { told, conversationId } = await send([{ content: PNG }], { model: 'blind/text-only' });
    expect(told).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(told.message).toMatch(/blind\/text-only does not see images.*name one of these.*openai\//);
    const { node } = await client.conversations.read<{ node: { messages: { nodes: object[] } } }>(
      'query ($id: ID!) { node(id: $id) { ... on Conversation { messages { nodes { id } } } } }',
      { id: conversationId },
    );
    expect(node.messages.nodes).toEqual([]);
  });

  test('says which plugins could where no other does', async () => {
    await withBlind();
    const { told } = await send([{ content: PNG }], { model: 'blind/text-only' });
    expect(told.message).toMatch(/no other model of the workspace does either; make one with createIntegration/);
  });

  test('is passed over where nobody has chosen one', async () => {
    await withBlind();
    await withOpenAi();
    const { told } = await send([{ content: PNG }]);
    const [started] = await client.conversations.follow(told.id as string).rest();
    expect(started?.model).toMatch(/^openai\//);
  });

  test('also where documents answer in their own words', async () => {
    const { told } = await send([{ content: PNG }], { retrieval: true });
    expect(told).toMatchObject({ code: 'BAD_INPUT' });
    expect(told.message).toContain('local/extractive does not see images');
  });
});

describe('pictures that are refused, each with the limit:', () => {
  test.each<[string, SentFile[], string]>([
    ['five of them', Array.from({ length: 5 }, () => ({ content: PNG })), 'may hold 4 pictures'],
    ['one of more than 5 MB', [{ content: Buffer.concat([PNG, Buffer.alloc(5_242_880)]) }], 'may have 5 MB'],
    ['one that is none', [{ content: PNG }, { content: Buffer.from('%PDF-1.7'), mimeType: 'image/png' }], 'PNG, JPEG'],
  ])('%s', async (_what, pictures, said) => {
    await withOpenAi();
    const { told } = await send(pictures, { model: 'openai/gpt-4.1-mini' });
    expect(told).toMatchObject({ __typename: 'InvalidInputError' });
    expect(told.message).toContain(said);
    expect(vendor.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
