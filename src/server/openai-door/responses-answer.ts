import type { GeneratedAnswer } from '../../domain/gateway/generation.ts';
import type { TokenUsage } from '../../plugins/contract.ts';
import type { AnswerWriter, ShownPart } from './answer-call.ts';
import type { DoorFailure } from './door-errors.ts';

/** What one response, and its events, are known by. */
export interface ResponseIdentity {
  id: string;
  /** Of the message in it. */
  messageId: string;
  /** Seconds since 1970. */
  createdAt: number;
}

type CallPart = Extract<ShownPart, { kind: 'toolCall' }>;

export function newResponse(): ResponseIdentity {
  return { id: newId('resp'), messageId: newId('msg'), createdAt: Math.floor(Date.now() / 1_000) };
}

/** A whole answer in the shape of OpenAI's `response`. What the model thought is left out. */
export function responseOf(identity: ResponseIdentity, answer: GeneratedAnswer): object {
  const calls = answer.toolCalls.map((call) => callItem(newId('fc'), { ...call, callId: call.id }));
  const output = [...(answer.text === '' ? [] : [messageItem(identity.messageId, answer.text)]), ...calls];
  return finished(identity, answer, output);
}

function finished(identity: ResponseIdentity, answer: GeneratedAnswer, output: readonly object[]): object {
  const { finishReason, model, usage } = answer;
  const reason = finishReason === 'length' ? 'max_output_tokens' : 'content_filter';
  return {
    ...begun(identity, model),
    status: isCut(answer) ? 'incomplete' : 'completed',
    incomplete_details: isCut(answer) ? { reason } : null,
    output,
    usage: responseUsage(usage),
  };
}

function isCut({ finishReason }: GeneratedAnswer): boolean {
  return finishReason === 'length' || finishReason === 'content_filter';
}

function begun({ id, createdAt }: ResponseIdentity, model: string): object {
  return {
    ...{ id, object: 'response', created_at: createdAt, status: 'in_progress', model, output: [] },
    ...{ error: null, incomplete_details: null, instructions: null, metadata: {}, usage: null },
    ...{ parallel_tool_calls: true, tool_choice: 'auto', tools: [], temperature: null, top_p: null },
  };
}

function responseUsage({ inputTokens, outputTokens, cachedInputTokens, reasoningTokens }: TokenUsage): object {
  return {
    input_tokens: inputTokens,
    input_tokens_details: { cached_tokens: cachedInputTokens ?? 0 },
    output_tokens: outputTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens ?? 0 },
    total_tokens: inputTokens + outputTokens,
  };
}

function textPart(text: string): object {
  return { type: 'output_text', text, annotations: [] };
}

function messageItem(id: string, text: string | null): object {
  const content = text === null ? [] : [textPart(text)];
  return { type: 'message', id, status: text === null ? 'in_progress' : 'completed', role: 'assistant', content };
}

/** A call in a stream: `place` is that of its item in the output. */
type OpenCall = Call & { id: string; place: number };

interface Call {
  callId: string;
  name: string;
  arguments: string;
}

function callItem(id: string, { callId, name, arguments: args }: Call, status = 'completed'): object {
  return { type: 'function_call', id, call_id: callId, name, arguments: args, status };
}

function newId(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().replaceAll('-', '')}`;
}

/** Writes a streamed response: its items open when their first piece comes, and close at the end. */
export class ResponseWriter implements AnswerWriter {
  readonly #identity: ResponseIdentity;
  #model = '';
  #sequence = 0;
  #items = 0;
  #message: { place: number; text: string } | null = null;
  readonly #calls = new Map<number, OpenCall>();

  constructor(identity: ResponseIdentity) {
    this.#identity = identity;
  }

  setModel(model: string): void {
    this.#model = model;
  }

  begin(): string {
    const response = begun(this.#identity, this.#model);
    return this.#event('response.created', { response }) + this.#event('response.in_progress', { response });
  }

  part(part: ShownPart): string {
    if (part.kind === 'toolCall') return this.#call(part);
    return part.kind === 'text' ? this.#text(part.text) : '';
  }

  end(answer: GeneratedAnswer): string {
    const open = [...(this.#message === null ? [] : [this.#message]), ...this.#calls.values()];
    const output: object[] = [];
    let events = '';
    for (const item of open.sort((left, right) => left.place - right.place)) {
      events += 'text' in item ? this.#closeMessage(item, output) : this.#closeCall(item, output);
    }
    const response = finished(this.#identity, answer, output);
    return events + this.#event(isCut(answer) ? 'response.incomplete' : 'response.completed', { response });
  }

  failure({ body: { error } }: DoorFailure): string {
    return this.#event('error', error);
  }

  #text(delta: string): string {
    let opening = '';
    const item_id = this.#identity.messageId;
    if (this.#message === null) {
      this.#message = { place: this.#items++, text: '' };
      const at = { output_index: this.#message.place };
      opening = this.#event('response.output_item.added', { ...at, item: messageItem(item_id, null) });
      opening += this.#event('response.content_part.added', { item_id, ...at, content_index: 0, part: textPart('') });
    }
    this.#message.text += delta;
    const at = { item_id, output_index: this.#message.place, content_index: 0 };
    return opening + this.#event('response.output_text.delta', { ...at, delta, logprobs: [] });
  }

  #call({ index, id, name, arguments: delta }: CallPart): string {
    let opening = '';
    let call = this.#calls.get(index);
    if (call === undefined) {
      call = { id: newId('fc'), callId: id ?? '', name: name ?? '', arguments: '', place: this.#items++ };
      this.#calls.set(index, call);
      const item = callItem(call.id, call, 'in_progress');
      opening = this.#event('response.output_item.added', { output_index: call.place, item });
    }
    if (delta === '') return opening;
    call.arguments += delta;
    const at = { item_id: call.id, output_index: call.place };
    return opening + this.#event('response.function_call_arguments.delta', { ...at, delta });
  }

  #closeMessage({ place, text }: { place: number; text: string }, output: object[]): string {
    const item_id = this.#identity.messageId;
    const item = messageItem(item_id, text);
    const at = { item_id, output_index: place, content_index: 0 };
    output.push(item);
    return (
      this.#event('response.output_text.done', { ...at, text, logprobs: [] }) +
      this.#event('response.content_part.done', { ...at, part: textPart(text) }) +
      this.#event('response.output_item.done', { output_index: place, item })
    );
  }

  #closeCall(call: OpenCall, output: object[]): string {
    const { id, place, name, arguments: args } = call;
    const item = callItem(id, call);
    output.push(item);
    return (
      this.#event('response.function_call_arguments.done', {
        item_id: id,
        output_index: place,
        name,
        arguments: args,
      }) + this.#event('response.output_item.done', { output_index: place, item })
    );
  }

  #event(type: string, fields: object): string {
    const data = JSON.stringify({ ...fields, type, sequence_number: this.#sequence++ });
    return `event: ${type}\ndata: ${data}\n\n`;
  }
}
