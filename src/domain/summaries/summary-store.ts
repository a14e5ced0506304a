import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Summary } from './summary.ts';

/** The summary of a document, with what tells whether it still holds. */
export interface StoredSummary extends Summary {
  documentId: string;
  /** Of the text that was summarised. */
  contentHash: Uint8Array;
}

/** The summaries of some documents, whether they still hold or not. */
export async function readSummaries(
  scope: WorkspaceScope,
  documentIds: readonly string[],
): Promise<Map<string, StoredSummary>> {
  const rows = await scope.sql<StoredSummary[]>`
    select document_id, summary as text, model, content_hash from document_summaries
    where workspace_id = ${scope.workspaceId} and document_id = any(${[...documentIds]}::text[])`;
  return new Map(rows.map((row) => [row.documentId, row]));
}

/** Stores summaries of texts that are still the ones that were summarised; what has changed or gone is passed over. */
export async function storeSummaries(scope: WorkspaceScope, made: readonly StoredSummary[]): Promise<void> {
  const rows = made.map(({ documentId, text, model, contentHash }) => ({
    document_id: documentId,
    ...{ summary: text, model, content_hash: Buffer.from(contentHash).toString('hex') },
  }));
  await scope.sql`
    with made as (
      select * from jsonb_to_recordset(${scope.sql.json(rows)}) as m (
        document_id text, summary text, model text, content_hash text)
    ), present as (
      select d.id, d.content_hash from documents d
      where d.workspace_id = ${scope.workspaceId} and d.id in (select document_id from made)
      order by d.id for key share
    )
    insert into document_summaries (workspace_id, document_id, summary, model, content_hash)
    select ${scope.workspaceId}, m.document_id, m.summary, m.model, p.content_hash
    from made m join present p on p.id = m.document_id and p.content_hash = decode(m.content_hash, 'hex')
    order by m.document_id
    on conflict (workspace_id, document_id) do update set
      summary = excluded.summary, model = excluded.model, content_hash = excluded.content_hash, summarised_at = now()`;
}
