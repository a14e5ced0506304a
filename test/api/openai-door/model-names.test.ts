import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { chatWire, modelList } from '../../providers/openai/wire.ts';
import { change, startVendorServer } from '../integrations/integration-client.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const WIRE = chatWire('max_tokens');

let server: TestServer;
let vendor: VendorServer;
let silent: VendorServer;
let workspace: WorkspaceClient;

beforeAll(async () => {
  server = await startVendorServer();
  vendor = await VendorServer.start();
  silent = await VendorServer.start();
});
beforeEach(async () => {
  vendor.play((request) => {
    if (request.path.endsWith('/models')) return { do: 'answer', ...modelList('of-today') };
    const usage = { inputTokens: 1, outputTokens: 1 };
    const reply = { pieces: ['Hi'], toolCalls: [], finishReason: 'stop', usage, model: 'writer' } as const;
    return { do: 'answer', ...WIRE.whole(reply, request) };
  });
  silent.play({ do: 'silence' });
  workspace = await openWorkspace(server);
});
afterAll(async () => {
  await server?.close();
  await Promise.all([vendor?.close(), silent?.close()]);
});

async function integrate(name: string, at: VendorServer, models: string[]): Promise<void> {
  const config = { baseUrl: `${at.url}/v1`, models: models.map((model) => ({ name: model })) };
  const made = await change(workspace, 'createIntegration', { name, pluginId: 'openai-compatible', config });
  if (made.__typename !== 'Integration') throw new Error(JSON.stringify(made));
}

async function ask(path: string, body?: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(`${server.url}/v1/${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${workspace.ownerKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const chat = (model: string) => ask('chat/completions', { model, messages: [{ role: 'user', content: 'Hello' }] });

describe('a model’s name without its integration', () => {
  test.each(['writer', 'org/writer'])('that is configured is found without asking any vendor: %s', async (name) => {
    await integrate('mine', vendor, [name]);
    await integrate('other', silent, ['unlike']);
    expect(await chat(name)).toMatchObject({ status: 200, body: { model: `mine/${name}` } });
    expect(await ask(`models/${encodeURIComponent(name)}`)).toMatchObject({
      ...{ status: 200, body: { id: `mine/${name}`, owned_by: 'mine' } },
    });
    expect(vendor.requests.map(({ method }) => method)).toEqual(['POST']);
    expect(silent.requests).toEqual([]);
  });

  test('that a plugin knows is found without asking any vendor', async () => {
    const config = { baseUrl: vendor.url };
    await change(workspace, 'createIntegration', { name: 'chatty', pluginId: 'vendor', config });
    await integrate('other', silent, []);
    expect(await ask('models/parrot')).toMatchObject({ status: 200, body: { id: 'chatty/parrot' } });
    expect(silent.requests).toEqual([]);
  });

  test('that nobody has configured is looked for at the vendors', async () => {
    await integrate('mine', vendor, ['writer']);
    expect(await chat('of-today')).toMatchObject({ status: 200, body: { model: 'mine/of-today' } });
    expect(await ask('models/of-today')).toMatchObject({ status: 200, body: { id: 'mine/of-today' } });
  });

  test('that two integrations have is refused with both ids', async () => {
    await integrate('mine', vendor, ['writer']);
    await integrate('other', silent, ['writer']);
    expect(await chat('writer')).toMatchObject({
      status: 404,
      body: { error: { message: expect.stringContaining('mine/writer, other/writer') } },
    });
    expect(silent.requests).toEqual([]);
  });
});

test('a model’s id asks no other integration what it has', async () => {
  await integrate('mine', vendor, ['writer']);
  await integrate('other', silent, []);
  expect(await ask('models/mine/writer')).toMatchObject({ status: 200, body: { id: 'mine/writer' } });
  expect(await ask('models/mine/of-today')).toMatchObject({ status: 200, body: { id: 'mine/of-today' } });
  expect(silent.requests).toEqual([]);
});

test('a model that no vendor has is not found', async () => {
  await integrate('mine', vendor, ['writer']);
  for (const id of ['mine/none', 'nobody/writer', 'none']) {
    expect(await ask(`models/${id}`)).toMatchObject({ status: 404, body: { error: { code: 'model_not_found' } } });
  }
});
