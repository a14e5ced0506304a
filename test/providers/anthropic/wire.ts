import type { MessageCreateParams, MessageParam, Tool } from '@anthropic-ai/sdk/resources/messages';
import type {
  AskedChat,
  ChatWire,
  VendorWire,
  WireFailure,
  WireReply,
} from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest, WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';
import type { JsonSchema } from '../../../src/plugins/contract.ts';

type Body = MessageCreateParams & { temperature?: number };
type Block = Exclude<MessageParam['content'], string>[number];

/** One event as the vendor writes it. @see https://platform.claude.com/docs/en/build-with-claude/streaming */
export function event(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

export function messageOf(fields: object): object {
  return {
    id: 'msg_01XFDUDYJgAACzvnptvVoYEL',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5-20250929',
    content: [],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 12, output_tokens: 6 },
    ...fields,
  };
}

const STOP_REASONS = { stop: 'end_turn', length: 'max_tokens', tool_calls: 'tool_use', content_filter: 'refusal' };

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'invalid_request_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

/** An error as the vendor writes it. @see https://platform.claude.com/docs/en/api/errors */
export function errorAnswer(status: number, message: string, type = ERROR_TYPES[status] ?? 'api_error'): WireAnswer {
  return { status, body: { type: 'error', error: { type, message }, request_id: 'req_011CSHoEeqs5C35K2UUqR7Fy' } };
}

function failure({ cause, message, headers }: WireFailure): WireAnswer | undefined {
  if (typeof cause === 'number') return { ...errorAnswer(cause, message), headers };
  if (cause === 'context_length') {
    return errorAnswer(400, `prompt is too long: 208310 tokens > 200000 maximum. ${message}`);
  }
  if (cause === 'prefill') {
    return errorAnswer(
      400,
      `This model does not support assistant message prefill. The conversation must end with a user message. ${message}`,
    );
  }
  return undefined;
}

function asked(request: RecordedRequest): AskedChat {
  const body = request.json as Body;
  const blocks = body.messages.flatMap(({ role, content }) =>
    (typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content).map((block) => ({
      role: role as 'user' | 'assistant',
      block: block as Block,
    })),
  );
  const { format } = body.output_config ?? {};
  return {
    model: body.model,
    stream: body.stream === true,
    texts: [
      ...(body.system === undefined ? [] : [{ role: 'system' as const, text: String(body.system) }]),
      ...blocks.flatMap(({ role, block }): AskedChat['texts'][number][] => {
        if (block.type === 'text') return [{ role, text: block.text }];
        return block.type === 'tool_result' ? [{ role: 'tool' as const, text: String(block.content) }] : [];
      }),
    ],
    images: blocks.flatMap(({ block }): AskedChat['images'][number][] => {
      if (block.type !== 'image') return [];
      if (block.source.type === 'url') return [{ url: block.source.url }];
      return block.source.type === 'base64' ? [{ mimeType: block.source.media_type, base64: block.source.data }] : [];
    }),
    tools: ((body.tools ?? []) as Tool[]).map(({ name, description, input_schema: parameters }) => ({
      name,
      description,
      parameters: parameters as JsonSchema,
    })),
    toolCalls: blocks.flatMap(({ block }) =>
      block.type === 'tool_use' ? [{ name: block.name, arguments: JSON.stringify(block.input) }] : [],
    ),
    ...(format == null ? {} : { schema: format.schema }),
    maxOutputTokens: body.max_tokens,
    temperature: body.temperature,
  };
}

function whole(reply: WireReply): WireAnswer {
  const { inputTokens, outputTokens } = reply.usage;
  const text = reply.pieces.join('');
  return {
    body: messageOf({
      model: reply.model,
      content: [
        ...(text === '' ? [] : [{ type: 'text', text, citations: null }]),
        ...reply.toolCalls.map(({ id, name, argumentPieces }) => ({
          type: 'tool_use',
          id,
          name,
          input: JSON.parse(argumentPieces.join('')),
        })),
      ],
      stop_reason: STOP_REASONS[reply.finishReason],
      usage: { input_tokens: inputTokens, output_tokens: outputTokens },
    }),
  };
}

function stream(reply: WireReply): ReturnType<ChatWire['stream']> {
  const { inputTokens, outputTokens } = reply.usage;
  const opening = messageOf({
    model: reply.model,
    stop_reason: null,
    usage: { input_tokens: inputTokens, output_tokens: 1 },
  });
  const callsFrom = reply.pieces.length > 0 ? 1 : 0;
  const delta = (index: number, of: object) => event({ type: 'content_block_delta', index, delta: of });
  const texts = reply.pieces.map(
    (text, place) =>
      (place === 0 ? event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) : '') +
      delta(0, { type: 'text_delta', text }) +
      (place === reply.pieces.length - 1 ? event({ type: 'content_block_stop', index: 0 }) : ''),
  );
  const calls = reply.toolCalls.flatMap(({ id, name, argumentPieces }, place) => {
    const index = callsFrom + place;
    const block = { type: 'tool_use', id, name, input: {} };
    return [
      event({ type: 'content_block_start', index, content_block: block }) +
        delta(index, { type: 'input_json_delta', partial_json: '' }),
      ...argumentPieces.map((partial_json) => delta(index, { type: 'input_json_delta', partial_json })),
      event({ type: 'content_block_stop', index }),
    ];
  });
  return {
    contentType: 'text/event-stream; charset=utf-8',
    opening: [event({ type: 'message_start', message: opening }) + event({ type: 'ping' })],
    pieces: [...texts, ...calls],
    ending: [
      event({
        type: 'message_delta',
        delta: { stop_reason: STOP_REASONS[reply.finishReason], stop_sequence: null },
        usage: { output_tokens: outputTokens },
      }),
      event({ type: 'message_stop' }),
    ],
  };
}

function streamError(type: string): string {
  return event({ type: 'error', error: { type, message: 'it broke' } });
}

/** The Messages API, as the vendor documents it. */
export const ANTHROPIC_WIRE: VendorWire = {
  checked: () => ({
    body: {
      data: [
        {
          type: 'model',
          id: 'claude-sonnet-4-5',
          display_name: 'Claude Sonnet 4.5',
          created_at: '2025-09-29T00:00:00Z',
        },
        {
          type: 'model',
          id: 'claude-aster-9',
          display_name: 'Claude Aster 9',
          created_at: '2027-01-01T00:00:00Z',
          max_input_tokens: 500_000,
          capabilities: { structured_outputs: { supported: true }, image_input: { supported: false } },
        },
      ],
      has_more: false,
      first_id: 'claude-sonnet-4-5',
      last_id: 'claude-aster-9',
    },
  }),
  listed: ['claude-sonnet-4-5', 'claude-aster-9'],
  failure,
  chat: {
    asked,
    whole,
    stream,
    streamFailures: [
      { chunk: streamError('overloaded_error'), kind: 'overloaded' },
      { chunk: streamError('api_error'), kind: 'server' },
      { chunk: streamError('rate_limit_error'), kind: 'rate_limited' },
    ],
  },
};
