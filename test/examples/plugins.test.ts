import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CallContext, Provider } from '../../src/plugins/contract.ts';
import { installModule, registerPlugin, unregisterPlugin } from '../api/providers/plugin-client.ts';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import { testHost } from '../support/plugin-host.ts';
import { waitFor } from '../support/wait-for.ts';

const CALL: CallContext = { signal: new AbortController().signal, requestId: 'req_test' };
const SAID = { role: 'user' as const, parts: [{ kind: 'text' as const, text: 'the export stops' }] };
const PROCESS = fileURLToPath(new URL('../../examples/plugin-process/server.ts', import.meta.url));

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
});

afterAll(() => server?.close());

function providerOf(id: string, config: object): Provider {
  const { plugin } = server.app.services.plugins.get(id);
  return plugin.create(config as Record<string, unknown>, testHost(server.app.config.dataDir));
}

const CREATE = /* GraphQL */ `
  mutation Create($input: CreateIntegrationInput!) {
    createIntegration(input: $input) { __typename ... on Integration { name } ... on Error { message } }
  }
`;

/** What an integration of the plugin answers a client of the server, asked as the guide asks. */
async function answerThroughServer(input: object, model: string): Promise<string | undefined> {
  const { ownerKey } = await server.createWorkspace();
  const made = await server.query<{ createIntegration: object }>(CREATE, { input }, { key: ownerKey });
  expect(made.body.data?.createIntegration).toMatchObject({ __typename: 'Integration' });
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${ownerKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
  });
  const body = (await response.json()) as { choices?: { message: { content: string } }[] };
  expect(response.status, JSON.stringify(body)).toBe(200);
  return body.choices?.[0]?.message.content;
}

/** The text and the last part of a streamed answer. */
async function streamed(provider: Provider, model: string): Promise<{ pieces: string[]; last: unknown }> {
  const pieces: string[] = [];
  let last: unknown;
  for await (const part of provider.stream?.({ model, messages: [SAID] }, CALL) ?? []) {
    if (part.kind === 'text') pieces.push(part.text);
    last = part;
  }
  return { pieces, last };
}

function cosine(left: Float32Array | undefined, right: Float32Array | undefined): number {
  return Array.from(left ?? []).reduce((sum, value, place) => sum + value * (right?.[place] ?? 0), 0);
}

describe('the plugin module of the examples', () => {
  beforeAll(async () => {
    installModule(server.app.config.pluginsDir, 'examples/plugin-module/echo.ts', 'echo.ts');
    expect(await registerPlugin(server, { path: 'echo.ts' })).toMatchObject({ id: 'echo', error: null });
  });

  test('answers, whole and streamed', async () => {
    const provider = providerOf('echo', {});
    const whole = await provider.generate?.({ model: 'parrot', messages: [SAID] }, CALL);
    expect(whole).toMatchObject({ text: 'You said: the export stops', finishReason: 'stop', model: 'parrot' });
    const { pieces, last } = await streamed(provider, 'parrot');
    expect(pieces).toEqual(['You ', 'said: ', 'the ', 'export ', 'stops']);
    expect(last).toMatchObject({ kind: 'finish', finishReason: 'stop' });
  });

  test('answers a client of the server, as the model of an integration', async () => {
    const text = await answerThroughServer({ name: 'mine', pluginId: 'echo' }, 'mine/parrot');
    expect(text).toBe('You said: hello');
  });

  test('gives vectors of length 1, near each other where texts share words', async () => {
    const texts = ['export to csv fails', 'the export to csv failed', 'lovely weather', ''];
    const request = { model: 'hashed', texts, purpose: 'document' as const };
    const result = await providerOf('echo', { dimensions: 64 }).embed?.(request, CALL);
    const vectors = result?.vectors ?? [];
    expect(vectors.map((vector) => vector.length)).toEqual([64, 64, 64, 64]);
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    expect(result?.tokenCounts).toEqual([4, 5, 2, 0]);
    expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[2]));
  });

  test('refuses what it cannot do, by kind', async () => {
    const provider = providerOf('echo', {});
    const ask = (changes: object) => provider.generate?.({ model: 'parrot', messages: [SAID], ...changes }, CALL);
    await expect(ask({ model: 'other' })).rejects.toMatchObject({ name: 'ProviderError', kind: 'not_found' });
    await expect(ask({ temperature: 1 })).rejects.toMatchObject({ kind: 'bad_request' });
  });
});

describe('the plugin process of the examples', () => {
  let child: ChildProcess;
  let url: string;

  beforeAll(async () => {
    child = spawn(process.execPath, [PROCESS], { env: { PORT: '0' }, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    url = await waitFor('the process to say where it is', () => /http:\S+/.exec(output)?.[0]);
    expect(await registerPlugin(server, { url })).toMatchObject({ id: 'shouter', source: url, error: null });
  });

  afterAll(async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });

  test('answers, whole and streamed', async () => {
    const provider = providerOf('shouter', { apiKey: 'shout-12345' });
    const whole = await provider.generate?.({ model: 'loud', messages: [SAID] }, CALL);
    expect(whole).toMatchObject({ text: 'THE EXPORT STOPS', finishReason: 'stop', model: 'loud' });
    const { pieces, last } = await streamed(provider, 'loud');
    expect(pieces).toEqual(['THE', ' EXPORT', ' STOPS']);
    expect(last).toMatchObject({ kind: 'finish', usage: { outputTokens: 3 } });
    expect(await provider.listModels(CALL)).toMatchObject([{ name: 'loud' }]);
  });

  test('answers a client of the server, as the model of an integration', async () => {
    const integration = { name: 'loud', pluginId: 'shouter', credentials: { apiKey: 'shout-12345' } };
    expect(await answerThroughServer(integration, 'loud/loud')).toBe('HELLO');
  });

  test('tells a wrong key and a field that it does not know by kind', async () => {
    const wrong = providerOf('shouter', { apiKey: 'whisper-12345' });
    await expect(wrong.check(CALL)).rejects.toMatchObject({ kind: 'authentication', status: 401 });
    const provider = providerOf('shouter', { apiKey: 'shout-12345' });
    const request = { model: 'loud', messages: [SAID], temperature: 1 };
    await expect(provider.generate?.(request, CALL)).rejects.toMatchObject({ kind: 'bad_request', status: 400 });
  });

  test('is taken out again, once its integrations are gone', async () => {
    expect(await unregisterPlugin(server, 'shouter')).toMatchObject({ code: 'CONFLICT' });
    for (const { id } of await server.app.database.withSystem(({ sql }) => sql`select id from workspaces`)) {
      await server.app.database.withWorkspace(id, ({ sql }) => sql`delete from integrations`);
    }
    expect(await unregisterPlugin(server, 'shouter')).toMatchObject({ count: 1 });
    expect(() => server.app.services.plugins.get('shouter')).toThrow(/there is no provider plugin "shouter"/);
  });
});
