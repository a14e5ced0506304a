import type { ChatCompletion } from 'openai/resources/chat/completions';
import type { GenerateEnd, GenerateResult, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { readTokens } from '../../shared/token-count.ts';
import type { VendorHttp } from '../vendor-http.ts';
import { isErrorBody } from './failures.ts';

/** The words of OpenAI, and those of other servers and gateways. */
const FINISH_REASONS: Readonly<Record<string, GenerateEnd['finishReason']>> = {
  stop: 'stop',
  end_turn: 'stop',
  eos: 'stop',
  stop_sequence: 'stop',
  length: 'length',
  max_tokens: 'length',
  tool_calls: 'tool_calls',
  tool_use: 'tool_calls',
  function_call: 'tool_calls',
  content_filter: 'content_filter',
};

/** What a finish reason means; undefined where it is not known. @throws ProviderError where the answer was given up */
export function knownFinishReason(word: string): GenerateEnd['finishReason'] | undefined {
  if (word === 'error' || word === 'abort') {
    throw new ProviderError('server', `the answer was given up half-way (finish reason ${word})`);
  }
  return Object.hasOwn(FINISH_REASONS, word) ? FINISH_REASONS[word] : undefined;
}

/** Fields that other servers add: the model's thoughts. */
export interface ReasoningFields {
  reasoning_content?: string | null;
  reasoning?: string | null;
}

/** Reads a whole answer. @throws ProviderError where it is none */
export function readCompletion(json: JsonObject, http: VendorHttp): GenerateResult {
  return http.read(() => completionOf(json, http));
}

function completionOf(json: JsonObject, http: VendorHttp): GenerateResult {
  if (isErrorBody(json)) throw http.errorWithin(json);
  const { choices, usage, model } = json as unknown as Partial<ChatCompletion>;
  // A server may say others than the first too, in whichever order.
  const choice = choices?.find(({ index }) => (index ?? 0) === 0) ?? choices?.[0];
  if (!isJsonObject(choice?.message)) throw http.malformed('an answer without a choice');
  const message = choice.message as unknown as ChatCompletion['choices'][0]['message'] & ReasoningFields;
  const toolCalls = toolCallsIn(message, http).map((call, index) => readToolCall(call, index, http));
  const reasoning = message.reasoning_content ?? message.reasoning;
  return {
    text: textOf(message.content, http) + (message.refusal ?? ''),
    toolCalls,
    ...(reasoning ? { reasoning } : {}),
    finishReason: finishReason(choice.finish_reason, {
      refused: Boolean(message.refusal),
      calledTools: toolCalls.length > 0,
      http,
    }),
    usage: readUsage(usage),
    model: model ?? '',
  };
}

/** A text, or the list of texts that some servers send. @throws ProviderError where it is anything else */
export function textOf(content: unknown, http: VendorHttp): string {
  if (content === undefined || content === null) return '';
  if (typeof content === 'string') return content;
  const parts: unknown[] = Array.isArray(content) ? content : [content];
  const texts = parts.map((part) => (isJsonObject(part) && part.type === 'text' ? part.text : undefined));
  if (texts.every((text) => typeof text === 'string')) return texts.join('');
  throw http.malformed('a content that is no text');
}

/** @throws ProviderError where they are no list */
export function toolCallsIn<Call>(holder: { tool_calls?: readonly Call[] | null }, http: VendorHttp): readonly Call[] {
  const calls = holder.tool_calls ?? [];
  const areCalls = Array.isArray(calls) && (calls as unknown[]).every(isJsonObject);
  if (areCalls) return calls;
  throw http.malformed('tool calls that are no list of calls');
}

/** @throws ProviderError where the answer was given up, or says nothing of how it ended */
export function finishReason(
  word: string | null | undefined,
  answer: { refused: boolean; calledTools: boolean; http: VendorHttp },
): GenerateEnd['finishReason'] {
  const known = knownFinishReason(word ?? '');
  if (known === undefined) {
    throw answer.http.malformed(word ? `the unknown finish reason ${JSON.stringify(word)}` : 'no finish reason');
  }
  if (answer.refused) return 'content_filter';
  // Some servers say `stop` where they mean: now call the tools.
  return known === 'stop' && answer.calledTools ? 'tool_calls' : known;
}

/**
 * What an answer took. A server that does not count is not guessed for: its counts are 0.
 * @param given the `usage` of an answer or of an event
 */
export function readUsage(given: unknown): TokenUsage {
  const usage = isJsonObject(given) ? given : {};
  const input = detailsIn(usage.prompt_tokens_details);
  return readTokens({
    inputTokens: usage.prompt_tokens,
    outputTokens: usage.completion_tokens,
    cachedInputTokens: input.cached_tokens,
    cacheWriteTokens: input.cache_write_tokens,
    reasoningTokens: detailsIn(usage.completion_tokens_details).reasoning_tokens,
  });
}

function detailsIn(details: unknown): Readonly<Record<string, unknown>> {
  return isJsonObject(details) ? details : {};
}

type CompletionToolCall = NonNullable<ChatCompletion['choices'][0]['message']['tool_calls']>[number];

function readToolCall(call: CompletionToolCall, index: number, http: VendorHttp): ToolCall {
  if (!('function' in call) || !call.function?.name) throw http.malformed('a tool call without a name');
  return {
    id: call.id || `call_${index}`,
    name: call.function.name,
    arguments: argumentsText(call.function.arguments),
  };
}

/** Some servers send the object itself, and nothing where a tool takes no arguments. */
export function argumentsText(given: unknown): string {
  if (isJsonObject(given)) return JSON.stringify(given);
  return typeof given === 'string' && given !== '' ? given : '{}';
}
