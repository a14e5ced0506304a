import { createHash } from 'node:crypto';
import { InvalidInputError } from '../../shared/errors.ts';
import type { DocumentFilter } from '../documents/document.ts';

export type SearchMode = 'SEMANTIC' | 'KEYWORD' | 'HYBRID';
export type SearchFusion = 'WEIGHTED' | 'RECIPROCAL_RANK';
export type SearchStrategy = 'EXACT' | 'HNSW' | 'KEYWORD' | 'HYBRID_EXACT' | 'HYBRID_HNSW';

/** The embedding model that a search compares vectors of. */
export interface SearchModel {
  /** As in `chunks.model`: vectors of two models are never compared. */
  id: string;
  dimensions: number;
  /** Weight of the vector's side in a WEIGHTED fusion, 0..1. */
  hybridVectorWeight: number;
}

export interface SearchRequest {
  workspaceId: string;
  query: string;
  /** The query's vector, of norm 1; null in KEYWORD mode, or where the query has none. */
  queryVector: Float32Array | null;
  model: SearchModel;
  mode: SearchMode;
  /** How HYBRID puts both sides together; WEIGHTED unless told. */
  fusion?: SearchFusion;
  filter?: DocumentFilter | null;
  /** Hits of a page, 1..100. */
  first: number;
  /** `endCursor` of the page before. */
  after?: string | null;
  /** Whether a reranker orders the hits: a ranking of its own, with cursors of its own. */
  rerank?: boolean;
  /** Cosine similarity, 0..1, below which a hit is dropped. KEYWORD ignores it: its hits have no similarity. */
  minSimilarity?: number | null;
}

/** UTF-16 offsets in a document's text. */
export interface TextSpan {
  start: number;
  end: number;
}

/** A document in the order of a search. */
export interface RankedHit {
  documentId: string;
  /** Cosine of the query and the document's best chunk, 0..1; null in KEYWORD mode and where the document has no vector. */
  similarity: number | null;
  /** SEMANTIC: the similarity. KEYWORD: sum of idf-weighted term ranks, without an upper bound. HYBRID: 0..1. */
  score: number;
  /** 1 for the best hit of the first page; goes on across pages. */
  rank: number;
  matchedBy: ('SEMANTIC' | 'KEYWORD')[];
  /** Which passage came closest in meaning; null where no vector was compared. */
  bestChunk: TextSpan | null;
}

export interface SearchHit extends RankedHit {
  /** `after` of the page that begins behind this hit. */
  cursor: string;
}

/** What was done for a search, and how far its answer can be trusted. */
export interface SearchPlan {
  strategy: SearchStrategy;
  embeddingModel: string | null;
  /**
   * Whether this page is what it would be without any bound. False where documents still wait for their vector, where
   * the index gave up before it had enough rows, and where the list ends here although more documents match: HYBRID puts
   * together the best 100 of each side, and no search shows more than 1,000. It is told of the page at which the list
   * ends, and not of the pages before it: those lack nothing, and nearly every search of many documents would be called
   * incomplete.
   */
  complete: boolean;
  /** 1 for an exact scan; null where no vectors were compared or nothing is known. */
  estimatedRecall: number | null;
  reranked: boolean;
  durationMs: number;
  /** Documents that the filter keeps and whose present text has no vector of this model yet. */
  pendingDocuments: number;
}

export interface SearchPage {
  hits: SearchHit[];
  /** Null where it would have to be guessed: an index scan and a fusion stop before the last match. */
  totalCount: number | null;
  hasNextPage: boolean;
  endCursor: string | null;
  plan: SearchPlan;
}

export const MAX_PAGE_SIZE = 100;
/** Hits that can be paged through: a reader who wants more wants a filter. */
export const MAX_SEARCH_DEPTH = 1_000;
/** Of a longer query the rest is not read by the lexical side; the embedding model has its own limit. */
export const MAX_LEXICAL_QUERY_LENGTH = 10_000;
/** Hits of each side that a HYBRID search puts together; it shows no others. 50 and 200 did no better in nDCG@10. */
export const FUSION_CANDIDATES = 100;

/** A unit vector times itself is 1 but for rounding. */
export const ROUNDING = 1e-6;

/** The part of the ranking that a page shows. */
export interface PageWindow {
  offset: number;
  first: number;
  /** Identifies the ranking, so that a cursor is refused by another one. */
  fingerprint: string;
}

/** @throws InvalidInputError for a page, cursor or threshold that makes no sense */
export function pageWindow(request: Omit<SearchRequest, 'queryVector'>): PageWindow {
  checkPageSize(request.first);
  checkSimilarity(request.minSimilarity);
  const fingerprint = rankingFingerprint(request);
  const offset = request.after == null ? 0 : decodeCursor(request.after, fingerprint);
  if (offset >= MAX_SEARCH_DEPTH) {
    throw InvalidInputError.at(
      'after',
      `a search shows its best ${MAX_SEARCH_DEPTH} hits; narrow it with a filter to see others`,
    );
  }
  return { offset, first: Math.min(request.first, MAX_SEARCH_DEPTH - offset), fingerprint };
}

export function checkPageSize(first: number): void {
  if (Number.isInteger(first) && first >= 1 && first <= MAX_PAGE_SIZE) return;
  throw InvalidInputError.at('first', `must be a whole number from 1 to ${MAX_PAGE_SIZE}`);
}

export function checkSimilarity(minSimilarity: number | null | undefined): void {
  if (minSimilarity == null || (minSimilarity >= 0 && minSimilarity <= 1)) return;
  throw InvalidInputError.at('minSimilarity', 'must be from 0 to 1');
}

/** @throws InvalidInputError where a vector is not of the model's space */
export function checkVector(vector: Float32Array, model: SearchModel): void {
  if (vector.length !== model.dimensions) {
    throw InvalidInputError.at('queryVector', `has ${vector.length} dimensions, ${model.id} has ${model.dimensions}`);
  }
}

/** Cosines of texts are practically never negative; the API says 0..1. */
export function clampSimilarity(cosine: number): number {
  return Math.min(1, Math.max(0, cosine));
}

/** The cursor of the hit with this rank. */
export function encodeCursor(rank: number, fingerprint: string): string {
  return Buffer.from(`${rank}.${fingerprint}`).toString('base64url');
}

function decodeCursor(cursor: string, fingerprint: string): number {
  const parts = /^(0|[1-9]\d{0,5})\.([\w-]{16})$/.exec(Buffer.from(cursor.slice(0, 200), 'base64url').toString());
  if (parts === null) throw InvalidInputError.at('after', 'is no cursor of a search');
  if (parts[2] !== fingerprint) {
    throw InvalidInputError.at('after', 'is a cursor of another search: start again without it');
  }
  return Number(parts[1]);
}

function rankingFingerprint(request: Omit<SearchRequest, 'queryVector'>): string {
  const { workspaceId, query, mode, fusion = 'WEIGHTED', filter, minSimilarity, model, rerank = false } = request;
  const ranking = [workspaceId, query, mode, fusion, filter ?? null, minSimilarity ?? null, model.id, rerank];
  return createHash('sha256').update(JSON.stringify(ranking)).digest('base64url').slice(0, 16);
}
