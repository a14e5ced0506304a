import type { SystemScope } from '../../db/workspace-scope.ts';
import type { CallerWorkspace } from './caller.ts';

/** A workspace by id or slug, before anybody is known to belong to it. */
export async function findWorkspace(scope: SystemScope, idOrSlug: string): Promise<CallerWorkspace | null> {
  const rows = await scope.sql<CallerWorkspace[]>`
    select id, name, slug, tier, created_at from workspaces where id = ${idOrSlug} or slug = ${idOrSlug}`;
  return rows[0] ?? null;
}
