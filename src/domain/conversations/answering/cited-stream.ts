import type { AnswerCitation } from '../answer.ts';
import { CitationMarkers } from './citation-markers.ts';
import type { Passage } from './passage.ts';
import { supportingSentence } from './supporting-sentence.ts';

/** Of the text before a marker what is looked at: its statement. */
const STATEMENT_CHARACTERS = 600;

/**
 * An answer as it is written, with its citations: markers are numbered in the order in which passages are cited, those of
 * passages that do not exist are left out, and each cited passage is quoted by the sentence that says most of what stands
 * before its first marker.
 */
export class CitedStream {
  readonly #passages: readonly Passage[];
  readonly #markers: CitationMarkers;
  readonly #citations: AnswerCitation[] = [];
  readonly #ordinals = new Map<number, number>();
  #text = '';
  /** What came in last: the statement that a marker ends. */
  #written = '';

  constructor(passages: readonly Passage[]) {
    this.#passages = passages;
    this.#markers = new CitationMarkers((passage) => this.#ordinalOf(passage));
  }

  get text(): string {
    return this.#text;
  }

  get citations(): AnswerCitation[] {
    return this.#citations;
  }

  /** The next piece of the answer; returns what can be shown by now. */
  push(piece: string): string {
    if (this.#passages.length === 0) {
      this.#text += piece;
      return piece;
    }
    let shown = '';
    // Sign by sign, so that a marker's statement ends where it stands.
    for (const sign of piece) {
      this.#written = (this.#written + sign).slice(-STATEMENT_CHARACTERS);
      shown += this.#markers.push(sign);
    }
    this.#text += shown;
    return shown;
  }

  /** The answer is over: what was held back. */
  flush(): string {
    const shown = this.#markers.flush();
    this.#text += shown;
    return shown;
  }

  #ordinalOf(number: number): number | null {
    const passage = this.#passages[number - 1];
    if (passage === undefined) return null;
    const known = this.#ordinals.get(number);
    if (known !== undefined) return known;
    const quote = supportingSentence(passage.text, lastStatement(this.#written));
    const { documentId, similarity } = passage;
    const ordinal = this.#citations.push({ documentId, quote, similarity: similarity ?? 0 });
    this.#ordinals.set(number, ordinal);
    return ordinal;
  }
}

/** The sentence that a marker ends; markers of the same place are no part of it. */
function lastStatement(written: string): string {
  const plain = written.replace(/ ?\[[\d, ]*\]?/g, '').trimEnd();
  const end = plain.slice(0, -1);
  const begin = Math.max(end.lastIndexOf('. '), end.lastIndexOf('\n'), end.lastIndexOf('! '), end.lastIndexOf('? '));
  return plain.slice(begin + 1);
}
