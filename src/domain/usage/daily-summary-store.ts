import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { DailySummary } from './daily-summary.ts';

/** A day of a workspace whose summary is missing, or older than its last attempt. */
export interface UnsummedDay {
  workspaceId: string;
  /** As `YYYY-MM-DD`. */
  day: string;
}

/** The next workspaces, by id. */
export async function listWorkspaceIds(scope: SystemScope, after: string, limit: number): Promise<string[]> {
  const rows = await scope.sql<{ id: string }[]>`
    select id from workspaces where id > ${after} order by id limit ${limit}`;
  return rows.map(({ id }) => id);
}

/** Days of some workspaces, from one day up to and without another, whose summary does not hold all there is. */
export async function findUnsummedDays(
  scope: SystemScope,
  workspaceIds: readonly string[],
  days: { from: string; before: string },
  limit: number,
): Promise<UnsummedDay[]> {
  return await scope.sql<UnsummedDay[]>`
    select u.workspace_id, u.day::text as day
    from (
      select workspace_id, day, sum(requests + vector_queries) as counted from usage_daily
      where workspace_id = any(${[...workspaceIds]}::text[]) and day >= ${days.from}::date and day < ${days.before}::date
      group by workspace_id, day
    ) as u
    left join daily_summaries s on s.workspace_id = u.workspace_id and s.day = u.day
    where coalesce(s.counted, -1) < u.counted
    order by u.workspace_id, u.day limit ${limit}`;
}

/** Keeps a summary, unless there is one of more. */
export async function writeSummary(scope: WorkspaceScope, summary: DailySummary): Promise<void> {
  const { date, totals, byProvider } = summary;
  const json = (value: object) => scope.sql.json(value as unknown as JsonValue);
  await scope.sql`
    insert into daily_summaries as s (workspace_id, day, counted, totals, by_provider)
    values (${scope.workspaceId}, ${date}::date, ${totals.requests + totals.vectorQueries}::bigint, ${json(totals)},
      ${json(byProvider)})
    on conflict (workspace_id, day) do update set
      counted = excluded.counted, totals = excluded.totals, by_provider = excluded.by_provider, made_at = now()
    where s.counted < excluded.counted`;
}

/** Those of a range of days, both ends included, in their order. */
export async function readSummaries(scope: WorkspaceScope, from: string, to: string): Promise<DailySummary[]> {
  return await scope.sql<DailySummary[]>`
    select day::text as date, totals, by_provider from daily_summaries
    where workspace_id = ${scope.workspaceId} and day >= ${from}::date and day <= ${to}::date order by day`;
}
