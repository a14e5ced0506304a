import { createOpenAI } from '@ai-sdk/openai';
import { embedMany, generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { finish, ScriptedModels, says } from './scripted-provider.ts';

const models = new ScriptedModels();
let server: TestServer;
let openai: ReturnType<typeof createOpenAI>;

/** A question that no other test asks: equal ones would be answered by the cache. */
const question = () => `Hello ${crypto.randomUUID()}`;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  const { ownerKey } = await server.createWorkspace();
  openai = createOpenAI({ baseURL: `${server.url}/v1`, apiKey: ownerKey });
});

afterAll(() => server.close());

const CITY = jsonSchema<{ city: string }>({
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
});

const weather = tool({ description: 'Of a city', inputSchema: CITY, execute: async ({ city }) => `rain in ${city}` });

describe('the AI SDK', () => {
  test('generates a text', async () => {
    models.play('writer', says('Good morning'));
    const { text, finishReason, usage } = await generateText({
      model: openai.chat('local/writer'),
      prompt: question(),
    });
    expect({ text, finishReason }).toEqual({ text: 'Good morning', finishReason: 'stop' });
    expect(usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test('streams a text', async () => {
    models.play('writer', says('Good', ' mor', 'ning'));
    const result = streamText({ model: openai.chat('local/writer'), prompt: question() });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces).toEqual(['Good', ' mor', 'ning']);
    expect(await result.finishReason).toBe('stop');
    expect(await result.usage).toMatchObject({ inputTokens: 11, outputTokens: 7 });
  });

  test('runs a tool between two streamed answers', async () => {
    const called = { kind: 'toolCall', index: 0, id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' } as const;
    models.play('writer', [called, finish('tool_calls')], says('It rains.'));
    const result = streamText({
      ...{ model: openai.chat('local/writer'), prompt: question(), tools: { weather }, stopWhen: stepCountIs(2) },
    });
    expect(await result.text).toBe('It rains.');
    expect(models.requests[1]?.messages.slice(1)).toEqual([
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }] },
      { role: 'tool', toolCallId: 'call_a', text: 'rain in Bern' },
    ]);
  });

  test('generates an object by a schema', async () => {
    models.play('writer', says('{"city":"Bern"}'));
    const { output } = await generateText({
      ...{ model: openai.chat('local/writer'), prompt: question(), output: Output.object({ schema: CITY }) },
    });
    expect(output).toEqual({ city: 'Bern' });
    expect(models.requests[0]?.format).toMatchObject({ schema: { required: ['city'] } });
  });

  test('shows an image', async () => {
    models.play('writer', says('A cat.'));
    const image = Buffer.from([1, 2, 3]);
    await generateText({
      model: openai.chat('local/writer'),
      messages: [{ role: 'user', content: [{ type: 'file', data: image, mediaType: 'image/png' }] }],
    });
    expect(models.requests[0]?.messages).toEqual([
      { role: 'user', parts: [{ kind: 'image', mimeType: 'image/png', base64: 'AQID' }] },
    ]);
  });

  test('embeds texts', async () => {
    const { embeddings, usage } = await embedMany({
      model: openai.embedding('local/use-lite-768'),
      values: ['a', 'b'],
    });
    expect(embeddings.map(({ length }) => length)).toEqual([768, 768]);
    expect(usage.tokens).toBeGreaterThan(0);
  });

  test('is told of a stream that breaks off', async () => {
    models.play('writer', [{ kind: 'text', text: 'Good' }, new ProviderError('content_filter', 'not that')]);
    const result = streamText({ model: openai.chat('local/writer'), prompt: question(), onError: () => undefined });
    const kinds: string[] = [];
    try {
      for await (const part of result.fullStream) kinds.push(part.type);
    } catch {
      kinds.push('error');
    }
    expect(kinds).toContain('text-delta');
    expect(kinds).toContain('error');
    expect(kinds).not.toContain('finish');
    await Promise.allSettled([result.finishReason, result.text, result.usage]);
  });
});
