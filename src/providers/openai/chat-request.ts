import type {
  ChatCompletionContentPart,
  ChatCompletionCreateParams,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { ChatMessage, ContentPart, GenerateRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isPrivateHost } from '../../shared/public-address.ts';
import { withVendorOptions } from '../vendor-options.ts';

/** In what the servers that speak OpenAI's chat format differ. */
export interface ChatDialect {
  /** OpenAI's newer models take the first alone, most other servers the second alone. */
  readonly maxTokensField: 'max_completion_tokens' | 'max_tokens';
  /** Whether the server can go on from a last message of the assistant's. */
  readonly continuesAnswers: boolean;
  /**
   * Whether the server may stand in a network of its owner's. It fetches images itself: a url that leads into that network
   * is refused, as the caller need not be who may look around there.
   */
  readonly standsInside: boolean;
}

const OWN_FIELDS = ['model', 'messages', 'stream', 'stream_options', 'n'];

/** The body of POST /chat/completions. @throws ProviderError `bad_request` for what the server cannot do */
export function chatBody(request: GenerateRequest, dialect: ChatDialect, stream: boolean): ChatCompletionCreateParams {
  if (dialect.standsInside) refusePrivateImages(request);
  const body = {
    model: request.model,
    messages: request.messages.map(chatMessage),
    ...(stream ? { stream: true as const, stream_options: { include_usage: true } } : {}),
    ...continuation(request, dialect),
    [dialect.maxTokensField]: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    stop: request.stop === undefined ? undefined : [...request.stop],
    seed: request.seed,
    presence_penalty: request.presencePenalty,
    frequency_penalty: request.frequencyPenalty,
    reasoning_effort: request.reasoningEffort,
    tools: request.tools?.map((tool) => ({ type: 'function' as const, function: { ...tool } })),
    tool_choice: toolChoice(request.toolChoice),
    parallel_tool_calls: request.parallelToolCalls,
    response_format: responseFormat(request.format),
  };
  return withVendorOptions(body as ChatCompletionCreateParams, request.vendorOptions, OWN_FIELDS);
}

/** @throws ProviderError where the answer should go on from a beginning, and cannot */
export function refuseContinuation(request: GenerateRequest): void {
  if (request.messages.at(-1)?.role !== 'assistant') return;
  throw new ProviderError(
    'bad_request',
    'this provider cannot go on from a beginning of the answer: the last message must not be of the assistant',
  );
}

/** @throws ProviderError `bad_request`; a name that leads into a private network is the server's to refuse */
function refusePrivateImages({ messages }: GenerateRequest): void {
  for (const message of messages) {
    if (message.role !== 'user') continue;
    for (const part of message.parts) if (part.kind === 'imageUrl') refusePrivateUrl(part.url);
  }
}

function refusePrivateUrl(text: string): void {
  const url = URL.parse(text);
  const isPublic = url !== null && ['http:', 'https:'].includes(url.protocol) && !isPrivateHost(url.hostname);
  if (isPublic || url?.protocol === 'data:') return;
  throw new ProviderError('bad_request', 'the url of an image must be http(s), and not lead to a private address');
}

/** vLLM needs to be told; llama.cpp and Ollama go on by themselves. */
function continuation(request: GenerateRequest, dialect: ChatDialect): object {
  if (request.messages.at(-1)?.role !== 'assistant') return {};
  if (!dialect.continuesAnswers) refuseContinuation(request);
  return { continue_final_message: true, add_generation_prompt: false };
}

function chatMessage(message: ChatMessage): ChatCompletionMessageParam {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'tool':
      return { role: 'tool', tool_call_id: message.toolCallId, content: message.text };
    case 'assistant':
      return {
        role: 'assistant',
        content: message.text === '' && message.toolCalls?.length ? null : message.text,
        ...(message.toolCalls?.length
          ? {
              tool_calls: message.toolCalls.map(({ id, name, arguments: json }) => ({
                id,
                type: 'function' as const,
                function: { name, arguments: json },
              })),
            }
          : {}),
      };
    case 'user':
      return { role: 'user', content: userContent(message.parts) };
  }
}

/** Plain text goes out as a string, which every server understands. */
function userContent(parts: readonly ContentPart[]): string | ChatCompletionContentPart[] {
  if (parts.every((part) => part.kind === 'text')) return parts.map((part) => part.text).join('');
  return parts.map((part) => {
    if (part.kind === 'text') return { type: 'text', text: part.text };
    const detail = part.detail === undefined ? {} : { detail: part.detail as 'auto' | 'low' | 'high' };
    return { type: 'image_url', image_url: { url: imageUrl(part), ...detail } };
  });
}

export function imageUrl(part: Exclude<ContentPart, { kind: 'text' }>): string {
  return part.kind === 'imageUrl' ? part.url : `data:${part.mimeType};base64,${part.base64}`;
}

function toolChoice(choice: GenerateRequest['toolChoice']): ChatCompletionCreateParams['tool_choice'] {
  return typeof choice === 'object' ? { type: 'function', function: { name: choice.name } } : choice;
}

function responseFormat(format: GenerateRequest['format']): ChatCompletionCreateParams['response_format'] {
  if (format === undefined) return undefined;
  if (format === 'json') return { type: 'json_object' };
  return { type: 'json_schema', json_schema: { ...format, schema: { ...format.schema } } };
}
