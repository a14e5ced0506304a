import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import type { Job } from './job.ts';

export async function findJobs(scope: WorkspaceScope, ids: readonly string[]): Promise<Job[]> {
  return await scope.sql<Job[]>`
    select id, kind, queue, status, priority, attempt, max_attempts, done, failed, total, result, error, created_at,
      started_at, finished_at, next_attempt_at
    from jobs where id = any(${[...ids]}::text[])`;
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
    select id, kind, queue, status, priority, attempt, max_attempts, done, failed, total, result, error, created_at,
      started_at, finished_at, next_attempt_at
    from jobs
    where (${page.after}::text is null or id < ${page.after})
      and (${kinds}::text[] is null or kind = any(${kinds}::text[]))
      and (${status}::text[] is null or status = any(${status}::text[]))
    order by id desc limit ${page.limit}`;
}

/** Drops jobs that were over so many days ago; at most `limit` at once. Returns how many went. */
export async function dropFinishedJobs(scope: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from jobs where (workspace_id, id) in (
      select workspace_id, id from jobs where finished_at < now() - make_interval(days => ${days}) limit ${limit}
    )`;
  return dropped.count;
}
