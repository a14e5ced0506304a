import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { openAiFailure } from '../../providers/openai/wire.ts';
import { change, startVendorServer } from '../integrations/integration-client.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let vendor: VendorServer;
let workspace: WorkspaceClient;

beforeAll(async () => {
  server = await startVendorServer();
  vendor = await VendorServer.start();
  vendor.play({ do: 'reset' });
  workspace = await openWorkspace(server);
  const config = { baseUrl: `${vendor.url}/v1`, models: [{ name: 'writer' }], retries: 0 };
  const made = await change(workspace, 'createIntegration', { name: 'mine', pluginId: 'openai-compatible', config });
  if (made.__typename !== 'Integration') throw new Error(JSON.stringify(made));
});

afterAll(async () => {
  await server?.close();
  await vendor?.close();
});

async function post(path: string, body: unknown, key = workspace.ownerKey) {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const { error } = (await response.json()) as { error: Record<string, string> };
  return { status: response.status, message: '', code: null as string | null, ...error };
}

const chat = (fields: object) => ({ model: 'mine/writer', messages: [{ role: 'user', content: 'Hello' }], ...fields });

async function spent(): Promise<unknown> {
  const { usage } = await workspace.read<{ usage: { total: object } }>(
    '{ usage { total { requests llmCalls embeddings totalTokens } } }',
  );
  return usage.total;
}

const NOTHING = { requests: 0, llmCalls: 0, embeddings: 0, totalTokens: 0 };

describe('what cannot be used', () => {
  test.each([
    ['an unknown model', chat({ model: 'mine/none' }), 404, 'model_not_found', 'mine/writer'],
    ['an unknown integration', chat({ model: 'nobody/writer' }), 404, 'model_not_found', 'mine/writer'],
    ['messages of no shape', chat({ messages: 'Hello' }), 400, null, 'messages'],
    ['two answers at once', chat({ n: 2 }), 400, null, 'n'],
    ['a temperature in words', chat({ temperature: 'hot' }), 400, null, 'temperature'],
    ['no JSON', '{"model": ', 400, null, 'JSON'],
  ])('as %s is refused at the door, and nothing is spent', async (_what, body, status, code, said) => {
    vendor.play((request) =>
      request.path.endsWith('/models')
        ? { do: 'answer', body: { object: 'list', data: [{ id: 'writer', object: 'model' }] } }
        : { do: 'reset' },
    );
    const refused = await post('/v1/chat/completions', body);
    expect(refused).toMatchObject({ status, message: expect.stringContaining(said) });
    expect(refused.code).toBe(code);
    expect(await spent()).toEqual(NOTHING);
  });

  test('as a key that is not known is 401', async () => {
    expect(await post('/v1/chat/completions', chat({}), 'sbx_nobody')).toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
  });

  test('as a body of 20 MB is 413', async () => {
    const content = 'x'.repeat(20 * 1024 * 1024);
    const refused = await post('/v1/chat/completions', chat({ messages: [{ role: 'user', content }] }));
    expect(refused).toMatchObject({ status: 413, code: 'request_too_large' });
    expect(await spent()).toEqual(NOTHING);
  });

  test('as 2,048 texts in one embedding call is refused, at the door and in GraphQL', async () => {
    const texts = Array.from({ length: 2_048 }, (_, i) => `text ${i}`);
    expect(await post('/v1/embeddings', { model: 'local/use-lite-768', input: texts })).toMatchObject({
      status: 400,
      param: 'input',
    });
    const { body } = await server.query(
      'query ($texts: [String!]!) { embed(texts: $texts) { dimensions } }',
      { texts },
      { key: workspace.ownerKey },
    );
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_INPUT');
    expect(await spent()).toEqual(NOTHING);
  });

  test('as a prompt beyond the context is told with the vendor’s reason, and costs nothing', async () => {
    const refusal = openAiFailure({ cause: 'context_length', message: 'shorten it' });
    vendor.play({ do: 'answer', ...(refusal ?? { body: '' }) });
    expect(await post('/v1/chat/completions', chat({}))).toMatchObject({
      status: 400,
      code: 'context_length_exceeded',
    });
    expect(await spent()).toEqual({ ...NOTHING, requests: 1 });
  });
});
