import type { GeneratedAnswer } from '../../domain/gateway/generation.ts';
import type { TokenUsage, ToolCall } from '../../plugins/contract.ts';
import type { AnswerWriter, ShownPart } from './answer-call.ts';
import type { DoorFailure } from './door-errors.ts';

/** What all chunks of one answer, and the answer itself, are known by. */
export interface CompletionIdentity {
  id: string;
  /** Seconds since 1970. */
  created: number;
}

export function newCompletion(): CompletionIdentity {
  return { id: `chatcmpl-${crypto.randomUUID().replaceAll('-', '')}`, created: Math.floor(Date.now() / 1_000) };
}

/** A whole answer in the shape of OpenAI's `chat.completion`. */
export function chatCompletion({ id, created }: CompletionIdentity, answer: GeneratedAnswer): object {
  const { text, toolCalls, reasoning, finishReason, model, usage } = answer;
  const message = {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning === null ? {} : { reasoning_content: reasoning }),
    ...(toolCalls.length === 0 ? {} : { tool_calls: toolCalls.map(toolCallOf) }),
  };
  const choice = { index: 0, message, logprobs: null, finish_reason: finishReason };
  return { id, object: 'chat.completion', created, model, choices: [choice], usage: completionUsage(usage) };
}

function toolCallOf({ id, name, arguments: args }: ToolCall): object {
  return { id, type: 'function', function: { name, arguments: args } };
}

export function completionUsage(usage: TokenUsage): object {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = usage;
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedInputTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedInputTokens } }),
    ...(reasoningTokens === undefined ? {} : { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}

/** Writes the chunks of a streamed answer, each as one server-sent event. */
export class ChunkWriter implements AnswerWriter {
  readonly #identity: CompletionIdentity;
  readonly #includeUsage: boolean;
  #head = '';
  #tail = '';

  /** @param includeUsage the usage comes in a chunk of its own; all others then say that it is null */
  constructor(identity: CompletionIdentity, includeUsage: boolean) {
    this.#identity = identity;
    this.#includeUsage = includeUsage;
    this.setModel('');
  }

  setModel(model: string): void {
    const { id, created } = this.#identity;
    const fields = JSON.stringify({ id, object: 'chat.completion.chunk', created, model });
    // All but the last brace is the same in each chunk: it is made once.
    this.#head = `data: ${fields.slice(0, -1)},"choices":`;
    this.#tail = `${this.#includeUsage ? ',"usage":null' : ''}}\n\n`;
  }

  /** Who speaks. */
  begin(): string {
    return this.#chunk('{"role":"assistant","content":"","refusal":null}', 'null');
  }

  part(part: ShownPart): string {
    if (part.kind !== 'toolCall') {
      const field = part.kind === 'text' ? 'content' : 'reasoning_content';
      return this.#chunk(`{"${field}":${JSON.stringify(part.text)}}`, 'null');
    }
    const { index, id, name, arguments: args } = part;
    const isFirst = id !== undefined || name !== undefined;
    const call = { index, ...(isFirst ? { id, type: 'function' } : {}), function: { name, arguments: args } };
    return this.#chunk(`{"tool_calls":[${JSON.stringify(call)}]}`, 'null');
  }

  end(answer: GeneratedAnswer): string {
    const finish = this.#chunk('{}', JSON.stringify(answer.finishReason));
    const usage = this.#includeUsage
      ? `${this.#head}[],"usage":${JSON.stringify(completionUsage(answer.usage))}}\n\n`
      : '';
    return `${finish}${usage}data: [DONE]\n\n`;
  }

  failure({ body }: DoorFailure): string {
    return `data: ${JSON.stringify(body)}\n\n`;
  }

  #chunk(delta: string, finishReason: string): string {
    return `${this.#head}[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finishReason}}]${this.#tail}`;
  }
}
