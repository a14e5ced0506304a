import type { Document, DocumentKind } from '../../documents/document.ts';
import type { DocumentPlace } from '../agent-tools.ts';
import { type Citation, clipped, inline } from './citation.ts';
import { bestSentences, type DocumentSentence } from './document-sentences.ts';

/** What a run keeps of a document that it has read: plain JSON, small enough for a step. */
export interface EvidenceDocument {
  id: string;
  /** Its title, or its first words. */
  title: string;
  kind: DocumentKind;
  /** ISO 8601. */
  at: string;
  /** Who wrote it, as it says itself; null: it does not say. */
  author: string | null;
  sentences: DocumentSentence[];
}

const TITLE_CHARACTERS = 120;
const AUTHOR_CHARACTERS = 120;
const AUTHOR_LINE = /^Author:[ \t]+(\S.*)$/mu;
/** Of a sentence; what is longer is to be read in the document. */
const SENTENCE_CHARACTERS = 600;
/** Of all the documents that a step brings, as JSON: steps may bring 256 KiB, and there is more in them. */
const KEPT_BYTES = 180_000;

/** A document's best sentences, and what a reader has to know of it. */
export function evidenceOf(
  document: Document,
  sentences: number,
  isWanted?: (sentence: string) => boolean,
): EvidenceDocument {
  const kept = bestSentences(document, sentences, isWanted).filter(({ quote }) => quote.length <= SENTENCE_CHARACTERS);
  return {
    id: document.id,
    title: titleOf(document),
    kind: document.kind,
    at: document.createdAt.toISOString(),
    author: authorOf(document.text),
    sentences: kept,
  };
}

/** A document's title; where it has none, its first words. */
export function titleOf({ title, text, kind }: Pick<Document, 'title' | 'text' | 'kind'>): string {
  const said = inline(title ?? '');
  if (said !== '') return clipped(said, TITLE_CHARACTERS);
  const [first] = bestSentences({ title: null, text }, 1);
  return clipped(first?.text ?? (inline(text.slice(0, 4 * TITLE_CHARACTERS)) || kind), TITLE_CHARACTERS);
}

/** Where the page of newest documents after one begins; null: there was none. */
export function placeOf(document: Document | undefined): DocumentPlace | null {
  return document === undefined ? null : { createdAt: document.createdAt.toISOString(), id: document.id };
}

/** Who wrote a text, by the line that extractors make of it. */
export function authorOf(text: string): string | null {
  const author = AUTHOR_LINE.exec(text)?.[1];
  return author === undefined ? null : clipped(inline(author), AUTHOR_CHARACTERS);
}

/** As many of the documents, from the first on, as a step may bring. */
export function withinStep(documents: readonly EvidenceDocument[]): EvidenceDocument[] {
  const kept: EvidenceDocument[] = [];
  let bytes = 0;
  for (const document of documents) {
    bytes += Buffer.byteLength(JSON.stringify(document));
    if (bytes > KEPT_BYTES) break;
    kept.push(document);
  }
  return kept;
}

/** A citation of words that stand in a document. */
export function cite({ id, title, at }: Pick<EvidenceDocument, 'id' | 'title' | 'at'>, quote: string): Citation {
  return { documentId: id, title, quote, at };
}
