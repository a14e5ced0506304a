import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RecordedRequest, WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';
import type { GenerateRequest, Provider } from '../../../src/plugins/contract.ts';
import type { OpenAiConfig } from '../../../src/providers/openai/openai-provider.ts';
import plugin from '../../../src/providers/openai/plugin.ts';
import { call, collected, VendorBench } from '../vendor-bench.ts';
import { responseEvent, responseOf } from './responses-wire.ts';
import { chatWire, DONE, deltaChunk, errorAnswer, modelList, OPENAI_WIRE, sse } from './wire.ts';

const API_KEY = 'sk-proj-unit-8c1f';
const MODEL = 'gpt-4.1-mini';

let bench: VendorBench<OpenAiConfig>;
beforeEach(async () => {
  bench = await VendorBench.start(plugin, (url) => ({ apiKey: API_KEY, baseUrl: `${url}/v1` }));
});
afterEach(() => bench.close());

function open(config: Partial<OpenAiConfig> = {}): Required<Provider> {
  return bench.open({ apiKey: API_KEY, baseUrl: `${bench.vendor.url}/v1`, ...config }) as Required<Provider>;
}

const bodies = () => bench.vendor.requests.map(({ json }) => json as Record<string, unknown>);

const asking = (different: Partial<GenerateRequest> = {}): GenerateRequest => ({
  model: MODEL,
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
  ...different,
});

function streams(chunks: readonly string[], after: 'end' | 'stall' = 'end'): void {
  bench.vendor.play({ do: 'stream', chunks, after });
}

function answersBy(answer: (request: RecordedRequest, index: number) => WireAnswer | undefined): void {
  bench.vendor.play((request, index) => ({ do: 'answer', body: {}, ...answer(request, index) }));
}

const REPLY = {
  pieces: ['Hi'],
  toolCalls: [],
  finishReason: 'stop' as const,
  usage: { inputTokens: 3, outputTokens: 1 },
  model: `${MODEL}-2025-04-14`,
};

function answered(different: object, message: object = {}): object {
  return {
    model: MODEL,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Hi', ...message }, finish_reason: 'stop' }],
    ...different,
  };
}

describe('a request for an answer', () => {
  test('carries every field by its name at the vendor, and the credentials in its headers', async () => {
    bench.answers(chatWire('max_completion_tokens').whole(REPLY, {} as never));
    const schema = { type: 'object', properties: { a: { type: 'string' } } };
    await open({ organization: 'org-1', project: 'proj_2' }).generate(
      asking({
        messages: [
          {
            role: 'user',
            parts: [
              { kind: 'text', text: 'See' },
              { kind: 'imageUrl', url: 'https://images.example/cat.png', detail: 'low' },
            ],
          },
        ],
        maxOutputTokens: 9,
        temperature: 0.5,
        topP: 0.9,
        stop: ['END'],
        seed: 4,
        presencePenalty: 0.1,
        frequencyPenalty: 0.2,
        reasoningEffort: 'low',
        tools: [{ name: 'look', description: 'Looks', parameters: schema, strict: true }],
        toolChoice: { name: 'look' },
        parallelToolCalls: false,
        format: { name: 'shape', schema, strict: true },
        vendorOptions: { service_tier: 'flex' },
      }),
      call,
    );
    expect(bodies()).toEqual([
      {
        model: MODEL,
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'See' },
              { type: 'image_url', image_url: { url: 'https://images.example/cat.png', detail: 'low' } },
            ],
          },
        ],
        max_completion_tokens: 9,
        temperature: 0.5,
        top_p: 0.9,
        stop: ['END'],
        seed: 4,
        presence_penalty: 0.1,
        frequency_penalty: 0.2,
        reasoning_effort: 'low',
        tools: [
          { type: 'function', function: { name: 'look', description: 'Looks', parameters: schema, strict: true } },
        ],
        tool_choice: { type: 'function', function: { name: 'look' } },
        parallel_tool_calls: false,
        response_format: { type: 'json_schema', json_schema: { name: 'shape', schema, strict: true } },
        service_tier: 'flex',
      },
    ]);
    expect(bench.vendor.requests[0]).toMatchObject({
      path: '/v1/chat/completions',
      headers: {
        authorization: `Bearer ${API_KEY}`,
        'openai-organization': 'org-1',
        'openai-project': 'proj_2',
        'x-client-request-id': 'test',
      },
    });
  });

  test.each(['model', 'messages', 'stream', 'n'])('cannot be given another %s by the vendor options', async (field) => {
    const request = asking({ vendorOptions: { [field]: 'other' } });
    await expect(open().generate(request, call)).rejects.toMatchObject({ kind: 'bad_request' });
    await expect(collected(open(), request)).rejects.toMatchObject({ kind: 'bad_request' });
    expect(bench.vendor.requests).toEqual([]);
  });

  test('asks for the usage of a stream', async () => {
    streams([deltaChunk(MODEL, { content: 'Hi' }, 'stop'), DONE]);
    await collected(open(), asking());
    expect(bodies()[0]).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });
});

describe('an answer', () => {
  test('counts cached, cache-written and reasoning tokens', async () => {
    const usage = {
      prompt_tokens: 1_200,
      completion_tokens: 80,
      prompt_tokens_details: { cached_tokens: 1_024, cache_write_tokens: 100 },
      completion_tokens_details: { reasoning_tokens: 64 },
    };
    bench.answers({ body: answered({ usage }) });
    expect((await open().generate(asking(), call)).usage).toEqual({
      inputTokens: 1_200,
      outputTokens: 80,
      cachedInputTokens: 1_024,
      cacheWriteTokens: 100,
      reasoningTokens: 64,
    });
  });

  test('that the model refuses is the vendor’s refusal, whole and streamed', async () => {
    bench.answers({ body: answered({}, { content: null, refusal: 'I cannot.' }) });
    expect(await open().generate(asking(), call)).toMatchObject({
      text: 'I cannot.',
      finishReason: 'content_filter',
    });
    streams([deltaChunk(MODEL, { refusal: 'I can' }), deltaChunk(MODEL, { refusal: 'not.' }, 'stop'), DONE]);
    const parts = await collected(open(), asking());
    expect(parts.map((part) => (part.kind === 'finish' ? part.finishReason : 'text' in part && part.text))).toEqual([
      'I can',
      'not.',
      'content_filter',
    ]);
  });

  test.each([
    ['no choices', { model: MODEL, choices: [] }],
    ['no finish reason', { model: MODEL, choices: [{ message: { content: 'H' }, finish_reason: null }] }],
    ['an unknown finish reason', { model: MODEL, choices: [{ message: { content: 'H' }, finish_reason: 'moon' }] }],
  ])('with %s is malformed', async (_name, body) => {
    bench.answers({ body });
    await expect(open().generate(asking(), call)).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('that is an error in spite of its 200 is that error', async () => {
    bench.answers({ body: { error: { message: 'Slow down', code: 'rate_limit_exceeded' } } });
    await expect(open().generate(asking(), call)).rejects.toMatchObject({ kind: 'rate_limited' });
  });
});

test('a refusal whose words cannot be read is told by its status', async () => {
  bench.vendor.play({
    do: 'answer',
    status: 429,
    headers: { 'content-encoding': 'gzip', 'retry-after': '2' },
    body: {},
  });
  await expect(open().generate(asking(), call)).rejects.toMatchObject({ kind: 'rate_limited', retryAfterMs: 2_000 });
});

describe('a streamed answer', () => {
  test('may have comments, CRLF, and data in several lines', async () => {
    const spread = deltaChunk(MODEL, { content: 'Hi' }).replace(',"choices"', '\r\ndata: ,"choices"');
    streams([
      ': OPENROUTER PROCESSING\r\n\r\n',
      spread.replace(/\n\n$/, '\r\n\r\n'),
      deltaChunk(MODEL, {}, 'stop'),
      DONE,
    ]);
    const parts = await collected(open(), asking());
    expect(parts).toMatchObject([{ kind: 'text', text: 'Hi' }, { kind: 'finish' }]);
  });

  test.each([
    ['[DONE] without a finish reason', [DONE], 'malformed'],
    ['a finish reason without [DONE]', [deltaChunk(MODEL, {}, 'stop')], 'network'],
    ['the finish reason of an error', [deltaChunk(MODEL, {}, 'error'), DONE], 'server'],
  ])('that ends with %s is not whole', async (_name, ending, kind) => {
    streams([deltaChunk(MODEL, { content: 'Hi' }), ...ending]);
    await expect(collected(open(), asking())).rejects.toMatchObject({ kind });
  });

  test.each<[string, object[]]>([
    [
      'before its name',
      [
        { index: 0, id: 'call_a' },
        { index: 0, function: { name: 'look' } },
      ],
    ],
    [
      'after its name',
      [
        { index: 0, function: { name: 'look' } },
        { index: 0, id: 'call_a' },
      ],
    ],
  ])('tells a tool call whose id comes %s as one call, by its name from the first', async (_when, pieces) => {
    const deltas = [
      ...pieces,
      { index: 0, function: { arguments: '{"at":' } },
      { index: 0, function: { arguments: '1}' } },
    ];
    streams([
      ...deltas.map((piece) => deltaChunk(MODEL, { tool_calls: [piece] })),
      deltaChunk(MODEL, {}, 'tool_calls'),
      DONE,
    ]);
    const parts = await collected(open(), asking());
    const calls = parts.filter((part) => part.kind === 'toolCall');
    expect(calls[0]).toMatchObject({ index: 0, name: 'look' });
    expect(calls.every(({ index }) => index === 0)).toBe(true);
    expect(calls.map(({ arguments: given }) => given).join('')).toBe('{"at":1}');
    expect(parts.at(-1)).toMatchObject({ kind: 'finish', finishReason: 'tool_calls' });
  });

  test('with a tool call that never has a name is no answer', async () => {
    const nameless = { index: 0, id: 'call_a', function: { arguments: '{}' } };
    streams([deltaChunk(MODEL, { tool_calls: [nameless] }), deltaChunk(MODEL, {}, 'tool_calls'), DONE]);
    await expect(collected(open(), asking())).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('that breaks off in the middle, asked for as a whole, cannot be read: the vendor has worked', async () => {
    bench.vendor.play({ do: 'stream', chunks: ['{"choices": [{"message": {"content": "He'], after: 'cut' });
    const cut = { kind: 'malformed', message: expect.stringContaining('cut short') };
    await expect(open().generate(asking(), call)).rejects.toMatchObject(cut);
    bench.vendor.play({ do: 'reset' });
    await expect(open().generate(asking(), call)).rejects.toMatchObject({ kind: 'network' });
  });

  test('ignores other choices than the first', async () => {
    const second = sse({ model: MODEL, choices: [{ index: 1, delta: { content: 'Ho' }, finish_reason: null }] });
    streams([second, deltaChunk(MODEL, { content: 'Hi' }, 'stop'), DONE]);
    expect(await collected(open(), asking())).toMatchObject([{ text: 'Hi' }, { kind: 'finish' }]);
    const said = (index: number, content: string) => ({ index, message: { content }, finish_reason: 'stop' });
    bench.answers({ body: { model: MODEL, choices: [said(1, 'Ho'), said(0, 'Hi')] } });
    expect(await open().generate(asking(), call)).toMatchObject({ text: 'Hi' });
  });

  test('that is not closed after [DONE] is whole all the same, and lets go of the socket', async () => {
    streams([deltaChunk(MODEL, { content: 'Hi' }, 'stop'), DONE], 'stall');
    expect((await collected(open(), asking())).at(-1)).toMatchObject({ kind: 'finish' });
    await bench.vendor.requests[0]?.abandoned;
  });

  describe('before a server that counts connections', () => {
    let counting: Server;
    let connections = 0;
    beforeEach(async () => {
      connections = 0;
      counting = createServer((request, response) => {
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write(deltaChunk(MODEL, { content: 'Hi' }, 'stop'));
          response.write(DONE);
          setTimeout(() => response.end(), 10);
        });
      }).on('connection', () => {
        connections += 1;
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      counting.listen(0, '127.0.0.1', resolve);
      await promise;
    });
    afterEach(() => counting.close());

    test('leaves its connection to the next one', async () => {
      const provider = open({ baseUrl: `http://127.0.0.1:${(counting.address() as AddressInfo).port}` });
      for (let round = 0; round < 8; round += 1) await collected(provider, asking());
      // The next call may begin just before the connection is free.
      expect(connections).toBeLessThanOrEqual(4);
    });
  });
});

describe('embeddings', () => {
  const model = 'text-embedding-3-small';
  const { embed: wire } = OPENAI_WIRE;
  const unit = (index: number) => Array.from({ length: 1_536 }, (_, place) => (place === index ? 1 : 0));

  test('are asked for in base64, a blank for an empty text', async () => {
    answersBy((request) => wire?.vectors([unit(0), unit(1)], 4, request));
    await open().embed({ model, texts: ['a', ''], purpose: 'document', dimensions: 1_536 }, call);
    expect(bodies()).toEqual([{ model, input: ['a', ' '], encoding_format: 'base64', dimensions: 1_536 }]);
  });

  test('of a text that is too long are made of its beginning, cut between characters', async () => {
    answersBy((request, index) => {
      const refusal = { message: "This model's maximum context length is 8192 tokens, however you requested 20000" };
      if (index === 0) return errorAnswer(400, { ...refusal, type: 'invalid_request_error', code: null });
      return wire?.vectors([unit(0), unit(1)], 9, request);
    });
    await open().embed({ model, texts: ['short', '€'.repeat(20_000)], purpose: 'document' }, call);
    expect(bodies()[1]?.input).toEqual(['short', '€'.repeat(2_730)]);
  });
});

test('an account without credit is not asked again, though it answers as to too many requests', async () => {
  const message = 'You exceeded your current quota, please check your plan and billing details.';
  bench.answers(errorAnswer(429, { message, type: 'insufficient_quota', code: 'insufficient_quota' }));
  await expect(open().generate(asking({}), call)).rejects.toMatchObject({
    kind: 'permission',
    retryable: false,
    message: expect.stringContaining(message),
  });
});

describe('the Responses API', () => {
  const provider = () => open({ api: 'responses' });

  test.each([
    ['stop', { stop: ['x'] }],
    ['seed', { seed: 1 }],
    ['presencePenalty', { presencePenalty: 1 }],
  ])('has no %s, and says so', async (name, field) => {
    await expect(provider().generate(asking(field), call)).rejects.toMatchObject({
      kind: 'bad_request',
      message: expect.stringContaining(name),
    });
  });

  test('keeps nothing at the vendor’s, and takes tools as loosely as chat completions', async () => {
    bench.answers({ body: responseOf(REPLY) });
    await provider().generate(
      asking({ tools: [{ name: 'look', parameters: { type: 'object' } }], reasoningEffort: 'minimal' }),
      call,
    );
    expect(bench.vendor.requests[0]?.path).toBe('/v1/responses');
    expect(bodies()[0]).toMatchObject({
      store: false,
      reasoning: { effort: 'minimal' },
      tools: [{ type: 'function', name: 'look', strict: false }],
    });
  });

  test('tells what the model thought, whole and streamed', async () => {
    const output = [
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }] },
      { type: 'message', content: [{ type: 'output_text', text: 'Hi' }] },
    ];
    bench.answers({ body: responseOf(REPLY, { output }) });
    expect(await provider().generate(asking(), call)).toMatchObject({ text: 'Hi', reasoning: 'Hm.' });
    streams([
      responseEvent('response.reasoning_summary_text.delta', { output_index: 0, delta: 'Hm.' }),
      responseEvent('response.completed', { response: responseOf(REPLY) }),
    ]);
    expect(await collected(provider(), asking())).toMatchObject([
      { kind: 'reasoning', text: 'Hm.' },
      { kind: 'finish' },
    ]);
  });

  test('answers that ended in another state are not whole', async () => {
    bench.answers({ body: responseOf(REPLY, { status: 'in_progress' }) });
    await expect(provider().generate(asking(), call)).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('sound and moderation', () => {
  const audio = new TextEncoder().encode('RIFF');
  const form = () => Buffer.from(bench.vendor.requests[0]?.body ?? []).toString('utf8');

  test('a recording goes out as a file, and Whisper tells when what was said', async () => {
    bench.answers(OPENAI_WIRE.transcribe?.('Grüezi', {} as never) ?? { body: {} });
    const request = { model: 'whisper-1', audio, mimeType: 'audio/mpeg', language: 'de-CH' };
    expect(await open().transcribe(request, call)).toEqual({
      text: 'Grüezi',
      language: 'german',
      durationSeconds: 2.5,
      segments: [{ start: 0, end: 2.5, text: 'Grüezi' }],
    });
    expect(form()).toMatch(/name="file"; filename="audio\.mp3"\r\nContent-Type: audio\/mpeg\r\n\r\nRIFF/);
    expect(form()).toMatch(/name="language"\r\n\r\nde\r\n/);
    expect(form()).toMatch(/name="response_format"\r\n\r\nverbose_json\r\n/);
  });

  test('a newer model is asked for plain JSON, and counts tokens', async () => {
    bench.answers({ body: { text: 'Hi', usage: { type: 'tokens', input_tokens: 14, output_tokens: 5 } } });
    const request = { model: 'gpt-4o-transcribe', audio, mimeType: 'audio/wav' };
    expect(await open().transcribe(request, call)).toMatchObject({ usage: { inputTokens: 14, outputTokens: 5 } });
    expect(form()).toMatch(/name="response_format"\r\n\r\njson\r\n/);
  });

  test('a voice is taken where none is asked for', async () => {
    bench.answers({ headers: { 'content-type': 'audio/mpeg' }, body: audio });
    await open().speak({ model: 'tts-1', text: 'Hi' }, call);
    await open().speak({ model: 'tts-1', text: 'Hi', voice: 'coral' }, call);
    expect(bodies().map(({ voice }) => voice)).toEqual(['alloy', 'coral']);
    expect(bench.vendor.requests[0]?.headers.authorization).toBe(`Bearer ${API_KEY}`);
  });

  test('failures are named as those of the other calls, after one request', async () => {
    const failing = errorAnswer(429, { message: `wait, ${API_KEY}`, type: 'requests', code: 'rate_limit_exceeded' });
    bench.answers({ ...failing, headers: { 'retry-after': '3' } });
    await expect(open().moderate({ model: 'omni-moderation-latest', texts: ['a'] }, call)).rejects.toMatchObject({
      kind: 'rate_limited',
      status: 429,
      retryAfterMs: 3_000,
      message: expect.not.stringContaining(API_KEY),
    });
    expect(bench.vendor.requests).toHaveLength(1);
    bench.vendor.play({ do: 'reset' });
    await expect(open().speak({ model: 'tts-1', text: 'Hi' }, call)).rejects.toMatchObject({ kind: 'network' });
  });

  test('a caller that leaves closes the socket, and gets its own reason', async () => {
    bench.vendor.play({ do: 'silence' });
    const caller = new AbortController();
    const reason = new Error('left');
    const spoken = open().speak({ model: 'tts-1', text: 'Hi' }, { ...call, signal: caller.signal });
    const failure = spoken.catch((error: unknown) => error);
    const request = await bench.vendor.request();
    caller.abort(reason);
    expect(await failure).toBe(reason);
    await request.abandoned;
  });
});

describe('the list of models', () => {
  test('has what is known of each, and leaves out what is of no use here', async () => {
    bench.answers(modelList('gpt-4.1-mini-2025-04-14', 'text-embedding-3-large', 'dall-e-3', 'gpt-realtime', 'o9'));
    const models = await open().listModels(call);
    expect(models.map(({ name }) => name)).toEqual(['gpt-4.1-mini-2025-04-14', 'text-embedding-3-large', 'o9']);
    expect(models[0]).toMatchObject({ inputUsdPerMillion: '0.4', contextTokens: 1_047_576 });
    expect(models[1]).toMatchObject({ dimensions: 3_072, capabilities: ['EMBED'] });
    expect(models[2]).not.toHaveProperty('inputUsdPerMillion');
  });
});
