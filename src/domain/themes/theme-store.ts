import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { StoredTheme, Theme, ThemeSet } from './theme.ts';
import type { TrendCounts } from './trend.ts';

/** Themes that are gone are kept for so long: they may come back, and then have their id and name again. */
const RETIRED_DAYS = 90;

interface SetRow extends Omit<ThemeSet, 'mean'> {
  mean: Uint8Array;
}

interface ThemeRow extends Omit<StoredTheme, 'centroid'> {
  centroid: Uint8Array;
}

/** What was found in a scope; null where nobody looked yet. */
export async function readThemeSet({ sql }: WorkspaceScope, scope: string): Promise<ThemeSet | null> {
  const [row] = await sql<SetRow[]>`
    select revision, model, mean, document_count from theme_sets where scope = ${scope}`;
  return row === undefined ? null : { ...row, mean: fromBytes(row.mean) };
}

/** The themes of a scope with those that were retired, the oldest first. */
export async function readStoredThemes({ sql }: WorkspaceScope, scope: string): Promise<StoredTheme[]> {
  const rows = await sql<ThemeRow[]>`
    select id, scope, name, named_by, keywords, centroid, threshold, created_at, retired_at
    from themes where scope = ${scope} order by id`;
  return rows.map((row) => ({ ...row, centroid: fromBytes(row.centroid) }));
}

/** A scope in which somebody wants themes, or which has some. */
export interface SetState {
  scope: string;
  collectionId: string | null;
  revision: number;
  model: string;
  documentCount: number;
}

export async function listThemeSets({ sql }: WorkspaceScope): Promise<SetState[]> {
  return await sql<SetState[]>`
    select scope, collection_id, revision, model, document_count from theme_sets order by scope`;
}

/** Has themes be found in the workspace and in the collections of these documents, where nobody looked yet. */
export async function wantThemeSets(
  { sql, workspaceId }: WorkspaceScope,
  documentIds: readonly string[],
  model: string,
): Promise<void> {
  await sql`
    insert into theme_sets (workspace_id, scope, collection_id, revision, model, mean, document_count)
    select ${workspaceId}, coalesce(wanted.collection_id, ${workspaceId}), wanted.collection_id, 0, ${model}, ''::bytea, 0
    from (
      select distinct collection_id from documents where id = any(${[...documentIds]}::text[])
      union all select null
    ) wanted
    on conflict do nothing`;
}

/**
 * Puts the themes that a run has found in place of those before, unless another one was quicker. Which documents belong
 * to them is stored next, by `storeAssignments`, and then `finishThemes` is due: until then the set is out of date.
 * @param run.fromRevision the one that the run began from; 0: there was none
 * @returns whether they are in place
 */
export async function placeThemes(
  { sql, workspaceId }: WorkspaceScope,
  run: { scope: string; collectionId: string | null; fromRevision: number; model: string; mean: Float32Array },
  themes: readonly StoredTheme[],
): Promise<boolean> {
  const { scope, collectionId, fromRevision, model, mean } = run;
  const won = await sql`
    insert into theme_sets as s (workspace_id, scope, collection_id, revision, model, mean, document_count)
    values (${workspaceId}, ${scope}, ${collectionId}, ${fromRevision + 1}, ${model}, ${bytesOf(mean)}, 0)
    on conflict (workspace_id, scope) do update
    set revision = excluded.revision, model = excluded.model, mean = excluded.mean,
      document_count = excluded.document_count, clustered_at = now()
    where s.revision = ${fromRevision}
    returning 1`;
  if (won.length === 0) return false;
  for (const theme of themes) {
    await sql`
      insert into themes (workspace_id, id, scope, name, named_by, keywords, centroid, threshold)
      values (${workspaceId}, ${theme.id}, ${scope}, ${theme.name}, ${theme.namedBy}, ${sql.json([...theme.keywords])},
        ${bytesOf(theme.centroid)}, ${theme.threshold})
      on conflict (workspace_id, id) do update
      set name = excluded.name, named_by = excluded.named_by, keywords = excluded.keywords,
        centroid = excluded.centroid, threshold = excluded.threshold, retired_at = null`;
  }
  const current = themes.map(({ id }) => id);
  await sql`
    update themes set retired_at = now()
    where scope = ${scope} and retired_at is null and not id = any(${current}::text[])`;
  return true;
}

/** Takes documents, `limit` at the most, out of themes that are retired. Returns how many there were. */
export async function leaveRetiredThemes({ sql }: WorkspaceScope, scope: string, limit: number): Promise<number> {
  const left = await sql`
    delete from document_themes where (workspace_id, document_id, scope) in (
      select k.workspace_id, k.document_id, k.scope from themes t
      join document_themes k on k.workspace_id = t.workspace_id and k.theme_id = t.id
      where t.scope = ${scope} and t.retired_at is not null limit ${limit}
    )`;
  return left.count;
}

/** Says that a set is up to date with so many documents, where it is still of that revision. */
export async function finishThemes(
  { sql }: WorkspaceScope,
  set: { scope: string; revision: number; documentCount: number },
): Promise<void> {
  await sql`
    update theme_sets set document_count = ${set.documentCount}
    where scope = ${set.scope} and revision = ${set.revision}`;
  await sql`
    delete from themes
    where scope = ${set.scope} and retired_at < now() - make_interval(days => ${RETIRED_DAYS})`;
}

/**
 * Stores which themes documents belong to, as long as these are the themes of the scope.
 * @returns whether they were
 */
export async function storeAssignments(
  scope: WorkspaceScope,
  set: { scope: string; revision: number },
  assigned: { documentIds: readonly string[]; themeIds: readonly (string | null)[] },
): Promise<boolean> {
  const [held] = await scope.sql<{ revision: number }[]>`
    select revision from theme_sets where scope = ${set.scope} for share`;
  if (held?.revision !== set.revision) return false;
  await writeAssignments(scope, set.scope, assigned);
  return true;
}

/** In the order that every writer locks documents in; those that are gone are left out. */
async function writeAssignments(
  { sql, workspaceId }: WorkspaceScope,
  scope: string,
  { documentIds, themeIds }: { documentIds: readonly string[]; themeIds: readonly (string | null)[] },
): Promise<void> {
  await sql`
    insert into document_themes as k (workspace_id, document_id, scope, theme_id)
    select ${workspaceId}, there.id, ${scope}, there.theme_id
    from (
      select d.id, i.theme_id
      from unnest(${[...documentIds]}::text[], ${[...themeIds] as string[]}::text[]) as i (document_id, theme_id)
      join documents d on d.id = i.document_id
      order by d.external_id collate "C", d.id for key share of d
    ) there
    on conflict (workspace_id, document_id, scope) do update set theme_id = excluded.theme_id
    where k.theme_id is distinct from excluded.theme_id`;
}

/** Themes by id, in no order; retired ones are left out. */
export async function findThemes({ sql }: WorkspaceScope, ids: readonly string[]): Promise<Theme[]> {
  return await sql<Theme[]>`
    select id, scope, name, keywords, created_at from themes
    where id = any(${[...ids]}::text[]) and retired_at is null`;
}

/** The themes of a scope, those with the most documents first. `after` is the last one of the page before. */
export async function listThemes(
  { sql }: WorkspaceScope,
  scope: string,
  page: { limit: number; after: { documentCount: number; id: string } | null },
): Promise<(Theme & { documentCount: number })[]> {
  const { limit, after } = page;
  return await sql<(Theme & { documentCount: number })[]>`
    with counted as materialized (
      select t.id, t.scope, t.name, t.keywords, t.created_at,
        (select count(*) from document_themes k where k.theme_id = t.id)::int as document_count
      from themes t where t.scope = ${scope} and t.retired_at is null
    )
    select * from counted
    where ${after === null ? sql`true` : sql`(-document_count, id) > (${-after.documentCount}, ${after.id})`}
    order by document_count desc, id limit ${limit}`;
}

export async function countThemeDocuments(
  { sql }: WorkspaceScope,
  themeIds: readonly string[],
): Promise<Map<string, number>> {
  const rows = await sql<{ themeId: string; count: number }[]>`
    select theme_id, count(*)::int as count from document_themes
    where theme_id = any(${[...themeIds]}::text[]) group by theme_id`;
  return new Map(rows.map(({ themeId, count }) => [themeId, count]));
}

/** The themes of documents: that of the collection's, then that of the workspace's. A document nobody looked at is left out. */
export async function readDocumentThemes(
  { sql, workspaceId }: WorkspaceScope,
  documentIds: readonly string[],
): Promise<Map<string, Theme[]>> {
  const rows = await sql<({ documentId: string } & (Theme | { id: null }))[]>`
    select k.document_id, t.id, t.scope, t.name, t.keywords, t.created_at
    from document_themes k left join themes t on t.id = k.theme_id and t.retired_at is null
    where k.document_id = any(${[...documentIds]}::text[])
    order by k.document_id, k.scope = ${workspaceId}`;
  const byDocument = new Map<string, Theme[]>();
  for (const { documentId, ...theme } of rows) {
    const own = byDocument.get(documentId) ?? [];
    byDocument.set(documentId, own);
    if (theme.id !== null) own.push(theme);
  }
  return byDocument;
}

/** How many documents came when, of each theme of some scopes and of each scope in all (`''`), by scope. */
export async function readTrendCounts(
  { sql }: WorkspaceScope,
  scopes: readonly string[],
  days: { before: Date; recent: Date; now: Date },
): Promise<Map<string, Map<string, TrendCounts>>> {
  const rows = await sql<(TrendCounts & { scope: string; themeId: string | null })[]>`
    select k.scope, k.theme_id,
      count(*) filter (where d.created_at >= ${days.recent})::int as recent,
      count(*) filter (where d.created_at < ${days.recent})::int as before
    from documents d join document_themes k on k.document_id = d.id
    where k.scope = any(${[...scopes]}::text[]) and d.created_at >= ${days.before} and d.created_at <= ${days.now}
    group by k.scope, k.theme_id`;
  const counts = new Map<string, Map<string, TrendCounts>>();
  for (const { scope, themeId, recent, before } of rows) {
    const own = counts.get(scope) ?? new Map<string, TrendCounts>([['', { recent: 0, before: 0 }]]);
    counts.set(scope, own);
    const all = own.get('') as TrendCounts;
    own.set('', { recent: all.recent + recent, before: all.before + before });
    if (themeId !== null) own.set(themeId, { recent, before });
  }
  return counts;
}

function bytesOf(numbers: Float32Array): Buffer {
  return Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** A copy: the driver's buffers begin where they begin, and these numbers take four bytes each. */
function fromBytes(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}
