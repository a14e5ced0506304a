import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkPluginConfig } from '../../../src/plugins/config-check.ts';
import type { RecordedRequest, Script } from '../../../src/plugins/conformance/vendor-server.ts';
import type { GenerateRequest, Provider } from '../../../src/plugins/contract.ts';
import type { AzureConfig } from '../../../src/providers/azure-openai/azure-provider.ts';
import plugin from '../../../src/providers/azure-openai/plugin.ts';
import { testHost } from '../../support/plugin-host.ts';
import { chatWire, errorAnswer } from '../openai/wire.ts';
import { call, VendorBench } from '../vendor-bench.ts';
import { AZURE_WIRE, DEPLOYMENTS } from './wire.ts';

const MODEL = 'gpt-4.1-mini';
const SECRET = 'client/secret+unit';
let bench: VendorBench<AzureConfig>;
beforeEach(async () => {
  bench = await VendorBench.start(plugin, (url) => ({ baseUrl: `${url}/`, apiKey: 'key-1', deployments: DEPLOYMENTS }));
});
afterEach(() => bench.close());

const asking: GenerateRequest = {
  model: MODEL,
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
};
const usage = { inputTokens: 1, outputTokens: 1 };
const REPLY = { pieces: ['Hi'], toolCalls: [], finishReason: 'stop' as const, usage, model: 'gpt-4.1-mini-2025-04-14' };
const ANSWER: Script = { do: 'answer', ...chatWire('max_completion_tokens').whole(REPLY, {} as never) };
const isTokenRequest = ({ path }: RecordedRequest) => path === '/contoso/oauth2/v2.0/token';

const byClient = (): AzureConfig => ({
  baseUrl: bench.vendor.url,
  authorityUrl: `${bench.vendor.url}/`,
  tenantId: 'contoso',
  clientId: 'app-1',
  clientSecret: SECRET,
});

describe('a model', () => {
  test('is called by its deployment, with the version and the key', async () => {
    bench.vendor.play(ANSWER);
    const answer = await bench.provider.generate?.(asking, call);
    expect(answer?.model).toBe('gpt-4.1-mini-2025-04-14');
    expect(bench.vendor.requests[0]).toMatchObject({
      path: '/openai/deployments/prod-gpt-4.1-mini/chat/completions?api-version=2024-10-21',
      headers: { 'api-key': 'key-1', 'x-ms-client-request-id': 'test' },
    });
    expect(bench.vendor.requests[0]?.headers.authorization).toBeUndefined();
  });

  test('without a deployment is not found, and the others are named', async () => {
    await expect(bench.provider.generate?.({ ...asking, model: 'gpt-9' }, call)).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('gpt-4.1-mini, text-embedding-3-small'),
    });
    expect(bench.vendor.requests).toEqual([]);
  });

  test('has the name of its deployment where there is no map', async () => {
    bench.vendor.play(ANSWER);
    const provider = bench.open({
      baseUrl: `${bench.vendor.url}/openai/`,
      entraToken: 'eyJ.static',
      apiVersion: '2025-04-01-preview',
    });
    await provider.generate?.({ ...asking, model: 'my model' }, call);
    expect(bench.vendor.requests[0]).toMatchObject({
      path: '/openai/deployments/my%20model/chat/completions?api-version=2025-04-01-preview',
      headers: { authorization: 'Bearer eyJ.static' },
    });
  });

  test('of sound is called by its deployment too', async () => {
    bench.answers(AZURE_WIRE.speak?.(new Uint8Array([1]), {} as never) ?? { body: '' });
    await bench.provider.speak?.({ model: 'tts-1', text: 'Hi' }, call);
    expect(bench.vendor.requests[0]).toMatchObject({
      path: '/openai/deployments/prod-tts-1/audio/speech?api-version=2024-10-21',
      headers: { 'api-key': 'key-1' },
    });
    expect(bench.vendor.requests[0]?.headers.authorization).toBeUndefined();
  });
});

test('a refusal of the content filter tells which filter it was', async () => {
  bench.vendor.play((request) => ({
    do: 'answer',
    ...(AZURE_WIRE.failure({ cause: 'content_filter', message: '' }, request) ?? { body: {} }),
  }));
  await expect(bench.provider.generate?.(asking, call)).rejects.toMatchObject({
    kind: 'content_filter',
    message: expect.stringContaining('(filtered for: violence)'),
  });
});

describe('a token of Entra’s', () => {
  let asked: RecordedRequest[];
  beforeEach(() => {
    asked = [];
    bench.vendor.play((request) => {
      if (!isTokenRequest(request)) return ANSWER;
      asked.push(request);
      return { do: 'answer', body: { token_type: 'Bearer', expires_in: 3_600, access_token: `token-${asked.length}` } };
    });
  });
  const tokensSent = () =>
    bench.vendor.requests.filter((request) => !isTokenRequest(request)).map(({ headers }) => headers.authorization);

  test('is asked for once by calls at the same time, and kept', async () => {
    const provider = bench.open(byClient());
    await Promise.all(Array.from({ length: 5 }, () => provider.generate?.(asking, call)));
    await provider.generate?.(asking, call);
    expect(new Set(tokensSent())).toEqual(new Set(['Bearer token-1']));
    expect(asked.map(({ body }) => new URLSearchParams(Buffer.from(body).toString()))).toEqual([
      new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'app-1',
        client_secret: SECRET,
        scope: 'https://cognitiveservices.azure.com/.default',
      }),
    ]);
  });

  test('is renewed five minutes before it ends', async () => {
    let nowMs = 1_000_000;
    const folder = mkdtempSync(join(tmpdir(), 'azure-'));
    const host = { ...testHost(folder), now: () => nowMs };
    const provider = plugin.create(byClient(), host) as Required<Provider>;
    await provider.generate(asking, call);
    nowMs += 54 * 60_000;
    await provider.generate(asking, call);
    nowMs += 2 * 60_000;
    await provider.generate(asking, call);
    expect(tokensSent()).toEqual(['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
    await provider.close();
    rmSync(folder, { recursive: true });
  });

  test.each([undefined, 'soon', 0, -1])(
    'that ends nobody knows when (%j) is used for minutes, and not fetched for each call',
    async (expires_in) => {
      let nowMs = 1_000_000;
      const folder = mkdtempSync(join(tmpdir(), 'azure-'));
      const provider = plugin.create(byClient(), { ...testHost(folder), now: () => nowMs }) as Required<Provider>;
      bench.vendor.play((request) => {
        if (!isTokenRequest(request)) return ANSWER;
        asked.push(request);
        return { do: 'answer', body: { expires_in, access_token: `token-${asked.length}` } };
      });
      await provider.generate(asking, call);
      nowMs += 60_000;
      await provider.generate(asking, call);
      expect(asked).toHaveLength(1);
      nowMs += 10 * 60_000;
      await provider.generate(asking, call);
      expect(asked).toHaveLength(2);
      await provider.close();
      rmSync(folder, { recursive: true });
    },
  );

  test('that the resource does not take is forgotten, and not repeated', async () => {
    const provider = bench.open(byClient());
    bench.vendor.play((request) => {
      if (isTokenRequest(request)) {
        asked.push(request);
        return { do: 'answer', body: { expires_in: 3_600, access_token: `token-${asked.length}` } };
      }
      if (request.headers.authorization !== 'Bearer token-1') return ANSWER;
      return { do: 'answer', ...errorAnswer(401, { message: 'the token token-1 is over' }) };
    });
    await expect(provider.generate?.(asking, call)).rejects.toMatchObject({
      ...{ kind: 'authentication', message: expect.stringContaining('the token [redacted] is over') },
    });
    expect(await provider.generate?.(asking, call)).toMatchObject({ text: 'Hi' });
  });

  test('is still asked for when the caller that began leaves', async () => {
    const provider = bench.open(byClient());
    const caller = new AbortController();
    const leaving = provider.generate?.(asking, { ...call, signal: caller.signal });
    const staying = provider.generate?.(asking, call);
    caller.abort(new Error('left'));
    await expect(leaving).rejects.toThrow('left');
    expect(await staying).toMatchObject({ text: 'Hi' });
    expect(asked).toHaveLength(1);
  });

  test('that is refused is a matter of authentication, without the secret, and asked for again by the next call', async () => {
    bench.vendor.play((request) =>
      isTokenRequest(request)
        ? {
            do: 'answer',
            status: 401,
            body: { error: 'invalid_client', error_description: `AADSTS7000215: Invalid client secret ${SECRET}` },
          }
        : ANSWER,
    );
    const provider = bench.open(byClient());
    for (let round = 1; round <= 2; round += 1) {
      await expect(provider.generate?.(asking, call)).rejects.toMatchObject({
        kind: 'authentication',
        message: expect.stringMatching(/^(?!.*secret\+unit).*AADSTS7000215/),
      });
      expect(bench.vendor.requests).toHaveLength(round);
    }
  });

  test('that cannot be fetched because Entra is down is no matter of authentication', async () => {
    bench.vendor.play({ do: 'answer', ...errorAnswer(503, {}) });
    await expect(bench.open(byClient()).check(call)).rejects.toMatchObject({ kind: 'overloaded' });
  });
});

test('exactly one way to authenticate is configured', () => {
  const baseUrl = 'https://x.openai.azure.com';
  const issuesOf = (config: object) => checkPluginConfig(plugin.manifest, { baseUrl, ...config });
  expect(issuesOf({ apiKey: 'k' })).toEqual([]);
  expect(issuesOf({ entraToken: 't' })).toEqual([]);
  expect(issuesOf({ tenantId: 't', clientId: 'c', clientSecret: 's' })).toEqual([]);
  for (const config of [{}, { apiKey: 'k', entraToken: 't' }, { tenantId: 't', clientId: 'c' }]) {
    expect(issuesOf(config)).not.toEqual([]);
  }
});

test('models are those with a deployment, without prices, which are a matter of region and contract', async () => {
  const models = await bench.provider.listModels(call);
  expect(models.map(({ name }) => name)).toEqual(Object.keys(DEPLOYMENTS));
  expect(models[0]).toMatchObject({ contextTokens: 1_047_576 });
  expect(models[0]).not.toHaveProperty('inputUsdPerMillion');
});
