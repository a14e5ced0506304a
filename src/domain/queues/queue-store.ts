import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { PRIORITY, QUEUE_NAMES } from '../../jobs/policies.ts';
import { QUEUE_COUNT_MAX, type Queue } from './queue.ts';

/** Counts no further than `QUEUE_COUNT_MAX`, so that a queue of any length is told at once. */
export async function readQueues({ sql, workspaceId }: WorkspaceScope): Promise<Queue[]> {
  const names = QUEUE_NAMES.map((name) => name.toUpperCase());
  const counted = (where: ReturnType<typeof sql>) => sql`
    (select count(*)::int from (
      select 1 from jobs where workspace_id = ${workspaceId} and ${where} limit ${QUEUE_COUNT_MAX}
    ) found)`;
  return await sql<Queue[]>`
    select name,
      least(${QUEUE_COUNT_MAX}, ${counted(sql`queue = name and status = 'QUEUED'`)}
        + ${counted(sql`queue = name and status = 'RETRYING'`)}) as depth,
      ${counted(sql`queue = name and status = 'RUNNING'`)} as running,
      extract(epoch from now() - (
        select min(created_at) from generate_series(${PRIORITY.min}::int, ${PRIORITY.max}::int) as of (priority)
          cross join lateral (
            select created_at from jobs where workspace_id = ${workspaceId} and queue = name and status = 'QUEUED'
              and jobs.priority = of.priority
            order by id limit 1
          ) first
      ))::float8 as oldest_age_seconds,
      ${counted(sql`queue = name and status = 'DEAD'`)} as dead_letters
    from unnest(${names}::text[]) with ordinality as names (name, place)
    union all
    select 'DEAD_LETTER', ${counted(sql`status = 'DEAD'`)}, 0,
      extract(epoch from now() - (
        select finished_at from jobs where workspace_id = ${workspaceId} and status = 'DEAD' order by id limit 1
      ))::float8,
      ${counted(sql`status = 'DEAD'`)}`;
}
