import stem from 'wink-porter2-stemmer';
import { withoutFieldLines } from '../../shared/field-lines.ts';
import { STOP_WORDS } from '../../shared/stop-words.ts';
import { type Span, sentences } from '../documents/chunking.ts';

/** What of a text is read: what a document is about stands in its beginning, and the work grows with the square. */
const READ_CHARACTERS = 40_000;
const READ_SENTENCES = 100;
/** A "sentence" that is longer is a table or a log: it is cut. */
const SENTENCE_WORDS = 80;
/** A text of up to so many characters says itself what it says. */
const SHORT_TEXT_CHARACTERS = 200;
/** Of a summary; one sentence that is longer is cut. */
const SUMMARY_CHARACTERS = 420;
const SENTENCES_MAX = 3;

/** Share of a walk's steps that follow likeness; the others jump to the beginning, where summaries usually are. */
const DAMPING = 0.75;
const WALK_STEPS = 30;
/** How fast the beginning of a text loses its advantage: at this sentence half of it is gone. */
const LEAD_SENTENCES = 6;
/** A sentence with all words of the title counts for so much more. */
const TITLE_WEIGHT = 4;
/** Weight of what is new against what is central, when a further sentence is chosen. */
const NOVELTY = 0.35;
/** A further sentence that is less central than this share of the best one adds nothing. */
const WORTH_ADDING = 0.4;
/** Fewer words make a heading, a greeting or a field rather than a sentence. */
const FEW_WORDS = 5;
const FEW_WORDS_FACTOR = 0.4;

/** What is longer is no English word, and stemming it would take its time. */
const STEMMED_CHARACTERS = 40;

/** Fenced, as in Markdown; without an end it goes on to the end of the text. */
const CODE_BLOCK = /^[ \t]*(```|~~~)[\s\S]*?(?:^[ \t]*\1[`~]*[ \t]*\r?$|(?![\s\S]))/gmu;
const FENCE = /^[ \t]*(?:```|~~~).*$/gmu;
const HEADING = /^ {0,3}#{1,6}[ \t].*$/gmu;
const HTML_COMMENT = /<!--[\s\S]*?(?:-->|(?![\s\S]))/gu;
const HTML_TAG =
  /<\/?(?:a|b|br|code|details|div|em|h[1-6]|hr|i|img|kbd|li|ol|p|pre|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|ul)\b[^<>]{0,500}>/giu;
/** Some words in a row. */
const SENTENCE = /(?:[\p{L}\p{M}\p{N}'’-]{1,40}[ ,;]{1,3}){7}[\p{L}\p{N}]/u;
const WORDS = /[\p{L}\p{N}]{2}/u;
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

interface Sentence {
  /** As it stands, with its line breaks as spaces. */
  readonly text: string;
  /** Stems with their weights; L2 norm 1, or empty. */
  readonly terms: ReadonlyMap<string, number>;
  readonly words: number;
  readonly place: number;
}

/**
 * One to three sentences of a text, word for word and in its order: those that most others are like (LexRank, Erkan and
 * Radev 2004, https://arxiv.org/abs/1109.2128, with a walk that prefers the beginning), those with the title's words
 * first, each different from the others (MMR, Carbonell and Goldstein 1998). A short text is its own summary. Takes
 * milliseconds and asks nobody; works in every language whose sentences end, best in English, whose words are stemmed.
 * @returns null where the text has no words
 */
export function extractiveSummary(title: string | null, text: string): string | null {
  const plain = unwrapped(proseOf(text.slice(0, READ_CHARACTERS)));
  if (plain === '') return null;
  if (plain.length <= SHORT_TEXT_CHARACTERS) return inline(plain);
  const heading = inline(title ?? '').toLowerCase();
  const candidates = readSentences(plain).filter((sentence) => sentence.text.toLowerCase() !== heading);
  if (candidates.length === 0) return clipped(inline(plain));
  const weighted = withWeights(candidates);
  const likeness = likenessOf(weighted);
  const visits = walk(
    likeness,
    weighted.map(({ place }) => 1 / (1 + place / LEAD_SENTENCES)),
  );
  const titleStems = stemsOf(heading);
  const scores = visits.map((score, i) => score * factorOf(weighted[i] as Sentence, titleStems));
  const chosen = choose(weighted, scores, likeness);
  return chosen
    .sort((left, right) => left - right)
    .map((place) => clipped((weighted[place] as Sentence).text))
    .join(' ');
}

/** Cut at a space where there is one. */
function clipped(sentence: string): string {
  if (sentence.length <= SUMMARY_CHARACTERS) return sentence;
  const head = sentence.slice(0, SUMMARY_CHARACTERS - 1).toWellFormed();
  const space = head.lastIndexOf(' ');
  return `${space > SUMMARY_CHARACTERS / 2 ? head.slice(0, space) : head}…`;
}

/**
 * Without what stands between the sentences of issues and mails: code, the output of programs, headings, fields, HTML. Forms put what
 * people write into code blocks, too: where little is left without them, they stay.
 */
function proseOf(text: string): string {
  const unmarked = (marked: string) =>
    [HTML_COMMENT, HEADING, FENCE]
      .reduce((left, part) => left.replace(part, '\n\n'), withoutFieldLines(marked))
      .replace(HTML_TAG, ' ');
  const withoutCode = unmarked(text.replace(CODE_BLOCK, '\n\n'));
  if (SENTENCE.test(withoutCode)) return withoutCode.trim();
  const plain = unmarked(text).trim();
  return WORDS.test(plain) ? plain : text.trim();
}

/** Lines that were broken to fit a page, as in mails, in one: the end of a line would count as the end of a sentence. */
function unwrapped(text: string): string {
  return text.replace(/([^\n]{50}[^\n.!?:])\r?\n(?=[^\s\-*•#>|])(?!\d+[.)]\s)/gu, '$1 ');
}

function readSentences(text: string): { text: string; words: number }[] {
  const read: { text: string; words: number }[] = [];
  for (const span of sentences(text, SENTENCE_WORDS)) {
    const sentence = sentenceAt(text, span);
    if (sentence !== '') read.push({ text: sentence, words: span.words });
    if (read.length === READ_SENTENCES) break;
  }
  return read;
}

/** Without the marks of a list or a heading before it. */
function sentenceAt(text: string, { start, end }: Span): string {
  return inline(text.slice(start, end)).replace(/^(?:[-*•>#]+|\d+[.)])\s+/u, '');
}

function inline(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}

function stemsOf(text: string): string[] {
  const words = text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
  return words
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > STEMMED_CHARACTERS ? word : stem(word)));
}

/** Words that stand in few sentences of the text tell more of those than words that stand in most. */
function withWeights(read: readonly { text: string; words: number }[]): Sentence[] {
  const counted = read.map(({ text }) => {
    const counts = new Map<string, number>();
    for (const term of stemsOf(text)) counts.set(term, (counts.get(term) ?? 0) + 1);
    return counts;
  });
  const sentencesWith = new Map<string, number>();
  for (const counts of counted) {
    for (const term of counts.keys()) sentencesWith.set(term, (sentencesWith.get(term) ?? 0) + 1);
  }
  return read.map(({ text, words }, place) => {
    const terms = new Map<string, number>();
    let squares = 0;
    for (const [term, count] of counted[place] as Map<string, number>) {
      const weight = (1 + Math.log(count)) * Math.log(1 + read.length / (sentencesWith.get(term) ?? 1));
      terms.set(term, weight);
      squares += weight * weight;
    }
    const norm = Math.sqrt(squares);
    for (const [term, weight] of terms) terms.set(term, weight / norm);
    return { text, words, terms, place };
  });
}

/** Cosine of each two; 0 of a sentence with itself, which else would speak for itself alone. */
function likenessOf(weighted: readonly Sentence[]): Float64Array[] {
  const rows = weighted.map(() => new Float64Array(weighted.length));
  for (const [i, { terms }] of weighted.entries()) {
    for (let j = 0; j < i; j++) {
      let cosine = 0;
      for (const [term, weight] of (weighted[j] as Sentence).terms) cosine += weight * (terms.get(term) ?? 0);
      (rows[i] as Float64Array)[j] = cosine;
      (rows[j] as Float64Array)[i] = cosine;
    }
  }
  return rows;
}

function factorOf({ words, terms, text }: Sentence, titleStems: readonly string[]): number {
  const shared = titleStems.filter((term) => terms.has(term)).length;
  const titleShare = titleStems.length === 0 ? 0 : shared / titleStems.length;
  const isLabel = words < FEW_WORDS || terms.size < 2 || text.endsWith(':');
  return (1 + TITLE_WEIGHT * titleShare) * (isLabel ? FEW_WORDS_FACTOR : 1);
}

/** Where a walk from sentence to likely sentence spends its time. */
function walk(likeness: readonly Float64Array[], prior: readonly number[]): number[] {
  const total = prior.reduce((sum, weight) => sum + weight, 0);
  const jump = prior.map((weight) => weight / total);
  const outgoing = likeness.map((row) => row.reduce((sum, weight) => sum + weight, 0));
  let visits = [...jump];
  for (let step = 0; step < WALK_STEPS; step++) {
    // A sentence that is like no other is left by a jump.
    const stranded = visits.reduce((sum, visit, i) => sum + (outgoing[i] === 0 ? visit : 0), 0);
    const next = jump.map((weight) => weight * (1 - DAMPING + DAMPING * stranded));
    for (const [from, row] of likeness.entries()) {
      const share = (visits[from] as number) / (outgoing[from] || Number.POSITIVE_INFINITY);
      for (const [to, weight] of row.entries()) next[to] = (next[to] as number) + DAMPING * share * weight;
    }
    visits = next;
  }
  return visits;
}

function choose(weighted: readonly Sentence[], scores: readonly number[], likeness: readonly Float64Array[]): number[] {
  const best = Math.max(...scores);
  const wanted = weighted.length <= 3 ? 1 : weighted.length <= 8 ? 2 : SENTENCES_MAX;
  const chosen: number[] = [];
  let characters = 0;
  while (chosen.length < wanted) {
    let next = -1;
    let nextWorth = Number.NEGATIVE_INFINITY;
    for (const [place, score] of scores.entries()) {
      const { length } = (weighted[place] as Sentence).text;
      const fits = chosen.length === 0 || characters + length <= SUMMARY_CHARACTERS;
      if (chosen.includes(place) || !fits || (chosen.length > 0 && score < WORTH_ADDING * best)) continue;
      const nearest = Math.max(0, ...chosen.map((other) => (likeness[other] as Float64Array)[place] as number));
      const worth = (1 - NOVELTY) * (score / best) - NOVELTY * nearest;
      if (worth > nextWorth) [next, nextWorth] = [place, worth];
    }
    if (next === -1) break;
    chosen.push(next);
    characters += (weighted[next] as Sentence).text.length;
  }
  return chosen;
}
