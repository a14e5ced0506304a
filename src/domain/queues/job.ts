import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import type { JsonObject } from '../../shared/json.ts';

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
  result: JsonObject | null;
  error: string | null;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  nextAttemptAt: Date | null;
}

/** Whether nothing more will happen to it by itself. */
export function isFinished(job: Job): boolean {
  return job.status === 'COMPLETED' || job.status === 'FAILED' || job.status === 'CANCELLED' || job.status === 'DEAD';
}
