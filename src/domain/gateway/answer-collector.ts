import type { GenerateEnd, StreamPart, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';

type ToolCallPart = Extract<StreamPart, { kind: 'toolCall' }>;
type ContentPart = Extract<StreamPart, { kind: 'text' | 'reasoning' }> | ToolCallPart;

/** What a vendor has told of its tokens before the end of an answer. */
export interface ToldSoFar {
  readonly usage: TokenUsage;
  /** What has been written since it told the tokens of what was written. */
  readonly since: readonly string[];
}

/** Puts the pieces of a streamed answer together. */
export class AnswerCollector {
  readonly #texts: string[] = [];
  readonly #reasoning: string[] = [];
  readonly #toolCalls = new Map<number, { id: string; name: string; arguments: string }>();
  #end: GenerateEnd | null = null;
  #told: TokenUsage | null = null;
  /** Null: nobody has told the tokens of what was written. */
  #since: string[] | null = null;

  add(part: ContentPart): void {
    this.#since?.push(part.kind === 'toolCall' ? (part.name ?? '') + part.arguments : part.text);
    if (part.kind === 'toolCall') this.#addToolCall(part);
    else if (part.kind === 'text') this.#texts.push(part.text);
    else this.#reasoning.push(part.text);
  }

  /** The vendor tells what it has taken up to here. */
  tell(usage: TokenUsage): void {
    const { inputTokens, outputTokens } = usage;
    // Zeros are nobody's count, and a count that does not grow is not of what has come since.
    if (inputTokens + outputTokens === 0) return;
    if (outputTokens > (this.#told?.outputTokens ?? 0)) this.#since = [];
    this.#told = usage;
  }

  finish(end: GenerateEnd): void {
    this.#end = end;
  }

  /** Null: the vendor has told nothing before the end. */
  get told(): ToldSoFar | null {
    if (this.#told === null) return null;
    return { usage: this.#told, since: this.#since === null ? this.written : [this.#since.join('')] };
  }

  /** Whether anything of the answer has come. */
  get hasBegun(): boolean {
    return this.#texts.length > 0 || this.#reasoning.length > 0 || this.#toolCalls.size > 0;
  }

  /** What has come so far, in words. */
  get written(): string[] {
    const calls = [...this.#toolCalls.values()].flatMap(({ name, arguments: given }) => [name, given]);
    return [this.#texts.join(''), this.#reasoning.join(''), ...calls];
  }

  /** @throws ProviderError where the answer is not whole */
  get whole(): { text: string; reasoning: string | null; toolCalls: ToolCall[]; end: GenerateEnd } {
    if (this.#end === null) throw new ProviderError('network', 'the answer was cut: its end never came');
    return {
      text: this.#texts.join(''),
      reasoning: this.#reasoning.length === 0 ? null : this.#reasoning.join(''),
      toolCalls: [...this.#toolCalls.entries()].sort(([a], [b]) => a - b).map(([, call]) => call),
      end: this.#end,
    };
  }

  #addToolCall(part: ToolCallPart): void {
    const known = this.#toolCalls.get(part.index) ?? { id: '', name: '', arguments: '' };
    known.id ||= part.id ?? '';
    known.name ||= part.name ?? '';
    known.arguments += part.arguments;
    this.#toolCalls.set(part.index, known);
  }
}
