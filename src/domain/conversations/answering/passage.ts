import { type Chunk, chunkText } from '../../documents/chunking.ts';
import type { Document } from '../../documents/document.ts';
import type { RankedHit } from '../../search/search.ts';
import { type ReadQuestion, tellingStems } from './question.ts';
import { coverageOf, termWeights } from './sentence-ranking.ts';

/** A stretch of a document that may say what a question wants to know. */
export interface Passage {
  readonly documentId: string;
  readonly title: string | null;
  /** As it stands in the document. */
  readonly text: string;
  /** Cosine of the question and the document's best chunk, 0..1; null where the document has no vector yet. */
  readonly similarity: number | null;
  /** What the search has sorted by, 0..1. */
  readonly score: number;
  /** Share of the question's words that it has, its title's among them; 0..1. */
  readonly coverage: number;
}

/** A document that a search has found. */
export type FoundDocument = Pick<RankedHit, 'score' | 'similarity' | 'bestChunk'> & {
  readonly document: Pick<Document, 'id' | 'title' | 'text'>;
};

/** Words of a passage: enough for a paragraph to be understood by itself. */
const PASSAGE_WORDS = 160;
/** Of a longer document no more is looked through, but for the chunk that its vector has found. */
const READ_CHARACTERS = 200_000;
/** Passages of one document: another one has to say more of the question's words than this share of the first's. */
const PASSAGES_OF_DOCUMENT = 2;
const SECOND_WORTH = 0.6;
/** What being the nearest in meaning counts, against having every word of the question. */
const NEAREST_WORTH = 0.6;

interface Window {
  found: FoundDocument;
  text: string;
  terms: readonly string[];
  isNearest: boolean;
}

/**
 * The passages of documents that come closest to a question, in the order of the documents: of a long document the
 * stretches that were found, wherever they stand in it.
 */
export function passagesOf(found: readonly FoundDocument[], question: ReadQuestion, limit: number): Passage[] {
  const windows = found.map(windowsOf);
  const weights = termWeights(
    question,
    windows.flat().map(({ terms }) => terms),
  );
  const ranked = windows.map((own) => bestOf(own, weights));
  const first = ranked.flatMap(([passage]) => passage ?? []);
  const others = ranked.flatMap((own) => own.slice(1));
  return [...first, ...others].slice(0, limit);
}

function windowsOf(found: FoundDocument): Window[] {
  const { title, text } = found.document;
  const heading = tellingStems(title ?? '');
  const read = text.slice(0, READ_CHARACTERS).toWellFormed();
  const spans: Pick<Chunk, 'start' | 'end'>[] = chunkText(read, { words: PASSAGE_WORDS });
  const { bestChunk } = found;
  if (bestChunk !== null && bestChunk.start >= READ_CHARACTERS) spans.push(bestChunk);
  const middle = bestChunk === null ? -1 : (bestChunk.start + bestChunk.end) / 2;
  return spans
    .map(({ start, end }) => ({
      found,
      text: text.slice(start, end),
      terms: [...heading, ...tellingStems(text.slice(start, end))],
      isNearest: start <= middle && middle < end,
    }))
    .filter((window) => window.text.trim() !== '');
}

function bestOf(windows: readonly Window[], weights: ReadonlyMap<string, number>): Passage[] {
  const ranked = windows
    .map((window) => {
      const coverage = coverageOf(weights, new Set(window.terms));
      return { window, coverage, worth: coverage + (window.isNearest ? NEAREST_WORTH : 0) };
    })
    .sort((left, right) => right.worth - left.worth)
    .slice(0, PASSAGES_OF_DOCUMENT);
  const best = ranked[0]?.worth ?? 0;
  return ranked
    .filter(({ worth, coverage }, place) => place === 0 || (worth >= SECOND_WORTH * best && coverage > 0))
    .map(({ window: { found, text }, coverage }) => ({
      documentId: found.document.id,
      title: found.document.title,
      text,
      similarity: found.similarity,
      score: Math.min(1, Math.max(0, found.score)),
      coverage,
    }));
}
