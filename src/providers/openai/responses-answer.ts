import type { Response, ResponseStreamEvent } from 'openai/resources/responses/responses';
import type { GenerateEnd, GenerateResult, StreamPart, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { readTokens } from '../../shared/token-count.ts';
import type { ServerSentEvent } from '../server-sent-events.ts';
import { parseJsonObject, type VendorHttp } from '../vendor-http.ts';
import { argumentsText } from './chat-response.ts';
import { isErrorBody } from './failures.ts';

/** Reads a whole answer of the Responses API. @throws ProviderError where it is none */
export function readResponse(json: JsonObject, http: VendorHttp): GenerateResult {
  return http.read(() => resultOf(json, http));
}

function resultOf(json: JsonObject, http: VendorHttp): GenerateResult {
  if (isErrorBody(json)) throw http.errorWithin({ error: json.error });
  const response = json as unknown as Response;
  const end = readEnd(response, http);
  const toolCalls: ToolCall[] = [];
  const texts: string[] = [];
  const thoughts: string[] = [];
  for (const item of response.output) {
    if (item.type === 'function_call') {
      toolCalls.push({ id: item.call_id, name: item.name, arguments: argumentsText(item.arguments) });
    } else if (item.type === 'message') {
      texts.push(...item.content.map((part) => (part.type === 'refusal' ? part.refusal : part.text)));
    } else if (item.type === 'reasoning') {
      thoughts.push(...item.summary.map(({ text }) => text), ...(item.content ?? []).map(({ text }) => text));
    }
  }
  const reasoning = thoughts.join('\n\n');
  return { ...end, text: texts.join(''), toolCalls, ...(reasoning === '' ? {} : { reasoning }) };
}

/** Reads a streamed answer: whole when `response.completed` or `response.incomplete` came. */
export async function* readResponseStream(
  events: AsyncIterable<ServerSentEvent>,
  http: VendorHttp,
): AsyncIterable<StreamPart> {
  const calls: number[] = [];
  let isFinished = false;
  for await (const { data } of events) {
    if (isFinished) continue;
    const event = parseJsonObject(data, 'an event of the stream') as unknown as ResponseStreamEvent;
    if (event.type === 'response.completed' || event.type === 'response.incomplete') {
      isFinished = true;
      yield { kind: 'finish', ...http.read(() => readEnd(event.response, http)) };
    } else {
      const part = http.read(() => readEvent(event, calls, http));
      if (part !== undefined) yield part;
    }
  }
  if (!isFinished) throw new ProviderError('network', 'the stream ended before the answer was whole');
}

/** @param calls places of the tool calls among what is put out */
function readEvent(event: ResponseStreamEvent, calls: number[], http: VendorHttp): StreamPart | undefined {
  switch (event.type) {
    case 'response.output_text.delta':
    case 'response.refusal.delta':
      return { kind: 'text', text: event.delta };
    case 'response.reasoning_summary_text.delta':
    case 'response.reasoning_text.delta':
      return { kind: 'reasoning', text: event.delta };
    case 'response.output_item.added': {
      if (event.item.type !== 'function_call') return undefined;
      const index = calls.push(event.output_index) - 1;
      return { kind: 'toolCall', index, id: event.item.call_id, name: event.item.name, arguments: '' };
    }
    case 'response.function_call_arguments.delta': {
      const index = calls.indexOf(event.output_index);
      if (index === -1) throw http.malformed('arguments of a tool call that did not begin');
      return { kind: 'toolCall', index, arguments: event.delta };
    }
    case 'response.failed':
      throw http.errorWithin({ error: { ...event.response.error } });
    case 'error':
      throw http.errorWithin(
        isErrorBody(event as object as JsonObject) ? event : { error: { ...event, type: undefined } },
      );
    default:
      return undefined;
  }
}

function readEnd(response: Response, http: VendorHttp): GenerateEnd {
  if (!isJsonObject(response) || !Array.isArray(response.output)) throw http.malformed('a response without an output');
  return { finishReason: readFinishReason(response, http), usage: readUsage(response), model: response.model };
}

function readFinishReason(response: Response, http: VendorHttp): GenerateEnd['finishReason'] {
  const { status, incomplete_details: incomplete, output } = response;
  if (status === 'incomplete') {
    if (incomplete?.reason === 'max_output_tokens') return 'length';
    if (incomplete?.reason === 'content_filter') return 'content_filter';
  }
  if (status !== 'completed') throw http.malformed(`a response with the status ${String(status)}`);
  const isRefusal = output.some(
    (item) => item.type === 'message' && item.content.some(({ type }) => type === 'refusal'),
  );
  if (isRefusal) return 'content_filter';
  return output.some(({ type }) => type === 'function_call') ? 'tool_calls' : 'stop';
}

function readUsage({ usage }: Response): TokenUsage {
  return readTokens({
    inputTokens: usage?.input_tokens,
    outputTokens: usage?.output_tokens,
    cachedInputTokens: usage?.input_tokens_details?.cached_tokens,
    cacheWriteTokens: usage?.input_tokens_details?.cache_write_tokens,
    reasoningTokens: usage?.output_tokens_details?.reasoning_tokens,
  });
}
