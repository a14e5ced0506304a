import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPluginConfig } from '../../../src/plugins/config-check.ts';
import type { GenerateRequest, StreamPart } from '../../../src/plugins/contract.ts';
import type { AnthropicConfig } from '../../../src/providers/anthropic/anthropic-provider.ts';
import plugin from '../../../src/providers/anthropic/plugin.ts';
import { allParts, call, collected, VendorBench } from '../vendor-bench.ts';
import { errorAnswer, event, messageOf } from './wire.ts';

const API_KEY = 'sk-ant-api03-provider-test';
let bench: VendorBench<AnthropicConfig>;

beforeAll(async () => {
  bench = await VendorBench.start(plugin, (baseUrl) => ({ apiKey: API_KEY, baseUrl }));
});

afterAll(() => bench.close());

function request(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: 'claude-sonnet-4-5', messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hi' }] }], ...fields };
}

/** The body that a request has on the wire. */
async function sent(fields: Partial<GenerateRequest>): Promise<Record<string, unknown>> {
  bench.answers({ body: messageOf({}) });
  await bench.provider.generate?.(request(fields), call);
  return bench.vendor.requests[0]?.json as Record<string, unknown>;
}

function streamed(events: readonly string[], fields: Partial<GenerateRequest> = {}): Promise<StreamPart[]> {
  return bench.streamed(events, request(fields));
}

const THINKING = { type: 'thinking', thinking: 'Look it up.', signature: 'EqQBCgIYAhIM' };
const TOOL_USE = { type: 'tool_use', id: 'toolu_01A09q90qw90lq917835lq9', name: 'weather', input: { city: 'Bern' } };
const WEATHER = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };

describe('the address and the headers of a request', () => {
  test('are the same for a base url with and without /v1, and carry the version and the betas', async () => {
    for (const baseUrl of [
      bench.vendor.url,
      `${bench.vendor.url}/`,
      `${bench.vendor.url}/v1`,
      `${bench.vendor.url}/v1/`,
    ]) {
      bench.answers({ body: messageOf({}) });
      await bench
        .open({ apiKey: API_KEY, baseUrl, betas: ['context-1m-2025-08-07', 'files-api-2025-04-14'] })
        .generate?.(request(), call);
      expect(bench.vendor.requests[0]?.path).toBe('/v1/messages');
      expect(bench.vendor.requests[0]?.headers).toMatchObject({
        'x-api-key': API_KEY,
        'anthropic-version': '2023-06-01',
        'anthropic-beta': 'context-1m-2025-08-07,files-api-2025-04-14',
      });
    }
  });

  test('of the list of models hold the same key, and nothing from the environment of the server', async () => {
    process.env.ANTHROPIC_AUTH_TOKEN = 'not-ours';
    try {
      bench.answers({ body: { data: [], has_more: false, first_id: null, last_id: null } });
      await bench.open({ apiKey: API_KEY, baseUrl: bench.vendor.url }).check(call);
      expect(bench.vendor.requests[0]?.path).toBe('/v1/models?limit=1');
      expect(bench.vendor.requests[0]?.headers).toMatchObject({
        'x-api-key': API_KEY,
        'anthropic-version': '2023-06-01',
      });
      expect(bench.vendor.requests[0]?.headers.authorization).toBeUndefined();
    } finally {
      delete process.env.ANTHROPIC_AUTH_TOKEN;
    }
  });
});

describe('messages', () => {
  test('of the system are joined in their order, and those of one role become one', async () => {
    const body = await sent({
      messages: [
        { role: 'system', text: 'Be kind.' },
        { role: 'user', parts: [{ kind: 'text', text: 'One' }] },
        { role: 'system', text: 'Be brief.' },
        {
          role: 'user',
          parts: [
            { kind: 'text', text: '' },
            { kind: 'text', text: 'T' },
            { kind: 'text', text: 'wo' },
          ],
        },
        { role: 'assistant', text: 'The answer is' },
      ],
    });
    expect(body.system).toBe('Be kind.\n\nBe brief.');
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'text', text: 'Two' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'The answer is' }] },
    ]);
  });

  test('with results of parallel calls are one message, before what the user says next', async () => {
    const body = await sent({
      tools: [WEATHER],
      messages: [
        { role: 'user', parts: [{ kind: 'text', text: 'Bern or Basel?' }] },
        {
          role: 'assistant',
          text: '',
          toolCalls: [
            { id: 'toolu_1', name: 'weather', arguments: '{"city":"Bern"}' },
            { id: 'toolu_2', name: 'weather', arguments: '' },
          ],
        },
        { role: 'tool', toolCallId: 'toolu_1', text: '21 °C' },
        { role: 'tool', toolCallId: 'toolu_2', text: '19 °C' },
        { role: 'user', parts: [{ kind: 'text', text: 'Well?' }] },
      ],
    });
    expect((body.messages as unknown[]).slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Bern' } },
          { type: 'tool_use', id: 'toolu_2', name: 'weather', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: '21 °C' },
          { type: 'tool_result', tool_use_id: 'toolu_2', content: '19 °C' },
          { type: 'text', text: 'Well?' },
        ],
      },
    ]);
  });

  test('show images as base64 or by their address', async () => {
    const body = await sent({
      messages: [
        {
          role: 'user',
          parts: [
            { kind: 'image', mimeType: 'image/png', base64: 'iVBORw0KGgo=' },
            { kind: 'imageUrl', url: 'https://example.com/cat.png', detail: 'auto' },
          ],
        },
      ],
    });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
          { type: 'image', source: { type: 'url', url: 'https://example.com/cat.png' } },
        ],
      },
    ]);
  });
});

describe('a request', () => {
  test('has the limit of its model where it sets none, and its own where it does', async () => {
    expect(await sent({})).toMatchObject({ model: 'claude-sonnet-4-5', max_tokens: 64_000 });
    expect(await sent({ model: 'claude-opus-5-5' })).toMatchObject({ max_tokens: 128_000 });
    expect(await sent({ model: 'claude-opus-4-20250514' })).toMatchObject({ max_tokens: 32_000 });
    expect(await sent({ maxOutputTokens: 50, temperature: 0.2, topP: 0.9, stop: ['END'] })).toMatchObject({
      max_tokens: 50,
      temperature: 0.2,
      top_p: 0.9,
      stop_sequences: ['END'],
    });
  });

  test('offers tools with each kind of choice, one call at a time where that is wanted', async () => {
    const body = await sent({ tools: [{ ...WEATHER, description: 'Now', strict: true }] });
    expect(body.tools).toEqual([
      { name: 'weather', description: 'Now', input_schema: WEATHER.parameters, strict: true },
    ]);
    expect(body).not.toHaveProperty('tool_choice');
    const choiceOf = async (fields: Partial<GenerateRequest>) =>
      (await sent({ tools: [WEATHER], ...fields })).tool_choice;
    expect(await choiceOf({ toolChoice: 'auto' })).toEqual({ type: 'auto' });
    expect(await choiceOf({ toolChoice: 'none' })).toEqual({ type: 'none' });
    expect(await choiceOf({ toolChoice: 'required' })).toEqual({ type: 'any' });
    expect(await choiceOf({ toolChoice: { name: 'weather' }, parallelToolCalls: false })).toEqual({
      type: 'tool',
      name: 'weather',
      disable_parallel_tool_use: true,
    });
    expect(await choiceOf({ parallelToolCalls: false })).toEqual({ type: 'auto', disable_parallel_tool_use: true });
  });

  test('asks older models to think by a budget that leaves room for the answer, newer ones by effort', async () => {
    expect(await sent({ reasoningEffort: 'high' })).toMatchObject({
      thinking: { type: 'enabled', budget_tokens: 24_576 },
    });
    expect(await sent({ reasoningEffort: 'high', maxOutputTokens: 2_000 })).toMatchObject({
      thinking: { type: 'enabled', budget_tokens: 1_600 },
    });
    const adaptive = await sent({ model: 'claude-opus-5-5', reasoningEffort: 'medium' });
    expect(adaptive).toMatchObject({
      thinking: { type: 'adaptive', display: 'summarized' },
      output_config: { effort: 'medium' },
    });
  });

  test('asks for JSON by the vendor’s own schema mode, beside the effort and a caller’s options', async () => {
    const schema = {
      type: 'object',
      properties: { age: { type: 'integer', minimum: 0 } },
      required: ['age'],
      additionalProperties: false,
    };
    const body = await sent({
      format: { name: 'person', schema },
      vendorOptions: { output_config: { effort: 'max' }, metadata: { user_id: 'u1' } },
    });
    expect(body.output_config).toMatchObject({
      effort: 'max',
      format: { type: 'json_schema', schema: { type: 'object', required: ['age'], additionalProperties: false } },
    });
    // The vendor's subset has no minimum: it is told to the model instead of being refused.
    expect(JSON.stringify(body.output_config)).toContain('minimum: 0');
    expect(body.metadata).toEqual({ user_id: 'u1' });
  });

  test.each<[string, Partial<GenerateRequest>]>([
    ['seed', { seed: 1 }],
    ['presencePenalty', { presencePenalty: 0.5 }],
    ['frequencyPenalty', { frequencyPenalty: 0.5 }],
    ['format', { format: 'json' }],
    ['format', { format: { name: 'empty', schema: {} } }],
    ['temperature', { temperature: 1.5 }],
    ['temperature', { temperature: 0, reasoningEffort: 'low' }],
    ['temperature', { temperature: 0, model: 'claude-sonnet-5-5' }],
    ['topP', { topP: 0.5, model: 'claude-opus-4-7' }],
    ['reasoningEffort', { reasoningEffort: 'low', maxOutputTokens: 1_024 }],
    ['reasoningEffort', { reasoningEffort: 'low', model: 'claude-3-haiku-20240307' }],
    ['toolChoice', { toolChoice: 'required' }],
    ['vendorOptions.stream', { vendorOptions: { stream: true } }],
    ['vendorOptions.model', { vendorOptions: { model: 'claude-opus-5-5' } }],
    ['toolCalls', { messages: [{ role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'x', arguments: '{' }] }] }],
    ['mimeType', { messages: [{ role: 'user', parts: [{ kind: 'image', mimeType: 'image/tiff', base64: '' }] }] }],
    ['url', { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'http://example.com/cat.png' }] }] }],
    ['detail', { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'https://a.b', detail: 'low' }] }] }],
  ])('whose %s cannot be honoured is refused by name before it leaves', async (field, fields) => {
    bench.answers({ body: messageOf({}) });
    await expect(bench.provider.generate?.(request(fields), call)).rejects.toMatchObject({
      kind: 'bad_request',
      message: expect.stringMatching(new RegExp(`^${field.replace('.', '\\.')}: `)),
    });
    await expect(collected(bench.provider, request(fields))).rejects.toMatchObject({
      kind: 'bad_request',
    });
    expect(bench.vendor.requests).toEqual([]);
  });
});

describe('an answer', () => {
  test('whose usage a proxy leaves out is whole, and counts nothing that was not told', async () => {
    const told = (usage?: object) => event({ type: 'message_start', message: { ...messageOf({}), usage } });
    const ending = [
      event({ type: 'message_delta', delta: { stop_reason: 'end_turn' } }),
      event({ type: 'message_stop' }),
    ];
    bench.answers({ body: { ...messageOf({}), usage: undefined } });
    const untold = { inputTokens: 0, outputTokens: 0 };
    expect(await bench.provider.generate?.(request(), call)).toMatchObject({ finishReason: 'stop', usage: untold });
    expect(await streamed([told(), ...ending])).toMatchObject([{ finishReason: 'stop', usage: untold }]);
    // The one token that the beginning tells is not what was written.
    const begun = { input_tokens: 12, output_tokens: 1 };
    expect(await streamed([told(begun), ...ending])).toMatchObject([{ usage: { inputTokens: 12, outputTokens: 0 } }]);
  });

  test('that is an error in place of a stream, under a status of success, is told as that', async () => {
    bench.answers({ body: { type: 'error', error: { type: 'overloaded_error', message: 'Later' } } });
    const refused = { kind: 'overloaded', message: expect.stringContaining('Later') };
    await expect(collected(bench.provider, request())).rejects.toMatchObject(refused);
  });

  test('counts cached tokens as input too', async () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 100,
      cache_creation_input_tokens: 1_000,
      output_tokens: 7,
      output_tokens_details: { thinking_tokens: 3 },
    };
    const counted = {
      inputTokens: 1_110,
      outputTokens: 7,
      cachedInputTokens: 100,
      cacheWriteTokens: 1_000,
      reasoningTokens: 3,
    };
    bench.answers({ body: messageOf({ usage }) });
    expect((await bench.provider.generate?.(request(), call))?.usage).toEqual(counted);
    const parts = await streamed([
      event({ type: 'message_start', message: messageOf({ usage: { ...usage, output_tokens: 1 } }) }),
      event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }),
      event({ type: 'message_stop' }),
    ]);
    expect(parts).toEqual([
      { kind: 'finish', finishReason: 'stop', usage: counted, model: 'claude-sonnet-4-5-20250929' },
    ]);
  });

  test('tells what was read before its first piece, for the case that it is cut', async () => {
    const cached = { cache_read_input_tokens: 30, cache_creation_input_tokens: 50 };
    const usage = { input_tokens: 12, ...cached, output_tokens: 1 };
    bench.vendor.play({
      do: 'stream',
      chunks: [
        event({ type: 'message_start', message: messageOf({ usage }) }),
        event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }),
        event({ type: 'message_stop' }),
      ],
    });
    const [first] = await allParts(bench.provider, request());
    const told = { inputTokens: 92, outputTokens: 0, cachedInputTokens: 30, cacheWriteTokens: 50 };
    expect(first).toEqual({ kind: 'usage', usage: told });
  });

  test.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['pause_turn', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
  ])('that stopped by %s finished by %s', async (stopReason, finishReason) => {
    bench.answers({ body: messageOf({ stop_reason: stopReason }) });
    expect(await bench.provider.generate?.(request(), call)).toMatchObject({ finishReason });
  });

  test('that stopped for an unknown reason is no answer', async () => {
    bench.answers({ body: messageOf({ stop_reason: 'sunset' }) });
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('has its thinking apart; with the result of a call it goes back as it was signed, whole and streamed', async () => {
    const content = [THINKING, { type: 'text', text: 'One moment.' }, TOOL_USE];
    const signed = { tools: [WEATHER], reasoningEffort: 'low' } as const;
    const next: Partial<GenerateRequest> = {
      ...signed,
      messages: [
        { role: 'user', parts: [{ kind: 'text', text: 'Weather?' }] },
        { role: 'assistant', text: 'One moment.', toolCalls: [{ ...TOOL_USE, arguments: '{"city":"Bern"}' }] },
        { role: 'tool', toolCallId: TOOL_USE.id, text: '21 °C' },
      ],
    };
    bench.answers({ body: messageOf({ content, stop_reason: 'tool_use' }) });
    const answer = await bench.provider.generate?.(request(signed), call);
    expect(answer).toMatchObject({
      text: 'One moment.',
      reasoning: 'Look it up.',
      toolCalls: [{ id: TOOL_USE.id, name: 'weather', arguments: '{"city":"Bern"}' }],
    });
    expect((await sent(next)).messages).toContainEqual({ role: 'assistant', content });
    expect((await sent({ ...next, reasoningEffort: undefined })).messages).toContainEqual({
      role: 'assistant',
      content: content.slice(1),
    });

    const other = { ...TOOL_USE, id: 'toolu_02' };
    const delta = (index: number, of: object) => event({ type: 'content_block_delta', index, delta: of });
    const parts = await streamed(
      [
        event({ type: 'message_start', message: messageOf({ stop_reason: null }) }),
        event({ type: 'content_block_start', index: 0, content_block: { ...THINKING, thinking: '', signature: '' } }),
        delta(0, { type: 'thinking_delta', thinking: 'Look ' }),
        event({ type: 'ping' }),
        delta(0, { type: 'thinking_delta', thinking: 'it up.' }),
        delta(0, { type: 'signature_delta', signature: THINKING.signature }),
        event({ type: 'content_block_stop', index: 0 }),
        event({ type: 'content_block_start', index: 1, content_block: { ...other, input: {} } }),
        event({ type: 'content_block_stop', index: 1 }),
        event({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } }),
        event({ type: 'message_stop' }),
      ],
      signed,
    );
    expect(parts.slice(0, -1)).toEqual([
      { kind: 'reasoning', text: 'Look ' },
      { kind: 'reasoning', text: 'it up.' },
      { kind: 'toolCall', index: 0, id: 'toolu_02', name: 'weather', arguments: '' },
      // A call that is written without arguments has an empty object of them.
      { kind: 'toolCall', index: 0, arguments: '{}' },
    ]);
    const { messages } = await sent({
      ...signed,
      messages: [{ role: 'assistant', text: '', toolCalls: [{ id: 'toolu_02', name: 'weather', arguments: '{}' }] }],
    });
    expect(messages).toEqual([{ role: 'assistant', content: [THINKING, { ...other, input: {} }] }]);
  });

  test('with a call of the vendor’s own tools in between gives the indices of our calls alone', async () => {
    const start = (index: number, block: object) => event({ type: 'content_block_start', index, content_block: block });
    const json = (index: number, partial: string) =>
      event({ type: 'content_block_delta', index, delta: { type: 'input_json_delta', partial_json: partial } });
    const parts = await streamed([
      event({ type: 'message_start', message: messageOf({ stop_reason: null }) }),
      start(0, { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} }),
      json(0, '{"query":"bern"}'),
      start(1, { ...TOOL_USE, input: {} }),
      json(1, '{"city":'),
      start(2, { ...TOOL_USE, id: 'toolu_9', input: {} }),
      json(1, '"Bern"}'),
      json(2, '{}'),
      event({ type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } }),
      event({ type: 'message_stop' }),
    ]);
    expect(parts.slice(0, -1)).toEqual([
      { kind: 'toolCall', index: 0, id: TOOL_USE.id, name: 'weather', arguments: '' },
      { kind: 'toolCall', index: 0, arguments: '{"city":' },
      { kind: 'toolCall', index: 1, id: 'toolu_9', name: 'weather', arguments: '' },
      { kind: 'toolCall', index: 0, arguments: '"Bern"}' },
      { kind: 'toolCall', index: 1, arguments: '{}' },
    ]);
  });

  test('whose events lack what they should have is malformed', async () => {
    await expect(
      streamed([event({ type: 'message_start', message: messageOf({}) }), event({ type: 'content_block_delta' })]),
    ).rejects.toMatchObject({ kind: 'malformed' });
    bench.answers({ body: { type: 'message' } });
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('an error', () => {
  test.each([
    [400, 'invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum', 'context_length'],
    [
      400,
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit: 199000 + 8192 > 200000, decrease input length',
      'context_length',
    ],
    [400, 'invalid_request_error', 'messages: at least one message is required', 'bad_request'],
    [402, 'billing_error', 'Your credit balance is too low', 'permission'],
    [413, 'request_too_large', 'Request exceeds the maximum size', 'too_large'],
    [429, 'rate_limit_error', 'Number of request tokens has exceeded your per-minute rate limit', 'rate_limited'],
    [504, 'timeout_error', 'Request timed out', 'timeout'],
    [529, 'overloaded_error', 'Overloaded', 'overloaded'],
  ])('with the status %i and the type %s is what it says', async (status, type, message, kind) => {
    bench.answers(errorAnswer(status, message, type));
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind, status });
    bench.answers(errorAnswer(status, message, type));
    await expect(bench.provider.listModels(call)).rejects.toMatchObject({ kind, status });
  });
});

describe('the configuration', () => {
  test('wants a key, and nothing that it does not know', () => {
    expect(checkPluginConfig(plugin.manifest, { apiKey: 'k', baseUrl: 'https://a.example', betas: ['b'] })).toEqual([]);
    expect(checkPluginConfig(plugin.manifest, {})).toHaveLength(1);
    expect(checkPluginConfig(plugin.manifest, { apiKey: 'k', region: 'eu' })).toHaveLength(1);
  });
});

test.each([
  [{ output_tokens: 3 }, { inputTokens: 0, outputTokens: 3 }],
  [
    { input_tokens: '12', cache_read_input_tokens: 4, output_tokens: Number.MAX_VALUE },
    { inputTokens: 4, cachedInputTokens: 4, outputTokens: 0 },
  ],
])('counts that are none count nothing: %j', async (usage, expected) => {
  bench.answers({ body: { ...messageOf({}), usage } });
  expect((await bench.provider.generate?.(request(), call))?.usage).toEqual(expected);
});

test('a list of models without an end is read for twenty pages', async () => {
  const data = [{ type: 'model', id: 'claude-x', display_name: 'X', created_at: '2026-01-01T00:00:00Z' }];
  bench.answers({ body: { data, has_more: true, first_id: 'claude-x', last_id: 'claude-x' } });
  expect(await bench.provider.listModels(call)).toHaveLength(20);
  expect(bench.vendor.requests).toHaveLength(20);
});

test('a message of an unknown shape is malformed, not a fault of ours', async () => {
  bench.answers({ body: { ...messageOf({}), content: [null] } });
  await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind: 'malformed' });
});

test('a key that fits in no header is in no failure, nor in what caused it', async () => {
  const made = bench.open({ apiKey: 'sk-ant-api03\nsecret-tail', baseUrl: bench.vendor.url });
  const failure = await made.check(call).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(inspect(failure, { depth: 10 })).not.toContain('secret-tail');
});
