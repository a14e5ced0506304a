import type { Document } from '../documents/document.ts';

/** What a document says, in a few sentences. */
export interface Summary {
  text: string;
  /** Id of the model that wrote it; `local/extractive` where sentences of the document were chosen. */
  model: string;
}

/** What summarising reads of a document. */
export type SummarisableDocument = Pick<Document, 'id' | 'title' | 'text' | 'contentHash'>;

/** The `model` of summaries whose sentences are the document's own. */
export const EXTRACTIVE_MODEL = 'local/extractive';

/** What became of some documents. */
export interface Summaries {
  /** By document id. */
  summaries: ReadonlyMap<string, Summary>;
  /** Why some have none that are not empty; null where nothing failed. */
  failure: unknown;
}
