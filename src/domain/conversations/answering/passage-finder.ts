import type { Database } from '../../../db/client.ts';
import type { DocumentFilter } from '../../documents/document.ts';
import { findDocuments } from '../../documents/document-store.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { DocumentSearch } from '../../search/document-search.ts';
import { type Passage, passagesOf } from './passage.ts';
import { readQuestion } from './question.ts';

/** Documents that passages are taken from. */
const DOCUMENTS = 10;
/** Passages that a question is answered from: more of them drown the right one. */
const PASSAGES = 8;
/** Of a longer question its beginning is looked for. */
const QUERY_CHARACTERS = 4_000;
/** A passage with none of the question's words, and less likeness than this share of "the same meaning", is about something else. */
const LEAST_LIKENESS = 0.3;

/** What was found to answer a question from. */
export interface FoundPassages {
  /** Best first. */
  passages: readonly Passage[];
  /**
   * 0..1: how near the nearest passage is, by meaning (its cosine against the one at which two texts mean the same) or by
   * words (how many of the question's it has), whichever says more.
   */
  strength: number;
}

/** Finds what the workspace's documents say about a question. */
export class PassageFinder {
  readonly #database: Database;
  readonly #search: DocumentSearch;
  readonly #catalog: ModelCatalog;

  constructor(parts: { database: Database; search: DocumentSearch; catalog: ModelCatalog }) {
    this.#database = parts.database;
    this.#search = parts.search;
    this.#catalog = parts.catalog;
  }

  /** @throws as `DocumentSearch.search` */
  async find(call: ModelCall, question: string, filter: DocumentFilter | null): Promise<FoundPassages> {
    const query = question.slice(0, QUERY_CHARACTERS).toWellFormed();
    const page = await this.#search.search(
      { ...call, operation: 'search' },
      {
        query,
        filter,
        mode: 'HYBRID',
        fusion: 'WEIGHTED',
        first: DOCUMENTS,
        after: null,
        minSimilarity: null,
        rerank: false,
      },
    );
    if (page.hits.length === 0) return { passages: [], strength: 0 };
    const workspaceId = call.caller.workspace.id;
    const model = await this.#catalog.documentEmbeddingModel(workspaceId);
    const ids = page.hits.map(({ documentId }) => documentId);
    const rows = await this.#database.withWorkspace(workspaceId, (scope) => findDocuments(scope, ids, model.id));
    const documents = new Map(rows.map((document) => [document.id, document]));
    // A document may be deleted since it was found.
    const found = page.hits.flatMap((hit) => {
      const document = documents.get(hit.documentId);
      return document === undefined ? [] : [{ ...hit, document }];
    });
    const { sameMeaning } = model.traits;
    const likeness = ({ similarity }: Passage) => Math.min(1, (similarity ?? 0) / sameMeaning);
    const passages = passagesOf(found, readQuestion(query), PASSAGES).filter(
      (passage) => passage.coverage > 0 || likeness(passage) >= LEAST_LIKENESS,
    );
    const strength = Math.max(0, ...passages.map((passage) => Math.max(likeness(passage), passage.coverage)));
    return { passages, strength };
  }
}
