import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { type EmbeddedDocument, embeddedRows, type PendingDocument } from '../documents/document-store.ts';

/** Those of the documents whose text has no vector of the model yet, which is not the workspace's own. */
export async function unpreparedDocuments(
  { sql }: WorkspaceScope,
  ids: readonly string[],
  model: string,
): Promise<PendingDocument[]> {
  return await sql<PendingDocument[]>`
    select d.id, d.title, d.text, d.content_hash from documents d
    where d.id = any(${[...ids]}::text[]) and not (d.embedding_status = 'READY' and d.embedding_model = ${model}) and not exists (
      select from prepared_embeddings p
      where p.workspace_id = d.workspace_id and p.model = ${model} and p.document_id = d.id
        and p.content_hash = d.content_hash
    )
    order by d.id`;
}

/**
 * The documents whose text is still the one that was embedded, noted as embedded by a model that is not the workspace's
 * own, and cleared of its old vectors. What the documents themselves say of their embedding stays.
 */
export async function markPrepared(
  { sql, workspaceId }: WorkspaceScope,
  documents: readonly EmbeddedDocument[],
  model: string,
): Promise<Set<string>> {
  const incoming = embeddedRows(documents);
  const marked = await sql<{ id: string }[]>`
    with incoming as (
      select * from jsonb_to_recordset(${incoming}::text::jsonb) as i ("id" text, "contentHash" text, "tokenCount" int, "chunkCount" int)
    ), unchanged as (
      select d.id, d.content_hash, i."tokenCount", i."chunkCount"
      from documents d join incoming i on d.id = i."id" and d.content_hash = decode(i."contentHash", 'hex')
      order by d.external_id collate "C", d.id for no key update of d
    )
    insert into prepared_embeddings (workspace_id, model, document_id, content_hash, token_count, chunk_count)
    select ${workspaceId}, ${model}, id, content_hash, "tokenCount", "chunkCount" from unchanged
    on conflict (workspace_id, model, document_id) do update set
      content_hash = excluded.content_hash, token_count = excluded.token_count, chunk_count = excluded.chunk_count,
      embedded_at = now()
    returning document_id as id`;
  const ids = marked.map(({ id }) => id);
  await sql`delete from chunks where document_id = any(${ids}::text[]) and model = ${model}`;
  return new Set(ids);
}

/** Marks those of the documents READY whose text was embedded by the model before it became the workspace's own. */
export async function adoptPrepared({ sql }: WorkspaceScope, ids: readonly string[], model: string): Promise<void> {
  await sql`
    with adopted as (
      select d.id, p.token_count, p.chunk_count, p.embedded_at
      from documents d join prepared_embeddings p
        on p.workspace_id = d.workspace_id and p.document_id = d.id and p.content_hash = d.content_hash
      where p.model = ${model} and d.id = any(${[...ids]}::text[])
        and not (d.embedding_status = 'READY' and d.embedding_model = ${model})
      order by d.external_id collate "C", d.id for no key update of d
    ), taken as (
      delete from prepared_embeddings where model = ${model} and document_id in (select id from adopted)
    )
    update documents d set embedding_status = 'READY', embedding_model = ${model}, embedded_at = a.embedded_at,
      embedding_error = null, token_count = a.token_count, chunk_count = a.chunk_count
    from adopted a where d.id = a.id`;
}
