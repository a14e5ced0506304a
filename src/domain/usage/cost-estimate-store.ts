import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { DocumentFilter } from '../documents/document.ts';
import { documentCondition } from '../documents/document-filter.ts';
import type { Range } from './cost-estimate.ts';
import type { Operation } from './usage-event.ts';

/** Documents whose words tell how many characters a token has there, and how much of each is read. */
const SAMPLE_DOCUMENTS = 50;
const SAMPLE_CHARACTERS = 2_000;
/** Attempts that history is looked for in, the latest first. */
const HISTORY_ROWS = 10_000;
const HISTORY_DAYS = 30;
/** Fewer say nothing of the next one. */
const HISTORY_MIN_ANSWERS = 10;

/** Documents of a filter: all of them, and those that the work is not done for. */
export interface DocumentSums {
  documents: number;
  characters: number;
  pending: number;
  pendingCharacters: number;
}

/** Which documents an estimate is about. */
export interface EstimatedDocuments {
  /** As `resolveDocumentFilter` gives it. */
  filter: DocumentFilter | null;
  /** The workspace's embedding model. */
  embeddingModel: string;
  /** What spares a document the work: vectors of a model, labels of a taxonomy, or a summary. */
  doneBy: { model: string } | { taxonomy: string } | 'summary';
  /** Of one document, at the most. */
  maxCharacters: number;
}

/** How much there is to read, without reading it. */
export async function sumDocuments(scope: WorkspaceScope, asked: EstimatedDocuments): Promise<DocumentSums> {
  const { filter, embeddingModel, doneBy, maxCharacters } = asked;
  const isDone = doneCondition(scope, doneBy);
  const [sums] = await scope.sql<DocumentSums[]>`
    select
      count(*)::float8 as documents, coalesce(sum(w.characters), 0)::float8 as characters,
      count(*) filter (where not w.is_done)::float8 as pending,
      coalesce(sum(w.characters) filter (where not w.is_done), 0)::float8 as pending_characters
    from (
      select
        least(char_length(d.text) + coalesce(char_length(d.title), 0), ${maxCharacters}::int) as characters,
        coalesce(${isDone}, false) as is_done
      from documents d
      where d.workspace_id = ${scope.workspaceId} and ${documentCondition(scope, filter, embeddingModel)}
    ) w`;
  if (sums === undefined) throw new Error('an aggregate without groups gives one row');
  return sums;
}

function doneCondition({ sql }: WorkspaceScope, doneBy: EstimatedDocuments['doneBy']) {
  if (doneBy === 'summary') {
    return sql`exists (
      select from document_summaries s
      where s.workspace_id = d.workspace_id and s.document_id = d.id and s.content_hash = d.content_hash)`;
  }
  if ('model' in doneBy) return sql`d.embedding_status = 'READY' and d.embedding_model = ${doneBy.model}`;
  return sql`exists (
    select from classifications k
    where k.workspace_id = d.workspace_id and k.document_id = d.id and k.taxonomy = ${doneBy.taxonomy})`;
}

/** Beginnings of some of the documents. */
export async function sampleTexts(
  scope: WorkspaceScope,
  { filter, embeddingModel }: Pick<EstimatedDocuments, 'filter' | 'embeddingModel'>,
): Promise<string[]> {
  const rows = await scope.sql<{ text: string }[]>`
    select left(d.text, ${SAMPLE_CHARACTERS}::int) as text from documents d
    where d.workspace_id = ${scope.workspaceId} and ${documentCondition(scope, filter, embeddingModel)}
    order by d.id desc limit ${SAMPLE_DOCUMENTS}`;
  return rows.map(({ text }) => text);
}

/** Those of the hashes whose vectors are kept. */
export async function keptHashes(
  scope: WorkspaceScope,
  model: string,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await scope.sql<{ hash: string }[]>`
    select encode(content_hash, 'hex') as hash from embedding_cache
    where workspace_id = ${scope.workspaceId} and model = ${model} and expires_at > now()
      and content_hash in (select decode(hash, 'hex') from unnest(${[...hashes]}::text[]) as wanted (hash))`;
  return new Set(rows.map(({ hash }) => hash));
}

/** Tokens of one answer in the last 30 days: a quarter had fewer than the low end, a quarter more than the high one. */
export async function answerTokens(scope: WorkspaceScope, operation: Operation, model: string): Promise<Range | null> {
  const [history] = await scope.sql<(Range & { answers: number })[]>`
    select
      count(*)::int as answers,
      coalesce(percentile_cont(0.25) within group (order by a.output_tokens), 0) as low,
      coalesce(percentile_cont(0.75) within group (order by a.output_tokens), 0) as high
    from (
      select operation, model, outcome, output_tokens from usage_attempts
      where workspace_id = ${scope.workspaceId} and at > now() - make_interval(days => ${HISTORY_DAYS})
      order by at desc limit ${HISTORY_ROWS}
    ) a
    where a.operation = ${operation} and a.model = ${model} and a.outcome = 'SUCCEEDED' and a.output_tokens > 0`;
  if (history === undefined || history.answers < HISTORY_MIN_ANSWERS) return null;
  return { low: history.low, high: history.high };
}
