import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { DocumentFilter } from './document.ts';
import { documentCondition, type Fragment } from './document-filter.ts';
import type { AiTask } from './document-service.ts';

/** Which documents a job works on, in the order of their ids. */
export interface ProcessedDocuments {
  /** Absent: any. */
  documentIds?: readonly string[] | undefined;
  filter: DocumentFilter | null;
  upTo: string;
  /** Those alone that have no current vector of this model. */
  missing: { model: string; isOwn: boolean } | null;
  /** The workspace's model. */
  embeddingModel: string;
}

/** Id of the last document of the workspace; null where there is none. */
export async function lastDocumentId({ sql, workspaceId }: WorkspaceScope): Promise<string | null> {
  const [row] = await sql<{ id: string | null }[]>`
    select max(id) as id from documents where workspace_id = ${workspaceId}`;
  return row?.id ?? null;
}

export async function countProcessed(scope: WorkspaceScope, which: ProcessedDocuments): Promise<number> {
  const [row] = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from documents d where ${condition(scope, which)}`;
  return row?.count ?? 0;
}

/** Ids of the next documents behind `after`; all pages together read the table once. */
export async function nextProcessed(
  scope: WorkspaceScope,
  which: ProcessedDocuments,
  after: string | null,
  limit: number,
): Promise<string[]> {
  // Not "is null or": planned for any page at once, each would read the table from its beginning.
  const behind = after === null ? scope.sql`true` : scope.sql`d.id > ${after}`;
  const rows = await scope.sql<{ id: string }[]>`
    select d.id from documents d
    where ${condition(scope, which)} and ${behind}
    order by d.id limit ${limit}`;
  return rows.map(({ id }) => id);
}

function condition(scope: WorkspaceScope, which: ProcessedDocuments): Fragment {
  const { sql, workspaceId } = scope;
  const { documentIds, filter, upTo, missing, embeddingModel } = which;
  const parts = [sql`d.workspace_id = ${workspaceId} and d.id <= ${upTo}`];
  // Looked at row by row: the index of metadata gives all that match, which each page would ask it for again.
  parts.push(documentCondition(scope, filter === null ? null : { ...filter, metadata: null }, embeddingModel));
  if (filter?.metadata != null) parts.push(sql`d.metadata @> ${sql.json(filter.metadata)}`);
  if (documentIds !== undefined) parts.push(sql`d.id = any(${[...documentIds]}::text[])`);
  if (missing !== null) parts.push(sql`not (d.embedding_status = 'READY' and d.embedding_model = ${missing.model})`);
  // What was prepared for a model that is the workspace's own now still has to be taken over.
  if (missing?.isOwn === false) {
    parts.push(sql`not exists (
      select from prepared_embeddings p
      where p.workspace_id = d.workspace_id and p.model = ${missing.model} and p.document_id = d.id
        and p.content_hash = d.content_hash
    )`);
  }
  return parts.reduce((all, part) => sql`${all} and ${part}`);
}

/** How much there is to embed among some documents. */
export async function pendingSize(
  { sql, workspaceId }: WorkspaceScope,
  ids: readonly string[],
  embeddingModel: string,
): Promise<{ documents: number; bytes: number }> {
  const [row] = await sql<{ documents: number; bytes: number }[]>`
    select count(*)::int as documents, coalesce(sum(octet_length(text)), 0)::float8 as bytes from documents
    where workspace_id = ${workspaceId} and id = any(${[...ids]}::text[])
      and not (embedding_status = 'READY' and embedding_model = ${embeddingModel})`;
  return row ?? { documents: 0, bytes: 0 };
}

/**
 * Those of the documents that a job follows up already, which waits for its turn or has ended in the dead letters. One that
 * runs may have read another text of a document.
 */
export async function followedUp(
  { sql, workspaceId }: WorkspaceScope,
  kind: JobKind,
  work: { task: AiTask; model: string | undefined },
  ids: readonly string[],
): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    select distinct held.id from jobs j, jsonb_array_elements_text(j.payload->'documentIds') as held (id)
    where j.workspace_id = ${workspaceId} and j.kind = ${kind} and j.status in ('QUEUED', 'RETRYING', 'DEAD')
      and j.payload @> '{"isFollowUp": true}' and j.payload->'tasks' ? ${work.task}
      and j.payload->>'model' is not distinct from ${work.model ?? null}
      and held.id = any(${[...ids]}::text[])`;
  return new Set(rows.map(({ id }) => id));
}
