import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ProviderFailedError } from '../../../src/domain/gateway/errors.ts';
import { strictJsonSchema } from '../../../src/domain/gateway/strict-json-schema.ts';
import { generateObject } from '../../../src/domain/gateway/structured-output.ts';
import type { Capability, GenerateRequest, GenerateResult, Provider } from '../../../src/plugins/contract.ts';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { openGateway, question } from './gateway-fixtures.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing?.close());

const COLOUR = { name: 'colour', schema: z.object({ name: z.enum(['red', 'blue']), share: z.number().max(1) }) };
const RED = JSON.stringify({ name: 'red', share: 0.5 });
const GREEN = JSON.stringify({ name: 'green', share: 0.5 });
const BY_SCHEMA: Capability[] = ['GENERATE', 'STRUCTURED_OUTPUT'];
const IN_WORDS: Capability[] = ['GENERATE'];

type Said = string | { cut: string; outputTokens?: number } | { fails: ProviderErrorKind } | { withheld: string };

type Speaker = Provider & { requests: GenerateRequest[] };

/** A model that says one thing after the other; the last is repeated. */
function speaker(capabilities: Capability[], ...script: Said[]): Speaker {
  const requests: GenerateRequest[] = [];
  return {
    requests,
    async generate(request): Promise<GenerateResult> {
      const said = script[Math.min(requests.length, script.length - 1)] as Said;
      requests.push(request);
      const end = { toolCalls: [], usage: { inputTokens: 10, outputTokens: 50 }, model: request.model };
      if (typeof said === 'string') return { ...end, text: said, finishReason: 'stop' };
      if ('cut' in said) {
        const usage = { inputTokens: 10, outputTokens: said.outputTokens ?? 50 };
        return { ...end, usage, text: said.cut, finishReason: 'length' };
      }
      if ('withheld' in said) return { ...end, text: said.withheld, finishReason: 'content_filter' };
      throw new ProviderError(said.fails, `failed: ${said.fails}`);
    },
    listModels: async () => [{ name: 'm', capabilities }],
    check: async () => undefined,
    close: async () => undefined,
  };
}

const open = (...providers: Provider[]) => openGateway(testing.database, providers);

describe('an object', () => {
  test("is asked for by the vendor's schema mode, in the strict form", async () => {
    const model = speaker(BY_SCHEMA, RED);
    const { gateway, call } = await open(model);
    const { value, answer } = await generateObject(gateway, call, question(), COLOUR);
    expect(value).toEqual({ name: 'red', share: 0.5 });
    expect(answer.model).toBe('first/m');
    expect(model.requests[0]?.format).toEqual({
      name: 'colour',
      strict: true,
      schema: {
        type: 'object',
        properties: { name: { type: 'string', enum: ['red', 'blue'] }, share: { type: 'number' } },
        required: ['name', 'share'],
        additionalProperties: false,
      },
    });
    expect(model.requests[0]?.messages).toHaveLength(1);
  });

  test('is asked for in words of a model that has no schema mode, and read where a fence or thoughts surround it', async () => {
    for (const said of [
      RED,
      `\`\`\`json\n${RED}\n\`\`\``,
      `Here it is: ${RED}. Enjoy!`,
      `<think>{red?}</think>\n${RED}`,
    ]) {
      const model = speaker(IN_WORDS, said);
      const { gateway, call } = await open(model);
      expect((await generateObject(gateway, call, question(), COLOUR)).value).toEqual({ name: 'red', share: 0.5 });
      expect(model.requests).toHaveLength(1);
      expect(model.requests[0]?.format).toBeUndefined();
      expect(model.requests[0]?.messages[0]).toMatchObject({ role: 'system', text: /"enum":\["red","blue"\]/ });
    }
  });

  test('in words is part of the system message that there is', async () => {
    const model = speaker(IN_WORDS, RED);
    const { gateway, call } = await open(model);
    const asked = question();
    const messages = [{ role: 'system' as const, text: 'Be brief.' }, ...asked.messages];
    await generateObject(gateway, call, { ...asked, messages }, COLOUR);
    expect(model.requests[0]?.messages.map(({ role }) => role)).toEqual(['system', 'user']);
    expect(model.requests[0]?.messages[0]).toMatchObject({ text: /^Be brief\.\n\n/ });
  });

  test('is asked for in words where a server refuses the schema', async () => {
    const model = speaker(BY_SCHEMA, { fails: 'bad_request' }, RED);
    const { gateway, call, outcomes } = await open(model);
    expect((await generateObject(gateway, call, question(), COLOUR)).value.name).toBe('red');
    expect(model.requests.map(({ format }) => format === undefined)).toEqual([false, true]);
    expect(await outcomes()).toEqual(['first FAILED bad_request', 'first SUCCEEDED']);
  });

  test('comes from a fallback without a schema mode where no other one answers', async () => {
    const fallback = speaker(IN_WORDS, RED);
    const { gateway, call } = await open(speaker(BY_SCHEMA, { fails: 'authentication' }), fallback);
    const { value, answer } = await generateObject(gateway, call, question(), COLOUR);
    expect([value.name, answer.model]).toEqual(['red', 'second/m']);
    expect(fallback.requests[0]?.format).toBeUndefined();
  });
});

describe('an object of the model that the workspace has chosen', () => {
  const chosen = { chat: { primary: 'first/m', fallbacks: [], parameters: { temperature: 0.2, topP: 0.5 } } };
  const fallingBack = () =>
    [speaker(BY_SCHEMA, { fails: 'authentication' }), speaker(IN_WORDS, RED)] as [Speaker, Speaker];

  test('is asked for with its parameters, also of a fallback without a schema mode', async () => {
    const models = fallingBack();
    const { gateway, call } = await openGateway(testing.database, models, {}, chosen);
    // What is left open by name is chosen too.
    const asked = question({ model: undefined, temperature: undefined, topP: 0.9 });
    expect((await generateObject(gateway, call, asked, COLOUR)).answer.model).toBe('second/m');
    for (const { requests } of models) expect(requests).toMatchObject([{ temperature: 0.2, topP: 0.9 }]);
  });

  test('is asked for without them where the model is named', async () => {
    const models = fallingBack();
    const { gateway, call } = await openGateway(testing.database, models, {}, chosen);
    expect((await generateObject(gateway, call, question(), COLOUR)).answer.model).toBe('second/m');
    for (const { requests } of models) expect(requests[0]?.temperature).toBeUndefined();
  });
});

describe('an answer that does not fit', () => {
  test.each([
    ['by schema', BY_SCHEMA],
    ['in words', IN_WORDS],
  ])('is asked for once more %s, with what was wrong', async (_, capabilities) => {
    const model = speaker(capabilities, GREEN, RED);
    const { gateway, call, outcomes } = await open(model);
    expect((await generateObject(gateway, call, question(), COLOUR)).value.name).toBe('red');
    const [first, second] = model.requests;
    expect(second?.format).toEqual(first?.format);
    expect(second?.messages.slice(0, first?.messages.length)).toEqual(first?.messages);
    expect(second?.messages.at(-2)).toEqual({ role: 'assistant', text: GREEN });
    expect(second?.messages.at(-1)).toMatchObject({ role: 'user', parts: [{ text: /"red"\|"blue"[\s\S]*at name/ }] });
    // Both are paid for, so both are told.
    expect(await outcomes()).toEqual(['first SUCCEEDED', 'first SUCCEEDED']);
    expect(call.tally?.total()).toMatchObject({ calls: 2 });
  });

  test('fails when it does not fit the second time either, and is not asked for a third time', async () => {
    const model = speaker(BY_SCHEMA, 'I would rather not.', GREEN, RED);
    const { gateway, call } = await open(model);
    const error = await generateObject(gateway, call, question(), COLOUR).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProviderFailedError);
    expect(error).toMatchObject({ kind: 'malformed', message: /first\/m did not answer in the shape/ });
    expect(error).toMatchObject({ attempts: [{ seq: 1 }, { seq: 2 }] });
    expect(model.requests).toHaveLength(2);
  });

  test('is not served from the cache as if it did', async () => {
    const model = speaker(BY_SCHEMA, GREEN, GREEN, RED);
    const { gateway, call } = await open(model);
    const asked = question();
    await expect(generateObject(gateway, call, asked, COLOUR)).rejects.toMatchObject({ kind: 'malformed' });
    expect((await generateObject(gateway, call, asked, COLOUR)).value.name).toBe('red');
    expect(model.requests).toHaveLength(3);
    // From now on it is known.
    expect((await generateObject(gateway, call, asked, COLOUR)).answer.cached).toBe(true);
    expect(model.requests).toHaveLength(3);
  });

  test('because it was cut is asked for again with more room', async () => {
    const model = speaker(BY_SCHEMA, { cut: '{"name":"r' }, RED);
    const { gateway, call } = await open(model);
    expect((await generateObject(gateway, call, question({ maxOutputTokens: 100 }), COLOUR)).value.name).toBe('red');
    expect(model.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([100, 400]);
    expect(model.requests[1]?.messages).toEqual(model.requests[0]?.messages);
  });

  test('because it was cut at a limit that somebody else set gets more than it took', async () => {
    const model = speaker(BY_SCHEMA, { cut: '{"name":"r', outputTokens: 300 });
    const { gateway, call } = await open(model);
    const asking = generateObject(gateway, call, question(), COLOUR);
    await expect(asking).rejects.toMatchObject({ kind: 'malformed', message: /cut at the limit/ });
    expect(model.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([undefined, 1_200]);
  });

  test('because it was cut, by a vendor that counts nothing, leaves room for thoughts that it did not show', async () => {
    const model = speaker(BY_SCHEMA, { cut: '{"name":"r', outputTokens: 0 }, RED);
    const { gateway, call } = await open(model);
    expect((await generateObject(gateway, call, question(), COLOUR)).value.name).toBe('red');
    expect(model.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([undefined, 1_024]);
  });

  test('because the vendor withheld it is not asked for again', async () => {
    const model = speaker(BY_SCHEMA, { withheld: '' });
    const { gateway, call } = await open(model);
    await expect(generateObject(gateway, call, question(), COLOUR)).rejects.toMatchObject({ kind: 'content_filter' });
    expect(model.requests).toHaveLength(1);
  });
});

describe('a strict schema', () => {
  test('closes every object, requires every field, and leaves limits of values to the check of the answer', () => {
    const item = z.object({ kind: z.literal('a'), note: z.string().max(5).nullable(), count: z.int() });
    const made = strictJsonSchema(z.object({ items: z.array(z.discriminatedUnion('kind', [item])).min(1) }));
    expect(made).toEqual({
      type: 'object',
      properties: {
        items: {
          type: 'array',
          items: {
            anyOf: [
              {
                type: 'object',
                properties: {
                  kind: { type: 'string', enum: ['a'] },
                  note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
                  count: { type: 'integer' },
                },
                required: ['kind', 'note', 'count'],
                additionalProperties: false,
              },
            ],
          },
        },
      },
      required: ['items'],
      additionalProperties: false,
    });
  });

  test.each([
    ['an optional field', z.object({ note: z.string().optional() }), /answer\.note: .* nullable/],
    ['a record', z.object({ counts: z.record(z.string(), z.number()) }), /answer\.counts: /],
    ['a list in place of an object', z.array(z.string()), /must be an object/],
  ])('cannot be made of %s', (_, schema, message) => {
    expect(() => strictJsonSchema(schema)).toThrow(message);
  });
});
