import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ScriptedModels, says } from './scripted-provider.ts';

const models = new ScriptedModels();
let server: TestServer;
let workspace: TestWorkspace;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  workspace = await server.createWorkspace();
});

afterAll(() => server.close());

interface Refusal {
  status: number;
  headers: Headers;
  error: { message: string; type: string; code: string | null; param: string | null; signalbox_code: string };
}

interface Asked {
  key?: string | null;
  headers?: Record<string, string>;
  method?: string;
}

async function send(path: string, body: string | object | undefined, asked: Asked = {}): Promise<Refusal> {
  const key = asked.key === undefined ? workspace.ownerKey : asked.key;
  const response = await fetch(`${server.url}/v1${path}`, {
    method: asked.method ?? 'POST',
    headers: {
      'content-type': 'application/json',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...asked.headers,
    },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
  });
  const { error } = (await response.json()) as Pick<Refusal, 'error'>;
  return { status: response.status, headers: response.headers, error };
}

const chat = (fields: object = {}) => ({
  model: 'local/writer',
  messages: [{ role: 'user', content: `Hello ${crypto.randomUUID()}` }],
  ...fields,
});
const CHAT = '/chat/completions';

describe('a request that cannot be used', () => {
  test.each<[string, object | string, string | null]>([
    ['no JSON', '{"model":', null],
    ['no object', '[]', null],
    ['a wrong field', chat({ temperature: 'hot' }), 'temperature'],
    [
      'a wrong message',
      chat({ messages: [{ role: 'user', content: [{ type: 'text' }] }] }),
      'messages[0].content[0].text',
    ],
  ])('is refused with the place: %s', async (_what, body, param) => {
    const { status, error } = await send(CHAT, body);
    expect(status).toBe(400);
    expect(error).toMatchObject({ type: 'invalid_request_error', param, signalbox_code: 'BAD_INPUT' });
  });

  test.each([
    [{ input: [] }, 'input'],
    [{ input: [[1, 2]] }, 'input'],
    [{ input: Array.from({ length: 2_049 }, () => 'a') }, 'input'],
    [{ input: ['a', 1] }, 'input[1]'],
    [{ input: 'a', encoding_format: 'hex' }, 'encoding_format'],
    [{ input: 'a', colour: 'red' }, 'colour'],
  ])('is refused before anything is embedded', async (fields, param) => {
    const { status, error } = await send('/embeddings', { model: 'local/use-lite-768', ...fields });
    expect({ status, param: error.param }).toEqual({ status: 400, param });
  });

  test('is refused where its body is too large', async () => {
    const { status, error } = await send(CHAT, 'x'.repeat(33 * 1024 * 1024));
    expect({ status, code: error.code }).toEqual({ status: 413, code: 'request_too_large' });
  });

  test('is refused where nothing is, or not by this method', async () => {
    expect(await send('/completions', {})).toMatchObject({ status: 404, error: { signalbox_code: 'NOT_FOUND' } });
    expect(await send(CHAT, undefined, { method: 'GET' })).toMatchObject({ status: 405 });
  });

  test('of 15 MB with a photograph is taken', async () => {
    models.play('writer', says('A cat.'));
    const url = `data:image/png;base64,${'A'.repeat(15 * 1024 * 1024)}`;
    const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
    expect((await send(CHAT, chat({ messages }))).status).toBe(200);
  });
});

describe('a caller', () => {
  test('without a good key is told so', async () => {
    for (const key of [null, 'sbx_nobody']) {
      const { status, error } = await send(CHAT, chat(), { key });
      expect({ status, code: error.code }).toEqual({ status: 401, code: 'invalid_api_key' });
    }
  });

  test('who may only look on is refused', async () => {
    const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
    const { status, error } = await send(CHAT, chat(), { key: secret });
    expect({ status, code: error.signalbox_code }).toEqual({ status: 403, code: 'FORBIDDEN' });
  });

  test('with the root key names the workspace', async () => {
    models.play('writer', says('Hi'));
    expect(await send(CHAT, chat(), { key: server.rootKey })).toMatchObject({ status: 403 });
    const headers = { 'x-signalbox-workspace': workspace.id };
    expect((await send(CHAT, chat(), { key: server.rootKey, headers })).status).toBe(200);
  });

  test('whose tier is used up is told not to try again', async () => {
    const { ownerKey } = await server.createWorkspace({ tier: 'FREE' });
    models.play('writer', says('Hi'));
    let refused = await send('/embeddings', { model: 'local/use-lite-768', input: 'a' }, { key: ownerKey });
    for (let calls = 0; refused.status === 200 && calls < 2_000; calls++) {
      refused = await send(CHAT, chat(), { key: ownerKey });
    }
    expect(refused).toMatchObject({
      status: 429,
      error: { code: 'insufficient_quota', signalbox_code: 'LIMIT_REACHED' },
    });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(60);
  });
});

describe('a model', () => {
  test.each(['local/nobody', 'nobody', 'vendor/nobody'])(
    'that there is not is told with those there are: %s',
    async (model) => {
      const { status, error } = await send(CHAT, chat({ model }));
      expect({ status, code: error.code, param: error.param }).toEqual({
        status: 404,
        code: 'model_not_found',
        param: 'model',
      });
      expect(error.message).toContain('local/writer');
    },
  );

  test('that cannot do it is told with those that can', async () => {
    const { status, error } = await send(CHAT, chat({ model: 'local/use-lite-768' }));
    expect({ status, code: error.code }).toEqual({ status: 404, code: 'model_not_found' });
  });
});

describe('a provider’s failure', () => {
  test.each<[ProviderErrorKind, number, string]>([
    ['authentication', 502, 'provider_failed'],
    ['permission', 502, 'provider_failed'],
    ['bad_request', 400, 'provider_refused'],
    ['context_length', 400, 'context_length_exceeded'],
    ['content_filter', 400, 'content_filter'],
    ['too_large', 413, 'request_too_large'],
  ])(
    '%s has the status %i and is not to be tried again, also where a stream was asked for',
    async (kind, status, code) => {
      for (const stream of [false, true]) {
        models.play('writer', [new ProviderError(kind, 'no')]);
        const refused = await send(CHAT, chat({ stream }));
        expect({ status: refused.status, code: refused.error.code }).toEqual({ status, code });
        expect(refused.error.signalbox_code).toBe('PROVIDER_FAILED');
        expect(refused.headers.get('x-should-retry')).toBe('false');
      }
    },
  );

  test('that may pass says when to try again', async () => {
    const { ownerKey } = await server.createWorkspace();
    models.play('writer', [new ProviderError('rate_limited', 'slow down', { retryAfterMs: 86_400_000 })]);
    const refused = await send(CHAT, chat(), { key: ownerKey });
    expect(refused).toMatchObject({ status: 429, error: { code: 'rate_limit_exceeded' } });
    expect(refused.headers.get('retry-after')).toBe('86400');
    expect(refused.headers.get('x-should-retry')).toBeNull();
  });
});
