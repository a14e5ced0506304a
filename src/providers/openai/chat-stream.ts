import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { StreamPart } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { parseJsonObject, type ServerSentEvent, type VendorHttp } from '../vendor-http.ts';
import { finishReason, type ReasoningFields, readUsage, textOf, toolCallsIn } from './chat-response.ts';
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
      yield* http.read(() => [...reader.read(json)]);
    }
  }
  if (!isFinished) yield await rules.onFinish(reader.finishAtEnd(rules.alwaysSendsDone), reader.usage);
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
    if (choice === undefined) return;
    const delta: ChatCompletionChunk['choices'][0]['delta'] & ReasoningFields = choice.delta ?? {};
    const reasoning = delta.reasoning_content ?? delta.reasoning;
    if (reasoning) yield { kind: 'reasoning', text: reasoning };
    const text = textOf(delta.content, this.#http);
    if (text !== '') yield { kind: 'text', text };
    if (delta.refusal) {
      this.#refused = true;
      yield { kind: 'text', text: delta.refusal };
    }
    for (const call of toolCallsIn(delta, this.#http)) yield this.#calls.part(call);
    if (choice.finish_reason) this.#finishReason = choice.finish_reason;
  }

  finish(): Finish {
    return {
      kind: 'finish',
      finishReason: finishReason(this.#finishReason, {
        refused: this.#refused,
        calledTools: this.#calls.size > 0,
        http: this.#http,
      }),
      usage: readUsage(this.usage),
      model: this.#model,
    };
  }

  finishAtEnd(isDoneMissing: boolean): Finish {
    if (this.#finishReason !== undefined && !isDoneMissing) return this.finish();
    throw new ProviderError('network', 'the stream ended before the answer was whole');
  }
}

/** A call as far as it has come. */
interface WrittenCall {
  readonly id: string;
  readonly name: string;
  arguments: string;
}

/** Numbers tool calls from 0. Some servers give no index, or the same one to all, and tell calls apart by their ids. */
class ToolCallNumbers {
  readonly #calls: WrittenCall[] = [];
  readonly #numberOfIndex = new Map<number, number>();

  get size(): number {
    return this.#calls.length;
  }

  part(delta: ToolCallDelta): StreamPart {
    const text = typeof delta.function?.arguments === 'string' ? delta.function.arguments : '';
    const name = delta.function?.name ?? '';
    const known = this.#numberOf(delta);
    const call = known === undefined ? undefined : this.#calls[known];
    if (known !== undefined && call !== undefined && (delta.id || !beginsAnother(call, name, text))) {
      call.arguments += text;
      return { kind: 'toolCall', index: known, arguments: text };
    }
    const number = this.#calls.length;
    const id = delta.id || `call_${number}`;
    this.#calls.push({ id, name, arguments: text });
    if (delta.index !== undefined) this.#numberOfIndex.set(delta.index, number);
    return { kind: 'toolCall', index: number, id, name, arguments: text };
  }

  #numberOf({ index, id }: ToolCallDelta): number | undefined {
    if (id) {
      const number = this.#calls.findIndex((call) => call.id === id);
      return number === -1 ? undefined : number;
    }
    const number = index === undefined ? this.#calls.length - 1 : this.#numberOfIndex.get(index);
    return number === -1 ? undefined : number;
  }
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
