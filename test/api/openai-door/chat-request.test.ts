import { describe, expect, test } from 'vitest';
import { type AnswerHeaders, parseChatRequest } from '../../../src/server/openai-door/chat-request.ts';
import { InvalidInputError } from '../../../src/shared/errors.ts';

const HELLO = { model: 'mine/small', messages: [{ role: 'user', content: 'Hello' }] };

const parse = (fields: object, headers: AnswerHeaders = {}) => parseChatRequest({ ...HELLO, ...fields }, headers);

function issueOf(fields: object): string {
  try {
    parse(fields);
  } catch (error) {
    if (error instanceof InvalidInputError) return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a chat completion', () => {
  test('reaches the gateway with every field that it has', () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } } };
    const { input, stream, includeUsage } = parse({
      ...{ max_tokens: 90, max_completion_tokens: 80, temperature: 0.2, top_p: 0.9, stop: 'END', seed: 7 },
      ...{ presence_penalty: 0.5, frequency_penalty: -0.5, parallel_tool_calls: false, reasoning_effort: 'low' },
      tools: [{ type: 'function', function: { name: 'weather', description: 'Of a city', parameters: schema } }],
      tool_choice: { type: 'function', function: { name: 'weather' } },
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'town', description: 'One town', schema, strict: true },
      },
      stream: true,
      stream_options: { include_usage: true },
    });
    expect({ stream, includeUsage }).toEqual({ stream: true, includeUsage: true });
    expect(input).toEqual({
      work: 'chat',
      model: 'mine/small',
      messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Hello' }] }],
      ...{ maxOutputTokens: 80, temperature: 0.2, topP: 0.9, stop: ['END'], seed: 7 },
      ...{ presencePenalty: 0.5, frequencyPenalty: -0.5, parallelToolCalls: false, reasoningEffort: 'low' },
      tools: [{ name: 'weather', description: 'Of a city', parameters: schema }],
      toolChoice: { name: 'weather' },
      format: { name: 'town', schema: { description: 'One town', ...schema }, strict: true },
    });
  });

  test('passes on to the vendor what has no meaning here, and counts null as left out', () => {
    const { input } = parse({ logit_bias: { 5: -100 }, user: 'ada', service_tier: 'flex', metadata: null, seed: null });
    expect(input.vendorOptions).toEqual({ logit_bias: { 5: -100 }, user: 'ada', service_tier: 'flex' });
    expect(parse({}).input.vendorOptions).toBeUndefined();
    expect(parse({ reasoning_effort: 'xhigh' }).input.vendorOptions).toEqual({ reasoning_effort: 'xhigh' });
  });

  test('takes a whole conversation, with images and calls of tools', () => {
    const called = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } };
    const { input } = parse({
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'One.' },
            { type: 'text', text: 'Two.' },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/PNG;base64,iVBORw0=', detail: 'low' } },
            { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
          ],
        },
        { role: 'assistant', content: null, refusal: null, annotations: [], tool_calls: [called] },
        { role: 'tool', tool_call_id: 'call_1', content: 'Rain' },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      ],
    });
    expect(input.messages).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'system', text: 'One.\nTwo.' },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'What is this?' },
          { kind: 'image', mimeType: 'image/png', base64: 'iVBORw0=', detail: 'low' },
          { kind: 'imageUrl', url: 'https://example.com/cat.jpg' },
        ],
      },
      { role: 'assistant', text: '', toolCalls: [{ id: 'call_1', name: 'weather', arguments: '{}' }] },
      { role: 'tool', toolCallId: 'call_1', text: 'Rain' },
      { role: 'assistant', text: 'No.' },
    ]);
  });

  test('names fallbacks in its body or in a header', () => {
    expect(parse({ signalbox: { fallbacks: ['a/b'] } }).input.fallbacks).toEqual(['a/b']);
    expect(parse({}, { 'x-signalbox-fallbacks': 'a/b, c/d' }).input.fallbacks).toEqual(['a/b', 'c/d']);
  });

  test.each([
    [undefined, undefined],
    ['no-cache', 'refresh'],
    ['No-Store', 'off'],
    ['no-cache, no-store', 'off'],
    ['max-age=60', undefined],
  ])('with Cache-Control %s asks the cache %s', (header, cache) => {
    expect(parse({}, { 'cache-control': header }).input.cache).toBe(cache);
  });

  const CACHED = { cache_control: { type: 'ephemeral' } };
  const CAT = 'https://example.com/cat.jpg';
  const said = (part: object, role = 'user') => [{ role, content: [part] }];
  const called = (fields: object, definition: object = {}) => [
    {
      role: 'assistant',
      tool_calls: [
        { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}', ...definition }, ...fields },
      ],
    },
  ];
  const image = (url: string) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];

  test.each<[object, RegExp]>([
    [{ messages: undefined }, /^messages: must be an array/],
    [{ messages: [] }, /^messages: must have at least one/],
    [{ messages: [{ role: 'robot', content: '' }] }, /^messages\.0\.role: /],
    [{ messages: [{ role: 'user', content: 'Hi', name: 'Ada' }] }, /^messages\.0\.name: is not supported/],
    [{ messages: [{ role: 'user', content: [{ type: 'input_audio' }] }] }, /^messages\.0\.content\.0\.type: /],
    [{ messages: image('data:image/png,raw') }, /^messages\.0\.content\.0\.image_url\.url: /],
    [{ messages: image('data:image/png;base64,') }, /^messages\.0\.content\.0\.image_url\.url: /],
    [{ messages: image('file:///etc/passwd') }, /^messages\.0\.content\.0\.image_url\.url: /],
    [{ messages: [{ role: 'tool', content: 'Rain' }] }, /^messages\.0\.tool_call_id: /],
    [{ model: 7 }, /^model: must be a string/],
    [{ n: 2 }, /^n: must be 1/],
    [{ logprobs: true }, /^logprobs: /],
    [{ temperature: 3 }, /^temperature: must be a number from 0 to 2/],
    [{ temperature: '1' }, /^temperature: /],
    [{ max_tokens: 0 }, /^max_tokens: /],
    [{ stop: [1] }, /^stop\.0: must be a string/],
    [{ stream: 'yes' }, /^stream: /],
    [{ tools: [{ type: 'custom' }] }, /^tools\.0\.type: /],
    [{ tool_choice: 'sometimes' }, /^tool_choice: /],
    [{ response_format: { type: 'xml' } }, /^response_format\.type: /],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'town' } } },
      /^response_format\.json_schema\.schema: /,
    ],
    [{ response_format: { type: 'json_object', schema: {} } }, /^response_format\.schema: is not supported/],
    [{ response_format: { type: 'json_object', json_schema: {} } }, /^response_format\.json_schema: is not supported/],
    [{ response_format: { type: 'text', grammar: 'root' } }, /^response_format\.grammar: is not supported/],
    [
      { response_format: { type: 'json_schema', json_schema: { name: 'town', schema: {} }, strict: true } },
      /^response_format\.strict: is not supported/,
    ],
    [{ messages: said({ type: 'text', text: 'Hi', ...CACHED }) }, /^messages\.0\.content\.0\.cache_control: is not/],
    [
      { messages: said({ type: 'image_url', image_url: { url: CAT }, ...CACHED }) },
      /^messages\.0\.content\.0\.cache_control: is not/,
    ],
    [
      { messages: said({ type: 'image_url', image_url: { url: CAT, mime_type: 'image/png' } }) },
      /^messages\.0\.content\.0\.image_url\.mime_type: is not/,
    ],
    [
      { messages: said({ type: 'text', text: 'Be brief.', ...CACHED }, 'system') },
      /^messages\.0\.content\.0\.cache_control: is not/,
    ],
    [{ messages: called({ extra_content: { google: {} } }) }, /^messages\.0\.tool_calls\.0\.extra_content: is not/],
    [{ messages: called({}, { strict: true }) }, /^messages\.0\.tool_calls\.0\.function\.strict: is not/],
    [
      { tools: [{ type: 'function', function: { name: 'weather' }, ...CACHED }] },
      /^tools\.0\.cache_control: is not supported/,
    ],
    [
      { tool_choice: { type: 'function', function: { name: 'weather' }, disable_parallel_tool_use: true } },
      /^tool_choice\.disable_parallel_tool_use: is not/,
    ],
    [{ stream_options: { every: 5 } }, /^stream_options\.every: is not supported/],
    [{ signalbox: { retries: 3 } }, /^signalbox\.retries: is not supported/],
  ])('of %j is refused with the place', (fields, issue) => {
    expect(issueOf(fields)).toMatch(issue);
  });
});
