import stem from 'wink-porter2-stemmer';
import { STOP_WORDS } from './stop-words.ts';

/** A word as it stands in a text. */
interface Word {
  /** As it is written. */
  surface: string;
  /** What its forms have in common. */
  key: string;
  isStop: boolean;
}

/** A word or a phrase that a text holds. */
export interface Phrase {
  /** The keys of its words; the same for all its forms. */
  key: string;
  surface: string;
  /** Words that are no stop words. */
  wordCount: number;
}

/** Content words of a phrase. */
const MAX_WORDS = 3;
const WORD_MAX_CHARACTERS = 40;

const NOISE =
  /```[\s\S]*?(?:```|$)|<!--[\s\S]*?(?:-->|$)|`[^`\n]*`|<[^>\n]{1,200}>|\bhttps?:\/\/\S+|\bwww\.\S+|\S{1,254}@\S+\.\S+|&[a-z]+;/giu;
const WORD =
  /\p{N}*\p{L}(?:[\p{L}\p{M}\p{N}]|['’_](?=[\p{L}\p{N}])|\.(?=(?:js|ts|net|io|ai|py|com)\b)|[+#](?![\p{L}\p{N}]))*/gu;
/** What may stand between two words of one phrase. */
const JOINT = /^[ \t\u00a0]*[-–/]?[ \t\u00a0]*$/u;
/** Stop words that may stand inside of a phrase. */
const LINKS: ReadonlySet<string> = new Set('of to in for with on de du des di da do del von für zu av'.split(' '));
/** Scripts that put no spaces between words. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'word' });

/** A text without code, markup and addresses. */
export function withoutNoise(text: string): string {
  return text.replace(NOISE, ' \n ');
}

/** The words of a text in runs that no phrase reaches out of: not over a full stop, a line's end or a comma. */
export function wordRuns(text: string): Word[][] {
  const runs: Word[][] = [];
  let end = -1;
  for (const { word, at } of wordsIn(text)) {
    if (end < 0 || !JOINT.test(text.slice(end, at))) runs.push([]);
    end = at + word.length;
    const lower = word.toLowerCase().replaceAll('’', "'");
    const isStop = STOP_WORDS.has(lower) || lower.length > WORD_MAX_CHARACTERS || isShort(word);
    runs.at(-1)?.push({ surface: word, key: isStop ? lower : stem(lower), isStop });
  }
  return runs;
}

function* wordsIn(text: string): Generator<{ word: string; at: number }> {
  if (!UNSPACED.test(text)) {
    for (const match of text.matchAll(WORD)) yield { word: match[0], at: match.index };
    return;
  }
  for (const { segment, index, isWordLike } of SEGMENTER.segment(text)) {
    if (isWordLike === true && /\p{L}/u.test(segment)) yield { word: segment, at: index };
  }
}

/** One letter says nothing, where a letter is not a word. */
function isShort(word: string): boolean {
  return word.length < 2 && !UNSPACED.test(word);
}

/**
 * The words of a run and its phrases of up to three, which begin and end with a word that says something; one link
 * may stand between two ("terms of service").
 * @param isKnown whether a word is worth being part of a phrase
 */
export function* phrasesOf(run: readonly Word[], isKnown: (key: string) => boolean): Generator<Phrase> {
  for (let start = 0; start < run.length; start++) {
    const first = run[start] as Word;
    if (first.isStop || !isKnown(first.key)) continue;
    const words: Word[] = [];
    let wordCount = 0;
    for (let at = start; at < run.length; at++) {
      const word = run[at] as Word;
      if (word.isStop ? words.at(-1)?.isStop || !LINKS.has(word.key) : !isKnown(word.key)) break;
      words.push(word);
      if (word.isStop) continue;
      wordCount += 1;
      const surface = words.map((part) => part.surface).join(' ');
      yield { key: words.map((part) => part.key).join(' '), surface, wordCount };
      if (wordCount === MAX_WORDS) break;
    }
  }
}
