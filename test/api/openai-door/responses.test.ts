import { createOpenAI } from '@ai-sdk/openai';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { finish, ScriptedModels, says } from './scripted-provider.ts';

const models = new ScriptedModels();
let server: TestServer;
let client: OpenAI;
let openai: ReturnType<typeof createOpenAI>;

/** A question that no other test asks: equal ones would be answered by the cache. */
const question = () => `Hello ${crypto.randomUUID()}`;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  const { ownerKey } = await server.createWorkspace();
  const baseURL = `${server.url}/v1`;
  client = new OpenAI({ baseURL, apiKey: ownerKey, maxRetries: 0 });
  openai = createOpenAI({ baseURL, apiKey: ownerKey });
});

afterAll(() => server.close());

const WEATHER = { kind: 'toolCall', index: 0, id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' } as const;

const weather = tool({
  inputSchema: jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } }),
  execute: async ({ city }) => `rain in ${city}`,
});

describe('a response', () => {
  test('comes whole', async () => {
    models.play('writer', says('Good', ' morning'));
    const input = question();
    const response = await client.responses.create({ model: 'local/writer', instructions: 'Be brief.', input });
    expect(response).toMatchObject({ object: 'response', status: 'completed', model: 'local/writer' });
    expect(response.output_text).toBe('Good morning');
    expect(response.usage).toMatchObject({ input_tokens: 11, output_tokens: 7, total_tokens: 18 });
    expect(models.requests[0]?.messages).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'user', parts: [{ kind: 'text', text: input }] },
    ]);
  });

  test('streams, and its events are numbered', async () => {
    models.play('writer', [
      { kind: 'text', text: 'Let me' },
      { kind: 'text', text: ' look.' },
      WEATHER,
      finish('tool_calls'),
    ]);
    const stream = await client.responses.create({ model: 'local/writer', input: question(), stream: true });
    const events: OpenAI.Responses.ResponseStreamEvent[] = [];
    for await (const event of stream) events.push(event);
    expect(events.map(({ sequence_number }) => sequence_number)).toEqual(events.map((_event, index) => index));
    expect(events.map(({ type }) => type.replace('response.', ''))).toEqual([
      ...[
        'created',
        'in_progress',
        'output_item.added',
        'content_part.added',
        'output_text.delta',
        'output_text.delta',
      ],
      ...['output_item.added', 'function_call_arguments.delta', 'output_text.done', 'content_part.done'],
      ...['output_item.done', 'function_call_arguments.done', 'output_item.done', 'completed'],
    ]);
    const last = events.at(-1) as OpenAI.Responses.ResponseCompletedEvent;
    expect(last.response.output).toMatchObject([
      { type: 'message', content: [{ type: 'output_text', text: 'Let me look.' }] },
      { type: 'function_call', call_id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' },
    ]);
  });

  test('that met its limit is incomplete', async () => {
    models.play('writer', [{ kind: 'text', text: 'Good' }, finish('length')]);
    const response = await client.responses.create({ model: 'local/writer', input: question(), max_output_tokens: 5 });
    expect(response).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    expect(models.requests[0]?.maxOutputTokens).toBe(5);
  });

  test('by a schema is parsed by the SDK', async () => {
    models.play('writer', says('{"city":"Bern"}'));
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const response = await client.responses.parse({
      ...{ model: 'local/writer', input: question() },
      text: { format: { type: 'json_schema', name: 'town', schema, strict: true } },
    });
    expect(response.output_parsed).toEqual({ city: 'Bern' });
    expect(models.requests[0]?.format).toEqual({ name: 'town', schema, strict: true });
  });

  test('comes back as it is in the next request', async () => {
    models.play('writer', [{ kind: 'text', text: '{"city":"Bern"}' }, WEATHER, finish('tool_calls')]);
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const asked = { model: 'local/writer', text: { format: { type: 'json_schema' as const, name: 'town', schema } } };
    const input = [{ role: 'user' as const, content: question() }];
    const { output } = await client.responses.parse({ ...asked, input });
    await client.responses.create({
      ...asked,
      input: [
        ...input,
        ...(output as OpenAI.Responses.ResponseInputItem[]),
        { type: 'function_call_output', call_id: 'call_a', output: 'rain' },
      ],
    });
    expect(models.requests[1]?.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        text: '{"city":"Bern"}',
        toolCalls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }],
      },
      { role: 'tool', toolCallId: 'call_a', text: 'rain' },
    ]);
  });

  test('that breaks off is an error, never complete', async () => {
    models.play('writer', [{ kind: 'text', text: 'Good' }, new ProviderError('content_filter', 'not that')]);
    const stream = await client.responses.create({ model: 'local/writer', input: question(), stream: true });
    const types: string[] = [];
    const reading = (async () => {
      for await (const { type } of stream) types.push(type);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'content_filter' });
    expect(types).toContain('response.output_text.delta');
    expect(types).not.toContain('response.completed');
  });

  test.each([
    { previous_response_id: 'resp_1' },
    { store: true },
    { background: true },
    { input: [{ type: 'item_reference', id: 'msg_1' }] },
    { tools: [{ type: 'web_search' }] },
    { reasoning: { effort: 'low', summary: 'auto' } },
    { text: { format: { type: 'json_object', schema: {} } } },
    { tool_choice: { type: 'function', name: 'weather', mode: 'auto' } },
    { stream_options: { every: 5 } },
    { input: [{ role: 'user', content: 'Hello', phase: 'commentary' }] },
    { input: [{ role: 'user', content: [{ type: 'input_text', text: 'Hello', cache_control: {} }] }] },
    {
      input: [
        { role: 'user', content: [{ type: 'input_image', image_url: 'https://example.com/cat.jpg', file_id: 'f' }] },
      ],
    },
    { input: [{ type: 'function_call', call_id: 'call_a', name: 'now', arguments: '', namespace: 'clock' }] },
    { input: [{ type: 'function_call_output', call_id: 'call_a', output: 'noon', caller: { type: 'direct' } }] },
  ])('with what cannot be done here is refused: %j', async (fields) => {
    const body = {
      model: 'local/writer',
      input: 'Hello',
      ...fields,
    } as OpenAI.Responses.ResponseCreateParamsNonStreaming;
    models.play('writer', says('Good morning'));
    await expect(client.responses.create(body)).rejects.toMatchObject({ status: 400 });
    expect(models.requests).toEqual([]);
  });
});

describe('the AI SDK by its default API', () => {
  test('generates a text', async () => {
    models.play('writer', says('Good morning'));
    const { text, usage } = await generateText({ model: openai('local/writer'), prompt: question() });
    expect(text).toBe('Good morning');
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test('runs a tool between two streamed answers', async () => {
    models.play('writer', [WEATHER, finish('tool_calls')], says('It ', 'rains.'));
    const result = streamText({
      ...{ model: openai('local/writer'), prompt: question(), tools: { weather }, stopWhen: stepCountIs(2) },
      providerOptions: { openai: { store: false } },
    });
    expect(await result.text).toBe('It rains.');
    expect(models.requests[1]?.messages.slice(1)).toEqual([
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }] },
      { role: 'tool', toolCallId: 'call_a', text: 'rain in Bern' },
    ]);
  });
});
