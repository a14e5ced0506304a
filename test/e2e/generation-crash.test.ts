import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, inject, test } from 'vitest';
import { ConversationClient, joined } from '../api/conversations/conversation-client.ts';
import { testDatabaseTarget } from '../support/database.ts';
import { copyPreparedFolder } from '../support/prepared-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const ROOT_KEY = 'a-root-key-of-the-generation-tests';
/** The product promises a quarter of it; a busy machine takes longer. */
const TAKEN_OVER_WITHIN_MS = 60_000;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function start(settings: Record<string, string>): ServerProcess {
  const common = { SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, SIGNALBOX_ALLOW_PRIVATE_URLS: '1' };
  const server = startProcess({ ...common, ...settings });
  closing.push(() => server.child.exitCode ?? server.child.signalCode ?? server.end('SIGKILL'));
  return server;
}

/** A vendor of chat completions: the first answer never ends, those after it do. */
async function startVendor(): Promise<{ url: string; asked(): number }> {
  let asked = 0;
  const write = (response: ServerResponse, delta: object, finishReason: string | null = null) =>
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'talker', choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`,
    );
  const server = createServer(async (request, response) => {
    await text(request);
    if (!(request.url ?? '').endsWith('/chat/completions')) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'talker', object: 'model' }] }));
      return;
    }
    asked += 1;
    const turn = asked;
    response.setHeader('content-type', 'text/event-stream');
    write(response, { role: 'assistant', content: `Try ${turn}` });
    if (turn === 1) return;
    write(response, { content: ' is whole.' });
    write(response, {}, 'stop');
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, asked: () => asked };
}

function clientAt(origin: string, key: string): ConversationClient {
  const query = async (document: string, variables = {}) => ({
    ...{ status: 200, headers: new Headers() },
    body: { data: (await ask(origin, key, document, variables)) as never },
  });
  return new ConversationClient({ url: origin, query }, key);
}

/** A workspace whose model is the vendor's. */
async function makeWorkspace(origin: string, vendorUrl: string): Promise<string> {
  const { createWorkspace } = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
    origin,
    ROOT_KEY,
    'mutation { createWorkspace(input: { name: "Talk", tier: ENTERPRISE }) { ... on CreatedWorkspace { ownerKey { secret } } } }',
  );
  const key = createWorkspace.ownerKey.secret;
  const { createIntegration } = await ask<{ createIntegration: object }>(
    origin,
    key,
    `mutation ($input: CreateIntegrationInput!) {
      createIntegration(input: $input) { __typename ... on Error { message } }
    }`,
    { input: { name: 'vendor', pluginId: 'openai-compatible', config: { baseUrl: vendorUrl } } },
  );
  expect(createIntegration).toEqual({ __typename: 'Integration' });
  return key;
}

/** Has an answer begin and kills its server amid it; then another one tells it to its end. */
async function killAmidAnAnswer(first: ServerProcess, second: () => ServerProcess): Promise<void> {
  const vendor = await startVendor();
  const origin = await first.ready();
  const key = await makeWorkspace(origin, vendor.url);
  const client = clientAt(origin, key);
  const { id } = await client.send(await client.create(), 'Talk to me.', { model: 'vendor/talker' });
  const follower = client.follow(id);
  const seen = [await follower.next(), await follower.next()];
  expect(seen).toMatchObject([{ seq: 1 }, { seq: 2, text: 'Try 1' }]);
  await first.end('SIGKILL');
  const otherOrigin = await second().ready();
  const readyAt = performance.now();
  const there = clientAt(otherOrigin, key);
  const rest = await there.follow(id, { after: 2 }).rest();
  expect(performance.now() - readyAt).toBeLessThan(TAKEN_OVER_WITHIN_MS);
  expect(rest[0]).toMatchObject({ __typename: 'GenerationRestarted', seq: 3 });
  expect(rest.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', message: { text: 'Try 2 is whole.' } });
  expect(joined(rest)).toBe('Try 2 is whole.');
  expect(rest.map(({ seq }) => seq)).toEqual(rest.map((_event, index) => index + 3));
  expect(vendor.asked()).toBe(2);
  await waitFor('the stored answer', async () => (await there.generation(id)).status === 'COMPLETED');
}

test.runIf(inject('testServer') === null)(
  'kill -9 of the server amid an answer: it takes the answer over when it is back',
  async () => {
    const data = makeDataDir();
    closing.push(data.remove);
    await copyPreparedFolder(data.path);
    const settings = { SIGNALBOX_DATA_DIR: data.path };
    const first = start(settings);
    await killAmidAnAnswer(first, () => start(settings));
  },
  180_000,
);

test.runIf(inject('testServer') !== null)(
  'kill -9 of one of two servers amid an answer: the other one takes it over',
  async () => {
    const { databaseUrl = '', remove } = await testDatabaseTarget();
    closing.push(remove);
    const shared = () => {
      const data = makeDataDir();
      closing.push(data.remove);
      return { DATABASE_URL: databaseUrl, SIGNALBOX_DATA_DIR: data.path, SIGNALBOX_SECRET_KEY: 'ab'.repeat(32) };
    };
    const first = start(shared());
    await first.ready();
    const second = start(shared());
    await second.ready();
    await killAmidAnAnswer(first, () => second);
  },
  120_000,
);
