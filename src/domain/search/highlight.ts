import stem from 'wink-porter2-stemmer';
import { STOP_WORDS } from '../../shared/stop-words.ts';
import type { TextSpan } from './search.ts';

/** Characters of text in a highlight, without its marks. */
const PASSAGE_LENGTH = 240;
/** Of a longer text no more is looked through. */
const MAX_TEXT_LENGTH = 20_000;
const MAX_QUERY_LENGTH = 2_000;
const WORD = /[\p{L}\p{N}]+/gu;

const sentenceSegmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/**
 * The passage that shows why a document was found: at most 240 characters from the sentence with the most of the
 * query's words on, as HTML: the text is escaped, matched words stand in `<mark>…</mark>`, `…` tells that text was left
 * out. Words match by their stem, so "crashing" marks "crashed". Null for a text without anything to show.
 * @param bestChunk the passage that was nearest in meaning: looked through first, and shown where no word matches
 */
export function highlight(text: string, query: string, bestChunk: TextSpan | null): string | null {
  const stems = stemsOf(query);
  const scopes = [bestChunk, { start: 0, end: text.length }].filter((scope) => scope !== null);
  const sentences = scopes.map((scope) => bestSentence(text, scope, stems)).filter((sentence) => sentence !== null);
  const sentence = sentences.find(({ matches }) => matches > 0) ?? sentences[0];
  return sentence === undefined ? null : render(text, passageAround(text, sentence), stems);
}

interface Sentence extends TextSpan {
  /** Distinct words of the query in it. */
  matches: number;
  firstMatch: number;
}

function stemsOf(query: string): Set<string> {
  const words = query.slice(0, MAX_QUERY_LENGTH).toLowerCase().match(WORD) ?? [];
  return new Set(words.filter((word) => !STOP_WORDS.has(word)).map((word) => stem(word)));
}

function isMatch(word: string, stems: ReadonlySet<string>): boolean {
  return stems.has(stem(word.toLowerCase()));
}

function bestSentence(text: string, scope: TextSpan, stems: ReadonlySet<string>): Sentence | null {
  let best: Sentence | null = null;
  const searched = text.slice(scope.start, Math.min(scope.end, scope.start + MAX_TEXT_LENGTH));
  for (const { segment, index } of sentenceSegmenter.segment(searched)) {
    if (segment.trim() === '') continue;
    const matched = [...segment.matchAll(WORD)].filter(([word]) => isMatch(word, stems));
    const matches = new Set(matched.map(([word]) => stem(word.toLowerCase()))).size;
    if (best !== null && matches <= best.matches) continue;
    const start = scope.start + index + segment.length - segment.trimStart().length;
    const firstMatch = scope.start + index + (matched[0]?.index ?? 0);
    best = { start, end: start + segment.trim().length, matches, firstMatch: Math.max(start, firstMatch) };
  }
  return best;
}

/** From the sentence's start, or from shortly before the first match where that is too far in. */
function passageAround(text: string, { start, firstMatch }: Sentence): TextSpan {
  const isFar = firstMatch - start > PASSAGE_LENGTH / 2;
  const from = isFar ? wordStart(text, firstMatch - PASSAGE_LENGTH / 4, firstMatch) : start;
  const to = from + PASSAGE_LENGTH >= text.length ? text.length : wordEnd(text, from, from + PASSAGE_LENGTH);
  return { start: from, end: to };
}

function wordStart(text: string, earliest: number, latest: number): number {
  const space = text.slice(earliest, latest).search(/\s/);
  return space === -1 ? latest : earliest + space + 1;
}

function wordEnd(text: string, from: number, latest: number): number {
  const space = text.slice(from, latest + 1).search(/\s\S*$/);
  if (space > 0) return from + space;
  // Within a surrogate pair nothing may be cut.
  return /[\ud800-\udbff]/.test(text.charAt(latest - 1)) ? latest - 1 : latest;
}

function render(text: string, { start, end }: TextSpan, stems: ReadonlySet<string>): string {
  const passage = text.slice(start, end);
  let html = text.slice(0, start).trim() === '' ? '' : '…';
  let at = 0;
  for (const match of passage.matchAll(WORD)) {
    html += escapeHtml(passage.slice(at, match.index));
    html += isMatch(match[0], stems) ? `<mark>${match[0]}</mark>` : match[0];
    at = match.index + match[0].length;
  }
  html += escapeHtml(passage.slice(at)).trimEnd();
  return text.slice(end).trim() === '' ? html : `${html}…`;
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
