import type { SystemScope } from '../db/workspace-scope.ts';
import { DEAD_LETTER_QUEUE, QUEUE_NAMES } from './policies.ts';

/** Jobs of one queue that are counted: a longer one is told as so long. */
const COUNTED_MAX = 100_000;

/** How many jobs of all workspaces wait in each queue, for a worker or for their time, and how many dead letters there are. */
export async function countWaitingJobs({ sql }: SystemScope): Promise<Map<string, number>> {
  const rows = await sql<{ queue: string; depth: number }[]>`
    select queue, depth from unnest(${[...QUEUE_NAMES]}::text[]) as q (queue) cross join lateral (
      select count(*)::int as depth from (
        (select 1 from jobs where jobs.queue = upper(q.queue) and status = 'QUEUED' limit ${COUNTED_MAX})
        union all
        (select 1 from jobs where jobs.queue = upper(q.queue) and status = 'RETRYING' limit ${COUNTED_MAX})
        limit ${COUNTED_MAX}
      ) waiting
    ) counted
    union all
    select ${DEAD_LETTER_QUEUE}, count(*)::int from (
      select 1 from pgboss.job where name = ${DEAD_LETTER_QUEUE} and state < 'active' and not blocked limit ${COUNTED_MAX}
    ) letters`;
  return new Map(rows.map(({ queue, depth }) => [queue, depth]));
}
