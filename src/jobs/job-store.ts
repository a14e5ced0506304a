import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { JsonValue } from '../shared/json.ts';
import type { JobKind } from './define-job.ts';
import type { QueueName } from './policies.ts';

/** The values of the API's `JobStatus`. */
export type JobStatus = 'QUEUED' | 'RUNNING' | 'RETRYING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'DEAD';

export interface Progress {
  done: number;
  failed: number;
  total: number | null;
}

/** One attempt at a job. Writes about an attempt that is over, or that another worker has taken over, change nothing. */
export interface Attempt {
  jobId: string;
  /** 1 for the first. */
  attempt: number;
  maxAttempts: number;
}

export type AttemptStart =
  | ({ outcome: 'started' } & Attempt)
  /** Nothing to do: the job is finished or cancelled, or its workspace is gone. */
  | { outcome: 'over' }
  /** Its attempts are used up, the last one by a process that died. */
  | { outcome: 'dead' };

const CUT_OFF = 'the process that ran the last attempt stopped in the middle of it';

/** Messages are for people; what is longer is a dump of something. */
const ERROR_MAX_CHARACTERS = 1000;

export async function insertJob(
  scope: WorkspaceScope,
  job: { id: string; bossId: string; kind: JobKind; queue: QueueName; priority: number; maxAttempts: number },
): Promise<void> {
  await scope.sql`
    insert into jobs (workspace_id, id, boss_id, kind, queue, status, priority, max_attempts)
    values (${scope.workspaceId}, ${job.id}, ${job.bossId}, ${job.kind}, ${job.queue.toUpperCase()}, 'QUEUED',
      ${job.priority}, ${job.maxAttempts})`;
}

/** Counts an attempt before it is made, so that one that kills its process is counted too. */
export async function startAttempt(scope: WorkspaceScope, jobId: string, bossId: string): Promise<AttemptStart> {
  const [row] = await scope.sql<{ status: JobStatus; attempt: number; maxAttempts: number }[]>`
    update jobs set
      status = case when attempt < max_attempts then 'RUNNING' else 'DEAD' end,
      error = case when attempt < max_attempts then error else ${CUT_OFF} end,
      finished_at = case when attempt < max_attempts then null else now() end,
      started_at = case when attempt < max_attempts then now() else started_at end,
      done = case when attempt < max_attempts then 0 else done end,
      failed = case when attempt < max_attempts then 0 else failed end,
      total = case when attempt < max_attempts then null else total end,
      attempt = least(attempt + 1, max_attempts),
      next_attempt_at = null
    where workspace_id = ${scope.workspaceId} and id = ${jobId} and boss_id = ${bossId}
      and status in ('QUEUED', 'RUNNING', 'RETRYING')
    returning status, attempt, max_attempts`;
  if (row?.status === 'RUNNING') {
    return { outcome: 'started', jobId, attempt: row.attempt, maxAttempts: row.maxAttempts };
  }
  if (row?.status === 'DEAD') return { outcome: 'dead' };
  const [settled] = await scope.sql<{ status: JobStatus }[]>`
    select status from jobs where workspace_id = ${scope.workspaceId} and id = ${jobId} and boss_id = ${bossId}`;
  return { outcome: settled?.status === 'DEAD' ? 'dead' : 'over' };
}

export async function writeProgress(scope: WorkspaceScope, attempt: Attempt, progress: Progress): Promise<void> {
  await scope.sql`
    update jobs set done = ${progress.done}, failed = ${progress.failed}, total = ${progress.total}
    where ${isCurrent(scope, attempt)}`;
}

export async function completeAttempt(
  scope: WorkspaceScope,
  attempt: Attempt,
  result: JsonValue | undefined,
): Promise<void> {
  await scope.sql`
    update jobs set status = 'COMPLETED', result = ${result === undefined ? null : scope.sql.json(result)}, error = null,
      finished_at = now()
    where ${isCurrent(scope, attempt)}`;
}

export async function giveUp(scope: WorkspaceScope, attempt: Attempt, error: unknown): Promise<void> {
  await scope.sql`
    update jobs set status = 'DEAD', error = ${messageOf(error)}, finished_at = now()
    where ${isCurrent(scope, attempt)}`;
}

/**
 * @param next.usedUp whether the attempt counts against the job's attempts
 * @returns whether the attempt was still the current one
 */
export async function retryAttempt(
  scope: WorkspaceScope,
  attempt: Attempt,
  next: { at: Date; usedUp: boolean; error: unknown },
): Promise<boolean> {
  const rows = await scope.sql`
    update jobs set status = 'RETRYING', error = ${messageOf(next.error)}, next_attempt_at = ${next.at},
      attempt = attempt - ${next.usedUp ? 0 : 1}::int
    where ${isCurrent(scope, attempt)}
    returning id`;
  return rows.length > 0;
}

function isCurrent(scope: WorkspaceScope, attempt: Attempt) {
  return scope.sql`workspace_id = ${scope.workspaceId} and id = ${attempt.jobId} and status = 'RUNNING'
    and attempt = ${attempt.attempt}`;
}

/** What of an error is stored: its message, without the stack. */
export function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, ERROR_MAX_CHARACTERS);
}
