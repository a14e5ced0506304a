const OPEN = '<think>';
const CLOSE = '</think>';

type Piece = { kind: 'text' | 'reasoning'; text: string };

/**
 * Tells what a model thinks from what it says. It thinks first, within `<think>` and `</think>`; these come in any
 * pieces, so an end that may be the beginning of a mark is held back.
 */
export class ThinkingText {
  #state: 'start' | 'thinking' | 'answering' = 'start';
  #held = '';

  take(text: string): Piece[] {
    if (this.#state === 'answering') return text === '' ? [] : [{ kind: 'text', text }];
    this.#held += text;
    return this.#state === 'start' ? this.#begin() : this.#think();
  }

  /** What is held back when nothing more comes. */
  end(): Piece[] {
    const text = this.#held;
    this.#held = '';
    if (text === '') return [];
    return [{ kind: this.#state === 'thinking' ? 'reasoning' : 'text', text }];
  }

  #begin(): Piece[] {
    const begun = this.#held.trimStart();
    if (begun.length < OPEN.length && OPEN.startsWith(begun)) return [];
    if (begun.startsWith(OPEN)) {
      this.#held = begun.slice(OPEN.length);
      this.#state = 'thinking';
      return this.#think();
    }
    this.#state = 'answering';
    return this.end();
  }

  #think(): Piece[] {
    const close = this.#held.indexOf(CLOSE);
    if (close >= 0) {
      const said = this.#held.slice(close + CLOSE.length).trimStart();
      const thought = this.#held.slice(0, close);
      this.#held = '';
      this.#state = 'answering';
      return [...piece('reasoning', thought), ...piece('text', said)];
    }
    const kept = heldBack(this.#held);
    const thought = this.#held.slice(0, this.#held.length - kept);
    this.#held = this.#held.slice(thought.length);
    return piece('reasoning', thought);
  }
}

function piece(kind: Piece['kind'], text: string): Piece[] {
  return text === '' ? [] : [{ kind, text }];
}

/** Characters at the end that may be the beginning of the closing mark. */
function heldBack(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
