import type { WorkspaceReads, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { WorkspaceTaxonomy } from './classification.ts';
import type { TaxonomyDimension } from './taxonomy.ts';

interface TaxonomyRow {
  id: string;
  name: string;
  dimensions: TaxonomyDimension[];
}

/** The workspace's own taxonomies, by name. */
export async function listTaxonomies(scope: WorkspaceScope): Promise<WorkspaceTaxonomy[]> {
  const rows = await scope.sql<TaxonomyRow[]>`
    select id, name, dimensions from taxonomies where workspace_id = ${scope.workspaceId} order by name collate "C"`;
  return rows.map(fromRow);
}

export async function findTaxonomies(scope: WorkspaceScope, ids: readonly string[]): Promise<WorkspaceTaxonomy[]> {
  const rows = await scope.sql<TaxonomyRow[]>`
    select id, name, dimensions from taxonomies
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
  return rows.map(fromRow);
}

export async function findTaxonomyByName(scope: WorkspaceReads, name: string): Promise<WorkspaceTaxonomy | null> {
  const rows = await scope.sql<TaxonomyRow[]>`
    select id, name, dimensions from taxonomies where workspace_id = ${scope.workspaceId} and name = ${name}`;
  return rows[0] === undefined ? null : fromRow(rows[0]);
}

/**
 * Makes a taxonomy, or replaces the dimensions of the one with this name.
 * @returns whether anything changed, and the taxonomy with the id that it has had from the beginning
 */
export async function upsertTaxonomy(
  scope: WorkspaceScope,
  taxonomy: TaxonomyRow,
): Promise<{ taxonomy: WorkspaceTaxonomy; changed: boolean }> {
  const dimensions = scope.sql.json(taxonomy.dimensions as never);
  const written = await scope.sql<TaxonomyRow[]>`
    insert into taxonomies as t (workspace_id, id, name, dimensions)
    values (${scope.workspaceId}, ${taxonomy.id}, ${taxonomy.name}, ${dimensions})
    on conflict (workspace_id, name) do update set dimensions = excluded.dimensions, updated_at = now()
    where t.dimensions <> excluded.dimensions
    returning id, name, dimensions`;
  if (written[0] !== undefined) return { taxonomy: fromRow(written[0]), changed: true };
  const same = await findTaxonomyByName(scope, taxonomy.name);
  if (same === null) throw new Error('a taxonomy that could not be written is not there either');
  return { taxonomy: same, changed: false };
}

/** How often what a taxonomy teaches has changed in this workspace. */
export async function readRevision(scope: WorkspaceScope, taxonomy: string): Promise<number> {
  const rows = await scope.sql<{ revision: number }[]>`
    select revision from taxonomy_revisions where workspace_id = ${scope.workspaceId} and taxonomy = ${taxonomy}`;
  return rows[0]?.revision ?? 0;
}

/** Makes every label that a model gave in this taxonomy out of date. Other changes of it wait for this transaction. */
export async function raiseRevision(scope: WorkspaceScope, taxonomy: string): Promise<number> {
  const rows = await scope.sql<{ revision: number }[]>`
    insert into taxonomy_revisions as r (workspace_id, taxonomy, revision)
    values (${scope.workspaceId}, ${taxonomy}, 1)
    on conflict (workspace_id, taxonomy) do update set revision = r.revision + 1
    returning revision`;
  return rows[0]?.revision ?? 0;
}

function fromRow(row: TaxonomyRow): WorkspaceTaxonomy {
  return { id: row.id, name: row.name, builtIn: false, dimensions: row.dimensions };
}
