/** What may stand in a marker: `[1]`, `[2, 3]`. A longer one is none. */
const MARKER_MAX_CHARACTERS = 40;
const FENCE_TICKS = 3;

/**
 * Goes over an answer as it is written and numbers its citation markers anew: `[3]` becomes the number that `ordinalOf`
 * gives for 3, and goes, with the space before it, where it gives none. Code is left alone, and so is everything else in
 * brackets. It works sign by sign, so that the pieces an answer comes in make no difference; held back is what may still
 * become a marker, 42 characters at the most.
 */
export class CitationMarkers {
  readonly #ordinalOf: (passage: number) => number | null;
  /** The beginning of what may be a marker, with a space before it; a lone space may stand before one. */
  #held = '';
  #ticks = 0;
  #isFenced = false;
  #isInline = false;
  #hasText = false;

  /** @param ordinalOf number of the citation that a passage has in the answer; null: there is no such passage */
  constructor(ordinalOf: (passage: number) => number | null) {
    this.#ordinalOf = ordinalOf;
  }

  /** The next piece of the answer. Returns what can be shown by now. */
  push(piece: string): string {
    let shown = '';
    for (const sign of piece) shown += this.#next(sign);
    return shown;
  }

  /** The answer is over: what was held back. */
  flush(): string {
    const held = this.#held;
    this.#held = '';
    return held.startsWith(' [') || held.startsWith('[') ? this.#shown(held) : held.trimEnd();
  }

  #next(sign: string): string {
    if (sign !== '`') this.#settleTicks(sign);
    if (this.#held === '') {
      if (this.#isCode || (sign !== ' ' && sign !== '[')) return this.#shown(sign);
      this.#held = sign;
      return '';
    }
    if (this.#held === ' ' && sign === '[') {
      this.#held = ' [';
      return '';
    }
    if (this.#held !== ' ' && sign === ']') return this.#endMarker();
    if (this.#held !== ' ' && /[\d, ]/.test(sign) && this.#held.length < MARKER_MAX_CHARACTERS) {
      this.#held += sign;
      return '';
    }
    const held = this.#held;
    this.#held = '';
    return this.#shown(held) + this.#next(sign);
  }

  #endMarker(): string {
    const held = this.#held;
    this.#held = '';
    const inner = held.slice(held.indexOf('[') + 1);
    if (!/^\d{1,3}(?:, *\d{1,3})*$/.test(inner)) return this.#shown(`${held}]`);
    const ordinals = inner.split(',').map((number) => this.#ordinalOf(Number(number)));
    const known = [...new Set(ordinals.filter((ordinal) => ordinal !== null))];
    if (known.length === 0) return '';
    return this.#shown(`${held.startsWith(' ') ? ' ' : ''}${known.map((ordinal) => `[${ordinal}]`).join('')}`);
  }

  /** A marker that is dropped at the very beginning leaves no space there. */
  #shown(text: string): string {
    const shown = this.#hasText ? text : text.trimStart();
    this.#hasText ||= shown !== '';
    for (const sign of shown) if (sign === '`') this.#ticks += 1;
    return shown;
  }

  get #isCode(): boolean {
    return this.#isFenced || this.#isInline || this.#ticks > 0;
  }

  /** Inline code ends with its line at the latest: a lone backtick is an apostrophe to many. */
  #settleTicks(sign: string): void {
    if (this.#ticks >= FENCE_TICKS) this.#isFenced = !this.#isFenced;
    else if (this.#ticks > 0 && !this.#isFenced) this.#isInline = !this.#isInline;
    this.#ticks = 0;
    if (sign === '\n') this.#isInline = false;
  }
}
