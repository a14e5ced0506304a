import type { AskedChat, VendorWire, WireReply } from '../../../src/plugins/conformance/subject.ts';
import type { RecordedRequest } from '../../../src/plugins/conformance/vendor-server.ts';
import { OPENAI_WIRE } from './wire.ts';

/** https://platform.openai.com/docs/api-reference/responses and …/responses-streaming */

interface InputItem {
  type?: string;
  role?: 'system' | 'user' | 'assistant';
  content?: string | { type: string; text?: string; image_url?: string }[];
  name?: string;
  arguments?: string;
  output?: string;
}
interface ResponsesBody {
  model: string;
  stream?: boolean;
  input: InputItem[];
  tools?: AskedChat['tools'];
  text?: { format: { schema?: Record<string, unknown> } };
  max_output_tokens?: number;
  temperature?: number;
}

function asked(request: RecordedRequest): AskedChat {
  const body = request.json as ResponsesBody;
  const parts = body.input.flatMap(({ content }) => (Array.isArray(content) ? content : []));
  return {
    model: body.model,
    stream: body.stream === true,
    texts: body.input.flatMap(textsOf),
    images: parts.flatMap(({ image_url: url }) => {
      const [, mimeType, base64] = /^data:([^;]+);base64,(.*)$/.exec(url ?? '') ?? [];
      return base64 === undefined ? [] : [{ mimeType, base64 }];
    }),
    tools: body.tools ?? [],
    toolCalls: body.input.flatMap(({ type, name, arguments: json }) =>
      type === 'function_call' ? [{ name: name ?? '', arguments: json ?? '' }] : [],
    ),
    schema: body.text?.format.schema,
    maxOutputTokens: body.max_output_tokens,
    temperature: body.temperature,
  };
}

function textsOf({ type, role, content, output }: InputItem): AskedChat['texts'][number][] {
  if (type === 'function_call_output') return [{ role: 'tool', text: output ?? '' }];
  if (role === undefined) return [];
  if (typeof content === 'string') return [{ role, text: content }];
  return (content ?? []).flatMap(({ text }) => (text === undefined ? [] : [{ role, text }]));
}

const INCOMPLETE: Partial<Record<WireReply['finishReason'], string>> = {
  length: 'max_output_tokens',
  content_filter: 'content_filter',
};

export function responseOf(reply: WireReply, fields: object = {}): object {
  const reason = INCOMPLETE[reply.finishReason];
  const { inputTokens, outputTokens } = reply.usage;
  return {
    id: 'resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b',
    object: 'response',
    status: reason === undefined ? 'completed' : 'incomplete',
    error: null,
    incomplete_details: reason === undefined ? null : { reason },
    model: reply.model,
    output: outputOf(reply),
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: inputTokens + outputTokens,
    },
    ...fields,
  };
}

function outputOf(reply: WireReply): object[] {
  return [
    { type: 'reasoning', id: 'rs_1', summary: [] },
    {
      type: 'message',
      id: 'msg_1',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: reply.pieces.join(''), annotations: [] }],
    },
    ...reply.toolCalls.map(({ id, name, argumentPieces }) => ({
      type: 'function_call',
      id: `fc_${id}`,
      call_id: id,
      name,
      arguments: argumentPieces.join(''),
      status: 'completed',
    })),
  ];
}

export function responseEvent(type: string, fields: object): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
}

function pieces(reply: WireReply): string[] {
  const place = { item_id: 'msg_1', output_index: 1, content_index: 0 };
  return [
    ...reply.pieces.map((delta) => responseEvent('response.output_text.delta', { ...place, delta })),
    ...reply.toolCalls.flatMap(({ id, name, argumentPieces }, index) => [
      responseEvent('response.output_item.added', {
        output_index: index + 2,
        item: { type: 'function_call', id: `fc_${id}`, call_id: id, name, arguments: '', status: 'in_progress' },
      }),
      ...argumentPieces.map((delta) =>
        responseEvent('response.function_call_arguments.delta', {
          item_id: `fc_${id}`,
          output_index: index + 2,
          delta,
        }),
      ),
    ]),
  ];
}

export const RESPONSES_WIRE: VendorWire = {
  ...OPENAI_WIRE,
  chat: {
    asked,
    whole: (reply) => ({ body: responseOf(reply) }),
    stream: (reply) => ({
      contentType: 'text/event-stream; charset=utf-8',
      opening: [
        responseEvent('response.created', {
          response: responseOf(reply, { status: 'in_progress', output: [], usage: null }),
        }),
        responseEvent('response.output_item.added', {
          output_index: 0,
          item: { type: 'reasoning', id: 'rs_1', summary: [] },
        }),
      ],
      pieces: pieces(reply),
      ending: [
        responseEvent('response.output_text.done', { output_index: 1, content_index: 0, text: reply.pieces.join('') }),
        responseEvent(INCOMPLETE[reply.finishReason] === undefined ? 'response.completed' : 'response.incomplete', {
          response: responseOf(reply),
        }),
      ],
    }),
    streamFailures: [
      {
        chunk: responseEvent('response.failed', {
          response: { status: 'failed', error: { code: 'server_error', message: 'The model failed' }, output: [] },
        }),
        kind: 'server',
      },
      {
        chunk: responseEvent('error', { code: 'rate_limit_exceeded', message: 'Too many', param: null }),
        kind: 'rate_limited',
      },
      {
        chunk: responseEvent('error', {
          error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'no' },
        }),
        kind: 'context_length',
      },
    ],
  },
};
