import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import type { DocumentFilter } from '../../documents/document.ts';
import { OutOfReachError } from '../errors.ts';

/** What of its workspace a run can see. */
export interface RunReach {
  readonly workspaceId: string;
  /** Null: all collections. */
  readonly collectionIds: readonly string[] | null;
}

/**
 * The collections of an agent's configuration.
 * @param named ids or slugs; none: all collections
 * @throws OutOfReachError where one is not there: an agent that was limited never sees more than it was meant to
 */
export async function findReach(scope: WorkspaceScope, named: readonly string[]): Promise<RunReach> {
  const { workspaceId, sql } = scope;
  if (named.length === 0) return { workspaceId, collectionIds: null };
  const found = await sql<{ id: string; slug: string }[]>`
    select id, slug from collections
    where workspace_id = ${workspaceId} and (id = any(${[...named]}::text[]) or slug = any(${[...named]}::text[]))`;
  const missing = named.filter((name) => !found.some(({ id, slug }) => id === name || slug === name));
  if (missing.length > 0) {
    const names = missing.map((name) => JSON.stringify(name)).join(', ');
    throw new OutOfReachError(
      `the agent is limited to collections that are not there: ${names}; change "collections" in its configuration`,
    );
  }
  return { workspaceId, collectionIds: found.map(({ id }) => id) };
}

/** A filter that shows nothing from outside of the run's reach, whatever it asks for. */
export function withinReach({ collectionIds }: RunReach, filter: DocumentFilter | null | undefined): DocumentFilter {
  if (collectionIds === null) return { ...filter };
  const wanted = filter?.collectionIds;
  return {
    ...filter,
    collectionIds: wanted == null ? collectionIds : wanted.filter((id) => collectionIds.includes(id)),
  };
}

/** Whether the workspace has any of some documents, also where no run sees them. */
export async function isAnyThere({ sql, workspaceId }: WorkspaceScope, ids: readonly string[]): Promise<boolean> {
  const [row] = await sql<{ isAny: boolean }[]>`
    select exists (select from documents where workspace_id = ${workspaceId} and id = any(${[...ids]}::text[])) as is_any`;
  return row?.isAny ?? false;
}
