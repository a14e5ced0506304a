import type {
  ChatWire,
  EmbedWire,
  VendorWire,
  WireFailure,
  WireReply,
} from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest, WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';

/** What every answer is wrapped in. @see https://developers.cloudflare.com/api/ */
export function envelope(result: unknown): WireAnswer {
  return { body: { result, success: true, errors: [], messages: [] } };
}

/** @see https://developers.cloudflare.com/workers-ai/platform/errors/ */
export function refusal(status: number, code: number, message: string): WireAnswer {
  return { status, body: { result: null, success: false, errors: [{ code, message }], messages: [] } };
}

export interface RunBody {
  messages: { role: 'system' | 'user' | 'assistant' | 'tool'; content: string | WirePart[]; tool_calls?: WireCall[] }[];
  stream?: boolean;
  max_tokens?: number;
  temperature?: number;
  tools?: WireTool[];
  response_format?: { type: string; json_schema?: object };
}

type WirePart = { type: 'text'; text: string } | { type: 'image_url'; image_url: { url: string } };
type WireTool = {
  type: 'function';
  function: { name: string; description: string; parameters: Record<string, unknown> };
};
type WireCall = { id: string; type: 'function'; function: { name: string; arguments: string } };

export function bodyOf<Body>(request: RecordedRequest): Body {
  return request.json as Body;
}

/** The id that a request was sent to. */
export function modelOf({ path }: RecordedRequest): string {
  return path.split('/ai/run/')[1] ?? '';
}

const CODES: Readonly<Record<number, number>> = {
  400: 5_006,
  401: 10_000,
  403: 5_018,
  404: 3_042,
  408: 3_007,
  413: 3_006,
  429: 3_036,
};

function failure({ cause, message }: WireFailure): WireAnswer | undefined {
  if (cause === 'context_length') {
    return refusal(
      400,
      5_021,
      'The estimated number of input and maximum output tokens exceeded this model context window limit',
    );
  }
  if (cause === 'content_filter') return refusal(424, 2_016, 'Prompt blocked due to security configurations');
  if (cause === 'prefill') return undefined;
  return refusal(cause, CODES[cause] ?? 1_000, message);
}

/** Models do not say that they met the limit: they have written as many tokens as they may. */
function usageOf({ usage, finishReason }: WireReply, request: RecordedRequest): object {
  const completion = finishReason === 'length' ? bodyOf<RunBody>(request).max_tokens : usage.outputTokens;
  return {
    prompt_tokens: usage.inputTokens,
    completion_tokens: completion,
    total_tokens: usage.inputTokens + (completion ?? 0),
  };
}

function asked(request: RecordedRequest): ReturnType<ChatWire['asked']> {
  const body = bodyOf<RunBody>(request);
  const partsOf = (content: string | WirePart[]): WirePart[] =>
    typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const textOf = (content: string | WirePart[]) =>
    partsOf(content)
      .map((part) => (part.type === 'text' ? part.text : ''))
      .join('');
  const urls = body.messages
    .flatMap(({ content }) => partsOf(content))
    .flatMap((part) => (part.type === 'image_url' ? [part.image_url.url] : []));
  const calls = body.messages.flatMap(({ tool_calls = [] }) => tool_calls);
  return {
    model: modelOf(request),
    stream: body.stream === true,
    texts: body.messages.map(({ role, content }) => ({ role, text: textOf(content) })),
    images: urls.map((url) => {
      const [, mimeType, base64] = /^data:(.+);base64,(.+)$/.exec(url) ?? [];
      return { mimeType, base64 };
    }),
    tools: (body.tools ?? []).map((tool) => tool.function),
    toolCalls: calls.map((call) => call.function),
    schema: body.response_format?.json_schema as Record<string, unknown> | undefined,
    maxOutputTokens: body.max_tokens,
    temperature: body.temperature,
  };
}

const event = (data: object) => `data: ${JSON.stringify(data)}\n\n`;

const chat: ChatWire = {
  asked,
  namesModel: false,
  endsByContentFilter: false,
  whole(reply, request) {
    const text = reply.pieces.join('');
    // In JSON mode the answer is the object itself.
    const response = bodyOf<RunBody>(request).response_format === undefined ? text : JSON.parse(text);
    const toolCalls = reply.toolCalls.map(({ name, argumentPieces }) => ({
      name,
      arguments: JSON.parse(argumentPieces.join('')),
    }));
    const calls = toolCalls.length === 0 ? {} : { tool_calls: toolCalls };
    return envelope({ response, ...calls, usage: usageOf(reply, request) });
  },
  stream(reply, request) {
    const calls = reply.toolCalls.flatMap(({ id, name, argumentPieces }, index) => [
      event({ response: '', tool_calls: [{ id, type: 'function', index, function: { name, arguments: '' } }] }),
      ...argumentPieces.map((piece) =>
        event({ response: '', tool_calls: [{ index, function: { arguments: piece } }] }),
      ),
      event({ response: '', tool_calls: [{ id: null, type: null, index, function: { name: null, arguments: '' } }] }),
    ]);
    return {
      contentType: 'text/event-stream',
      opening: [],
      pieces: [...reply.pieces.map((piece) => event({ response: piece, p: 'abdef' })), ...calls],
      ending: [event({ response: '', usage: usageOf(reply, request) }), 'data: [DONE]\n\n'],
    };
  },
  streamFailures: [
    {
      chunk: event({ success: false, errors: [{ code: 3_040, message: 'Capacity temporarily exceeded' }] }),
      kind: 'overloaded',
    },
    { chunk: event({ error: 'something broke' }), kind: 'server' },
  ],
};

const embed: EmbedWire = {
  asked: (request) => ({ model: modelOf(request), texts: bodyOf<{ text: string[] }>(request).text }),
  vectors: (vectors) => envelope({ shape: [vectors.length, vectors[0]?.length], data: vectors, pooling: 'cls' }),
  dimensions: 1_024,
  countsTokens: false,
};

/** A page of the list of models. */
export function modelsPage(...models: object[]): WireAnswer {
  return envelope(models);
}

export const WIRE: VendorWire = {
  checked: () =>
    modelsPage(
      {
        id: 'f8703a00-ed54-4f98-bdc3-cd9a813286f3',
        source: 1,
        name: '@cf/qwen/qwen3-30b-a3b-fp8',
        task: { id: 'c329a1f9', name: 'Text Generation', description: 'Text in, text out.' },
        properties: [
          { property_id: 'context_window', value: '32768' },
          { property_id: 'function_calling', value: 'true' },
        ],
      },
      { name: '@cf/baai/bge-m3', task: { name: 'Text Embeddings' }, properties: [] },
      { name: '@cf/black-forest-labs/flux-1-schnell', task: { name: 'Text-to-Image' }, properties: [] },
    ),
  listed: ['llama-4-scout-17b', 'bge-m3', 'melotts', '@cf/qwen/qwen3-30b-a3b-fp8'],
  failure,
  chat,
  embed,
  rerank: (scores) =>
    envelope({ response: scores.map((score, id) => ({ id, score })).sort((left, right) => right.score - left.score) }),
  moderate: ([flagged]) =>
    envelope({ response: flagged ? { safe: false, categories: ['S1'] } : { safe: true, categories: [] } }),
  transcribe: (text) =>
    envelope({
      transcription_info: { language: 'en', language_probability: 0.98, duration: 2.5, duration_after_vad: 2.5 },
      text,
      word_count: 3,
      segments: [{ start: 0, end: 2.5, text, temperature: 0, words: [] }],
    }),
  speak: (audio) => envelope({ audio: Buffer.from(audio).toString('base64') }),
};
