import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerateRequest, StreamPart } from '../../../src/plugins/contract.ts';
import type { GoogleConfig } from '../../../src/providers/google/google-provider.ts';
import plugin from '../../../src/providers/google/plugin.ts';
import { allParts, call, VendorBench } from '../vendor-bench.ts';
import { answerOf, chunk, errorBody } from './wire.ts';

const API_KEY = 'AIzaSyProviderTest';
let bench: VendorBench<GoogleConfig>;

beforeAll(async () => {
  bench = await VendorBench.start(plugin, (baseUrl) => ({ apiKey: API_KEY, baseUrl }));
});

afterAll(() => bench.close());

function request(fields: Partial<GenerateRequest> = {}): GenerateRequest {
  return { model: 'gemini-2.5-flash', messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hi' }] }], ...fields };
}

/** The body that a request has on the wire. */
async function sent(fields: Partial<GenerateRequest>): Promise<Record<string, unknown>> {
  bench.answers({ body: answerOf([{ text: 'Hello' }]) });
  await bench.provider.generate?.(request(fields), call);
  return bench.vendor.requests[0]?.json as Record<string, unknown>;
}

function streamed(chunks: readonly object[], fields: Partial<GenerateRequest> = {}): Promise<StreamPart[]> {
  return bench.streamed(chunks.map(chunk), request(fields));
}

const WEATHER = { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };

describe('the address of a request', () => {
  test('never has the key in it, and is the same for a base url with and without /v1beta', async () => {
    for (const baseUrl of [bench.vendor.url, `${bench.vendor.url}/`, `${bench.vendor.url}/v1beta`]) {
      const made = bench.open({ apiKey: API_KEY, baseUrl });
      bench.answers({ body: answerOf([{ text: 'Hello' }]) });
      await made.generate?.(request(), call);
      expect(bench.vendor.requests[0]?.path).toBe('/v1beta/models/gemini-2.5-flash:generateContent');
      await bench.streamed([chunk(answerOf([{ text: 'Hello' }]))], request(), made);
      expect(bench.vendor.requests[0]?.path).toBe('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
      bench.answers({ body: { models: [] } });
      await made.check(call);
      expect(bench.vendor.requests[0]?.path).toBe('/v1beta/models?pageSize=1');
      expect(bench.vendor.requests[0]?.headers['x-goog-api-key']).toBe(API_KEY);
    }
  });
});

describe('a stream', () => {
  test('tells the tokens so far with each chunk', async () => {
    const counts = { promptTokenCount: 20, cachedContentTokenCount: 5 };
    const chunks = [1, 2].map((count) =>
      chunk({ ...answerOf([{ text: `${count}` }]), usageMetadata: { ...counts, candidatesTokenCount: count } }),
    );
    bench.vendor.play({ do: 'stream', chunks });
    const told = (await allParts(bench.provider, request())).flatMap((part) =>
      part.kind === 'usage' ? [part.usage] : [],
    );
    expect(told).toEqual([1, 2].map((outputTokens) => ({ inputTokens: 20, outputTokens, cachedInputTokens: 5 })));
  });
});

describe('messages', () => {
  test('of the system are the instruction, in their order; those of one role become one content', async () => {
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
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'Be kind.\n\nBe brief.' }] });
    expect(body.contents).toEqual([
      { role: 'user', parts: [{ text: 'One' }, { text: 'Two' }] },
      { role: 'model', parts: [{ text: 'The answer is' }] },
    ]);
  });

  test('show images as base64, or by an address that says what they are', async () => {
    const body = await sent({
      messages: [
        {
          role: 'user',
          parts: [
            { kind: 'image', mimeType: 'image/png', base64: 'iVBORw0KGgo=' },
            { kind: 'imageUrl', url: 'https://example.com/cat.JPG?size=2' },
            { kind: 'imageUrl', url: 'https://generativelanguage.googleapis.com/v1beta/files/abc-123' },
          ],
        },
      ],
    });
    expect(body.contents).toEqual([
      {
        role: 'user',
        parts: [
          { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
          { fileData: { fileUri: 'https://example.com/cat.JPG?size=2', mimeType: 'image/jpeg' } },
          { fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/abc-123' } },
        ],
      },
    ]);
  });
});

describe('a tool call', () => {
  const twoCalls = [
    { functionCall: { name: 'weather', args: { city: 'Bern' } }, thoughtSignature: 'c2lnbmVk' },
    { functionCall: { name: 'weather', args: { city: 'Basel' } } },
  ];

  test('without an id gets one of its own, and its result goes back by name, with the signature that came', async () => {
    const model = 'gemini-3.5-flash';
    bench.answers({ body: answerOf(twoCalls) });
    const answer = await bench.provider.generate?.(request({ model, tools: [WEATHER] }), call);
    expect(answer?.finishReason).toBe('tool_calls');
    const toolCalls = answer?.toolCalls ?? [];
    expect(new Set(toolCalls.map(({ id }) => id)).size).toBe(2);
    // The longest id that other vendors take, should the conversation go on there.
    expect(toolCalls.every(({ id }) => /^[a-zA-Z0-9_-]{1,40}$/.test(id))).toBe(true);
    const [first, second] = toolCalls.map(({ id }) => id) as [string, string];
    const messages: GenerateRequest['messages'] = [
      { role: 'user', parts: [{ kind: 'text', text: 'Bern or Basel?' }] },
      { role: 'assistant', text: '', toolCalls },
      { role: 'tool', toolCallId: first, text: '{"degrees":21}' },
      { role: 'tool', toolCallId: second, text: '19 °C' },
      { role: 'user', parts: [{ kind: 'text', text: 'Well?' }] },
    ];
    expect((await sent({ model, tools: [WEATHER], messages })).contents).toEqual([
      { role: 'user', parts: [{ text: 'Bern or Basel?' }] },
      { role: 'model', parts: twoCalls },
      {
        role: 'user',
        parts: [
          { functionResponse: { name: 'weather', response: { degrees: 21 } } },
          { functionResponse: { name: 'weather', response: { output: '19 °C' } } },
        ],
      },
      { role: 'user', parts: [{ text: 'Well?' }] },
    ]);
  });

  test('of another server or vendor goes back with its id, and to models that insist with what stands for a signature', async () => {
    const messages: GenerateRequest['messages'] = [
      { role: 'assistant', text: 'One moment.', toolCalls: [{ id: 'toolu_1', name: 'weather', arguments: '' }] },
      { role: 'tool', toolCallId: 'toolu_1', text: '[1]' },
    ];
    const functionCall = { id: 'toolu_1', name: 'weather', args: {} };
    const result = {
      role: 'user',
      parts: [{ functionResponse: { id: 'toolu_1', name: 'weather', response: { output: '[1]' } } }],
    };
    expect((await sent({ messages })).contents).toEqual([
      { role: 'model', parts: [{ text: 'One moment.' }, { functionCall }] },
      result,
    ]);
    expect((await sent({ messages, model: 'gemini-3.8-flash' })).contents).toEqual([
      {
        role: 'model',
        parts: [{ text: 'One moment.' }, { functionCall, thoughtSignature: 'skip_thought_signature_validator' }],
      },
      result,
    ]);
  });

  test('in a stream is one part with all its arguments', async () => {
    const parts = await streamed([
      answerOf([{ text: 'I look.' }], {}),
      answerOf([{ functionCall: { id: 'fc_1', name: 'weather', args: { city: 'Bern' } } }], {}),
      answerOf([{ functionCall: { id: 'fc_2', name: 'time' } }]),
    ]);
    expect(parts).toEqual([
      { kind: 'text', text: 'I look.' },
      { kind: 'toolCall', index: 0, id: 'fc_1', name: 'weather', arguments: '{"city":"Bern"}' },
      { kind: 'toolCall', index: 1, id: 'fc_2', name: 'time', arguments: '{}' },
      {
        kind: 'finish',
        finishReason: 'tool_calls',
        usage: { inputTokens: 8, outputTokens: 5 },
        model: 'gemini-2.5-flash',
      },
    ]);
  });
});

describe('a request', () => {
  test('has its settings in generationConfig, and a caller’s options beside them', async () => {
    const body = await sent({
      maxOutputTokens: 50,
      temperature: 0,
      topP: 0.9,
      stop: ['END'],
      seed: 7,
      presencePenalty: 0.1,
      frequencyPenalty: 0.2,
      vendorOptions: { generationConfig: { topK: 40 }, safetySettings: [] },
    });
    expect(body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hi' }] }],
      generationConfig: {
        maxOutputTokens: 50,
        temperature: 0,
        topP: 0.9,
        stopSequences: ['END'],
        seed: 7,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        topK: 40,
      },
      safetySettings: [],
    });
    expect(await sent({})).not.toHaveProperty('generationConfig');
  });

  test('asks for JSON, with the schema as it is where there is one', async () => {
    expect((await sent({ format: 'json' })).generationConfig).toEqual({ responseMimeType: 'application/json' });
    const schema = { type: 'object', properties: { age: { type: 'integer', minimum: 0 } } };
    expect((await sent({ format: { name: 'person', schema } })).generationConfig).toEqual({
      responseMimeType: 'application/json',
      responseJsonSchema: schema,
    });
  });

  test('offers tools with each kind of choice', async () => {
    const configOf = async (fields: Partial<GenerateRequest>) =>
      ((await sent({ tools: [WEATHER], ...fields })).toolConfig as { functionCallingConfig?: object } | undefined)
        ?.functionCallingConfig;
    expect((await sent({ tools: [{ ...WEATHER, description: 'Now' }] })).tools).toEqual([
      { functionDeclarations: [{ name: 'weather', description: 'Now', parametersJsonSchema: WEATHER.parameters }] },
    ]);
    expect(await configOf({})).toBeUndefined();
    expect(await configOf({ toolChoice: 'auto' })).toEqual({ mode: 'AUTO' });
    expect(await configOf({ toolChoice: 'none' })).toEqual({ mode: 'NONE' });
    expect(await configOf({ toolChoice: 'required' })).toEqual({ mode: 'ANY' });
    expect(await configOf({ toolChoice: { name: 'weather' } })).toEqual({
      mode: 'ANY',
      allowedFunctionNames: ['weather'],
    });
    expect(await configOf({ tools: [{ ...WEATHER, strict: true }] })).toEqual({ mode: 'VALIDATED' });
  });

  test.each([
    ['gemini-2.5-pro', 'high', { thinkingBudget: 24_576 }],
    ['gemini-2.5-flash', 'minimal', { thinkingBudget: 1_024 }],
    ['gemini-3.8-flash', 'minimal', { thinkingLevel: 'LOW' }],
    ['gemini-3.5-flash', 'minimal', { thinkingLevel: 'MINIMAL' }],
    ['gemini-3.1-pro-preview', 'medium', { thinkingLevel: 'MEDIUM' }],
  ] as const)('to %s with the effort %s is told so in the model’s way', async (model, reasoningEffort, told) => {
    expect((await sent({ model, reasoningEffort })).generationConfig).toEqual({
      thinkingConfig: { includeThoughts: true, ...told },
    });
  });

  test.each<[string, Partial<GenerateRequest>]>([
    ['parallelToolCalls', { tools: [WEATHER], parallelToolCalls: false }],
    ['toolChoice', { toolChoice: { name: 'weather' } }],
    ['reasoningEffort', { reasoningEffort: 'low', model: 'gemini-2.0-flash' }],
    ['vendorOptions.contents', { vendorOptions: { contents: [] } }],
    ['toolCallId', { messages: [{ role: 'tool', toolCallId: 'nobody', text: '' }] }],
    [
      'toolCalls',
      { messages: [{ role: 'assistant', text: '', toolCalls: [{ id: '1', name: 'x', arguments: '[]' }] }] },
    ],
    ['url', { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'https://example.com/cat' }] }] }],
    ['url', { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'http://example.com/cat.png' }] }] }],
    [
      'detail',
      { messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url: 'https://a.b/c.png', detail: 'low' }] }] },
    ],
  ])('whose %s cannot be honoured is refused by name before it leaves', async (field, fields) => {
    bench.answers({ body: answerOf([]) });
    await expect(bench.provider.generate?.(request(fields), call)).rejects.toMatchObject({
      kind: 'bad_request',
      message: expect.stringMatching(new RegExp(`^${field.replace('.', '\\.')}: `)),
    });
    expect(bench.vendor.requests).toEqual([]);
  });
});

describe('an answer', () => {
  const usageMetadata = {
    promptTokenCount: 100,
    cachedContentTokenCount: 60,
    candidatesTokenCount: 5,
    thoughtsTokenCount: 40,
  };
  const usage = { inputTokens: 100, outputTokens: 45, cachedInputTokens: 60, reasoningTokens: 40 };

  test('has its thoughts apart and counts them as output, whole and streamed', async () => {
    const parts = [{ text: 'Hm. ', thought: true }, { text: 'Yes' }];
    bench.answers({ body: { ...answerOf(parts), usageMetadata } });
    expect(await bench.provider.generate?.(request(), call)).toMatchObject({ text: 'Yes', reasoning: 'Hm. ', usage });
    const streamedParts = await streamed([
      answerOf(parts.slice(0, 1), {}),
      answerOf(parts.slice(1), { finishReason: 'STOP' }),
      { usageMetadata },
    ]);
    expect(streamedParts).toEqual([
      { kind: 'reasoning', text: 'Hm. ' },
      { kind: 'text', text: 'Yes' },
      { kind: 'finish', finishReason: 'stop', usage, model: 'gemini-2.5-flash' },
    ]);
  });

  test.each([
    ['MAX_TOKENS', 'length'],
    ['SAFETY', 'content_filter'],
    ['RECITATION', 'content_filter'],
    ['PROHIBITED_CONTENT', 'content_filter'],
    ['BLOCKLIST', 'content_filter'],
    ['SPII', 'content_filter'],
  ])('that the vendor ended with %s finished by %s', async (reason, finishReason) => {
    bench.answers({ body: answerOf([{ text: 'He' }], { finishReason: reason }) });
    expect(await bench.provider.generate?.(request(), call)).toMatchObject({ text: 'He', finishReason });
  });

  test.each([
    ['MALFORMED_FUNCTION_CALL', 'malformed'],
    ['UNEXPECTED_TOOL_CALL', 'malformed'],
    ['SUNSET', 'malformed'],
    ['OTHER', 'server'],
  ])('that the vendor ended with %s is none', async (finishReason, kind) => {
    bench.answers({ body: answerOf([], { finishReason, finishMessage: 'print(weather)' }) });
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(`${finishReason}: print(weather)`),
    });
    await expect(streamed([answerOf([{ text: 'He' }], { finishReason })])).rejects.toMatchObject({ kind });
  });

  test('without a finish reason is cut, however cleanly its stream ends', async () => {
    await expect(streamed([answerOf([{ text: 'He' }], {})])).rejects.toMatchObject({ kind: 'malformed' });
    bench.answers({ body: answerOf([{ text: 'He' }], {}) });
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind: 'malformed' });
    bench.answers({ body: { candidates: [{ content: { parts: [null] } }] } });
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('an error', () => {
  const info = (reason: string) => [
    { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason, domain: 'googleapis.com' },
  ];
  const retry = [
    { '@type': 'type.googleapis.com/google.rpc.Help', links: [] },
    { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '34.074824224s' },
  ];

  test.each([
    [400, 'API key not valid. Please pass a valid API key.', info('API_KEY_INVALID'), { kind: 'authentication' }],
    [400, 'Invalid value at contents', [], { kind: 'bad_request' }],
    [
      400,
      'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      [],
      { kind: 'context_length' },
    ],
    [429, 'You exceeded your current quota', retry, { kind: 'rate_limited', retryAfterMs: 34_075 }],
    [503, 'The model is overloaded. Please try again later.', [], { kind: 'overloaded' }],
    [504, 'Deadline expired before operation could complete.', [], { kind: 'timeout' }],
  ])('with the status %i and the message «%s» is what it says', async (status, message, details, expected) => {
    const answer = { status, body: errorBody(status, message, details) };
    bench.answers(answer);
    await expect(bench.provider.generate?.(request(), call)).rejects.toMatchObject({ status, ...expected });
    bench.answers(answer);
    await expect(bench.provider.listModels(call)).rejects.toMatchObject({ status, ...expected });
    await expect(streamed([answerOf([{ text: 'He' }], {}), answer.body])).rejects.toMatchObject(expected);
  });
});

describe('a finish reason', () => {
  const said = (text: string, finishReason?: string) => ({
    candidates: [{ content: { parts: [{ text }] }, ...(finishReason === undefined ? {} : { finishReason }) }],
  });

  test('that more follows is taken back: the stream was cut', async () => {
    await expect(streamed([said('one', 'STOP'), said(' two and then')])).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('may be said with every chunk, or be followed by counts and empty text alone', async () => {
    for (const chunks of [
      [said('one', 'STOP'), said(' two', 'STOP')],
      [said('one'), said(' two', 'STOP'), said(''), { usageMetadata: { promptTokenCount: 3 } }],
    ]) {
      expect((await streamed(chunks)).at(-1)).toMatchObject({ kind: 'finish', finishReason: 'stop' });
    }
  });

  test('called as a method of every object is none', async () => {
    await expect(streamed([said('one', 'toString')])).rejects.toMatchObject({ kind: 'malformed' });
  });
});

test('counts that are none count nothing', async () => {
  const usageMetadata = { promptTokenCount: -5, candidatesTokenCount: '7', thoughtsTokenCount: 2 };
  bench.answers({ body: { ...answerOf([{ text: 'Hello' }]), usageMetadata } });
  const answer = await bench.provider.generate?.(request(), call);
  expect(answer?.usage).toEqual({ inputTokens: 0, outputTokens: 2, reasoningTokens: 2 });
});

test('a list of models without an end is read for twenty pages', async () => {
  bench.vendor.play({ do: 'answer', body: { models: [], nextPageToken: 'more' } });
  expect(await bench.provider.listModels(call)).toEqual([]);
  expect(bench.vendor.requests).toHaveLength(20);
});
