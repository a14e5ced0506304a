import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';

/** A vector that was made before. */
export interface CachedEmbedding {
  vector: Float32Array;
  tokenCount: number;
}

/** Vectors by the hex of their content hash; those that are not there are left out. */
export async function readCachedEmbeddings(
  scope: WorkspaceScope,
  model: string,
  hashes: readonly string[],
): Promise<Map<string, CachedEmbedding>> {
  const rows = await scope.sql<{ hash: string; embedding: Buffer; tokenCount: number }[]>`
    select encode(content_hash, 'hex') as hash, embedding, token_count from embedding_cache
    where model = ${model} and expires_at > now()
      and content_hash in (select decode(hash, 'hex') from unnest(${[...hashes]}::text[]) as wanted (hash))`;
  return new Map(rows.map((row) => [row.hash, { vector: readFloats(row.embedding), tokenCount: row.tokenCount }]));
}

/**
 * Sorted, so that servers that store the same texts at once wait for each other instead of deadlocking. What was made
 * before the cache was made void is not stored any more.
 */
export async function storeCachedEmbeddings(
  scope: WorkspaceScope,
  { model, epoch }: { model: string; epoch: number },
  entries: ReadonlyMap<string, CachedEmbedding>,
  expiresAt: Date,
): Promise<void> {
  const hashes = [...entries.keys()].sort();
  const vectors = hashes.map((hash) => writeFloats(entries.get(hash)?.vector ?? new Float32Array()));
  const tokenCounts = hashes.map((hash) => entries.get(hash)?.tokenCount ?? 0);
  await scope.sql`
    insert into embedding_cache (workspace_id, model, content_hash, embedding, token_count, expires_at)
    select ${scope.workspaceId}, ${model}, decode(hash, 'hex'), decode(embedding, 'base64'), token_count, ${expiresAt}
    from unnest(${hashes}::text[], ${vectors}::text[], ${tokenCounts}::int[]) as made (hash, embedding, token_count)
    where ${epoch}::int >= coalesce(
      (select embedding_epoch from workspace_settings where workspace_id = ${scope.workspaceId}), 0)
    on conflict (workspace_id, model, content_hash) do update set expires_at = excluded.expires_at`;
}

/** How many vectors of the workspace are kept, of all models. */
export async function countCachedEmbeddings(scope: WorkspaceScope): Promise<number> {
  const rows = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from embedding_cache
    where workspace_id = ${scope.workspaceId} and expires_at > now()`;
  return rows[0]?.count ?? 0;
}

/** Drops the vectors of some texts by the hex of their hashes, or all of the workspace. Returns how many went. */
export async function dropCachedEmbeddings(scope: WorkspaceScope, hashes: readonly string[] | null): Promise<number> {
  const which =
    hashes === null
      ? scope.sql`true`
      : scope.sql`content_hash in (select decode(hash, 'hex') from unnest(${[...hashes]}::text[]) as unwanted (hash))`;
  const dropped = await scope.sql`
    delete from embedding_cache where workspace_id = ${scope.workspaceId} and ${which}`;
  return dropped.count;
}

/** Drops what is over its time; at most `limit` at once. Returns how many went. */
export async function dropExpiredEmbeddings(scope: SystemScope, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from embedding_cache where (workspace_id, model, content_hash) in (
      select workspace_id, model, content_hash from embedding_cache where expires_at < now() limit ${limit}
    )`;
  return dropped.count;
}

function readFloats(bytes: Buffer): Float32Array {
  const copy = new Uint8Array(bytes);
  return new Float32Array(copy.buffer);
}

function writeFloats(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
