import type {
  ContentBlock,
  Message,
  MessageDeltaUsage,
  RawContentBlockDeltaEvent,
  RawContentBlockStartEvent,
  RawMessageStreamEvent,
  StopReason,
} from '@anthropic-ai/sdk/resources/messages';
import type { StreamPart } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { finishReasonOf, usageOf } from './answer.ts';

/** A tool call that is being written. */
interface OpenCall {
  /** Among the calls of the answer, from 0. */
  index: number;
  /** Whether any of its arguments were sent. */
  written: boolean;
}

/** Reads the events of one streamed message, in their order. */
export class MessageStream {
  #message: Message | undefined;
  #stopReason: StopReason | null = null;
  #lastUsage: MessageDeltaUsage | undefined;
  #calls = 0;
  readonly #openCalls = new Map<number, OpenCall>();
  /** Thinking and calls as far as they are known, by the vendor's index. */
  readonly #blocks = new Map<number, ContentBlock>();

  /** Thinking and calls, for the next turn. */
  get blocks(): ContentBlock[] {
    return [...this.#blocks.values()];
  }

  /** What an event adds to the answer; the last one is `finish`. Unknown events may come any time and say nothing. */
  *read(event: RawMessageStreamEvent): Iterable<StreamPart> {
    switch (event.type) {
      case 'message_start':
        this.#message = event.message;
        // What it says of the output is its beginning.
        yield { kind: 'usage', usage: usageOf({ ...event.message.usage, output_tokens: 0 }) };
        break;
      case 'content_block_start':
        yield* this.#start(event);
        break;
      case 'content_block_delta':
        yield* this.#delta(event);
        break;
      case 'content_block_stop':
        yield* this.#stop(event.index);
        break;
      case 'message_delta':
        this.#stopReason = event.delta.stop_reason ?? this.#stopReason;
        this.#lastUsage = event.usage ?? this.#lastUsage;
        break;
      case 'message_stop':
        yield this.#finish();
    }
  }

  *#start({ index, content_block: block }: RawContentBlockStartEvent): Iterable<StreamPart> {
    if (block.type === 'text' && block.text !== '') yield { kind: 'text', text: block.text };
    if (block.type === 'thinking' && block.thinking !== '') yield { kind: 'reasoning', text: block.thinking };
    if (block.type === 'thinking' || block.type === 'redacted_thinking') this.#blocks.set(index, { ...block });
    if (block.type !== 'tool_use') return;
    this.#blocks.set(index, block);
    const call = { index: this.#calls++, written: hasFields(block.input) };
    this.#openCalls.set(index, call);
    const written = call.written ? JSON.stringify(block.input) : '';
    yield { kind: 'toolCall', index: call.index, id: block.id, name: block.name, arguments: written };
  }

  *#delta({ index, delta }: RawContentBlockDeltaEvent): Iterable<StreamPart> {
    const block = this.#blocks.get(index);
    switch (delta.type) {
      case 'text_delta':
        if (delta.text !== '') yield { kind: 'text', text: delta.text };
        break;
      case 'thinking_delta':
        if (block?.type === 'thinking') block.thinking += delta.thinking;
        if (delta.thinking !== '') yield { kind: 'reasoning', text: delta.thinking };
        break;
      case 'signature_delta':
        if (block?.type === 'thinking') block.signature = delta.signature;
        break;
      case 'input_json_delta': {
        const call = this.#openCalls.get(index);
        // The vendor's own tools are called by blocks of another type: no calls of ours.
        if (call === undefined || delta.partial_json === '') break;
        call.written = true;
        yield { kind: 'toolCall', index: call.index, arguments: delta.partial_json };
      }
    }
  }

  /** A call without arguments is written as nothing; its arguments are still an object. */
  *#stop(index: number): Iterable<StreamPart> {
    const call = this.#openCalls.get(index);
    this.#openCalls.delete(index);
    if (call?.written === false) yield { kind: 'toolCall', index: call.index, arguments: '{}' };
  }

  #finish(): StreamPart {
    const message = this.#message;
    if (message === undefined) throw new ProviderError('malformed', 'the stream stopped a message that it never began');
    const finishReason = finishReasonOf(this.#stopReason);
    // What the first event says of the output is its beginning; a proxy may leave out the rest.
    const usage = usageOf({ ...message.usage, output_tokens: 0 }, this.#lastUsage);
    return { kind: 'finish', finishReason, usage, model: message.model };
  }
}

function hasFields(input: unknown): boolean {
  return typeof input === 'object' && input !== null && Object.keys(input).length > 0;
}
