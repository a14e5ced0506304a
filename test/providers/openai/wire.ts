import type {
  AskedChat,
  ChatWire,
  EmbedWire,
  VendorWire,
  WireFailure,
  WireReply,
} from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest, WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';

/** Bytes in the shapes of https://platform.openai.com/docs/api-reference, which many servers took over. */

type Content = string | null | { type: string; text?: string; image_url?: { url: string } }[];
interface ChatBody {
  model: string;
  stream?: boolean;
  messages: { role: string; content: Content; tool_calls?: { function: { name: string; arguments: string } }[] }[];
  tools?: { function: AskedChat['tools'][number] }[];
  response_format?: { json_schema?: { schema: Record<string, unknown> } };
  max_tokens?: number;
  max_completion_tokens?: number;
  temperature?: number;
}

const CREATED = 1_767_000_000;

/** What a request must hold of how many tokens an answer may have. */
export type MaxTokensField = 'max_completion_tokens' | 'max_tokens';

export function errorAnswer(status: number, error: object): WireAnswer {
  return { status, body: { error: { param: null, ...error } } };
}

const ERROR_TYPES: Readonly<Record<number, [type: string, code: string | null]>> = {
  401: ['invalid_request_error', 'invalid_api_key'],
  404: ['invalid_request_error', 'model_not_found'],
  429: ['requests', 'rate_limit_exceeded'],
  500: ['server_error', null],
};

export function openAiFailure({ cause, message }: WireFailure): WireAnswer | undefined {
  if (cause === 'context_length') {
    return errorAnswer(400, {
      message: `This model's maximum context length is 128000 tokens. However, your messages resulted in 136000 tokens. ${message}`,
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
    });
  }
  if (cause === 'content_filter') {
    return errorAnswer(400, { message, type: 'invalid_request_error', code: 'content_policy_violation' });
  }
  if (cause === 'prefill') return errorAnswer(400, { message, type: 'invalid_request_error', code: null });
  const [type, code] = ERROR_TYPES[cause] ?? ['invalid_request_error', null];
  return errorAnswer(cause, { message, type, code });
}

export function sse(data: object | string): string {
  return `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
}

export const DONE = sse('[DONE]');

function asked(request: RecordedRequest, maxTokensField: MaxTokensField): AskedChat {
  const body = request.json as ChatBody;
  const parts = body.messages.flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return {
    model: body.model,
    stream: body.stream === true,
    texts: body.messages.flatMap(({ role, content }) =>
      textsOf(content).map((text) => ({ role: role as 'user', text })),
    ),
    images: parts.flatMap(({ image_url: image }) => (image === undefined ? [] : [imageOf(image.url)])),
    tools: (body.tools ?? []).map((tool) => tool.function),
    toolCalls: body.messages.flatMap(({ tool_calls: calls }) => (calls ?? []).map((each) => each.function)),
    schema: body.response_format?.json_schema?.schema,
    maxOutputTokens: body[maxTokensField],
    temperature: body.temperature,
  };
}

function textsOf(content: Content): string[] {
  if (typeof content === 'string') return [content];
  return (content ?? []).flatMap(({ text }) => (text === undefined ? [] : [text]));
}

function imageOf(url: string): AskedChat['images'][number] {
  const [, mimeType, base64] = /^data:([^;]+);base64,(.*)$/.exec(url) ?? [];
  return base64 === undefined ? { url } : { mimeType, base64 };
}

export function usageOf({ usage }: WireReply): object {
  const { inputTokens, outputTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0 },
  };
}

function wholeAnswer(reply: WireReply): WireAnswer {
  const toolCalls = reply.toolCalls.map(({ id, name, argumentPieces }) => ({
    id,
    type: 'function',
    function: { name, arguments: argumentPieces.join('') },
  }));
  const message = {
    role: 'assistant',
    content: reply.pieces.join('') || null,
    refusal: null,
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls }),
  };
  return {
    body: {
      id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
      object: 'chat.completion',
      created: CREATED,
      model: reply.model,
      choices: [{ index: 0, message, logprobs: null, finish_reason: reply.finishReason }],
      usage: usageOf(reply),
      service_tier: 'default',
    },
  };
}

export function chunk(model: string, fields: object): object {
  return {
    id: 'chatcmpl-123',
    object: 'chat.completion.chunk',
    created: CREATED,
    model,
    system_fingerprint: 'fp_44709d6fcb',
    ...fields,
  };
}

export function deltaChunk(model: string, delta: object, finishReason: string | null = null): string {
  return sse(chunk(model, { choices: [{ index: 0, delta, logprobs: null, finish_reason: finishReason }] }));
}

function toolChunks({ model, toolCalls }: WireReply): string[] {
  return toolCalls.flatMap(({ id, name, argumentPieces }, index) => [
    deltaChunk(model, { tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] }),
    ...argumentPieces.map((piece) => deltaChunk(model, { tool_calls: [{ index, function: { arguments: piece } }] })),
  ]);
}

/** @param dispensable chunks of the end that this server may leave out */
export function chatWire(maxTokensField: MaxTokensField, dispensable = 0): ChatWire {
  return {
    asked: (request) => asked(request, maxTokensField),
    whole: wholeAnswer,
    stream: (reply) => ({
      contentType: 'text/event-stream; charset=utf-8',
      opening: [': keep-alive\n\n', deltaChunk(reply.model, { role: 'assistant', content: '', refusal: null })],
      pieces: [...reply.pieces.map((content) => deltaChunk(reply.model, { content })), ...toolChunks(reply)],
      ending: [
        deltaChunk(reply.model, {}, reply.finishReason),
        sse(chunk(reply.model, { choices: [], usage: usageOf(reply) })),
        DONE,
      ],
      dispensable,
    }),
    streamFailures: [
      {
        chunk: sse({ error: { message: 'The server had an error', type: 'server_error', code: null } }),
        kind: 'server',
      },
      {
        chunk: sse({ error: { message: 'Too many', type: 'requests', code: 'rate_limit_exceeded' } }),
        kind: 'rate_limited',
      },
      { chunk: sse({ error: { message: 'Upstream is full', type: 'None', code: '503' } }), kind: 'overloaded' },
      {
        chunk: sse({ object: 'error', message: 'CUDA error', type: 'InternalServerError', code: 500 }),
        kind: 'server',
      },
    ],
  };
}

interface EmbedBody {
  model: string;
  input: string[];
  dimensions?: number;
  encoding_format?: string;
}

/** @param encoding how the server sends numbers, whatever it was asked for */
export function embedWire(dimensions: number, otherDimensions: number, encoding: 'base64' | 'float'): EmbedWire {
  return {
    asked: (request) => {
      const { model, input, dimensions: wanted } = request.json as EmbedBody;
      // The API refuses an empty text.
      if (input.includes('')) throw new Error('an empty text went out');
      return { model, texts: input, dimensions: wanted };
    },
    vectors: (vectors, tokens, request) => {
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: encoding === 'float' ? vector : Buffer.from(Float32Array.from(vector).buffer).toString('base64'),
      }));
      return {
        body: {
          object: 'list',
          // They are numbered, so their order says nothing.
          data: data.reverse(),
          model: (request.json as EmbedBody).model,
          usage: { prompt_tokens: tokens, total_tokens: tokens },
        },
      };
    },
    dimensions,
    otherDimensions,
  };
}

export function modelList(...names: string[]): WireAnswer {
  return {
    body: { object: 'list', data: names.map((id) => ({ id, object: 'model', created: CREATED, owned_by: 'system' })) },
  };
}

const LISTED = ['gpt-4.1-mini', 'text-embedding-3-small', 'gpt-7-from-tomorrow'];

export const OPENAI_WIRE: VendorWire = {
  checked: () => modelList(...LISTED, 'sora-2', 'gpt-realtime'),
  listed: LISTED,
  failure: openAiFailure,
  chat: chatWire('max_completion_tokens'),
  embed: embedWire(1_536, 256, 'base64'),
  moderate: (flagged) => ({
    body: {
      id: 'modr-970d409ef3bef3b70c73d8232df86e7d',
      model: 'omni-moderation-latest',
      results: flagged.map((isFlagged) => ({
        flagged: isFlagged,
        categories: { violence: isFlagged, harassment: false },
        category_scores: { violence: isFlagged ? 0.98 : 0.01, harassment: 0.02 },
      })),
    },
  }),
  transcribe: (text) => ({
    body: {
      task: 'transcribe',
      language: 'german',
      duration: 2.5,
      text,
      segments: [{ id: 0, seek: 0, start: 0, end: 2.5, text: ` ${text}`, tokens: [], temperature: 0 }],
      usage: { type: 'duration', seconds: 3 },
    },
  }),
  speak: (audio) => ({ headers: { 'content-type': 'audio/mpeg' }, body: audio }),
};
