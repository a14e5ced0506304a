import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import { CANCELLATIONS_TOPIC, ringJobs } from '../../jobs/job-events.ts';

/** Only what waits for an allowance or for money waits longer: retries come back within minutes. */
const LONG_DELAY_MINUTES = 10;

/** Ends a job that is not over. From the commit on, nothing that its attempt writes is taken. Returns whether it was one. */
export async function cancelUnfinished(scope: WorkspaceScope, id: string): Promise<boolean> {
  const cancelled = await scope.sql`
    update jobs set status = 'CANCELLED', finished_at = now(), next_attempt_at = null, claim = claim + 1
    where workspace_id = ${scope.workspaceId} and id = ${id} and status in ('QUEUED', 'RUNNING', 'RETRYING')`;
  if (cancelled.count === 0) return false;
  ringJobs(scope, [id]);
  scope.ring(CANCELLATIONS_TOPIC);
  return true;
}

/**
 * Jobs that were given up, oldest first, without those that another transaction is about to put back.
 * @param before given up before this moment
 */
export async function lockDeadJobs(
  { sql, workspaceId }: WorkspaceScope,
  kinds: readonly JobKind[] | null,
  before: Date,
  limit: number,
): Promise<string[]> {
  const wanted = kinds === null ? null : [...kinds];
  const dead = await sql<{ id: string }[]>`
    select id from jobs
    where workspace_id = ${workspaceId} and status = 'DEAD' and finished_at < ${before}
      and (${wanted}::text[] is null or kind = any(${wanted}::text[]))
    order by id limit ${limit} for update skip locked`;
  return dead.map(({ id }) => id);
}

/** The database's clock, with which it stamps what ends. */
export async function currentTime({ sql }: WorkspaceScope): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`select now() as at`;
  return row?.at ?? new Date();
}

/** Has the jobs of a workspace look again that wait for what it may use: that has changed. */
export async function wakeDelayedJobs(scope: SystemScope, workspaceId: string): Promise<void> {
  await scope.sql`
    update jobs set next_attempt_at = now()
    where workspace_id = ${workspaceId} and status = 'RETRYING'
      and next_attempt_at > now() + make_interval(mins => ${LONG_DELAY_MINUTES})`;
}
