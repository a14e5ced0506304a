import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { ApiKey } from './api-key.ts';
import type { CallerWorkspace } from './caller.ts';

export async function insertApiKey(scope: WorkspaceScope, key: ApiKey, secretHash: Uint8Array): Promise<void> {
  await scope.sql`
    insert into api_keys (workspace_id, id, name, prefix, secret_hash, role, created_at, expires_at)
    values (${scope.workspaceId}, ${key.id}, ${key.name}, ${key.prefix}, ${secretHash}, ${key.role}, ${key.createdAt}, ${key.expiresAt})`;
}

export async function listApiKeys(
  scope: WorkspaceScope,
  page: { limit: number; after: string | null },
): Promise<ApiKey[]> {
  return await scope.sql<ApiKey[]>`
    select id, workspace_id, name, prefix, role, created_at, last_used_at, expires_at, revoked_at
    from api_keys where ${page.after}::text is null or id > ${page.after} order by id limit ${page.limit}`;
}

export async function findApiKeys(scope: WorkspaceScope, ids: readonly string[]): Promise<ApiKey[]> {
  return await scope.sql<ApiKey[]>`
    select id, workspace_id, name, prefix, role, created_at, last_used_at, expires_at, revoked_at
    from api_keys where id = any(${[...ids]}::text[])`;
}

/** Ids of the OWNER keys that work, locked, so that two revocations do not both leave the other one as the last. */
export async function lockLivingOwnerKeys(scope: WorkspaceScope): Promise<string[]> {
  const rows = await scope.sql<{ id: string }[]>`
    select id from api_keys where role = 'OWNER' and revoked_at is null and (expires_at is null or expires_at > now())
    order by id for update`;
  return rows.map((row) => row.id);
}

/** Revokes a key; null where there is none. Revoking twice keeps the first time. */
export async function revokeApiKey(
  scope: WorkspaceScope,
  id: string,
): Promise<{ key: ApiKey; secretHash: Uint8Array } | null> {
  const rows = await scope.sql<(ApiKey & { secretHash: Uint8Array })[]>`
    update api_keys set revoked_at = coalesce(revoked_at, now()) where id = ${id}
    returning id, workspace_id, name, prefix, role, created_at, last_used_at, expires_at, revoked_at, secret_hash`;
  const row = rows[0];
  if (row === undefined) return null;
  const { secretHash, ...key } = row;
  return { key, secretHash };
}

/** A key and its workspace by the hash of its secret: the one look-up that happens before the workspace is known. */
export async function findApiKeyBySecret(
  scope: SystemScope,
  secretHash: Uint8Array,
): Promise<{ key: ApiKey; workspace: CallerWorkspace } | null> {
  const rows = await scope.sql<
    (ApiKey & { workspaceName: string; slug: string; tier: CallerWorkspace['tier']; workspaceCreatedAt: Date })[]
  >`
    select k.id, k.workspace_id, k.name, k.prefix, k.role, k.created_at, k.last_used_at, k.expires_at, k.revoked_at,
      w.name as workspace_name, w.slug, w.tier, w.created_at as workspace_created_at
    from api_keys k join workspaces w on w.id = k.workspace_id where k.secret_hash = ${secretHash}`;
  const row = rows[0];
  if (row === undefined) return null;
  const { workspaceName, slug, tier, workspaceCreatedAt, ...key } = row;
  return { key, workspace: { id: key.workspaceId, name: workspaceName, slug, tier, createdAt: workspaceCreatedAt } };
}

export async function touchApiKeys(scope: SystemScope, ids: readonly string[]): Promise<void> {
  await scope.sql`update api_keys set last_used_at = now() where id = any(${[...ids]}::text[])`;
}
