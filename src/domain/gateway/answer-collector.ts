import type { GenerateEnd, StreamPart, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';

type ToolCallPart = Extract<StreamPart, { kind: 'toolCall' }>;
type ContentPart = Extract<StreamPart, { kind: 'text' | 'reasoning' }> | ToolCallPart;

/** Puts the pieces of a streamed answer together. */
export class AnswerCollector {
  readonly #texts: string[] = [];
  readonly #reasoning: string[] = [];
  readonly #toolCalls = new Map<number, { id: string; name: string; arguments: string }>();
  #end: GenerateEnd | null = null;

  add(part: ContentPart): void {
    if (part.kind === 'toolCall') this.#addToolCall(part);
    else if (part.kind === 'text') this.#texts.push(part.text);
    else this.#reasoning.push(part.text);
  }

  finish(end: GenerateEnd): void {
    this.#end = end;
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
