import type { SystemScope } from '../db/workspace-scope.ts';
import { DEAD_LETTER_QUEUE, QUEUE_NAMES } from './policies.ts';

/** Jobs of one queue that are counted: a longer one is told as so long. */
const COUNTED_MAX = 100_000;

/** How many jobs each queue holds that wait for a worker, for their time or, as dead letters, for somebody to look. */
export async function countWaitingJobs({ sql }: SystemScope): Promise<Map<string, number>> {
  const rows = await sql<{ queue: string; depth: number }[]>`
    select queue, depth from unnest(${[...QUEUE_NAMES, DEAD_LETTER_QUEUE]}::text[]) as q (queue) cross join lateral (
      select count(*)::int as depth from (
        select 1 from pgboss.job where name = q.queue and state < 'active' limit ${COUNTED_MAX}
      ) waiting
    ) counted`;
  return new Map(rows.map(({ queue, depth }) => [queue, depth]));
}
