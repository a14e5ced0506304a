import type { GenerationPart } from '../../domain/gateway/generation.ts';
import { DomainError } from '../../shared/errors.ts';
import { ResumedText } from './resumed-text.ts';

type TextPart = Extract<GenerationPart, { kind: 'text' | 'reasoning' }>;
type ToolCallPart = Extract<GenerationPart, { kind: 'toolCall' }>;

/** A new beginning is not the answer that the client has half of. */
export class GenerationRestartedError extends DomainError {
  override readonly name = 'GenerationRestartedError';
  readonly code = 'PROVIDER_FAILED';

  constructor() {
    super('the model stopped amid its answer, and the next one answers otherwise: forget what came and ask again');
  }
}

interface SentCall {
  name: string | undefined;
  /** Whether the present answer has it: without arguments that does not show in them. */
  repeated: boolean;
  arguments: ResumedText;
}

/**
 * The parts of an answer that a client does not have yet, while providers begin it again. Reasoning is no part of the
 * answer: it is passed on as it comes.
 */
export class ResumedAnswer {
  readonly #text = new ResumedText();
  readonly #calls = new Map<number, SentCall>();

  /**
   * @returns what to send of a part; null where the client has all of it
   * @throws GenerationRestartedError where it is not what the client has
   */
  take(part: TextPart | ToolCallPart): TextPart | ToolCallPart | null {
    if (part.kind === 'toolCall') return this.#takeCall(part);
    if (part.kind === 'reasoning') return part;
    const text = fresh(this.#text, part.text);
    return text === '' ? null : { kind: 'text', text };
  }

  /** Another provider begins from the start. */
  restart(): void {
    this.#text.restart();
    for (const call of this.#calls.values()) {
      call.repeated = false;
      call.arguments.restart();
    }
  }

  /** @throws GenerationRestartedError where the client has more than the whole answer */
  complete(): void {
    const calls = [...this.#calls.values()];
    const isWhole = this.#text.caughtUp && calls.every((call) => call.repeated && call.arguments.caughtUp);
    if (!isWhole) throw new GenerationRestartedError();
  }

  /** An id is the vendor's own and means nothing: a repeated call keeps the one that the client has. */
  #takeCall(part: ToolCallPart): ToolCallPart | null {
    const known = this.#calls.get(part.index);
    if (known === undefined) {
      const call: SentCall = { name: part.name, repeated: true, arguments: new ResumedText() };
      this.#calls.set(part.index, call);
      return { ...part, arguments: fresh(call.arguments, part.arguments) };
    }
    const isOther = known.repeated ? part.name !== undefined && part.name !== known.name : part.name !== known.name;
    if (isOther) throw new GenerationRestartedError();
    known.repeated = true;
    const args = fresh(known.arguments, part.arguments);
    return args === '' ? null : { kind: 'toolCall', index: part.index, arguments: args };
  }
}

function fresh(text: ResumedText, piece: string): string {
  const unsent = text.take(piece);
  if (unsent === null) throw new GenerationRestartedError();
  return unsent;
}
