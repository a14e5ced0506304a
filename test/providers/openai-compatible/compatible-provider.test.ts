import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GenerateRequest, Provider } from '../../../src/plugins/contract.ts';
import type { CompatibleConfig } from '../../../src/providers/openai-compatible/compatible-provider.ts';
import plugin from '../../../src/providers/openai-compatible/plugin.ts';
import { DONE, deltaChunk } from '../openai/wire.ts';
import { allParts, call, collected, VendorBench } from '../vendor-bench.ts';

const MODEL = 'qwen3:8b';
let bench: VendorBench<CompatibleConfig>;
let provider: Required<Provider>;
beforeEach(async () => {
  bench = await VendorBench.start(plugin, (url) => ({ baseUrl: `${url}/v1//` }));
  provider = bench.provider as Required<Provider>;
});
afterEach(() => bench.close());

const asking = (different: Partial<GenerateRequest> = {}): GenerateRequest => ({
  model: MODEL,
  messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
  ...different,
});
const toolDelta = (delta: object) => deltaChunk(MODEL, { tool_calls: [delta] });

describe('a server without a key', () => {
  test('gets no authorization, and its limit by the older name', async () => {
    bench.answers({ body: { choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] } });
    const answer = await provider.generate(asking({ maxOutputTokens: 5 }), call);
    const [request] = bench.vendor.requests;
    expect(request?.path).toBe('/v1/chat/completions');
    expect(request?.headers.authorization).toBeUndefined();
    expect(request?.json).toMatchObject({ max_tokens: 5 });
    expect(answer).toMatchObject({ model: MODEL, usage: { inputTokens: 0, outputTokens: 0 } });
  });
});

describe('an answer', () => {
  test('tells the tokens of each piece behind it, where the server does', async () => {
    const said = (content: string, completionTokens: number) => {
      const usage = { prompt_tokens: 20, completion_tokens: completionTokens };
      const chunk = { model: MODEL, choices: [{ index: 0, delta: { content }, finish_reason: null }], usage };
      return `data: ${JSON.stringify(chunk)}\n\n`;
    };
    const chunks = [said('One', 1), said(' two', 2), deltaChunk(MODEL, {}, 'stop'), DONE];
    bench.vendor.play({ do: 'stream', chunks });
    expect(await allParts(provider, asking())).toEqual([
      { kind: 'text', text: 'One' },
      { kind: 'usage', usage: { inputTokens: 20, outputTokens: 1 } },
      { kind: 'text', text: ' two' },
      { kind: 'usage', usage: { inputTokens: 20, outputTokens: 2 } },
      { kind: 'finish', finishReason: 'stop', usage: { inputTokens: 20, outputTokens: 2 }, model: MODEL },
    ]);
  });

  test('has the model’s thoughts by either of their names', async () => {
    const chunks = [
      deltaChunk(MODEL, { reasoning_content: 'Hm' }),
      deltaChunk(MODEL, { reasoning: '…' }),
      deltaChunk(MODEL, { content: 'Hi' }, 'stop'),
      DONE,
    ];
    expect(await bench.streamed(chunks, asking())).toMatchObject([
      { kind: 'reasoning', text: 'Hm' },
      { kind: 'reasoning', text: '…' },
      { kind: 'text', text: 'Hi' },
      { kind: 'finish' },
    ]);
    bench.answers({
      body: { choices: [{ message: { content: 'Hi', reasoning_content: 'Hm' }, finish_reason: 'stop' }] },
    });
    expect(await provider.generate(asking(), call)).toMatchObject({ reasoning: 'Hm', text: 'Hi' });
  });

  test.each([
    ['no index', {}, {}],
    ['one index for all', { index: 0 }, { index: 0 }],
    ['numbers from 1', { index: 1 }, { index: 2 }],
  ])('has its tool calls apart though they come with %s', async (_name, first, second) => {
    const chunks = [
      toolDelta({ ...first, id: 'a', function: { name: 'look', arguments: '{"x"' } }),
      toolDelta({ ...first, function: { arguments: ':1}' } }),
      toolDelta({ ...second, id: 'b', function: { name: 'look', arguments: '{}' } }),
      deltaChunk(MODEL, {}, 'stop'),
      DONE,
    ];
    expect(await bench.streamed(chunks, asking())).toMatchObject([
      { kind: 'toolCall', index: 0, id: 'a', name: 'look', arguments: '{"x"' },
      { kind: 'toolCall', index: 0, arguments: ':1}' },
      { kind: 'toolCall', index: 1, id: 'b', name: 'look', arguments: '{}' },
      // The server said `stop`.
      { kind: 'finish', finishReason: 'tool_calls' },
    ]);
  });

  test('has tool calls whose arguments are an object, and whose ids are missing', async () => {
    const calls = [{ function: { name: 'look', arguments: { x: 1 } } }, { function: { name: 'see', arguments: '' } }];
    bench.answers({ body: { choices: [{ message: { content: '', tool_calls: calls }, finish_reason: 'stop' }] } });
    expect(await provider.generate(asking(), call)).toMatchObject({
      finishReason: 'tool_calls',
      toolCalls: [
        { id: 'call_0', name: 'look', arguments: '{"x":1}' },
        { id: 'call_1', name: 'see', arguments: '{}' },
      ],
    });
  });

  test('goes on from its beginning only where the server is said to be able to', async () => {
    const request = asking({ messages: [...asking().messages, { role: 'assistant', text: 'Well,' }] });
    await expect(collected(provider, request)).rejects.toMatchObject({ kind: 'bad_request' });
    expect(bench.vendor.requests).toEqual([]);
    const able = bench.open({ baseUrl: bench.vendor.url, continuesAnswers: true });
    await bench.streamed([deltaChunk(MODEL, { content: ' yes' }, 'stop'), DONE], request, able);
    expect(bench.vendor.requests[0]?.json).toMatchObject({
      continue_final_message: true,
      add_generation_prompt: false,
    });
  });
});

describe('an error', () => {
  test.each([
    ['Ollama', 404, { error: { message: 'model "x" not found', type: 'api_error' } }, 'not_found'],
    ['Ollama, by its own API', 400, { error: 'input length exceeds maximum context length' }, 'context_length'],
    [
      'vLLM',
      400,
      { object: 'error', message: "This model's maximum context length is 4096 tokens", code: 400 },
      'context_length',
    ],
    ['FastAPI', 422, { detail: 'Field required' }, 'bad_request'],
    ['a proxy', 504, '<h1>Gateway Timeout</h1>', 'timeout'],
  ])('of %s is what it says', async (_name, status, body, kind) => {
    bench.answers({ status, body });
    await expect(provider.generate(asking(), call)).rejects.toMatchObject({ kind, status });
  });
});

describe('rerank', () => {
  const request = { model: 'bge-reranker-v2-m3', query: 'q', texts: ['a', 'b'] };

  test('makes shares of a server’s logits, in the same order', async () => {
    const results = [
      { index: 1, relevance_score: 4 },
      { index: 0, relevance_score: -4 },
    ];
    bench.answers({ body: { results, usage: { total_tokens: 12 } } });
    expect(await provider.rerank(request, call)).toEqual({
      scores: [expect.closeTo(0.018, 3), expect.closeTo(0.982, 3)],
      model: request.model,
      usage: { inputTokens: 12, outputTokens: 0 },
    });
    expect(bench.vendor.requests[0]?.json).toMatchObject({ documents: ['a', 'b'], top_n: 2 });
  });

  test.each([
    [[{ index: 0, relevance_score: 1 }]],
    [
      [
        { index: 0, relevance_score: 1 },
        { index: 2, relevance_score: 1 },
      ],
    ],
  ])('without a score for each text is malformed', async (results) => {
    bench.answers({ body: { results } });
    await expect(provider.rerank(request, call)).rejects.toMatchObject({ kind: 'malformed' });
  });
});

test('models are those that the server lists now, with the context that vLLM and llama.cpp tell', async () => {
  bench.answers({
    body: {
      data: [
        { id: 'Qwen/Qwen3-8B', max_model_len: 40_960 },
        { id: 'llava:13b', meta: { n_ctx: 4_096 } },
        { id: 'bge-m3' },
        { id: 'BAAI/bge-reranker-v2-m3' },
      ],
    },
  });
  const text = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS'];
  expect(await provider.listModels(call)).toEqual([
    { name: 'Qwen/Qwen3-8B', capabilities: text, contextTokens: 40_960 },
    { name: 'llava:13b', capabilities: [...text, 'IMAGE_INPUT'], contextTokens: 4_096 },
    { name: 'bge-m3', capabilities: ['EMBED'] },
    { name: 'BAAI/bge-reranker-v2-m3', capabilities: ['RERANK'] },
  ]);
});

describe('an answer of a shape of its own', () => {
  const whole = (message: object, more: object = {}) =>
    bench.answers({ body: { choices: [{ message, finish_reason: 'stop' }], ...more } });
  const asked = () => provider.generate(asking(), call);

  test('may have its text as a list of texts, whole and streamed', async () => {
    const content = [
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
    ];
    whole({ content });
    expect(await asked()).toMatchObject({ text: 'Hello' });
    expect(await bench.streamed([deltaChunk(MODEL, { content }, 'stop'), DONE], asking())).toMatchObject([
      { kind: 'text', text: 'Hello' },
      { kind: 'finish' },
    ]);
  });

  test('may come at once where a stream was asked for: it is whole, and nothing is asked again', async () => {
    const toolCall = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } };
    const message = { role: 'assistant', content: 'Hello', reasoning_content: 'Hm.', tool_calls: [toolCall] };
    const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    bench.answers({ body: { model: MODEL, choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage } });
    expect(await collected(provider, asking())).toEqual([
      { kind: 'reasoning', text: 'Hm.' },
      { kind: 'text', text: 'Hello' },
      { kind: 'toolCall', index: 0, id: 'call_1', name: 'look', arguments: '{"at":1}' },
      { kind: 'finish', finishReason: 'tool_calls', model: MODEL, usage: { inputTokens: 5, outputTokens: 2 } },
    ]);
    for (const body of [{ choices: [{ message: { content: 7 } }] }, { choices: [] }, { object: 'list', data: [] }]) {
      bench.answers({ body });
      await expect(collected(provider, asking())).rejects.toMatchObject({ name: 'ProviderError' });
    }
  });

  test.each([
    { content: 7 },
    { content: { text: 'Hi' } },
    { content: [{ type: 'image' }] },
    { content: ['Hi'] },
    { content: 'Hi', tool_calls: { a: 1 } },
    { content: 'Hi', tool_calls: 'call' },
    { content: 'Hi', tool_calls: [null] },
  ])('is malformed where it is neither, whole and streamed: %j', async (message) => {
    whole(message);
    await expect(asked()).rejects.toMatchObject({ name: 'ProviderError', kind: 'malformed' });
    await expect(bench.streamed([deltaChunk(MODEL, message, 'stop'), DONE], asking())).rejects.toMatchObject({
      ...{ name: 'ProviderError', kind: 'malformed' },
    });
  });

  test('is malformed, not a fault of ours, whatever else it is', async () => {
    for (const body of [{ choices: {} }, { choices: [{ message: { content: 'x' } }] }, { choices: 'none' }]) {
      bench.answers({ body });
      await expect(asked()).rejects.toMatchObject({ name: 'ProviderError', kind: 'malformed' });
    }
    await expect(bench.streamed(['data: {"choices":[null]}\n\n', DONE], asking())).rejects.toMatchObject({
      ...{ name: 'ProviderError', kind: 'malformed' },
    });
  });

  test('counts nothing where its counts are none', async () => {
    whole({ content: 'Hi' }, { usage: { prompt_tokens: 1.5, completion_tokens: '3', prompt_tokens_details: 'x' } });
    expect((await asked()).usage).toEqual({ inputTokens: 0, outputTokens: 0 });
  });
});

describe('streamed calls of one index without ids', () => {
  const piece = (name: string | undefined, args: string) =>
    toolDelta({ index: 0, id: '', function: { ...(name === undefined ? {} : { name }), arguments: args } });
  const called = async (...pieces: string[]) => {
    const parts = await bench.streamed([...pieces, deltaChunk(MODEL, {}, 'tool_calls'), DONE], asking());
    const calls: string[] = [];
    for (const part of parts) {
      if (part.kind === 'toolCall') calls[part.index] = `${calls[part.index] ?? part.name}${part.arguments}`;
    }
    return calls;
  };

  test('are told apart by their names', async () => {
    expect(await called(piece('a', '{"x":1}'), piece('b', '{"y":2}'))).toEqual(['a{"x":1}', 'b{"y":2}']);
  });

  test('of one name are told apart where the arguments before are whole', async () => {
    expect(await called(piece('a', '{"x":1}'), piece('a', '{"x":2}'))).toEqual(['a{"x":1}', 'a{"x":2}']);
  });

  test('are one where the name is repeated with each piece of the arguments', async () => {
    const pieces = [piece('a', ''), piece('a', '{"x":{"y"'), piece('a', ':{}}'), piece('a', '}'), piece('a', '')];
    expect(await called(...pieces)).toEqual(['a{"x":{"y":{}}}']);
    expect(await called(piece('a', '{"x"'), piece(undefined, ':1}'))).toEqual(['a{"x":1}']);
  });
});

describe('the url of an image', () => {
  const showing = (url: string) => asking({ messages: [{ role: 'user', parts: [{ kind: 'imageUrl', url }] }] });

  test.each([
    ...['http://127.0.0.1/x.png', 'http://localhost:8080/', 'https://[::1]/', 'http://2130706433/', 'http://10.0.0.1/'],
    ...['http://169.254.169.254/latest', 'file:///etc/passwd', 'no url'],
  ])('%s is refused before anything is sent: the server would fetch it', async (url) => {
    bench.answers({ body: {} });
    await expect(provider.generate(showing(url), call)).rejects.toMatchObject({ kind: 'bad_request' });
    await expect(collected(provider, showing(url))).rejects.toMatchObject({ kind: 'bad_request' });
    expect(bench.vendor.requests).toEqual([]);
  });

  test.each(['https://example.com/x.png', 'data:image/png;base64,AA=='])('%s is sent on', async (url) => {
    bench.answers({ body: { choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }] } });
    expect(await provider.generate(showing(url), call)).toMatchObject({ text: 'Hi' });
  });
});
