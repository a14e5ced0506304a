import type { VocabularyPiece } from './weights.ts';

/** Ids below this one are control symbols and stand for no text. */
const FIRST_PIECE = 6;
const UNKNOWN_ID = 0;
/** Log probability of a character that no piece covers: well below that of every piece. */
const UNKNOWN_SCORE = -20;
const WORD_MARK = '\u2581';

interface TrieNode {
  readonly next: Map<number, TrieNode>;
  id: number;
  score: number;
}

function newNode(): TrieNode {
  return { next: new Map(), id: -1, score: 0 };
}

function codePoints(text: string): number[] {
  return Array.from(text, (character) => character.codePointAt(0) ?? 0);
}

/**
 * SentencePiece's unigram model (Kudo 2018, https://arxiv.org/abs/1804.10959): of all the ways to cut a text into
 * pieces, the one with the highest sum of log probabilities, found with Viterbi's algorithm.
 */
export class UnigramTokenizer {
  readonly #root = newNode();
  readonly #maxTokens: number;

  constructor(vocabulary: readonly VocabularyPiece[], maxTokens: number) {
    this.#maxTokens = maxTokens;
    for (const [id, [piece, score]] of vocabulary.entries()) {
      if (id >= FIRST_PIECE) this.#insert(piece, id, score);
    }
  }

  /** Token ids, never none: what holds no known piece is one unknown token. Takes any string, also broken UTF-16. */
  encode(text: string): number[] {
    const normalized = text.normalize('NFKC').trim().replace(/\s+/g, ' ');
    if (normalized === '') return [UNKNOWN_ID];
    const ids = this.#bestPath(codePoints(WORD_MARK + normalized.replaceAll(' ', WORD_MARK)));
    return ids.length > this.#maxTokens ? ids.slice(0, this.#maxTokens) : ids;
  }

  #insert(piece: string, id: number, score: number): void {
    let node = this.#root;
    for (const point of codePoints(piece)) {
      let child = node.next.get(point);
      if (!child) {
        child = newNode();
        node.next.set(point, child);
      }
      node = child;
    }
    if (node.id < 0) {
      node.id = id;
      node.score = score;
    }
  }

  #bestPath(points: readonly number[]): number[] {
    const length = points.length;
    const score = new Float64Array(length + 1).fill(Number.NEGATIVE_INFINITY);
    const start = new Int32Array(length + 1);
    const token = new Int32Array(length + 1);
    const offer = (from: number, to: number, id: number, total: number): void => {
      if (total < (score[to] ?? 0)) return;
      score[to] = total;
      start[to] = from;
      token[to] = id;
    };
    score[0] = 0;
    for (let from = 0; from < length; from++) {
      const before = score[from] ?? 0;
      let node = this.#root.next.get(points[from] ?? 0);
      if (!node || node.id < 0) offer(from, from + 1, UNKNOWN_ID, before + UNKNOWN_SCORE);
      for (let to = from + 1; node; to++) {
        if (node.id >= 0) offer(from, to, node.id, before + node.score);
        node = to < length ? node.next.get(points[to] ?? 0) : undefined;
      }
    }
    const ids: number[] = [];
    for (let end = length; end > 0; end = start[end] ?? 0) {
      const id = token[end] ?? UNKNOWN_ID;
      // A run of unknown characters is one token, as in the model's training.
      if (id !== UNKNOWN_ID || ids.at(-1) !== UNKNOWN_ID) ids.push(id);
    }
    return ids.reverse();
  }
}
