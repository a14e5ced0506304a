import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { finish, ScriptedModels, says } from './scripted-provider.ts';

const WEATHER: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'Of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

const models = new ScriptedModels();
let server: TestServer;
let client: OpenAI;

/** A question that no other test asks: equal ones would be answered by the cache. */
const ask = (): OpenAI.ChatCompletionMessageParam[] => [{ role: 'user', content: `Hello ${crypto.randomUUID()}` }];

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  const { ownerKey } = await server.createWorkspace();
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: ownerKey, maxRetries: 0 });
});

afterAll(() => server.close());

describe('the OpenAI SDK', () => {
  test('gets a whole answer, with usage, model, cost and request id', async () => {
    models.play('writer', says('Good', ' morning'));
    const call = client.chat.completions.create({ model: 'local/writer', messages: ask(), max_tokens: 50 });
    const { data, response, request_id } = await call.withResponse();
    expect(data).toMatchObject({
      object: 'chat.completion',
      model: 'local/writer',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Good morning' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18, prompt_tokens_details: { cached_tokens: 3 } },
    });
    expect(request_id).toMatch(/^req_/);
    expect(response.headers.get('x-signalbox-model')).toBe('local/writer');
    expect(response.headers.get('x-signalbox-cache')).toBe('MISS');
    expect(response.headers.get('x-signalbox-attempts')).toBe('1');
    expect(response.headers.get('x-signalbox-cost-usd')).toBe('0.000025');
    expect(models.requests[0]).toMatchObject({ model: 'writer', maxOutputTokens: 50 });
  });

  test('gets the same answer again from the cache, and a new one where it says no-cache', async () => {
    models.play('writer', says('One'), says('Two'));
    const body = { model: 'local/writer', messages: ask() };
    const cacheOf = async (headers: Record<string, string> = {}) => {
      const { data, response } = await client.chat.completions.create(body, { headers }).withResponse();
      return [data.choices[0]?.message.content, response.headers.get('x-signalbox-cache')];
    };
    expect(await cacheOf()).toEqual(['One', 'MISS']);
    expect(await cacheOf()).toEqual(['One', 'HIT']);
    expect(await cacheOf({ 'cache-control': 'no-cache' })).toEqual(['Two', 'MISS']);
    expect(await cacheOf()).toEqual(['Two', 'HIT']);
  });

  test('streams an answer in the pieces that the provider sends, with the usage at the end', async () => {
    models.play('writer', says('Good', ' mor', 'ning'));
    const stream = await client.chat.completions.create({
      ...{ model: 'local/writer', messages: ask(), stream: true, stream_options: { include_usage: true } },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(chunks.map(({ object, model }) => `${object} ${model}`)).toEqual(
      chunks.map(() => 'chat.completion.chunk local/writer'),
    );
    expect(chunks.flatMap(({ choices }) => choices.map(({ delta, finish_reason }) => [delta, finish_reason]))).toEqual([
      [{ role: 'assistant', content: '', refusal: null }, null],
      [{ content: 'Good' }, null],
      [{ content: ' mor' }, null],
      [{ content: 'ning' }, null],
      [{}, 'stop'],
    ]);
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 11, total_tokens: 18 } });
  });

  test('assembles the calls of tools from a stream', async () => {
    models.play('writer', [
      { kind: 'reasoning', text: 'Two cities.' },
      { kind: 'toolCall', index: 0, id: 'call_a', name: 'weather', arguments: '' },
      { kind: 'toolCall', index: 0, arguments: '{"city":' },
      { kind: 'toolCall', index: 0, arguments: '"Bern"}' },
      { kind: 'toolCall', index: 1, id: 'call_b', name: 'weather', arguments: '{"city":"Rom"}' },
      finish('tool_calls'),
    ]);
    const runner = client.chat.completions.stream({
      ...{ model: 'local/writer', messages: ask(), tools: [WEATHER], tool_choice: 'required' },
    });
    const { message, finish_reason } = (await runner.finalChatCompletion()).choices[0] ?? {};
    expect(finish_reason).toBe('tool_calls');
    expect(message?.tool_calls).toMatchObject([
      { id: 'call_a', type: 'function', function: { name: 'weather', arguments: '{"city":"Bern"}' } },
      { id: 'call_b', type: 'function', function: { name: 'weather', arguments: '{"city":"Rom"}' } },
    ]);
    expect(models.requests[0]).toMatchObject({ toolChoice: 'required', tools: [{ name: 'weather' }] });
  });

  test('goes through a conversation with a tool', async () => {
    const messages = ask();
    models.play('writer', [
      { kind: 'toolCall', index: 0, id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' },
      finish('tool_calls'),
    ]);
    const body = { model: 'local/writer', tools: [WEATHER] };
    const first = await client.chat.completions.create({ ...body, messages });
    const asked = first.choices[0]?.message as OpenAI.ChatCompletionMessage;
    expect(asked.content).toBeNull();
    models.play('writer', says('Rain.'));
    const answer = await client.chat.completions.create({
      ...body,
      messages: [...messages, asked, { role: 'tool', tool_call_id: 'call_a', content: 'rain' }],
    });
    expect(answer.choices[0]?.message.content).toBe('Rain.');
    expect(models.requests[0]?.messages.slice(1)).toEqual([
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }] },
      { role: 'tool', toolCallId: 'call_a', text: 'rain' },
    ]);
  });

  test('runs a strict tool by itself, and sends back what it has read of the call', async () => {
    models.play(
      'writer',
      [
        { kind: 'toolCall', index: 0, id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' },
        finish('tool_calls'),
      ],
      says('Rain.'),
    );
    const tool = {
      type: 'function' as const,
      function: {
        ...{ name: 'weather', description: 'Of a city', strict: true, parameters: WEATHER.function.parameters ?? {} },
        parse: (text: string) => JSON.parse(text) as { city: string },
        function: ({ city }: { city: string }) => `rain in ${city}`,
      },
    };
    const runner = client.chat.completions.runTools({ model: 'local/writer', messages: ask(), tools: [tool] });
    expect(await runner.finalContent()).toBe('Rain.');
    expect(models.requests[1]?.messages.slice(1)).toEqual([
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }] },
      { role: 'tool', toolCallId: 'call_a', text: 'rain in Bern' },
    ]);
  });

  test('parses an answer by a schema', async () => {
    models.play('writer', says('{"city":"Bern"}'));
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const { choices } = await client.chat.completions.parse({
      ...{ model: 'local/writer', messages: ask() },
      response_format: { type: 'json_schema', json_schema: { name: 'town', schema, strict: true } },
    });
    expect(choices[0]?.message.parsed).toEqual({ city: 'Bern' });
    expect(models.requests[0]?.format).toMatchObject({ name: 'town', schema });
  });

  test.each(['float', 'base64', undefined] as const)('embeds texts, as %s', async (encoding_format) => {
    const { data, model, usage } = await client.embeddings.create({
      ...{ model: 'local/use-lite-768', input: ['one', 'two'], encoding_format },
    });
    expect(model).toBe('local/use-lite-768');
    expect(data.map(({ index }) => index)).toEqual([0, 1]);
    expect(usage.total_tokens).toBeGreaterThan(0);
    const vector = data[0]?.embedding as number[] | string | undefined;
    if (encoding_format === 'base64') expect(Buffer.from(vector as string, 'base64').byteLength).toBe(768 * 4);
    else expect((vector as number[]).reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 4);
  });

  test('lists the models, and finds one by its id or its bare name', async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toEqual(expect.arrayContaining(['local/use-lite-768', 'local/writer']));
    const found = { id: 'local/writer', object: 'model', owned_by: 'local' };
    expect(await client.models.retrieve('local/writer')).toMatchObject(found);
    expect(await client.models.retrieve('writer')).toMatchObject(found);
    await expect(client.models.retrieve('local/nobody')).rejects.toMatchObject({ status: 404 });
  });

  test('may name a model without its integration', async () => {
    models.play('writer', says('Hi'));
    const answer = await client.chat.completions.create({ model: 'writer', messages: ask() });
    expect(answer.model).toBe('local/writer');
  });

  test('throws the error of a stream that breaks off, after what came before', async () => {
    models.play('writer', [{ kind: 'text', text: 'Good' }, new ProviderError('content_filter', 'not that')]);
    const stream = await client.chat.completions.create({ model: 'local/writer', messages: ask(), stream: true });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(reading).rejects.toMatchObject({ name: 'Error', code: 'content_filter' });
    expect(text).toBe('Good');
  });
});
