import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import type { Job } from './job.ts';

/** Of the table `jobs`, as `Job` has them. */
export function jobColumns({ sql }: WorkspaceScope) {
  return sql`jobs.id, jobs.kind, jobs.queue, jobs.status, jobs.priority, jobs.attempt, jobs.max_attempts, jobs.done,
    jobs.failed, jobs.total, jobs.rate_per_second, jobs.event_seq, jobs.result, jobs.error, jobs.history, jobs.created_at,
    jobs.started_at, jobs.finished_at, jobs.next_attempt_at`;
}

export async function findJobs(scope: WorkspaceScope, ids: readonly string[]): Promise<Job[]> {
  return await scope.sql<Job[]>`
    select ${jobColumns(scope)} from jobs where id = any(${[...ids]}::text[])`;
}

/** Newest first. */
export async function listJobs(
  scope: WorkspaceScope,
  filter: { kinds: readonly JobKind[] | null; status: readonly JobStatus[] | null },
  page: { limit: number; after: string | null },
): Promise<Job[]> {
  const kinds = filter.kinds === null ? null : [...filter.kinds];
  const status = filter.status === null ? null : [...filter.status];
  return await scope.sql<Job[]>`
    select ${jobColumns(scope)} from jobs
    where (${page.after}::text is null or id < ${page.after})
      and (${kinds}::text[] is null or kind = any(${kinds}::text[]))
      and (${status}::text[] is null or status = any(${status}::text[]))
    order by id desc limit ${page.limit}`;
}

/**
 * Drops jobs that were over so many days ago, with their steps and events; at most `limit` at once. Returns how many went.
 * @param deadDays of those that were given up, which wait for somebody to look
 */
export async function dropFinishedJobs(
  scope: SystemScope,
  days: number,
  deadDays: number,
  limit: number,
): Promise<number> {
  const dropped = await scope.sql`
    delete from jobs where (workspace_id, id) in (
      select workspace_id, id from jobs where finished_at < now() - make_interval(days => ${days})
        and (status <> 'DEAD' or finished_at < now() - make_interval(days => ${deadDays}))
      limit ${limit}
    )`;
  return dropped.count;
}
