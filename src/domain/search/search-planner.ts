import { FUSION_CANDIDATES, type PageWindow, type SearchMode, type SearchStrategy } from './search.ts';

export type VectorScan = 'EXACT' | 'HNSW';

/**
 * How many vectors an exact scan compares in the time in which the HNSW index visits one: measured on 50,000 × 768
 * under filters (bench/search.ts), some 30 µs a visit against 2 to 6 µs a row.
 */
const EXACT_ROWS_PER_VISIT = 10;
/** Rows that are always compared one by one: it takes less time than choosing. */
const ALWAYS_EXACT_ROWS = 2_000;
/** Chunks that the index is asked for, for each document that is wanted: several may be of one document. */
const CHUNKS_PER_DOCUMENT = 2;

/**
 * How many rows a filter may leave for an exact scan to be as fast as the index. To find `rowsWanted` rows among which
 * a share of matching/indexed passes, HNSW visits rowsWanted · indexed / matching; the exact scan reads `matching`.
 */
export function exactRowLimit(rowsWanted: number, indexedVectors: number): number {
  return Math.max(ALWAYS_EXACT_ROWS, Math.ceil(Math.sqrt(rowsWanted * indexedVectors * EXACT_ROWS_PER_VISIT)));
}

/**
 * @param indexedVectors vectors in the model's HNSW index, of all workspaces; null where it has none
 * @param matchingVectors vectors that workspace and filter leave, counted up to `exactRowLimit` + 1
 */
export function chooseVectorScan(
  rowsWanted: number,
  indexedVectors: number | null,
  matchingVectors: number,
): VectorScan {
  if (indexedVectors === null) return 'EXACT';
  return matchingVectors <= exactRowLimit(rowsWanted, indexedVectors) ? 'EXACT' : 'HNSW';
}

/** Documents that a search ranks on the vector's side to show a page. */
export function documentsWanted(mode: SearchMode, window: PageWindow): number {
  return mode === 'HYBRID' ? FUSION_CANDIDATES : window.offset + window.first + 1;
}

/** Chunks to read from the index for that many documents. */
export function indexRowsWanted(documents: number): number {
  return documents * CHUNKS_PER_DOCUMENT;
}

/** The strategy as the API names it; null for a side that took no part. */
export function strategyOf(scan: VectorScan | null, usesWords: boolean): SearchStrategy {
  if (scan === null) return 'KEYWORD';
  if (!usesWords) return scan;
  return scan === 'EXACT' ? 'HYBRID_EXACT' : 'HYBRID_HNSW';
}

/**
 * Share of the wanted rows that the index found before it gave up; null where it found them all, since nothing then
 * tells how many better ones it passed by.
 */
export function recallOfScan(scan: VectorScan, rowsFound: number, rowsWanted: number): number | null {
  if (scan === 'EXACT') return 1;
  return rowsFound >= rowsWanted ? null : rowsFound / rowsWanted;
}
