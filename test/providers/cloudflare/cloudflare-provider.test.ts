import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkPluginConfig } from '../../../src/plugins/config-check.ts';
import { VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import type { CallContext, GenerateRequest, Provider, StreamPart } from '../../../src/plugins/contract.ts';
import type { OwnedHost } from '../../../src/plugins/host.ts';
import type { CloudflareConfig } from '../../../src/providers/cloudflare/cloudflare-provider.ts';
import plugin from '../../../src/providers/cloudflare/plugin.ts';
import { testHost } from '../../support/plugin-host.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { bodyOf, envelope, modelOf, type RunBody, refusal } from './wire.ts';

const CALL: CallContext = { signal: new AbortController().signal, requestId: 'test' };
const HELLO: GenerateRequest = {
  model: 'llama-4-scout-17b',
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
};

let vendor: VendorServer;
let host: OwnedHost;
let folder: TempFolder;

beforeEach(async () => {
  vendor = await VendorServer.start();
  folder = makeTempFolder('cloudflare');
  host = testHost(folder.path);
});

afterEach(async () => {
  host.end();
  await vendor.close();
  await folder.remove();
});

function providerOf(config: Partial<CloudflareConfig> = {}): Required<Provider> {
  const whole = { accountId: 'acc', apiToken: 'secret-token', baseUrl: vendor.url, ...config };
  return plugin.create(whole, host) as Required<Provider>;
}

const answers = (result: object) => vendor.play({ do: 'answer', ...envelope(result) });
const run = (fields: Partial<GenerateRequest> = {}, config?: Partial<CloudflareConfig>) =>
  providerOf(config).generate({ ...HELLO, ...fields }, CALL);

async function partsOf(fields: Partial<GenerateRequest> = {}): Promise<StreamPart[]> {
  const parts: StreamPart[] = [];
  for await (const part of providerOf().stream({ ...HELLO, ...fields }, CALL)) parts.push(part);
  return parts;
}

describe('a model', () => {
  test.each([
    ['llama-4-scout-17b', {}, '@cf/meta/llama-4-scout-17b-16e-instruct'],
    ['llama-4-scout-17b', { 'llama-4-scout-17b': '@cf/meta/llama-5' }, '@cf/meta/llama-5'],
    ['mine', { mine: '@cf/mistral/mistral-7b' }, '@cf/mistral/mistral-7b'],
    ['@hf/thebloke/zephyr-7b-beta-awq', {}, '@hf/thebloke/zephyr-7b-beta-awq'],
  ])('%s goes to the id that it stands for', async (model, modelIds, realId) => {
    answers({ response: 'Hi' });
    expect(await run({ model }, { modelIds })).toMatchObject({ text: 'Hi', model: realId });
    const request = await vendor.request();
    expect(request.path).toBe(`/accounts/acc/ai/run/${realId}`);
    expect(request.headers.authorization).toBe('Bearer secret-token');
  });

  test.each(['nobody', '@cf/../../secrets', '@cf/a/..', '@cf/meta/x?y'])('%s is not asked for', async (model) => {
    await expect(run({ model })).rejects.toMatchObject({ kind: 'not_found' });
    expect(vendor.requests).toEqual([]);
  });

  test('of another id than the usual has no price', async () => {
    vendor.play({ do: 'answer', ...envelope([]) });
    const [scout] = await providerOf({ modelIds: { 'llama-4-scout-17b': '@cf/meta/llama-5' } }).listModels(CALL);
    expect(scout?.name).toBe('llama-4-scout-17b');
    expect(scout?.inputUsdPerMillion).toBeUndefined();
  });
});

describe('the configuration', () => {
  test('takes the token under either name, and needs one', () => {
    const issues = (config: object) => checkPluginConfig(plugin.manifest, config as Record<string, unknown>);
    expect(issues({ accountId: 'acc', apiToken: 'token' })).toEqual([]);
    expect(issues({ accountId: 'acc', apiKey: 'token' })).toEqual([]);
    expect(issues({ accountId: 'acc' })).not.toEqual([]);
    expect(issues({ accountId: 'acc', apiKey: 'token', modelIds: { mine: '@cf/../x' } })).not.toEqual([]);
  });
});

describe('an answer', () => {
  test('has no tokens where the vendor counts none', async () => {
    answers({ response: 'Hi' });
    expect((await run()).usage).toEqual({ inputTokens: 0, outputTokens: 0 });
  });

  test('asks for more tokens than the vendor’s default, unless it is told how many', async () => {
    answers({ response: 'Hi' });
    await run();
    expect(bodyOf<RunBody>(await vendor.request()).max_tokens).toBe(2_048);
  });

  test('tells what the model thought apart from what it says', async () => {
    answers({ response: '<think>\nA greeting.\n</think>\n\nHi' });
    expect(await run({ model: 'qwq-32b' })).toMatchObject({ text: 'Hi', reasoning: '\nA greeting.\n' });
  });

  test('of a newer model comes in another shape', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } };
    const message = { role: 'assistant', content: null, reasoning_content: 'Rain?', tool_calls: [call] };
    answers({ choices: [{ message, finish_reason: 'tool_calls' }], usage: { prompt_tokens: 3, completion_tokens: 4 } });
    expect(await run()).toMatchObject({
      ...{ text: '', reasoning: 'Rain?', finishReason: 'tool_calls', usage: { inputTokens: 3, outputTokens: 4 } },
      toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{"city":"Bern"}' }],
    });
  });

  test('of a newer model streams in another shape', async () => {
    const chunk = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ choices: [{ delta, finish_reason }] })}\n\n`;
    const chunks = [
      chunk({ reasoning_content: 'Hm.' }),
      chunk({ content: 'Hi' }),
      chunk({}, 'length'),
      'data: [DONE]\n\n',
    ];
    vendor.play({ do: 'stream', chunks });
    expect(await partsOf()).toMatchObject([
      { kind: 'reasoning', text: 'Hm.' },
      { kind: 'text', text: 'Hi' },
      { kind: 'finish', finishReason: 'length' },
    ]);
  });

  test('of a model that cannot stream comes whole', async () => {
    answers({ response: 'Hi' });
    expect(await partsOf()).toMatchObject([
      { kind: 'text', text: 'Hi' },
      { kind: 'finish', finishReason: 'stop' },
    ]);
  });

  test('whose calls come whole in a stream has each once', async () => {
    const calls = [
      { name: 'weather', arguments: { city: 'Bern' } },
      { name: 'news', arguments: {} },
    ];
    vendor.play({ do: 'stream', chunks: [`data: ${JSON.stringify({ tool_calls: calls })}\n\n`, 'data: [DONE]\n\n'] });
    expect(await partsOf()).toMatchObject([
      { kind: 'toolCall', index: 0, name: 'weather', arguments: '{"city":"Bern"}' },
      { kind: 'toolCall', index: 1, name: 'news', arguments: '{}' },
      { kind: 'finish', finishReason: 'tool_calls' },
    ]);
  });

  test('by a tool that was chosen is offered that tool alone', async () => {
    answers({ response: 'Hi' });
    const tools = ['weather', 'news'].map((name) => ({ name, parameters: { type: 'object' } }));
    await run({ tools, toolChoice: { name: 'news' } });
    expect(bodyOf<RunBody>(await vendor.request())).toMatchObject({
      ...{ tool_choice: 'required', tools: [{ function: { name: 'news' } }] },
    });
  });

  test.each<[string, Partial<GenerateRequest>]>([
    ['stop', { stop: ['END'] }],
    ['reasoningEffort', { reasoningEffort: 'low' }],
    ['parallelToolCalls', { parallelToolCalls: false }],
    ['tools.strict', { tools: [{ name: 'a', parameters: {}, strict: true }] }],
    ['toolChoice', { toolChoice: 'required' }],
    ['messages', { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'https://example.com/a.png' }] }] }],
    ['vendorOptions.messages', { vendorOptions: { messages: [] } }],
  ])('with a field that cannot be honoured is refused: %s', async (field, fields) => {
    await expect(run(fields)).rejects.toMatchObject({ kind: 'bad_request', message: expect.stringContaining(field) });
    expect(vendor.requests).toEqual([]);
  });
});

describe('a failure', () => {
  test.each([
    [401, 10_000, 'Authentication error', 'authentication'],
    [403, 5_016, 'User has not agreed to the model terms', 'permission'],
    [400, 5_007, 'No such model @cf/x/y or task', 'not_found'],
    [404, 7_003, 'Could not route to /accounts/acc/ai, perhaps your object identifier is invalid?', 'not_found'],
    [429, 3_036, 'You have used up your daily free allocation of 10,000 neurons', 'rate_limited'],
    [429, 3_040, 'Capacity temporarily exceeded, please try again.', 'overloaded'],
    [400, 5_021, 'too long', 'context_length'],
    [413, 8_001, 'This exceeds the maximum number of tokens', 'context_length'],
    [400, 5_024, "JSON Mode couldn't be met", 'malformed'],
    [400, 5_006, 'Invalid input', 'bad_request'],
    [200, 3_040, 'Capacity temporarily exceeded', 'overloaded'],
  ])('with the status %i and the code %i is told by its kind', async (status, code, message, kind) => {
    vendor.play({ do: 'answer', ...refusal(status, code, message) });
    await expect(run()).rejects.toMatchObject({ kind, message: expect.stringContaining(message) });
  });
});

describe('the other models', () => {
  test('rank by scores between 0 and 1, also where the vendor gives raw ones', async () => {
    answers({
      response: [
        { id: 1, score: 4.2 },
        { id: 0, score: -3 },
      ],
    });
    const { scores } = await providerOf().rerank(
      { model: 'bge-reranker-base', query: 'rain', texts: ['sun', 'rain'] },
      CALL,
    );
    expect(scores.map((score) => Math.round(score * 100))).toEqual([5, 99]);
  });

  test('judge in words as well', async () => {
    vendor.play((request) => {
      const [message] = bodyOf<RunBody>(request).messages;
      return { do: 'answer', ...envelope({ response: message?.content === 'bad' ? '\n\nunsafe\nS1,S99' : 'safe' }) };
    });
    const { judgements } = await providerOf().moderate({ model: 'llama-guard-3', texts: ['good', 'bad'] }, CALL);
    expect(judgements).toEqual([
      { flagged: false, scores: {} },
      { flagged: true, scores: { violent_crimes: 1, S99: 1 } },
    ]);
  });

  test('write down speech with its times', async () => {
    answers({
      text: ' Hello.',
      transcription_info: { language: 'en', duration: 1.5 },
      segments: [{ start: 0, end: 1.5, text: ' Hello.' }],
    });
    const request = {
      model: 'whisper-large-v3-turbo',
      audio: Buffer.from('abc'),
      mimeType: 'audio/wav',
      language: 'en-GB',
    };
    expect(await providerOf().transcribe(request, CALL)).toEqual({
      ...{ text: 'Hello.', language: 'en', durationSeconds: 1.5 },
      segments: [{ start: 0, end: 1.5, text: 'Hello.' }],
    });
    expect((await vendor.request()).json).toEqual({ audio: 'YWJj', language: 'en' });
  });

  test('speak, whether the sound comes in JSON or as it is', async () => {
    const sound = Buffer.from([0xff, 0xfb, 0x90]);
    for (const answer of [
      envelope({ audio: sound.toString('base64') }),
      { body: new Uint8Array(sound), headers: { 'content-type': 'audio/mpeg' } },
    ]) {
      vendor.play({ do: 'answer', ...answer });
      const spoken = await providerOf().speak({ model: 'melotts', text: 'Hola', voice: 'es' }, CALL);
      expect({ mimeType: spoken.mimeType, audio: [...spoken.audio] }).toEqual({
        mimeType: 'audio/mpeg',
        audio: [...sound],
      });
      const request = await vendor.request();
      expect(request.json).toEqual({ prompt: 'Hola', lang: 'es' });
      expect(modelOf(request)).toBe('@cf/myshell-ai/melotts');
    }
  });
});

describe('an answer in OpenAI’s shape', () => {
  const chunk = (delta: object, finish_reason?: string | null) =>
    `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const streams = (...chunks: string[]) =>
    vendor.play({ do: 'stream', headers: { 'content-type': 'text/event-stream' }, chunks });
  const END = 'data: [DONE]\n\n';

  test.each([
    ['no finish reason', undefined, 'malformed'],
    ['an unknown finish reason', 'toString', 'malformed'],
    ['the finish reason error', 'error', 'server'],
    ['the finish reason abort', 'abort', 'server'],
  ])('is no answer with %s, whole and streamed', async (_what, reason, kind) => {
    streams(chunk({ content: 'half an ans' }), chunk({}, reason), END);
    await expect(partsOf()).rejects.toMatchObject({ name: 'ProviderError', kind });
    answers({ choices: [{ message: { content: 'half an ans' }, finish_reason: reason }] });
    await expect(run()).rejects.toMatchObject({ name: 'ProviderError', kind });
  });

  test('ends as it says, and the older shape by its end alone', async () => {
    streams(chunk({ content: 'Hi' }), chunk({}, 'length'), END);
    expect((await partsOf()).at(-1)).toMatchObject({ kind: 'finish', finishReason: 'length' });
    streams('data: {"response":"Hi"}\n\n', END);
    expect((await partsOf()).at(-1)).toMatchObject({ kind: 'finish', finishReason: 'stop' });
  });

  test('counts nothing where its counts are none', async () => {
    answers({ response: 'Hi', usage: { prompt_tokens: -1, completion_tokens: 1.5 } });
    expect((await run()).usage).toEqual({ inputTokens: 0, outputTokens: 0 });
  });
});

test('sound of more than 64 MB is refused', async () => {
  const body = Buffer.alloc(64 * 1024 * 1024 + 1);
  vendor.play({ do: 'answer', headers: { 'content-type': 'audio/mpeg' }, body });
  await expect(providerOf().speak({ model: 'melotts', text: 'Hi' }, CALL)).rejects.toMatchObject({ kind: 'malformed' });
}, 30_000);
