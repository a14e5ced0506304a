import type { PendingQuery, Row } from 'postgres';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { JsonValue } from '../shared/json.ts';
import type { JobKind } from './define-job.ts';
import { ringJobs } from './job-events.ts';
import type { QueueName } from './policies.ts';

/** The values of the API's `JobStatus`. */
export type JobStatus = 'QUEUED' | 'RUNNING' | 'RETRYING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'DEAD';

export interface Progress {
  done: number;
  failed: number;
  total: number | null;
  /** Items a second of late; null before there is anything to measure. */
  ratePerSecond: number | null;
}

/** One attempt at a job. Writes about an attempt that is over, or that another worker has taken over, change nothing. */
export interface Attempt {
  jobId: string;
  /** 1 for the first. */
  attempt: number;
  maxAttempts: number;
  /** What the job was handed over with. It counts up when the attempt is over, whoever ends it, and at the next one. */
  claim: number;
}

export interface NewJob {
  id: string;
  kind: JobKind;
  queue: QueueName;
  priority: number;
  maxAttempts: number;
  payload: object;
}

export interface CompletedAttempt {
  outcome: 'completed';
  attempt: Attempt;
  result: JsonValue | undefined;
  hasSteps: boolean;
}

/** How an attempt ended. */
export type AttemptEnd =
  | CompletedAttempt
  /**
   * @property delayMs by the database's clock, which is the one that decides whether a job is due
   * @property usedUp whether the attempt counts against the job's attempts
   */
  | { outcome: 'retry'; attempt: Attempt; delayMs: number; usedUp: boolean; error: unknown }
  | { outcome: 'dead'; attempt: Attempt; error: unknown };

/** Messages are for people; what is longer is a dump of something. */
const ERROR_MAX_CHARACTERS = 1000;

/** The error of an attempt that ended with its process. */
export const CUT_OFF = 'the process that ran the attempt stopped in the middle of it';

/** Attempts that a job's history holds: of one that is retried time and again, the latest. */
const HISTORY_MAX = 20;

/**
 * @param jobs of one queue
 * @returns how many of the workspace waited there before; counted up to `countMax`
 */
export async function insertJobs(scope: WorkspaceScope, jobs: readonly NewJob[], countMax: number): Promise<number> {
  const { sql, workspaceId } = scope;
  const queue = jobs[0]?.queue.toUpperCase() ?? '';
  ringJobs(
    scope,
    jobs.map(({ id }) => id),
  );
  const [row] = await sql<{ waiting: number }[]>`
    with made as (
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts, payload)
      select ${workspaceId}, id, kind, ${queue}, 'QUEUED', priority, max_attempts, payload
      from jsonb_to_recordset(${sql.json(jobs.map(asRow) as never)})
        as job (id text, kind text, priority int, max_attempts int, payload jsonb)
    )
    select count(*)::int as waiting from (
      select 1 from jobs where queue = ${queue} and workspace_id = ${workspaceId} and status = 'QUEUED' limit ${countMax}
    ) found`;
  return row?.waiting ?? 0;
}

function asRow({ id, kind, priority, maxAttempts, payload }: NewJob) {
  return { id, kind, priority, max_attempts: maxAttempts, payload };
}

/** @returns whether the attempt is still the current one */
export async function writeProgress(scope: WorkspaceScope, attempt: Attempt, progress: Progress): Promise<boolean> {
  ringJobs(scope, [attempt.jobId]);
  const written = await scope.sql`
    update jobs set done = ${progress.done}, failed = ${progress.failed}, total = ${progress.total},
      rate_per_second = ${progress.ratePerSecond}
    where ${isCurrent(scope, attempt)}`;
  return written.count > 0;
}

/**
 * Writes how attempts ended, of as many jobs at once as there are.
 * @returns the jobs whose attempt was still the current one
 */
export async function endAttempts(scope: WorkspaceScope, ends: readonly AttemptEnd[]): Promise<Set<string>> {
  const { sql, workspaceId } = scope;
  const ids = ends.map(({ attempt }) => attempt.jobId);
  const rows = await sql<{ id: string }[]>`
    update jobs set
      status = ended.status,
      result = case ended.status when 'COMPLETED' then ended.result else jobs.result end,
      error = ended.error,
      finished_at = case ended.status when 'RETRYING' then null else now() end,
      next_attempt_at = now() + make_interval(secs => ended.delay_ms / 1000),
      attempt = jobs.attempt - ended.given_back,
      claim = jobs.claim + 1,
      history = case when ended.status = 'COMPLETED' or ended.given_back > 0 then jobs.history
        else ${historyWith(scope, sql`ended.error`)} end
    from jsonb_to_recordset(${sql.json(ends.map(endRow) as never)}) as ended
      (id text, claim int, status text, result jsonb, error text, delay_ms float8, given_back int)
    where jobs.workspace_id = ${workspaceId} and jobs.id = any(${ids}::text[]) and jobs.id = ended.id
      and jobs.claim = ended.claim
    returning jobs.id`;
  const ended = new Set(rows.map(({ id }) => id));
  ringJobs(scope, ended);
  return ended;
}

function endRow(end: AttemptEnd) {
  const row = { id: end.attempt.jobId, claim: end.attempt.claim, given_back: 0 };
  if (end.outcome === 'completed') return { ...row, status: 'COMPLETED', result: end.result };
  const error = messageOf(end.error);
  if (end.outcome === 'dead') return { ...row, status: 'DEAD', error };
  return { ...row, status: 'RETRYING', error, delay_ms: end.delayMs, given_back: end.usedUp ? 0 : 1 };
}

/** Puts jobs that are over in the queue again, but for those that were completed. */
export async function requeueJobs(
  scope: WorkspaceScope,
  jobIds: readonly string[],
): Promise<{ id: string; queue: QueueName }[]> {
  const { sql, workspaceId } = scope;
  ringJobs(scope, jobIds);
  return await sql<{ id: string; queue: QueueName }[]>`
    update jobs set status = 'QUEUED', attempt = 0, error = null, result = null, started_at = null, finished_at = null,
      boss_id = null
    where workspace_id = ${workspaceId} and id = any(${[...jobIds]}::text[])
      and status in ('DEAD', 'FAILED', 'CANCELLED')
    returning id, lower(queue) as queue`;
}

/** The history of a job's row with the attempt in it that ends now. */
export function historyWith({ sql }: Pick<WorkspaceScope, 'sql'>, error: PendingQuery<Row[]>) {
  return sql`
    case when jsonb_array_length(jobs.history) >= ${HISTORY_MAX} then jobs.history - 0 else jobs.history end
      || jsonb_build_object('attempt', jobs.attempt, 'startedAt', jobs.started_at, 'finishedAt', now(), 'error', ${error})`;
}

/**
 * Holds of a job's row as long as it is run by this attempt. It does not ask for the status: through the index of what
 * runs, a busy workspace's row would be found among all that ran there since the last vacuum.
 */
export function isCurrent(scope: WorkspaceScope, attempt: Attempt) {
  return scope.sql`workspace_id = ${scope.workspaceId} and id = ${attempt.jobId} and claim = ${attempt.claim}`;
}

/** What of an error is stored: its message, without the stack, and without what a database cannot hold. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll('\0', '').slice(0, ERROR_MAX_CHARACTERS).toWellFormed();
}
