import { tellingStems } from '../../conversations/answering/question.ts';
import { isField } from '../../conversations/answering/sentence-ranking.ts';
import { sentences } from '../../documents/chunking.ts';
import { inline } from './citation.ts';

/** A sentence of a document. */
export interface DocumentSentence {
  /** As it stands in the document's text. */
  quote: string;
  /** The same in one line, without the mark of a list before it. */
  text: string;
}

/** Of a longer document the rest is not read. */
const READ_CHARACTERS = 40_000;
const READ_SENTENCES = 200;
/** Words of a "sentence"; a longer one is a table or a log, and is cut. */
const SENTENCE_WORDS = 70;
/** A line at least so long that ends without a stop was broken to fit a page. */
const FULL_LINE_CHARACTERS = 50;
/** Fewer words that tell something make a greeting or a heading. */
const FEW_STEMS = 3;
/** Share of letters and spaces; below it a line is code, a table or a log. */
const LEAST_LETTERS = 0.75;
/** Stems of which more make a sentence no more telling. */
const MANY_STEMS = 14;
const SAME_SHARE = 0.6;
/** A line with the path of a source file lists files. */
const PATH = /\S\/\S+\.[a-z]{1,5}\b.*[+(]|^Files: /u;
/** The mark of a list, or what a form calls what follows. */
const BEGINNING = /^(?:(?:[-*•>#]+|\d+[.)])\s+|(?:Review )?[Cc]omments:\s+)/u;

/** The sentences of a document that say something: no fields, no headings, no code, not its title again. */
export function documentSentences({ title, text }: { title: string | null; text: string }): DocumentSentence[] {
  const read = text.slice(0, READ_CHARACTERS);
  const heading = inline(title ?? '').toLowerCase();
  const found: DocumentSentence[] = [];
  for (const { start, end } of unwrapped(read)) {
    const quote = read.slice(start, end);
    const line = inline(quote).replace(BEGINNING, '');
    if (line.toLowerCase() !== heading && isTelling(line)) found.push({ quote, text: line });
    if (found.length === READ_SENTENCES) break;
  }
  return found;
}

/** The best of a document's sentences to stand for it, in their order: telling ones, early ones, with words of its title. */
export function bestSentences(
  document: { title: string | null; text: string },
  count: number,
  isWanted: (sentence: string) => boolean = () => false,
): DocumentSentence[] {
  const all = documentSentences(document);
  if (all.length <= count) return all;
  const heading = new Set(tellingStems(document.title ?? ''));
  return all
    .map((sentence, place) => ({ sentence, place, worth: worthOf(sentence.text, place, heading, isWanted) }))
    .sort((left, right) => right.worth - left.worth || left.place - right.place)
    .slice(0, count)
    .sort((left, right) => left.place - right.place)
    .map(({ sentence }) => sentence);
}

/** Whether two texts say much the same, by the words they share. */
export function isAlike(left: string, right: string): boolean {
  const [one, other] = [new Set(tellingStems(left)), new Set(tellingStems(right))];
  const shared = [...one].filter((term) => other.has(term)).length;
  return shared > 0 && shared / Math.min(one.size, other.size) >= SAME_SHARE;
}

/** Whether a sentence asks. */
export function isQuestion(text: string): boolean {
  return /\?["'”’)]*\s*$/u.test(text);
}

function worthOf(
  text: string,
  place: number,
  heading: ReadonlySet<string>,
  isWanted: (text: string) => boolean,
): number {
  const stems = new Set(tellingStems(text));
  const shared = [...heading].filter((term) => stems.has(term)).length;
  return (
    Math.min(stems.size, MANY_STEMS) / MANY_STEMS +
    (heading.size === 0 ? 0 : (0.5 * shared) / heading.size) +
    0.3 / (1 + place) +
    (isWanted(text) ? 0.4 : 0) -
    (isQuestion(text) ? 0.2 : 0)
  );
}

function isTelling(line: string): boolean {
  const letters = line.match(/[\p{L}\p{M}\s]/gu)?.length ?? 0;
  if (isField(line) || PATH.test(line) || line.endsWith(':') || letters < LEAST_LETTERS * line.length) return false;
  const isEnded = /[.!?…]["'”’)]*$/u.test(line);
  return new Set(tellingStems(line)).size >= (isEnded ? 2 : FEW_STEMS);
}

/** Sentences as stretches of the text; lines that were broken to fit a page are one. */
function* unwrapped(text: string): Generator<{ start: number; end: number }> {
  let held: { start: number; end: number } | null = null;
  for (const { start, end } of sentences(text, SENTENCE_WORDS)) {
    if (held !== null && goesOn(text, held, start)) {
      held = { start: held.start, end };
      continue;
    }
    if (held !== null) yield held;
    held = { start, end };
  }
  if (held !== null) yield held;
}

function goesOn(text: string, held: { start: number; end: number }, next: number): boolean {
  const line = text.slice(held.start, held.end);
  const isFull = line.length - (line.lastIndexOf('\n') + 1) >= FULL_LINE_CHARACTERS;
  return (
    isFull && /^\r?\n$/.test(text.slice(held.end, next)) && !/[.!?:]$/.test(line) && /^\p{Ll}/u.test(text.slice(next))
  );
}
