import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedRequest, Script } from '../../../src/plugins/conformance/vendor-server.ts';
import type { GenerateRequest, Provider } from '../../../src/plugins/contract.ts';
import type { GatewayConfig } from '../../../src/providers/custom-gateway/gateway-provider.ts';
import { plainDecimal } from '../../../src/providers/custom-gateway/plain-decimal.ts';
import plugin from '../../../src/providers/custom-gateway/plugin.ts';
import { chunk, DONE, deltaChunk, errorAnswer, sse } from '../openai/wire.ts';
import { call, collected, VendorBench } from '../vendor-bench.ts';

const MODEL = 'house-model';
const API_KEY = 'sk-gateway-unit';
let bench: VendorBench<GatewayConfig>;
let provider: Required<Provider>;
beforeEach(async () => {
  bench = await VendorBench.start(plugin, (url) => ({ apiKey: API_KEY, baseUrl: `${url}/v1/` }));
  provider = bench.provider as Required<Provider>;
});
afterEach(() => bench.close());

const asking: GenerateRequest = {
  model: MODEL,
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
};
const tokens = { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 };
const answer = (usage: object) => ({
  model: MODEL,
  choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }],
  usage,
});

/** The gateway's answer to a call, and what it says of a cost. */
function plays(called: Script, cost: Script): void {
  bench.vendor.play(({ path }: RecordedRequest) => (path === '/spend/calculate' ? cost : called));
}
const paths = () => bench.vendor.requests.map(({ path }) => path);
const COSTS: Script = { do: 'answer', body: { cost: 1.2e-7 } };

describe('the cost of a request', () => {
  test('is what the answer’s usage says', async () => {
    plays({ do: 'answer', body: answer({ ...tokens, cost: 0.000_12 }) }, COSTS);
    expect((await provider.generate(asking, call)).usage.costUsd).toBe('0.00012');
    expect(paths()).toEqual(['/v1/chat/completions']);
  });

  test('is what the answer’s header says', async () => {
    const headers = { 'x-litellm-response-cost': '3.45e-05' };
    plays({ do: 'answer', headers, body: answer(tokens) }, COSTS);
    expect((await provider.generate(asking, call)).usage.costUsd).toBe('0.0000345');
    expect(paths()).toEqual(['/v1/chat/completions']);
  });

  test('of tokens that nobody counted is not asked for: it would be nothing', async () => {
    plays({ do: 'answer', body: answer({}) }, { do: 'answer', body: { cost: 0 } });
    expect((await provider.generate(asking, call)).usage.costUsd).toBeUndefined();
    expect(paths()).toEqual(['/v1/chat/completions']);
  });

  test('is calculated by the gateway where the answer does not say it, whole, streamed and embedded', async () => {
    plays({ do: 'answer', body: answer(tokens) }, COSTS);
    expect((await provider.generate(asking, call)).usage.costUsd).toBe('0.00000012');
    expect(paths()).toEqual(['/v1/chat/completions', '/spend/calculate']);
    expect(bench.vendor.requests[1]).toMatchObject({
      headers: { authorization: `Bearer ${API_KEY}` },
      json: { completion_response: { model: MODEL, usage: tokens } },
    });

    const usage = sse(chunk(MODEL, { choices: [], usage: tokens }));
    plays({ do: 'stream', chunks: [deltaChunk(MODEL, { content: 'Hi' }, 'stop'), usage, DONE] }, COSTS);
    expect((await collected(provider, asking)).at(-1)).toMatchObject({ usage: { costUsd: '0.00000012' } });

    const data = [{ index: 0, embedding: [3, 4] }];
    plays({ do: 'answer', body: { data, model: 'embedder', usage: { prompt_tokens: 2, total_tokens: 2 } } }, COSTS);
    const request = { model: 'embedder', texts: ['a'], purpose: 'document' as const };
    expect(await provider.embed(request, call)).toMatchObject({ costUsd: '0.00000012', tokenCounts: [2] });
  });

  test.each<[string, Script]>([
    ['fails', { do: 'answer', ...errorAnswer(400, { message: 'no price' }) }],
    ['breaks', { do: 'reset' }],
    ['says nothing', { do: 'answer', body: { cost: null } }],
    ['never answers', { do: 'silence' }],
  ])('is left out where the gateway’s calculation %s, and the answer stands', async (_name, cost) => {
    plays({ do: 'answer', body: answer(tokens) }, cost);
    const { text, usage } = await provider.generate(asking, call);
    expect(text).toBe('Hi');
    expect(usage).toEqual({ inputTokens: 12, outputTokens: 3 });
  });
});

describe('the spend of a key', () => {
  test('is what the gateway has on account, as a plain decimal', async () => {
    bench.answers({ body: { key: 'hash', info: { spend: 0.000_000_4, max_budget: 5 } } });
    expect(await provider.spend(call)).toEqual({ totalUsd: '0.0000004' });
    expect(bench.vendor.requests[0]).toMatchObject({ path: '/key/info', method: 'GET' });
  });

  test.each([[{}], [{ info: {} }], [{ info: { spend: 'lots' } }]])(
    'is malformed where there is none: %j',
    async (body) => {
      bench.answers({ body });
      await expect(provider.spend(call)).rejects.toMatchObject({ kind: 'malformed' });
    },
  );
});

test.each([
  ['ExceededBudget', errorAnswer(400, { message: 'Budget has been exceeded!', type: 'budget_exceeded', code: '400' })],
  ['a used up key', errorAnswer(429, { message: 'Budget has been exceeded!', type: 'budget_exceeded', code: '429' })],
])('%s is a matter of permission, which no waiting mends', async (_name, refusal) => {
  bench.answers(refusal);
  await expect(provider.generate(asking, call)).rejects.toMatchObject({ kind: 'permission', retryable: false });
});

test.each([
  [0, '0'],
  [12, '12'],
  [0.1, '0.1'],
  [1e-7, '0.0000001'],
  [1.25e-10, '0.000000000125'],
  ['3.4499999999999996e-5', '0.000034499999999999'],
  [1e14, '100000000000000'],
  [1e15, undefined],
  [1.5e21, undefined],
  ['1e999', undefined],
  ['9'.repeat(20), undefined],
  ['1'.repeat(5_000_000), undefined],
  ['1.2E+3', '1200'],
  ['0.10', '0.1'],
  ['007.5', '7.5'],
  [' 3 ', '3'],
  [-1, undefined],
  [Number.NaN, undefined],
  ['', undefined],
  [null, undefined],
])('%j as a plain decimal is %j', (given, expected) => {
  expect(plainDecimal(given)).toBe(expected);
});
