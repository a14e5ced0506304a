import type {
  ResponseCreateParams,
  ResponseInputItem,
  ResponseInputMessageContentList,
} from 'openai/resources/responses/responses';
import type { ChatMessage, ContentPart, GenerateRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { ServerSentEvent } from '../server-sent-events.ts';
import { withVendorOptions } from '../vendor-options.ts';
import { imageUrl, refuseContinuation } from './chat-request.ts';

const OWN_FIELDS = ['model', 'input', 'stream', 'background'];
/** Fields that the Responses API has no place for. */
const UNKNOWN_FIELDS = ['stop', 'seed', 'presencePenalty', 'frequencyPenalty'] as const;
const LAST_EVENTS: readonly string[] = ['response.completed', 'response.incomplete', 'response.failed', 'error'];

export function isLastResponseEvent({ event }: ServerSentEvent): boolean {
  return event !== undefined && LAST_EVENTS.includes(event);
}

/** The body of POST /responses. @throws ProviderError `bad_request` for what the API cannot do */
export function responsesBody(request: GenerateRequest, stream: boolean): ResponseCreateParams {
  const unknown = UNKNOWN_FIELDS.find((field) => request[field] !== undefined);
  if (unknown !== undefined) throw new ProviderError('bad_request', `the Responses API has no ${unknown}`);
  refuseContinuation(request);
  const body: ResponseCreateParams = {
    model: request.model,
    input: request.messages.flatMap(inputItems),
    ...(stream ? { stream: true as const } : {}),
    // The conversation is kept here, not at the vendor's.
    store: false,
    max_output_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    reasoning: request.reasoningEffort === undefined ? undefined : { effort: request.reasoningEffort },
    tools: request.tools?.map(({ name, description, parameters, strict }) => ({
      type: 'function' as const,
      name,
      description: description ?? null,
      parameters: { ...parameters },
      // Left out, it would be true here, where chat completions take it for false.
      strict: strict ?? false,
    })),
    tool_choice:
      typeof request.toolChoice === 'object' ? { type: 'function', name: request.toolChoice.name } : request.toolChoice,
    parallel_tool_calls: request.parallelToolCalls,
    text: textFormat(request.format),
  };
  return withVendorOptions(body, request.vendorOptions, OWN_FIELDS);
}

function textFormat(format: GenerateRequest['format']): ResponseCreateParams['text'] {
  if (format === undefined) return undefined;
  if (format === 'json') return { format: { type: 'json_object' } };
  return { format: { type: 'json_schema', ...format, schema: { ...format.schema } } };
}

function inputItems(message: ChatMessage): ResponseInputItem[] {
  switch (message.role) {
    case 'system':
      return [{ role: 'system', content: message.text }];
    case 'user':
      return [{ role: 'user', content: message.parts.map(inputPart) }];
    case 'tool':
      return [{ type: 'function_call_output', call_id: message.toolCallId, output: message.text }];
    case 'assistant':
      return [
        ...(message.text === '' ? [] : [{ role: 'assistant' as const, content: message.text }]),
        ...(message.toolCalls ?? []).map(({ id, name, arguments: json }) => ({
          type: 'function_call' as const,
          call_id: id,
          name,
          arguments: json,
        })),
      ];
  }
}

function inputPart(part: ContentPart): ResponseInputMessageContentList[number] {
  if (part.kind === 'text') return { type: 'input_text', text: part.text };
  return { type: 'input_image', image_url: imageUrl(part), detail: (part.detail ?? 'auto') as 'auto' | 'low' | 'high' };
}
