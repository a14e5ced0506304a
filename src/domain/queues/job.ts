import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import type { JsonObject } from '../../shared/json.ts';

/** What a job's row keeps of an attempt that failed. */
export interface FailedAttempt {
  attempt: number;
  startedAt: string;
  finishedAt: string;
  error: string;
}

/** A job as a client sees it. */
export interface Job {
  id: string;
  kind: JobKind;
  queue: 'HIGH' | 'STANDARD' | 'BATCH' | 'DEAD_LETTER';
  status: JobStatus;
  priority: number;
  /** 0 before the first. */
  attempt: number;
  maxAttempts: number;
  done: number;
  failed: number;
  total: number | null;
  /** Items a second, as the job measured it when it last said how far it is. */
  ratePerSecond: number | null;
  /** Number of its last event. */
  eventSeq: number;
  result: JsonObject | null;
  error: string | null;
  /** The latest attempts that failed, oldest first. */
  history: FailedAttempt[];
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  nextAttemptAt: Date | null;
}

/** Something that happened to a job; numbered from 1 without a repetition, so that a client can go on after any of them. */
export interface JobEvent {
  seq: number;
  at: Date;
  status: JobStatus;
  progress: JobProgress;
  /** As it is by now, not as it was then. */
  job: Job;
}

/** How much of a job is done. */
export interface JobProgress {
  done: number;
  failed: number;
  /** Null while it is not known. */
  total: number | null;
  /** Of late while it runs, on average when it is over; null where there is nothing to measure. */
  ratePerSecond: number | null;
  /** At this rate; null where it cannot be told. */
  etaSeconds: number | null;
  /** Why it waits or failed; null where all is well. */
  message: string | null;
}

/** Whether nothing more will happen to it by itself. */
export function isFinished({ status }: Pick<Job, 'status'>): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'CANCELLED' || status === 'DEAD';
}

/** How far a job is, or was at one of its events. */
export function progressOf(
  state: Pick<Job, 'status' | 'done' | 'failed' | 'total' | 'ratePerSecond' | 'error' | 'startedAt' | 'finishedAt'>,
): JobProgress {
  const { status, done, failed, total, error } = state;
  const ratePerSecond = rateOf(state);
  const isTold = status === 'RUNNING' && total !== null && ratePerSecond !== null && ratePerSecond > 0;
  return {
    ...{ done, failed, total, ratePerSecond },
    etaSeconds: isTold ? Math.max(0, total - done - failed) / ratePerSecond : null,
    message: status === 'RUNNING' ? null : error,
  };
}

function rateOf(state: Parameters<typeof progressOf>[0]): number | null {
  if (state.status === 'RUNNING') return state.ratePerSecond;
  if (!isFinished(state) || state.startedAt === null || state.finishedAt === null) return null;
  const seconds = (state.finishedAt.getTime() - state.startedAt.getTime()) / 1_000;
  return seconds <= 0 ? null : (state.done + state.failed) / seconds;
}
