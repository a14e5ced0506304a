import type { WorkspaceReads, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Collection } from './document.ts';

export async function insertCollection(scope: WorkspaceScope, collection: Collection): Promise<void> {
  await scope.sql`
    insert into collections (workspace_id, id, name, slug, kind, created_at)
    values (${scope.workspaceId}, ${collection.id}, ${collection.name}, ${collection.slug}, ${collection.kind}, ${collection.createdAt})`;
}

export async function listCollections(
  scope: WorkspaceReads,
  page: { limit: number; after: string | null },
): Promise<Collection[]> {
  return await scope.sql<Collection[]>`
    select id, name, slug, kind, created_at from collections
    where ${page.after}::text is null or id > ${page.after} order by id limit ${page.limit}`;
}

export async function findCollections(scope: WorkspaceReads, ids: readonly string[]): Promise<Collection[]> {
  return await scope.sql<Collection[]>`
    select id, name, slug, kind, created_at from collections where id = any(${[...ids]}::text[])`;
}

/** Share of each collection's documents that have a vector of the model, 0..1; 1 where there are none to embed. */
export async function embeddingCoverages(
  scope: WorkspaceReads,
  collectionIds: readonly string[],
  embeddingModel: string,
): Promise<Map<string, number>> {
  const rows = await scope.sql<{ collectionId: string; coverage: number }[]>`
    select collection_id, avg((embedding_status = 'READY' and embedding_model = ${embeddingModel})::int)::float8 as coverage
    from documents where collection_id = any(${[...collectionIds]}::text[]) group by collection_id`;
  return new Map(rows.map((row) => [row.collectionId, row.coverage]));
}
