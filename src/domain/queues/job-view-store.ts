import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import { idBoundary } from '../../shared/ids.ts';
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
 * They are looked for among those of each workspace that were made before that, the oldest first: an index of when jobs
 * ended would be written at each end. That they are over is asked twice: one that is put in the queue again meanwhile stays.
 * @param deadDays of those that were given up, which wait for somebody to look
 */
export async function dropFinishedJobs(
  scope: SystemScope,
  days: number,
  deadDays: number,
  limit: number,
): Promise<number> {
  const before = idBoundary('Job', Date.now() - days * 86_400_000);
  const dropped = await scope.sql`
    delete from jobs where (workspace_id, id) in (
      select old.workspace_id, old.id from workspaces cross join lateral (
        select jobs.workspace_id, jobs.id from jobs
        where jobs.workspace_id = workspaces.id and jobs.id < ${before}
          and finished_at < now() - make_interval(days => ${days})
          and (status <> 'DEAD' or finished_at < now() - make_interval(days => ${deadDays}))
        order by jobs.id limit ${limit}
      ) old
      limit ${limit}
    ) and finished_at < now() - make_interval(days => ${days})`;
  return dropped.count;
}
