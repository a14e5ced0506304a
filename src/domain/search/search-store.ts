import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { DocumentFilter } from '../documents/document.ts';
import { documentCondition, type Fragment, isNarrowing } from '../documents/document-filter.ts';
import { type LexemeFrequency, MAX_LEXEMES_READ, type QueryTerms } from './query-terms.ts';
import { MAX_LEXICAL_QUERY_LENGTH, ROUNDING, type SearchModel } from './search.ts';
import type { VectorScan } from './search-planner.ts';
import { indexedDistance, similarity, storedVector, targetVector } from './stored-vectors.ts';

/** Above it, an index scan gives up: some 0.5 s of work. */
const MAX_INDEX_VISITS = 40_000;
/** Candidates that HNSW keeps in each round; one value for all pages, so that they continue one scan. */
const INDEX_SEARCH_WIDTH = 100;

/** Which chunks a search may compare. */
export interface ChunkSelection {
  model: SearchModel;
  filter?: DocumentFilter | null | undefined;
}

/** A way through the vectors, as the planner chose it. */
export interface NearestQuery extends ChunkSelection {
  scan: VectorScan;
  vector: Float32Array;
  /** Cosine similarity below which a document is left out. */
  minSimilarity?: number | null | undefined;
  offset: number;
  limit: number;
  /** Chunks to take from the index; not read by an exact scan. */
  indexRows: number;
}

export interface NearestRow {
  documentId: string;
  similarity: number;
  startOffset: number;
  endOffset: number;
  /** Documents above the threshold; of an index scan only those that it reached. */
  total: number;
  /** Chunks that the scan gave. */
  scanned: number;
}

export interface LexicalRow {
  documentId: string;
  score: number;
  /** Whether the query names it by its identifier. */
  isNamed: boolean;
  total: number;
}

export interface HybridRow {
  documentId: string;
  similarity: number | null;
  startOffset: number | null;
  endOffset: number | null;
  isNearest: boolean;
  isNamed: boolean;
  lexicalScore: number | null;
  scanned: number | null;
  /** Documents that each side has in all; null where it has not found this one. */
  nearestTotal: number | null;
  lexicalTotal: number | null;
}

/**
 * Settings of this transaction alone. A generic plan knows no tenant's size and proves no partial index; JIT and
 * parallel workers take longer to start than these queries run.
 */
export async function applySearchSettings(scope: WorkspaceScope): Promise<void> {
  await scope.sql`
    select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('jit', 'off', true),
      set_config('max_parallel_workers_per_gather', '0', true)`;
}

/** For an index scan: the planner thinks that sorting all rows is cheaper than it is. Send it right before the scan. */
export async function applyIndexSettings(scope: WorkspaceScope): Promise<void> {
  await scope.sql`
    select set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('enable_sort', 'off', true),
      set_config('hnsw.ef_search', ${String(INDEX_SEARCH_WIDTH)}, true),
      set_config('hnsw.max_scan_tuples', ${String(MAX_INDEX_VISITS)}, true)`;
}

/** How many vectors a filter leaves, counted up to `limit` documents. */
export async function countMatchingVectors(
  scope: WorkspaceScope,
  { model, filter }: ChunkSelection,
  limit: number,
): Promise<number> {
  const { sql, workspaceId } = scope;
  const matching = isNarrowing(filter)
    ? sql`
      select d.chunk_count as vectors from documents d
      where d.workspace_id = ${workspaceId} and ${documentCondition(scope, filter, model.id)} limit ${limit}`
    : sql`select 1 as vectors from chunks where workspace_id = ${workspaceId} and model = ${model.id} limit ${limit}`;
  const rows = await sql<{ count: number }[]>`
    select coalesce(sum(vectors), 0)::int as count from (${matching}) matching`;
  return rows[0]?.count ?? 0;
}

/**
 * How many documents wait for a vector of this model. The filter is only asked where any document waits at all, and
 * what another model embedded is only looked for where there are vectors of another model.
 */
export async function countPendingDocuments(scope: WorkspaceScope, { model, filter }: ChunkSelection): Promise<number> {
  const { sql, workspaceId } = scope;
  const condition = documentCondition(scope, filter, model.id);
  const isUnembedded = sql`embedding_status in ('MISSING', 'STALE', 'FAILED')`;
  const rows = await sql<{ count: number }[]>`
    select (
      case when exists (select from documents where workspace_id = ${workspaceId} and ${isUnembedded})
        then (select count(*) from documents d where d.workspace_id = ${workspaceId} and ${isUnembedded} and ${condition})
        else 0 end
      + case when
          exists (select from chunks where workspace_id = ${workspaceId} and model < ${model.id})
          or exists (select from chunks where workspace_id = ${workspaceId} and model > ${model.id})
        then (select count(*) from documents d
          where d.workspace_id = ${workspaceId} and d.embedding_status = 'READY'
            and d.embedding_model <> ${model.id} and ${condition})
        else 0 end
    )::int as count`;
  return rows[0]?.count ?? 0;
}

export async function nearestDocuments(scope: WorkspaceScope, query: NearestQuery): Promise<NearestRow[]> {
  return scope.sql<NearestRow[]>`${nearestSql(scope, query)}`;
}

/** Documents that have the terms, best first. */
export async function lexicalDocuments(
  scope: WorkspaceScope,
  terms: QueryTerms,
  selection: ChunkSelection,
  page: { offset: number; limit: number },
): Promise<LexicalRow[]> {
  return scope.sql<LexicalRow[]>`${lexicalSql(scope, terms, selection, page)}`;
}

/** The best `limit` documents of each side, with the real similarity of those that their words alone brought. */
export async function hybridDocuments(
  scope: WorkspaceScope,
  query: NearestQuery,
  terms: QueryTerms,
): Promise<HybridRow[]> {
  const { sql } = scope;
  const { model } = query;
  const target = targetVector(scope, model, query.vector);
  return sql<HybridRow[]>`
    with nearest as materialized (${nearestSql(scope, query)}),
    lexical as materialized (${lexicalSql(scope, terms, query, { offset: 0, limit: query.limit })}),
    other as (
      select lexical.document_id, chunk.*
      from lexical cross join lateral (
        select c.start_offset, c.end_offset, ${similarity(scope, model, storedVector(scope, model, 'c'), target)} as similarity
        from chunks c
        where ${isComparable(scope, model)} and c.document_id = lexical.document_id
        order by similarity desc limit 1
      ) chunk
      where lexical.document_id not in (select document_id from nearest)
    )
    select document_id, coalesce(nearest.similarity, other.similarity) as similarity,
      coalesce(nearest.start_offset, other.start_offset) as start_offset,
      coalesce(nearest.end_offset, other.end_offset) as end_offset,
      nearest.similarity is not null as is_nearest, coalesce(lexical.is_named, false) as is_named,
      lexical.score as lexical_score, nearest.scanned, nearest.total as nearest_total, lexical.total as lexical_total
    from nearest full join lexical using (document_id) left join other using (document_id)`;
}

/** What `similarDocuments` looks for. */
export interface SimilarQuery extends ChunkSelection {
  scan: VectorScan;
  documentIds: readonly string[];
  minSimilarity: number;
  /** Documents for each of `documentIds`. */
  limit: number;
  indexRows: number;
}

export interface SimilarRow {
  sourceId: string;
  documentId: string;
  similarity: number;
  startOffset: number;
  endOffset: number;
}

/** The nearest documents of each document, by the mean of its chunks' vectors. */
export async function similarDocuments(scope: WorkspaceScope, query: SimilarQuery): Promise<SimilarRow[]> {
  const { sql } = scope;
  const similar = query.scan === 'EXACT' ? similarByOneScan(scope, query) : similarByIndex(scope, query);
  return sql<SimilarRow[]>`
    with source as materialized (
      select document_id as source_id, l2_normalize(avg(${storedVector(scope, query.model, 'c')})) as mean from chunks c
      where ${isComparable(scope, query.model)} and document_id = any(${[...query.documentIds]}::text[])
      group by document_id
    )
    ${similar}`;
}

/** One scan for all sources: reading a vector costs more than comparing it. */
function similarByOneScan(scope: WorkspaceScope, query: SimilarQuery): Fragment {
  const { sql } = scope;
  const pairSimilarity = similarity(scope, query.model, sql`chunk.vector`, sql`source.mean`);
  return sql`
    select source_id, document_id, similarity, start_offset, end_offset
    from (
      select best.*, row_number() over (partition by source_id order by similarity desc, document_id) as place
      from (
        select distinct on (source_id, document_id) * from (
          select source.source_id, chunk.document_id, chunk.start_offset, chunk.end_offset,
            ${pairSimilarity} as similarity
          from (${selectedChunks(scope, query)}) chunk
          join source on source.source_id <> chunk.document_id
            and ${pairSimilarity} >= ${query.minSimilarity - ROUNDING}::float8
        ) pairs
        order by source_id, document_id, similarity desc
      ) best
    ) ranked
    where place <= ${query.limit} order by source_id, place`;
}

function similarByIndex(scope: WorkspaceScope, query: SimilarQuery): Fragment {
  const { sql } = scope;
  // One more than wanted: the source finds itself.
  const page = { minSimilarity: query.minSimilarity, offset: 0, limit: query.limit + 1 };
  const nearest = bestChunks(scope, indexScan(scope, query, sql`source.mean`, query.indexRows), page);
  return sql`
    select source.source_id, near.document_id, near.similarity, near.start_offset, near.end_offset
    from source cross join lateral (${nearest}) near
    where near.document_id <> source.source_id`;
}

function nearestSql(scope: WorkspaceScope, query: NearestQuery): Fragment {
  const target = targetVector(scope, query.model, query.vector);
  const chunks =
    query.scan === 'EXACT' ? exactScan(scope, query, target) : indexScan(scope, query, target, query.indexRows);
  return bestChunks(scope, chunks, query);
}

/** Documents of a scan by their best chunk, best first. */
function bestChunks(
  scope: WorkspaceScope,
  chunks: Fragment,
  page: Pick<NearestQuery, 'minSimilarity' | 'offset' | 'limit'>,
): Fragment {
  const { sql } = scope;
  // A document is above the threshold where a chunk of it is: asked before the sort, it leaves less to sort.
  const threshold =
    page.minSimilarity == null ? sql`true` : sql`similarity >= ${page.minSimilarity - ROUNDING}::float8`;
  // Materialised: else the vectors are carried along. Grouped by hash: a sort of all chunks by their document takes the
  // embedded database ten times as long as the scan. The passages are looked up for the page alone.
  return sql`
    with scan as materialized (${chunks}),
    best as (
      select document_id, max(similarity) as similarity from scan where ${threshold} group by document_id
    ),
    page as (
      select document_id, similarity, (count(*) over ())::int as total from best
      order by similarity desc, document_id offset ${page.offset} limit ${page.limit}
    )
    select page.document_id, page.similarity, min(scan.start_offset) as start_offset, min(scan.end_offset) as end_offset,
      page.total, (select count(*)::int from scan) as scanned
    from page join scan on scan.document_id = page.document_id and scan.similarity = page.similarity
    group by page.document_id, page.similarity, page.total
    order by page.similarity desc, page.document_id`;
}

function exactScan(scope: WorkspaceScope, selection: ChunkSelection, target: Fragment): Fragment {
  const { sql } = scope;
  return sql`
    select chunk.document_id, chunk.start_offset, chunk.end_offset,
      ${similarity(scope, selection.model, sql`chunk.vector`, target)} as similarity
    from (${selectedChunks(scope, selection)}) chunk`;
}

function selectedChunks(scope: WorkspaceScope, { model, filter }: ChunkSelection): Fragment {
  const { sql, workspaceId } = scope;
  const filtered = isNarrowing(filter)
    ? sql`join documents d on d.workspace_id = ${workspaceId} and d.id = c.document_id
        and ${documentCondition(scope, filter, model.id)}`
    : sql``;
  return sql`
    select c.document_id, c.start_offset, c.end_offset, ${storedVector(scope, model, 'c')} as vector
    from chunks c ${filtered}
    where ${isComparable(scope, model)}`;
}

/** A model that has been given another length of vectors leaves the old ones in their column until they are replaced. */
function isComparable(scope: WorkspaceScope, model: SearchModel): Fragment {
  const { sql, workspaceId } = scope;
  return sql`c.workspace_id = ${workspaceId} and c.model = ${model.id} and ${storedVector(scope, model, 'c')} is not null`;
}

function indexScan(scope: WorkspaceScope, selection: ChunkSelection, target: Fragment, rows: number): Fragment {
  const { sql } = scope;
  const { model } = selection;
  return sql`
    select c.document_id, c.start_offset, c.end_offset,
      ${similarity(scope, model, storedVector(scope, model, 'c'), target)} as similarity
    from chunks c
    where ${isComparable(scope, model)} and ${chunkCondition(scope, selection)}
    order by ${indexedDistance(scope, model, 'c', target)}
    limit ${rows}`;
}

/**
 * The filter as a question to ask of one chunk after the other. `offset 0` keeps it from becoming a join, which would
 * read the documents first and leave the index aside; containment is asked of the row, since the function that finds
 * all rows would be called for each.
 */
function chunkCondition(scope: WorkspaceScope, { model, filter }: ChunkSelection): Fragment {
  const { sql } = scope;
  if (!isNarrowing(filter)) return sql`true`;
  const { metadata, ...others } = filter;
  const containment = metadata == null ? sql`true` : sql`d.metadata @> ${sql.json(metadata)}`;
  return sql`exists (
    select from documents d
    where d.workspace_id = ${scope.workspaceId} and d.id = c.document_id
      and ${documentCondition(scope, others, model.id)} and ${containment}
    offset 0
  )`;
}

function lexicalSql(
  scope: WorkspaceScope,
  terms: QueryTerms,
  { model, filter }: ChunkSelection,
  page: { offset: number; limit: number },
): Fragment {
  const { sql, workspaceId } = scope;
  const filtered = isNarrowing(filter)
    ? sql`join documents d on d.workspace_id = ${workspaceId} and d.id = found.document_id
        and ${documentCondition(scope, filter, model.id)}`
    : sql``;
  // Whom the query names stands above whoever shares words with it.
  const named =
    terms.named === null
      ? sql`select null::text as document_id where false`
      : sql`select document_id from lexical_candidates('{}'::text[], '{}'::float8[], ${terms.named}::tsquery)`;
  return sql`
    select found.document_id, named.document_id is not null as is_named, (count(*) over ())::int as total,
      found.score + case when named.document_id is null then 0 else max(found.score) over () end as score
    from lexical_candidates(${terms.lexemes}::text[], ${terms.weights}::float8[], ${terms.candidates}::tsquery) found
    left join (${named}) named on named.document_id = found.document_id
    ${filtered}
    order by score desc, found.document_id offset ${page.offset} limit ${page.limit}`;
}

/** The stems that a query is made of, without stop words; the ones that it repeats first. */
export async function lexemesOf(scope: WorkspaceScope, query: string): Promise<string[]> {
  const rows = await scope.sql<{ lexeme: string }[]>`
    select lexeme from unnest(to_tsvector('english', ${query.slice(0, MAX_LEXICAL_QUERY_LENGTH).replaceAll('\0', ' ')}))
    order by cardinality(positions) desc, positions[1] limit ${MAX_LEXEMES_READ}`;
  return rows.map((row) => row.lexeme);
}

export async function countDocuments(scope: WorkspaceScope): Promise<number> {
  const rows = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from documents where workspace_id = ${scope.workspaceId}`;
  return rows[0]?.count ?? 0;
}

export async function documentFrequencies(
  scope: WorkspaceScope,
  lexemes: readonly string[],
  documents: number,
): Promise<LexemeFrequency[]> {
  return scope.sql<LexemeFrequency[]>`
    select lexeme, frequency from document_frequencies(${[...lexemes]}::text[], ${documents}::float8)`;
}
