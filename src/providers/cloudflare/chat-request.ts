import type { ChatMessage, ContentPart, GenerateRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import { withVendorOptions } from '../vendor-options.ts';

/** The vendor's own default of 256 cuts most answers off without a word. */
const DEFAULT_MAX_TOKENS = 2_048;

const OWN_FIELDS = ['messages', 'prompt', 'stream'];

/** The vendor's request, as far as we write it. */
export interface ChatBody {
  messages: object[];
  stream: boolean;
  max_tokens: number;
  [field: string]: unknown;
}

/**
 * The request for an answer.
 * @throws ProviderError `bad_request` that names the field that cannot be honoured
 */
export function chatBody(request: GenerateRequest, stream: boolean): ChatBody {
  refuseUnsupported(request);
  const { temperature, topP, seed, presencePenalty, frequencyPenalty, maxOutputTokens } = request;
  const body: ChatBody = {
    messages: messagesOf(request.messages),
    stream,
    max_tokens: maxOutputTokens ?? DEFAULT_MAX_TOKENS,
    ...defined({ temperature, top_p: topP, seed }),
    ...defined({ presence_penalty: presencePenalty, frequency_penalty: frequencyPenalty }),
    ...toolsOf(request),
    ...formatOf(request.format),
  };
  return withVendorOptions(body, request.vendorOptions, OWN_FIELDS);
}

function refuseUnsupported({ messages, stop, reasoningEffort, parallelToolCalls, tools }: GenerateRequest): void {
  if (stop !== undefined && stop.length > 0) throw refused('stop', 'this vendor has no stop sequences');
  if (reasoningEffort !== undefined) throw refused('reasoningEffort', 'this vendor has no levels of effort');
  if (parallelToolCalls === false) throw refused('parallelToolCalls', 'this vendor cannot be kept from parallel calls');
  if (tools?.some(({ strict }) => strict === true)) throw refused('tools.strict', 'this vendor has no strict tools');
  if (messages.at(-1)?.role === 'assistant') {
    throw refused('messages', 'this vendor cannot go on from the beginning of an answer; end with another message');
  }
}

function refused(field: string, reason: string): ProviderError {
  return new ProviderError('bad_request', `${field}: ${reason}.`);
}

function messagesOf(messages: readonly ChatMessage[]): object[] {
  const nameOfCall = new Map(
    messages.flatMap((message) =>
      message.role === 'assistant' ? (message.toolCalls ?? []).map(({ id, name }) => [id, name] as const) : [],
    ),
  );
  return messages.map((message) => messageOf(message, nameOfCall));
}

function messageOf(message: ChatMessage, nameOfCall: ReadonlyMap<string, string>): object {
  switch (message.role) {
    case 'system':
      return { role: 'system', content: message.text };
    case 'user':
      return { role: 'user', content: contentOf(message.parts) };
    case 'assistant': {
      const calls = message.toolCalls ?? [];
      const toolCalls = calls.length === 0 ? {} : { tool_calls: calls.map(wireCall) };
      return { role: 'assistant', content: message.text, ...toolCalls };
    }
    case 'tool': {
      const { toolCallId, text } = message;
      return {
        role: 'tool',
        tool_call_id: toolCallId,
        ...defined({ name: nameOfCall.get(toolCallId) }),
        content: text,
      };
    }
  }
}

function wireCall({ id, name, arguments: args }: { id: string; name: string; arguments: string }): object {
  return { id, type: 'function', function: { name, arguments: args } };
}

/** Many models take text alone as a string only. */
function contentOf(parts: readonly ContentPart[]): string | object[] {
  if (parts.every((part) => part.kind === 'text')) return parts.map(({ text }) => text).join('');
  return parts.map((part) => {
    if (part.kind === 'text') return { type: 'text', text: part.text };
    if (part.kind === 'imageUrl') throw refused('messages', 'this vendor takes images as data, not by url');
    return { type: 'image_url', image_url: { url: `data:${part.mimeType};base64,${part.base64}` } };
  });
}

/** A tool by name is the only one that is offered, as the vendor's own library does. */
function toolsOf({ tools = [], toolChoice }: GenerateRequest): JsonObject {
  if (tools.length === 0) {
    if (toolChoice === undefined || toolChoice === 'auto' || toolChoice === 'none') return {};
    throw refused('toolChoice', 'there are no tools');
  }
  const named = typeof toolChoice === 'object' ? toolChoice.name : null;
  const offered = named === null ? tools : tools.filter(({ name }) => name === named);
  if (offered.length === 0) throw refused('toolChoice', `there is no tool ${JSON.stringify(named)}`);
  const wire = offered.map(({ name, description, parameters }) => ({
    type: 'function',
    function: { name, description: description ?? '', parameters },
  }));
  const choice = named === null ? toolChoice : 'required';
  return { tools: wire, ...defined({ tool_choice: choice }) } as unknown as JsonObject;
}

/** The schema itself, without a name around it. @see https://developers.cloudflare.com/workers-ai/features/json-mode/ */
function formatOf(format: GenerateRequest['format']): object {
  if (format === undefined) return {};
  if (format === 'json') return { response_format: { type: 'json_object' } };
  return { response_format: { type: 'json_schema', json_schema: format.schema } };
}

function defined(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
