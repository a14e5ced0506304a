import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { StreamPart } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import type { ServerSentEvent } from '../server-sent-events.ts';
import { parseJsonObject, type VendorHttp } from '../vendor-http.ts';
import { finishReason, type ReasoningFields, readCompletion, readUsage, textOf, toolCallsIn } from './chat-response.ts';
import { isErrorBody } from './failures.ts';

const DONE = '[DONE]';

export function isDone(event: ServerSentEvent): boolean {
  return event.data.trim() === DONE;
}

type Finish = Extract<StreamPart, { kind: 'finish' }>;
type ToolCallDelta = NonNullable<ChatCompletionChunk['choices'][0]['delta']['tool_calls']>[number];

/** How a stream in this format is read. */
export interface ChatStreamRules {
  /**
   * Whether the server always ends with `[DONE]`. Some leave it out: there, a finish reason and then the end of the stream
   * make a whole answer. `[DONE]` without a finish reason never does.
   */
  readonly alwaysSendsDone: boolean;
  /** The finish as it goes out. */
  onFinish(finish: Finish, usage: unknown): Promise<Finish>;
}

/** Reads a streamed answer. @throws ProviderError where it is not whole */
export async function* readChatStream(
  events: AsyncIterable<ServerSentEvent>,
  http: VendorHttp,
  rules: ChatStreamRules,
): AsyncIterable<StreamPart> {
  const reader = new ChunkReader(http);
  let isFinished = false;
  for await (const event of events) {
    // A server may say more than that; the events are read to their end all the same, for the connection's sake.
    if (isFinished) continue;
    if (isDone(event)) {
      isFinished = true;
      yield await rules.onFinish(reader.finish(), reader.usage);
    } else {
      const json = parseJsonObject(event.data, 'an event of the stream');
      if (isErrorBody(json) || event.event === 'error') throw http.errorWithin(json);
      if (isWholeAnswer(json)) {
        isFinished = true;
        const { parts, finish } = wholeAnswer(json, http);
        yield* parts;
        yield await rules.onFinish(finish, json.usage);
      } else yield* http.read(() => [...reader.read(json)]);
    }
  }
  if (!isFinished) yield await rules.onFinish(reader.finishAtEnd(rules.alwaysSendsDone), reader.usage);
}

/** Whether a server that does not stream has answered all at once: it is charged for, and must not be asked again. */
function isWholeAnswer({ choices }: JsonObject): boolean {
  const [choice] = Array.isArray(choices) ? choices : [];
  return isJsonObject(choice) && isJsonObject(choice.message) && choice.delta === undefined;
}

function wholeAnswer(json: JsonObject, http: VendorHttp): { parts: StreamPart[]; finish: Finish } {
  const { text, reasoning, toolCalls, ...end } = readCompletion(json, http);
  const parts: StreamPart[] = toolCalls.map((toolCall, index) => ({ kind: 'toolCall', index, ...toolCall }));
  if (text !== '') parts.unshift({ kind: 'text', text });
  if (reasoning) parts.unshift({ kind: 'reasoning', text: reasoning });
  return { parts, finish: { kind: 'finish', ...end } };
}

/** What the chunks have said so far. */
class ChunkReader {
  /** The last that came: before, at or after the end of the text. */
  usage: unknown;
  readonly #http: VendorHttp;
  readonly #calls = new ToolCallNumbers();
  #model = '';
  #finishReason: string | undefined;
  #refused = false;

  constructor(http: VendorHttp) {
    this.#http = http;
  }

  *read(json: JsonObject): Iterable<StreamPart> {
    const { choices, usage, model } = json as unknown as Partial<ChatCompletionChunk>;
    if (usage) this.usage = usage;
    if (model) this.#model = model;
    if (choices !== undefined && !Array.isArray(choices))
      throw this.#http.malformed('a chunk whose choices are no list');
    // Azure begins with a chunk of filter results and the usage comes last: neither has a choice.
    const choice = choices?.find(({ index }) => (index ?? 0) === 0);
    if (choice !== undefined) yield* this.#readChoice(choice);
    if (isJsonObject(usage)) yield { kind: 'usage', usage: readUsage(usage) };
  }

  *#readChoice(choice: ChatCompletionChunk['choices'][0]): Iterable<StreamPart> {
    const delta: ChatCompletionChunk['choices'][0]['delta'] & ReasoningFields = choice.delta ?? {};
    const reasoning = delta.reasoning_content ?? delta.reasoning;
    if (reasoning) yield { kind: 'reasoning', text: reasoning };
    const text = textOf(delta.content, this.#http);
    if (text !== '') yield { kind: 'text', text };
    if (delta.refusal) {
      this.#refused = true;
      yield { kind: 'text', text: delta.refusal };
    }
    for (const call of toolCallsIn(delta, this.#http)) {
      const part = this.#calls.part(call);
      if (part !== null) yield part;
    }
    if (choice.finish_reason) this.#finishReason = choice.finish_reason;
  }

  finish(): Finish {
    const reason = finishReason(this.#finishReason, {
      refused: this.#refused,
      calledTools: this.#calls.size > 0,
      http: this.#http,
    });
    if (reason === 'tool_calls' && this.#calls.hasNameless) throw this.#http.malformed('a tool call without a name');
    return { kind: 'finish', finishReason: reason, usage: readUsage(this.usage), model: this.#model };
  }

  finishAtEnd(isDoneMissing: boolean): Finish {
    if (this.#finishReason !== undefined && !isDoneMissing) return this.finish();
    throw new ProviderError('network', 'the stream ended before the answer was whole');
  }
}

/** A call as far as it has come. */
interface WrittenCall {
  readonly id: string;
  /** Whether the server gave it, or it was made up. */
  readonly hasOwnId: boolean;
  /** Empty: not told yet. */
  name: string;
  arguments: string;
}

/**
 * Numbers tool calls from 0. Some servers give no index, or the same one to all, and tell calls apart by their ids. Nothing
 * is told of a call before its name: readers take it from the first part.
 */
class ToolCallNumbers {
  readonly #calls: WrittenCall[] = [];
  readonly #numberOfIndex = new Map<number, number>();

  get size(): number {
    return this.#calls.length;
  }

  /** Whether the name of a call never came. */
  get hasNameless(): boolean {
    return this.#calls.some(({ name }) => name === '');
  }

  /** Null: nothing can be told of it yet. */
  part(delta: ToolCallDelta): StreamPart | null {
    const text = typeof delta.function?.arguments === 'string' ? delta.function.arguments : '';
    const name = delta.function?.name ?? '';
    const known = this.#numberOf(delta);
    const call = known === undefined ? undefined : this.#calls[known];
    if (known !== undefined && call !== undefined && (delta.id || !beginsAnother(call, name, text))) {
      call.arguments += text;
      if (call.name !== '') return { kind: 'toolCall', index: known, arguments: text };
      call.name = name;
      return name === '' ? null : firstPart(known, call);
    }
    const number = this.#calls.length;
    const opened = { id: delta.id || `call_${number}`, hasOwnId: Boolean(delta.id), name, arguments: text };
    this.#calls.push(opened);
    if (delta.index !== undefined) this.#numberOfIndex.set(delta.index, number);
    return name === '' ? null : firstPart(number, opened);
  }

  #numberOf({ index, id, function: called }: ToolCallDelta): number | undefined {
    const atPlace = index === undefined ? this.#calls.length - 1 : this.#numberOfIndex.get(index);
    const number = atPlace === -1 ? undefined : atPlace;
    if (!id) return number;
    const known = this.#calls.findIndex((call) => call.id === id);
    if (known !== -1) return known;
    // The id of a call that has begun already comes without another name.
    const isLate = number !== undefined && this.#calls[number]?.hasOwnId === false && !called?.name;
    return isLate ? number : undefined;
  }
}

function firstPart(index: number, { id, name, arguments: text }: WrittenCall): StreamPart {
  return { kind: 'toolCall', index, id, name, arguments: text };
}

/**
 * Servers that give calls no ids and one index to all tell the next one by its name alone. Others repeat the name of a
 * call with each piece of it: the same name begins another call only where the arguments before it are whole.
 */
function beginsAnother(call: WrittenCall, name: string, text: string): boolean {
  if (name === '' || call.name === '' || call.arguments === '') return false;
  return name !== call.name || (text !== '' && isWholeObject(call.arguments));
}

function isWholeObject(json: string): boolean {
  if (!json.trimEnd().endsWith('}')) return false;
  try {
    return isJsonObject(JSON.parse(json));
  } catch {
    return false;
  }
}
