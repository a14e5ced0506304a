import type { GenerateEnd, GenerateResult, StreamPart, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { readTokens } from '../../shared/token-count.ts';
import { knownFinishReason } from '../openai/chat-response.ts';
import { ThinkingText } from './thinking.ts';

/** Which model answers, and how many tokens it may write. */
export interface AnswerTerms {
  /** The vendor's id: its answers do not name it. */
  model: string;
  maxTokens: number;
}

type FinishReason = GenerateEnd['finishReason'];

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
    finishReason: finishReasonOf(
      { reason: reasonIn(result, choice), hasCalls: calls.length > 0, usage, isOld: !choice },
      terms,
    ),
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
  #isOld = true;

  constructor(terms: AnswerTerms) {
    this.#terms = terms;
  }

  /** @throws ProviderError `malformed` */
  read(event: JsonObject): StreamPart[] {
    const usage = usageOf(event.usage);
    this.#usage = usage ?? this.#usage;
    return [...this.#pieces(event), ...(usage === undefined ? [] : [{ kind: 'usage' as const, usage }])];
  }

  #pieces(event: JsonObject): StreamPart[] {
    const choice = choiceOf(event);
    if (choice !== null) this.#isOld = false;
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

  /** The last parts of a stream that has come to its end. @throws ProviderError where the answer was cut or given up */
  end(): StreamPart[] {
    const told = { reason: this.#reason, hasCalls: this.#callsBegun.size > 0, usage: this.#usage, isOld: this.#isOld };
    const finishReason = finishReasonOf(told, this.#terms);
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
  return readTokens({ inputTokens: usage.prompt_tokens, outputTokens: usage.completion_tokens });
}

/** What an answer has told of its end. */
interface ToldEnd {
  reason: JsonValue | undefined;
  hasCalls: boolean;
  usage: TokenUsage | undefined;
  /** It is in the vendor's own shape, that of older models. */
  isOld: boolean;
}

/** Older models do not say why they ended: one that has written all it may was cut. @throws ProviderError */
function finishReasonOf({ reason, hasCalls, usage, isOld }: ToldEnd, { maxTokens }: AnswerTerms): FinishReason {
  const told = typeof reason === 'string' ? knownFinishReason(reason) : undefined;
  if (told === undefined && reason !== undefined)
    throw malformed(`the unknown finish reason ${JSON.stringify(reason)}`);
  if (told === undefined && !isOld) throw malformed('no finish reason');
  if (told !== undefined && told !== 'stop') return told;
  if (hasCalls) return 'tool_calls';
  return told === undefined && usage !== undefined && usage.outputTokens >= maxTokens ? 'length' : 'stop';
}

function malformed(what: string): ProviderError {
  return new ProviderError('malformed', `Cloudflare sent ${what}`);
}
