import type { Database } from '../../src/db/client.ts';
import type { WorkspaceScope } from '../../src/db/workspace-scope.ts';

/** Makes a workspace with one collection, `col_1`. */
export async function insertWorkspace(database: Database, id: string): Promise<void> {
  await database.withSystem(
    ({ sql }) => sql`insert into workspaces (id, name, slug, tier) values (${id}, ${id}, ${id}, 'FREE')`,
  );
  await database.withWorkspace(
    id,
    ({ sql }) => sql`
      insert into collections (workspace_id, id, name, slug, kind) values (${id}, 'col_1', 'Notes', 'notes', 'TEXT')`,
  );
}

export interface DocumentRow {
  id: string;
  text: string;
  externalId?: string;
  metadata?: Record<string, string>;
  /** Left out: the scope's own. */
  workspaceId?: string;
}

/** Writes a document straight into its table. */
export async function insertDocument(scope: WorkspaceScope, row: DocumentRow): Promise<void> {
  const { sql } = scope;
  await sql`
    insert into documents (
      workspace_id, id, collection_id, external_id, kind, text, source, metadata, content_hash, lexemes, embedding_status, created_at
    ) values (
      ${row.workspaceId ?? scope.workspaceId}, ${row.id}, 'col_1', ${row.externalId ?? null}, 'TEXT', ${row.text}, '{}'::jsonb,
      ${sql.json(row.metadata ?? {})}, sha256(convert_to(${row.text}, 'UTF8')), to_tsvector('english', ${row.text}),
      'MISSING', now()
    )`;
}
