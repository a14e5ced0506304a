import type { GenerateEnd, GenerateResult, StreamPart, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { ThinkingText } from './thinking.ts';

/** Which model answers, and how many tokens it may write. */
export interface AnswerTerms {
  /** The vendor's id: its answers do not name it. */
  model: string;
  maxTokens: number;
}

type FinishReason = GenerateEnd['finishReason'];

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  tool_calls: 'tool_calls',
  content_filter: 'content_filter',
};

/**
 * A whole answer. Older models answer with `{ response, tool_calls, usage }`, newer ones in OpenAI's shape.
 * @throws ProviderError `malformed`
 */
export function answerOf(result: JsonValue | undefined, terms: AnswerTerms): GenerateResult {
  if (!isJsonObject(result)) throw malformed('an answer without a result');
  const choice = choiceOf(result);
  const message = choice === null ? result : choice.message;
  if (!isJsonObject(message)) throw malformed('an answer without a message');
  const calls = wireCallsOf(message);
  const content = choice === null ? message.response : message.content;
  if (content === undefined && calls.length === 0) throw malformed('an answer without a response');
  const split = new ThinkingText();
  const pieces = [...split.take(textOf(content)), ...split.end()];
  const joined = (kind: 'text' | 'reasoning') =>
    pieces.map((piece) => (piece.kind === kind ? piece.text : '')).join('');
  const reasoning = reasoningOf(message) + joined('reasoning');
  const usage = usageOf(result.usage);
  return {
    text: joined('text'),
    ...(reasoning === '' ? {} : { reasoning }),
    toolCalls: calls.map(wholeCall),
    finishReason: finishReasonOf(reasonIn(result, choice), calls.length > 0, usage, terms),
    usage: usage ?? { inputTokens: 0, outputTokens: 0 },
    model: terms.model,
  };
}

/** Reads the events of a stream, one by one. */
export class AnswerReader {
  readonly #terms: AnswerTerms;
  readonly #thinking = new ThinkingText();
  readonly #callsBegun = new Set<number>();
  #usage: TokenUsage | undefined;
  #reason: JsonValue | undefined;

  constructor(terms: AnswerTerms) {
    this.#terms = terms;
  }

  /** @throws ProviderError `malformed` */
  read(event: JsonObject): StreamPart[] {
    this.#usage = usageOf(event.usage) ?? this.#usage;
    const choice = choiceOf(event);
    this.#reason = reasonIn(event, choice) ?? this.#reason;
    const delta = choice === null ? event : choice.delta;
    if (!isJsonObject(delta)) return [];
    const reasoning = reasoningOf(delta);
    return [
      ...(reasoning === '' ? [] : [{ kind: 'reasoning' as const, text: reasoning }]),
      ...this.#thinking.take(textOf(choice === null ? delta.response : delta.content)),
      ...wireCallsOf(delta).flatMap((call, place) => this.#call(call, place)),
    ];
  }

  /** The last parts of a stream that has come to its end. */
  end(): StreamPart[] {
    const finishReason = finishReasonOf(this.#reason, this.#callsBegun.size > 0, this.#usage, this.#terms);
    const usage = this.#usage ?? { inputTokens: 0, outputTokens: 0 };
    return [...this.#thinking.end(), { kind: 'finish', finishReason, usage, model: this.#terms.model }];
  }

  /** In pieces that carry their index, or whole without one; the vendor ends some with a piece of nulls. */
  #call(call: JsonObject, place: number): StreamPart[] {
    const isPiece = typeof call.index === 'number';
    const index = isPiece ? (call.index as number) : Math.max(place, this.#callsBegun.size);
    const { name, args } = namesOf(call);
    if (this.#callsBegun.has(index)) return args === '' ? [] : [{ kind: 'toolCall', index, arguments: args }];
    if (name === '') return [];
    this.#callsBegun.add(index);
    const first = isPiece ? args : args || '{}';
    return [{ kind: 'toolCall', index, id: idOf(call), name, arguments: first }];
  }
}

function choiceOf(answer: JsonObject): JsonObject | null {
  const first = Array.isArray(answer.choices) ? answer.choices[0] : undefined;
  return isJsonObject(first) ? first : null;
}

function reasonIn(answer: JsonObject, choice: JsonObject | null): JsonValue | undefined {
  return choice?.finish_reason ?? answer.finish_reason ?? undefined;
}

/** In JSON mode the vendor answers with the object itself. */
function textOf(content: JsonValue | undefined): string {
  if (content === undefined || content === null) return '';
  return typeof content === 'string' ? content : JSON.stringify(content);
}

function reasoningOf(message: JsonObject): string {
  const reasoning = message.reasoning_content ?? message.reasoning;
  return typeof reasoning === 'string' ? reasoning : '';
}

function wireCallsOf({ tool_calls }: JsonObject): JsonObject[] {
  return Array.isArray(tool_calls) ? tool_calls.filter(isJsonObject) : [];
}

/** Flat, or within `function`; the arguments as an object, or as JSON. */
function namesOf(call: JsonObject): { name: string; args: string } {
  const called = isJsonObject(call.function) ? call.function : call;
  const { name, arguments: args } = called;
  return { name: typeof name === 'string' ? name : '', args: textOf(args) };
}

function wholeCall(call: JsonObject): ToolCall {
  const { name, args } = namesOf(call);
  if (name === '') throw malformed('a call of a tool without a name');
  return { id: idOf(call), name, arguments: args || '{}' };
}

/** Older models give none. */
function idOf({ id }: JsonObject): string {
  return typeof id === 'string' && id !== '' ? id : `call_${crypto.randomUUID().replaceAll('-', '')}`;
}

function usageOf(usage: JsonValue | undefined): TokenUsage | undefined {
  if (!isJsonObject(usage)) return undefined;
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = usage;
  if (typeof inputTokens !== 'number' || typeof outputTokens !== 'number') return undefined;
  return { inputTokens, outputTokens };
}

/** Older models do not say why they ended: one that has written all it may was cut. */
function finishReasonOf(
  reason: JsonValue | undefined,
  hasCalls: boolean,
  usage: TokenUsage | undefined,
  { maxTokens }: AnswerTerms,
): FinishReason {
  const told = typeof reason === 'string' ? FINISH_REASONS[reason] : undefined;
  if (told !== undefined && told !== 'stop') return told;
  if (hasCalls) return 'tool_calls';
  return told === undefined && usage !== undefined && usage.outputTokens >= maxTokens ? 'length' : 'stop';
}

function malformed(what: string): ProviderError {
  return new ProviderError('malformed', `Cloudflare sent ${what}`);
}
