import { isFinished, type Job } from './job.ts';

/** One attempt at a job. */
export interface JobAttempt {
  /** 1 for the first; counted anew after a job was put back by `retryJob`. */
  number: number;
  startedAt: Date;
  finishedAt: Date | null;
  error: string | null;
}

/** The latest attempts, oldest first: those that failed, and the one that runs or was the last. */
export function attemptsOf(
  job: Pick<Job, 'history' | 'status' | 'attempt' | 'startedAt' | 'finishedAt'>,
): JobAttempt[] {
  const attempts: JobAttempt[] = job.history.map(({ attempt, startedAt, finishedAt, error }) => ({
    ...{ number: attempt, error },
    ...{ startedAt: new Date(startedAt), finishedAt: new Date(finishedAt) },
  }));
  const { startedAt, status } = job;
  const isRecorded = attempts.at(-1)?.startedAt.getTime() === startedAt?.getTime();
  if (startedAt === null || isRecorded || !(status === 'RUNNING' || isFinished(job))) return attempts;
  return [...attempts, { number: job.attempt, startedAt, finishedAt: job.finishedAt, error: null }];
}
