import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { DocumentFilter } from '../documents/document.ts';
import { identifiersNamedIn } from '../documents/identifiers.ts';
import { fuseByReciprocalRank, fuseByWeight } from './fusion.ts';
import { chooseTerms, type QueryTerms } from './query-terms.ts';
import {
  checkPageSize,
  checkSimilarity,
  checkVector,
  clampSimilarity,
  encodeCursor,
  FUSION_CANDIDATES,
  MAX_SEARCH_DEPTH,
  type PageWindow,
  pageWindow,
  type RankedHit,
  ROUNDING,
  type SearchModel,
  type SearchPage,
  type SearchRequest,
} from './search.ts';
import {
  chooseVectorScan,
  documentsWanted,
  exactRowLimit,
  indexRowsWanted,
  recallOfScan,
  strategyOf,
  type VectorScan,
} from './search-planner.ts';
import {
  applyIndexSettings,
  applySearchSettings,
  type ChunkSelection,
  countPendingDocuments,
  type HybridRow,
  hybridDocuments,
  type LexicalRow,
  lexemesOf,
  lexicalDocuments,
  type NearestQuery,
  type NearestRow,
  nearestDocuments,
  type SimilarRow,
  similarDocuments,
} from './search-store.ts';
import { VectorIndexes } from './vector-index.ts';
import { WorkspaceStatistics } from './workspace-statistics.ts';

export interface SimilarRequest {
  workspaceId: string;
  documentIds: readonly string[];
  model: SearchModel;
  filter?: DocumentFilter | null;
  /** Hits for each document, 1..100. */
  first: number;
  /** Cosine similarity, 0..1, below which nothing is similar. */
  minSimilarity: number;
}

/** The hits of one page, and what is known of the ones outside of it. */
interface Ranking {
  hits: RankedHit[];
  totalCount: number | null;
  hasNextPage: boolean;
  scan: VectorScan | null;
  usesWords: boolean;
  isComplete: boolean;
  recall: number | null;
}

/** Finds documents by meaning, by words, or by both. Makes no vectors: the caller embeds the query first. */
export class SearchService {
  readonly #database: Database;
  readonly #indexes: VectorIndexes;
  readonly #statistics = new WorkspaceStatistics();

  constructor(database: Database, indexes: VectorIndexes = new VectorIndexes(database)) {
    this.#database = database;
    this.#indexes = indexes;
  }

  /**
   * One page of a ranking.
   * @throws InvalidInputError for a page size, cursor or threshold that makes no sense
   */
  async search(request: SearchRequest): Promise<SearchPage> {
    const startedAt = performance.now();
    const window = pageWindow(request);
    if (request.queryVector !== null) checkVector(request.queryVector, request.model);
    else if (request.mode === 'SEMANTIC') throw new Error('a SEMANTIC search needs the vector of its query');
    const vector = request.mode === 'KEYWORD' ? null : request.queryVector;
    const indexed = vector === null ? null : await this.#indexes.indexedVectors(request.model.id);
    return this.#database.withWorkspace(request.workspaceId, async (scope) => {
      const [, pendingDocuments, query, terms] = await Promise.all([
        applySearchSettings(scope),
        request.mode === 'KEYWORD' ? 0 : countPendingDocuments(scope, request),
        vector === null ? null : this.#planNearest(scope, request, window, vector, indexed),
        request.mode === 'SEMANTIC' ? null : this.#termsOf(scope, request.query),
      ]);
      const ranking = await rank(scope, request, window, query, terms);
      const page = pageOf(ranking, window);
      return {
        ...page,
        plan: {
          strategy: strategyOf(ranking.scan, ranking.usesWords),
          embeddingModel: ranking.scan === null ? null : request.model.id,
          complete: ranking.isComplete && pendingDocuments === 0 && page.hasNextPage === ranking.hasNextPage,
          estimatedRecall: ranking.recall,
          reranked: false,
          durationMs: performance.now() - startedAt,
          pendingDocuments,
        },
      };
    });
  }

  /** The nearest documents of one document, best first, without itself; none where it has no vector (yet). */
  async similarTo(documentId: string, request: Omit<SimilarRequest, 'documentIds'>): Promise<RankedHit[]> {
    const similar = await this.similarToMany({ ...request, documentIds: [documentId] });
    return similar.get(documentId) ?? [];
  }

  /** The same for many documents in one go; every id given has an entry. */
  async similarToMany(request: SimilarRequest): Promise<Map<string, RankedHit[]>> {
    checkPageSize(request.first);
    checkSimilarity(request.minSimilarity);
    const { workspaceId, model, first } = request;
    const indexed = await this.#indexes.indexedVectors(model.id);
    const indexRows = indexRowsWanted(first + 1);
    const rows = await this.#database.withWorkspace(workspaceId, async (scope) => {
      const [, scan] = await Promise.all([
        applySearchSettings(scope),
        this.#chooseScan(scope, request, indexRows, indexed),
      ]);
      const query = { ...request, scan, limit: first, indexRows };
      return onScan(scope, scan, () => similarDocuments(scope, query));
    });
    return groupSimilar(request, rows);
  }

  /** To be called where documents of a workspace came, changed or went: what was counted is counted again. */
  forgetWorkspace(workspaceId: string): void {
    this.#statistics.forget(workspaceId);
  }

  async #planNearest(
    scope: WorkspaceScope,
    request: SearchRequest,
    window: PageWindow,
    vector: Float32Array,
    indexed: number | null,
  ): Promise<NearestQuery> {
    const { model, filter } = request;
    const wanted = documentsWanted(request.mode, window);
    const indexRows = indexRowsWanted(wanted);
    const scan = await this.#chooseScan(scope, request, indexRows, indexed);
    return { model, filter, vector, scan, indexRows, offset: 0, limit: wanted };
  }

  async #chooseScan(
    scope: WorkspaceScope,
    selection: ChunkSelection,
    indexRows: number,
    indexed: number | null,
  ): Promise<VectorScan> {
    if (indexed === null) return 'EXACT';
    const countUpTo = exactRowLimit(indexRows, indexed) + 1;
    const matching = await this.#statistics.matchingVectors(scope, selection, countUpTo);
    return chooseVectorScan(indexRows, indexed, matching);
  }

  async #termsOf(scope: WorkspaceScope, query: string): Promise<QueryTerms | null> {
    const lexemes = [...identifiersNamedIn(query.replaceAll('\0', ' ')), ...(await lexemesOf(scope, query))];
    if (lexemes.length === 0) return null;
    const { documents, frequencies } = await this.#statistics.frequencies(scope, lexemes);
    return chooseTerms(frequencies, documents);
  }
}

/** Ranks by whatever sides there are: a query may have no vector, and may have no words. */
async function rank(
  scope: WorkspaceScope,
  request: SearchRequest,
  window: PageWindow,
  query: NearestQuery | null,
  terms: QueryTerms | null,
): Promise<Ranking> {
  if (query !== null && terms !== null) {
    const rows = await onScan(scope, query.scan, () =>
      hybridDocuments(scope, { ...query, limit: FUSION_CANDIDATES }, terms),
    );
    return rankHybrid(rows, request, window, { ...query, limit: FUSION_CANDIDATES }, terms);
  }
  if (query !== null) {
    const page = { offset: window.offset, limit: window.first + 1 };
    // Of an index scan every row comes back, so that a threshold does not hide how far the scan got.
    const minSimilarity = query.scan === 'EXACT' ? request.minSimilarity : null;
    const rows = await onScan(scope, query.scan, () => nearestDocuments(scope, { ...query, ...page, minSimilarity }));
    return rankNearest(rows, request, window, query);
  }
  if (terms === null) return nothing();
  const page = { offset: window.offset, limit: window.first + 1 };
  return rankLexical(await lexicalDocuments(scope, terms, request, page), window, terms);
}

async function onScan<Rows>(scope: WorkspaceScope, scan: VectorScan, read: () => Promise<Rows>): Promise<Rows> {
  if (scan === 'EXACT') return read();
  const [, rows] = await Promise.all([applyIndexSettings(scope), read()]);
  return rows;
}

function rankHybrid(
  rows: HybridRow[],
  request: SearchRequest,
  window: PageWindow,
  query: NearestQuery,
  terms: QueryTerms,
): Ranking {
  const spans = new Map(rows.map((row) => [row.documentId, spanOf(row)]));
  const fused =
    request.fusion === 'RECIPROCAL_RANK'
      ? fuseByReciprocalRank(rows)
      : fuseByWeight(rows, request.model.hybridVectorWeight);
  const ranked = fused.filter(({ similarity }) => isAbove(request, similarity));
  const hits = ranked.slice(window.offset, window.offset + window.first).map((document, index) => ({
    documentId: document.documentId,
    similarity: document.similarity === null ? null : clampSimilarity(document.similarity),
    score: document.score,
    rank: window.offset + index + 1,
    matchedBy: [
      ...(document.isNearest ? (['SEMANTIC'] as const) : []),
      ...(document.lexicalScore !== null ? (['KEYWORD'] as const) : []),
    ],
    bestChunk: spans.get(document.documentId) ?? null,
  }));
  const recall = recallOfScan(query.scan, scannedRows(rows), query.indexRows);
  const hasNextPage = ranked.length > window.offset + window.first;
  const listEndsEarly = !hasNextPage && (!terms.coversAllLexemes || isCut(rows, request, query));
  return {
    hits,
    totalCount: null,
    hasNextPage,
    scan: query.scan,
    usesWords: true,
    isComplete: (recall === null || recall === 1) && !listEndsEarly,
    recall,
  };
}

/** Whether a side had further documents that the list would show if it were longer. */
function isCut(rows: readonly HybridRow[], request: SearchRequest, query: NearestQuery): boolean {
  const nearest = rows.filter((row) => row.isNearest);
  const allNearestAreClose = nearest.every((row) => isAbove(request, row.similarity));
  const hasMoreNearest =
    nearest.some((row) => (row.nearestTotal ?? 0) > nearest.length) ||
    (query.scan === 'HNSW' && scannedRows(rows) >= query.indexRows);
  const words = rows.filter((row) => row.lexicalScore !== null);
  return (hasMoreNearest && allNearestAreClose) || words.some((row) => (row.lexicalTotal ?? 0) > words.length);
}

function rankNearest(rows: NearestRow[], request: SearchRequest, window: PageWindow, query: NearestQuery): Ranking {
  const close = rows.filter((row) => isAbove(request, row.similarity));
  const hits = close.slice(0, window.first).map((row, index) => ({
    ...semanticHit(row),
    rank: window.offset + index + 1,
  }));
  const recall = recallOfScan(query.scan, scannedRows(rows), query.indexRows);
  return {
    hits,
    totalCount: query.scan === 'EXACT' ? totalOf(rows, window) : null,
    hasNextPage: close.length > window.first,
    scan: query.scan,
    usesWords: false,
    isComplete: recall === null || recall === 1,
    recall,
  };
}

function rankLexical(rows: LexicalRow[], window: PageWindow, terms: QueryTerms): Ranking {
  const hits = rows.slice(0, window.first).map((row, index) => ({
    documentId: row.documentId,
    similarity: null,
    score: row.score,
    rank: window.offset + index + 1,
    matchedBy: ['KEYWORD' as const],
    bestChunk: null,
  }));
  const hasNextPage = rows.length > window.first;
  return {
    hits,
    totalCount: terms.coversAllLexemes ? totalOf(rows, window) : null,
    hasNextPage,
    scan: null,
    usesWords: true,
    // Documents that were not looked at have common words alone: they come behind all that were.
    isComplete: terms.coversAllLexemes || hasNextPage,
    recall: null,
  };
}

function nothing(): Ranking {
  return {
    hits: [],
    totalCount: 0,
    hasNextPage: false,
    scan: null,
    usesWords: true,
    isComplete: true,
    recall: null,
  };
}

/** A document without a vector has nothing that a threshold could be held against. */
function isAbove({ minSimilarity }: SearchRequest, similarity: number | null): boolean {
  return minSimilarity == null || similarity === null || similarity >= minSimilarity - ROUNDING;
}

/** Rows tell their total; without a row there is none on the first page, and no telling on a later one. */
function totalOf(rows: readonly { total: number }[], window: PageWindow): number | null {
  return rows[0]?.total ?? (window.offset === 0 ? 0 : null);
}

function scannedRows(rows: readonly { scanned: number | null }[]): number {
  return rows.find((row) => row.scanned !== null)?.scanned ?? 0;
}

function semanticHit(row: NearestRow | SimilarRow): Omit<RankedHit, 'rank'> {
  const similarity = clampSimilarity(row.similarity);
  return {
    documentId: row.documentId,
    similarity,
    score: similarity,
    matchedBy: ['SEMANTIC'],
    bestChunk: { start: row.startOffset, end: row.endOffset },
  };
}

function spanOf({ startOffset, endOffset }: HybridRow): { start: number; end: number } | null {
  return startOffset === null || endOffset === null ? null : { start: startOffset, end: endOffset };
}

function pageOf(ranking: Ranking, window: PageWindow): Omit<SearchPage, 'plan'> {
  const hits = ranking.hits.map((hit) => ({ ...hit, cursor: encodeCursor(hit.rank, window.fingerprint) }));
  return {
    hits,
    totalCount: ranking.totalCount,
    hasNextPage: ranking.hasNextPage && window.offset + window.first < MAX_SEARCH_DEPTH,
    endCursor: hits.at(-1)?.cursor ?? null,
  };
}

function groupSimilar({ documentIds, first }: SimilarRequest, rows: readonly SimilarRow[]): Map<string, RankedHit[]> {
  const similar = new Map<string, RankedHit[]>(documentIds.map((id) => [id, []]));
  for (const row of rows) {
    const hits = similar.get(row.sourceId);
    if (hits !== undefined && hits.length < first) hits.push({ ...semanticHit(row), rank: hits.length + 1 });
  }
  return similar;
}
