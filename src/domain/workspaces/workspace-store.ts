import type { SystemScope } from '../../db/workspace-scope.ts';
import type { CallerWorkspace, Tier } from '../access/caller.ts';

export async function insertWorkspace(scope: SystemScope, workspace: CallerWorkspace): Promise<void> {
  await scope.sql`
    insert into workspaces (id, name, slug, tier, created_at)
    values (${workspace.id}, ${workspace.name}, ${workspace.slug}, ${workspace.tier}, ${workspace.createdAt})`;
}

export async function insertFirstKey(
  scope: SystemScope,
  key: { workspaceId: string; id: string; name: string; prefix: string; role: string; createdAt: Date },
  secretHash: Uint8Array,
): Promise<void> {
  await scope.sql`
    insert into api_keys (workspace_id, id, name, prefix, secret_hash, role, created_at)
    values (${key.workspaceId}, ${key.id}, ${key.name}, ${key.prefix}, ${secretHash}, ${key.role}, ${key.createdAt})`;
}

export async function listWorkspaces(
  scope: SystemScope,
  page: { limit: number; after: string | null },
): Promise<CallerWorkspace[]> {
  return await scope.sql<CallerWorkspace[]>`
    select id, name, slug, tier, created_at from workspaces
    where ${page.after}::text is null or id > ${page.after} order by id limit ${page.limit}`;
}

export async function updateWorkspace(
  scope: SystemScope,
  id: string,
  changes: { name: string | null; tier: Tier | null },
): Promise<CallerWorkspace | null> {
  const rows = await scope.sql<CallerWorkspace[]>`
    update workspaces set name = coalesce(${changes.name}, name), tier = coalesce(${changes.tier}, tier)
    where id = ${id} returning id, name, slug, tier, created_at`;
  return rows[0] ?? null;
}

/** Everything of the workspace goes with it. */
export async function deleteWorkspace(scope: SystemScope, id: string): Promise<boolean> {
  const deleted = await scope.sql`delete from workspaces where id = ${id} returning id`;
  return deleted.length > 0;
}
