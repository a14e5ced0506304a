import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { newId } from '../../shared/ids.ts';
import { checkedInsight, type Finder } from './finding.ts';
import { isNews, type NewsRange } from './finding-news.ts';
import {
  type Insight,
  type InsightKind,
  type InsightStatus,
  insightTopic,
  type NewInsight,
  type Priority,
} from './insight.ts';

/** What a list of insights is narrowed by; null: by nothing. */
export interface InsightFilter {
  kinds: readonly InsightKind[] | null;
  priorities: readonly Priority[] | null;
  status: readonly InsightStatus[] | null;
}

/** What is stored of an insight's data points: JSON knows no dates. */
type InsightRow = Omit<Insight, 'dataPoints'> & { dataPoints: { metric: string; value: number; at: string | null }[] };

/**
 * Keeps an insight, or refreshes the one that the agent has found before under the same key; one that a person dismissed
 * or acted upon stays as it is. Two runs that find it at once keep one. Documents that are gone are left out.
 * @returns its id
 * @throws InvalidFindingError
 */
export async function recordInsight(scope: WorkspaceScope, finder: Finder, insight: NewInsight): Promise<string> {
  const { sql, workspaceId } = scope;
  const { documentIds, ...found } = checkedInsight(insight);
  const own = newId('Insight');
  const [kept] = await sql<{ id: string; isOpen: boolean }[]>`
    insert into insights as known (workspace_id, id, agent_id, key, kind, title, description, confidence, priority,
      data_points, suggested_actions, status)
    values (${workspaceId}, ${own}, ${finder.agentId}, ${found.key}, ${found.kind}, ${found.title}, ${found.description},
      ${found.confidence}, ${found.priority}, ${sql.json(found.dataPoints as never)},
      ${sql.json([...found.suggestedActions])}, 'NEW')
    on conflict (workspace_id, agent_id, key) do update set
      ${openOnly(scope, ['kind', 'title', 'description', 'confidence', 'priority', 'data_points', 'suggested_actions'])},
      updated_at = case when known.status in ('NEW', 'SEEN') then now() else known.updated_at end
    returning id, status in ('NEW', 'SEEN') as is_open`;
  if (kept === undefined) throw new Error('an insight was not kept');
  if (kept.isOpen) await replaceDocuments(scope, kept.id, documentIds);
  await sql`
    insert into insight_runs (workspace_id, run_id, insight_id)
    values (${workspaceId}, ${finder.runId}, ${kept.id}) on conflict do nothing`;
  if (kept.id === own) scope.ring(insightTopic(workspaceId));
  return kept.id;
}

/** Assigns columns what was found now, where nobody has judged the insight. */
function openOnly({ sql }: WorkspaceScope, columns: readonly string[]) {
  return columns
    .map((column) => {
      const name = sql(column);
      return sql`${name} = case when known.status in ('NEW', 'SEEN') then excluded.${name} else known.${name} end`;
    })
    .reduce((all, one) => sql`${all}, ${one}`);
}

async function replaceDocuments(
  { sql, workspaceId }: WorkspaceScope,
  insightId: string,
  documentIds: readonly string[],
): Promise<void> {
  const ids = [...new Set(documentIds)];
  await sql`
    delete from insight_documents
    where workspace_id = ${workspaceId} and insight_id = ${insightId} and document_id <> all(${ids}::text[])`;
  await sql`
    insert into insight_documents (workspace_id, insight_id, document_id, position)
    select ${workspaceId}, ${insightId}, d.id, listed.position
    from unnest(${ids}::text[]) with ordinality as listed (id, position)
    join documents d on d.workspace_id = ${workspaceId} and d.id = listed.id
    order by d.id on conflict do nothing`;
}

/** Newest first. */
export async function listInsights(
  scope: WorkspaceScope,
  { kinds, priorities, status }: InsightFilter,
  page: { limit: number; after: string | null },
): Promise<Insight[]> {
  const { sql, workspaceId } = scope;
  const rows = await sql<InsightRow[]>`
    select ${columnsOf(scope)} from insights
    where workspace_id = ${workspaceId} and (${page.after}::text is null or id < ${page.after})
      ${kinds === null ? sql`` : sql`and kind = any(${[...kinds]}::text[])`}
      ${priorities === null ? sql`` : sql`and priority = any(${[...priorities]}::text[])`}
      ${status === null ? sql`` : sql`and status = any(${[...status]}::text[])`}
    order by id desc limit ${page.limit}`;
  return rows.map(toInsight);
}

/** In no order; those that are not there are left out. */
export async function findInsights(scope: WorkspaceScope, ids: readonly string[]): Promise<Insight[]> {
  const rows = await scope.sql<InsightRow[]>`
    select ${columnsOf(scope)} from insights where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
  return rows.map(toInsight);
}

/** What was made between two moments, by id. @param priorities of these alone; null: of all */
export async function newInsights(
  scope: WorkspaceScope,
  range: NewsRange,
  priorities: readonly Priority[] | null,
): Promise<Insight[]> {
  const { sql } = scope;
  const rows = await sql<InsightRow[]>`
    select ${columnsOf(scope)} from insights
    where ${isNews(scope, range)} ${priorities === null ? sql`` : sql`and priority = any(${[...priorities]}::text[])`}
    order by id limit ${range.limit}`;
  return rows.map(toInsight);
}

/** Up to `limit` insights that each run has found, newest first. */
export async function insightsOfRuns(
  scope: WorkspaceScope,
  runIds: readonly string[],
  limit: number,
): Promise<(Insight & { runId: string })[]> {
  const { sql, workspaceId } = scope;
  const rows = await sql<(InsightRow & { runId: string })[]>`
    select found.run_id, ${columnsOf(scope)} from unnest(${[...runIds]}::text[]) as run (run_id)
    cross join lateral (
      select run_id, insight_id from insight_runs
      where workspace_id = ${workspaceId} and run_id = run.run_id order by insight_id desc limit ${limit}
    ) found
    join insights on insights.workspace_id = ${workspaceId} and insights.id = found.insight_id
    order by id desc`;
  return rows.map((row) => ({ ...toInsight(row), runId: row.runId }));
}

/** The documents of insights, the most telling ones first. */
export async function documentsOfInsights(
  { sql, workspaceId }: WorkspaceScope,
  ids: readonly string[],
): Promise<{ insightId: string; documentId: string }[]> {
  return await sql<{ insightId: string; documentId: string }[]>`
    select insight_id, document_id from insight_documents
    where workspace_id = ${workspaceId} and insight_id = any(${[...ids]}::text[]) order by insight_id, position`;
}

/** @returns whether there is such an insight */
export async function judgeInsight(
  { sql, workspaceId }: WorkspaceScope,
  id: string,
  status: InsightStatus,
): Promise<boolean> {
  const changed = await sql`
    update insights set status = ${status}, updated_at = now() where workspace_id = ${workspaceId} and id = ${id}`;
  return changed.count > 0;
}

/** Drops what was neither found nor judged for so many days; at most `limit` at once. Returns how many went. */
export async function dropOldInsights({ sql }: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await sql`
    delete from insights where (workspace_id, id) in (
      select workspace_id, id from insights where updated_at < now() - make_interval(days => ${days}) limit ${limit})`;
  return dropped.count;
}

function columnsOf({ sql }: WorkspaceScope) {
  return sql`id, agent_id, kind, title, description, confidence, priority, data_points, suggested_actions, status,
    created_at, updated_at`;
}

function toInsight(row: InsightRow): Insight {
  const { id, agentId, kind, title, description, confidence, priority, suggestedActions, status, createdAt } = row;
  const dataPoints = row.dataPoints.map(({ metric, value, at }) => ({
    ...{ metric, value },
    at: at === null ? null : new Date(at),
  }));
  return {
    ...{ id, agentId, kind, title, description, confidence, priority, dataPoints, suggestedActions, status, createdAt },
    updatedAt: row.updatedAt,
  };
}
