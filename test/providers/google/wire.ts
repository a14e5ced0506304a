import type { Content, FunctionDeclaration } from '@google/genai';
import type {
  AskedChat,
  ChatWire,
  EmbedWire,
  VendorWire,
  WireFailure,
  WireReply,
} from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest, WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';
import type { JsonSchema } from '../../../src/plugins/contract.ts';
import type { GenerateContentBody } from '../../../src/providers/google/request.ts';

/** One chunk of a stream as the vendor writes it, with its line ends. */
export function chunk(data: object): string {
  return `data: ${JSON.stringify(data)}\r\n\r\n`;
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ABORTED',
  429: 'RESOURCE_EXHAUSTED',
  500: 'INTERNAL',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** An error as the vendor writes it. @see https://google.aip.dev/193 */
export function errorBody(code: number, message: string, details: readonly object[] = []): object {
  const status = STATUS_NAMES[code];
  return { error: { code, message, ...(status === undefined ? {} : { status }), details } };
}

function isStream(request: RecordedRequest): boolean {
  return request.path.includes(':streamGenerateContent');
}

function modelOf(request: RecordedRequest): string {
  return decodeURIComponent(/\/models\/([^:]+):/.exec(request.path)?.[1] ?? '');
}

function failure({ cause, message, headers }: WireFailure, request: RecordedRequest): WireAnswer | undefined {
  if (typeof cause === 'number') return { status: cause, headers, body: errorBody(cause, message) };
  if (cause === 'context_length') {
    const words = 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).';
    return { status: 400, body: errorBody(400, `${words} ${message}`) };
  }
  if (cause === 'prefill') return undefined;
  const refusal = {
    promptFeedback: { blockReason: 'PROHIBITED_CONTENT', blockReasonMessage: message },
    usageMetadata: { promptTokenCount: 7, totalTokenCount: 7 },
  };
  return isStream(request)
    ? { headers: { 'content-type': 'text/event-stream' }, body: chunk(refusal) }
    : { body: refusal };
}

function textsOf({ role, parts = [] }: Content): AskedChat['texts'][number][] {
  return parts.flatMap((part): AskedChat['texts'][number][] => {
    if (part.text !== undefined)
      return [{ role: role === 'model' ? ('assistant' as const) : ('user' as const), text: part.text }];
    const { response } = part.functionResponse ?? {};
    return response === undefined
      ? []
      : [{ role: 'tool' as const, text: String(response.output ?? JSON.stringify(response)) }];
  });
}

function asked(request: RecordedRequest): AskedChat {
  const { contents, systemInstruction, tools = [], generationConfig = {} } = request.json as GenerateContentBody;
  const parts = contents.flatMap((content) => content.parts ?? []);
  const declared = tools.flatMap((tool) => ('functionDeclarations' in tool ? (tool.functionDeclarations ?? []) : []));
  const { responseJsonSchema: schema, maxOutputTokens, temperature } = generationConfig;
  return {
    model: modelOf(request),
    stream: isStream(request),
    texts: [
      ...(systemInstruction?.parts ?? []).map(({ text = '' }) => ({ role: 'system' as const, text })),
      ...contents.flatMap(textsOf),
    ],
    images: parts.flatMap(({ inlineData, fileData }): AskedChat['images'][number][] => {
      if (inlineData !== undefined) return [{ mimeType: inlineData.mimeType, base64: inlineData.data }];
      return fileData === undefined ? [] : [{ url: fileData.fileUri }];
    }),
    tools: declared.map(({ name = '', description, parametersJsonSchema }: FunctionDeclaration) => ({
      name,
      description,
      parameters: parametersJsonSchema as JsonSchema,
    })),
    toolCalls: parts.flatMap(({ functionCall: made }) =>
      made === undefined ? [] : [{ name: made.name ?? '', arguments: JSON.stringify(made.args) }],
    ),
    ...(schema === undefined ? {} : { schema: schema as JsonSchema }),
    maxOutputTokens,
    temperature,
  };
}

const FINISH_REASONS = { stop: 'STOP', length: 'MAX_TOKENS', tool_calls: 'STOP', content_filter: 'SAFETY' };

/** A whole answer, or a chunk of one. */
export function answerOf(parts: readonly object[], fields: object = { finishReason: 'STOP' }): object {
  return {
    candidates: [{ content: { parts, role: 'model' }, index: 0, ...fields }],
    usageMetadata: { promptTokenCount: 8, candidatesTokenCount: 5, totalTokenCount: 13 },
    modelVersion: 'gemini-2.5-flash',
  };
}

function answer(reply: WireReply, parts: readonly object[], finished: boolean): object {
  const { inputTokens, outputTokens } = reply.usage;
  const finish = finished ? { finishReason: FINISH_REASONS[reply.finishReason] } : {};
  return {
    candidates: [{ content: { parts, role: 'model' }, ...finish, index: 0 }],
    usageMetadata: {
      promptTokenCount: inputTokens,
      ...(finished ? { candidatesTokenCount: outputTokens } : {}),
      totalTokenCount: inputTokens + (finished ? outputTokens : 0),
    },
    modelVersion: reply.model,
    responseId: 'kY7dZ_y1NoGVxN8P6Z6b4Ak',
  };
}

function callParts(reply: WireReply): object[] {
  return reply.toolCalls.map(({ id, name, argumentPieces }) => ({
    functionCall: { id, name, args: JSON.parse(argumentPieces.join('')) },
  }));
}

function stream(reply: WireReply): ReturnType<ChatWire['stream']> {
  return {
    contentType: 'text/event-stream',
    opening: [],
    pieces: [
      ...reply.pieces.map((text) => chunk(answer(reply, [{ text }], false))),
      ...callParts(reply).map((part) => chunk(answer(reply, [part], false))),
    ],
    ending: [chunk(answer(reply, [{ text: '' }], true))],
  };
}

function streamError(code: number): string {
  return chunk(errorBody(code, 'it broke'));
}

interface EmbedBody {
  requests: { model: string; content: { parts: { text: string }[] }; outputDimensionality?: number }[];
}

const embed: EmbedWire = {
  asked: (request) => {
    const { requests } = request.json as EmbedBody;
    return {
      model: modelOf(request),
      texts: requests.map(({ content }) => content.parts[0]?.text ?? ''),
      dimensions: requests[0]?.outputDimensionality,
    };
  },
  vectors: (vectors) => ({ body: { embeddings: vectors.map((values) => ({ values })) } }),
  dimensions: 3_072,
  otherDimensions: 768,
  countsTokens: false,
};

/** The developer API of Gemini, as the vendor documents it. */
export const GOOGLE_WIRE: VendorWire = {
  checked: () => ({
    body: {
      models: [
        {
          name: 'models/gemini-2.5-flash',
          inputTokenLimit: 1_048_576,
          outputTokenLimit: 65_536,
          supportedGenerationMethods: ['generateContent', 'countTokens'],
        },
        { name: 'models/gemini-9-comet', inputTokenLimit: 2_000_000, supportedGenerationMethods: ['generateContent'] },
        { name: 'models/veo-3.1-generate-preview', supportedGenerationMethods: ['predictLongRunning'] },
      ],
    },
  }),
  listed: ['gemini-2.5-flash', 'gemini-9-comet'],
  failure,
  embed,
  speak: (audio) => ({
    body: {
      candidates: [
        {
          content: {
            parts: [{ inlineData: { mimeType: 'audio/wav', data: Buffer.from(audio).toString('base64') } }],
            role: 'model',
          },
          finishReason: 'STOP',
          index: 0,
        },
      ],
      usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 32 },
    },
  }),
  chat: {
    asked,
    whole: (reply) => ({
      body: answer(reply, [...reply.pieces.map((text) => ({ text })), ...callParts(reply)], true),
    }),
    stream,
    streamFailures: [
      { chunk: streamError(503), kind: 'overloaded' },
      { chunk: streamError(500), kind: 'server' },
      { chunk: streamError(429), kind: 'rate_limited' },
      {
        chunk: chunk({ promptFeedback: { blockReason: 'SAFETY' } }),
        kind: 'content_filter',
      },
    ],
  },
};
