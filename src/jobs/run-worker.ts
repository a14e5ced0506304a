import { setTimeout as sleep } from 'node:timers/promises';
import { QUEUE_NAMES, QUEUE_POLICIES, type QueueName } from './policies.ts';
import { JobRunner, type JobRunnerOptions } from './run-job.ts';

/** How long a stop waits for running jobs before it aborts them. */
const DRAIN_MS = 30_000;

export interface RunningWorker {
  /**
   * Takes no more jobs, lets running ones finish for up to 30 seconds, then aborts them; an aborted job is run again
   * later without having lost an attempt. pg-boss and the database stay open.
   */
  stop(): Promise<void>;
}

/** Works every queue in this process. */
export async function startWorker(options: JobRunnerOptions & { drainMs?: number }): Promise<RunningWorker> {
  const { boss, logger, drainMs = DRAIN_MS } = options;
  const runner = new JobRunner(options);
  for (const queue of QUEUE_NAMES) await workQueue(options, runner, queue);
  let stopped: Promise<void> | null = null;
  const stop = async () => {
    const loopsEnd = Promise.all(QUEUE_NAMES.map((queue) => boss.offWork(queue, { wait: true })));
    const drained = await Promise.race([loopsEnd.then(() => true), sleep(drainMs, false, { ref: false })]);
    if (!drained) {
      logger.warn('jobs were still running when the worker had to stop: they are run again');
      runner.abort('the server stopped in the middle of the job, which is run again');
      await loopsEnd;
    }
    await runner.idle();
  };
  return {
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

async function workQueue({ boss }: JobRunnerOptions, runner: JobRunner, queue: QueueName): Promise<void> {
  const policy = QUEUE_POLICIES[queue];
  await boss.work(
    queue,
    {
      batchSize: policy.batchSize,
      localConcurrency: policy.concurrentBatches,
      burstWhenBatchFull: true,
      perJobResults: true,
      pollingIntervalSeconds: policy.pollingSeconds,
      notifyPollingIntervalSeconds: policy.pollingSeconds,
    },
    (claimed) => Promise.all(claimed.map((job) => runner.run(queue, job))),
  );
}
