import { setTimeout as sleep } from 'node:timers/promises';
import type { PgBoss } from 'pg-boss';
import { CANCELLATIONS_TOPIC } from './job-events.ts';
import { LaneKeeper } from './lane-keeper.ts';
import { QUEUE_NAMES } from './policies.ts';
import { QueueWorker, type WorkerSize } from './queue-worker.ts';
import { JobRunner, type JobRunnerOptions } from './run-job.ts';
import { Turns } from './turns.ts';

/** How long a stop waits for running jobs before it aborts them: of half a minute, the rest is for what they leave behind. */
const DRAIN_MS = 25_000;

/** How often a worker asks whether what it runs is still to be run, where no ring has told it that it is not. */
const STALE_INTERVAL_MS = 2_000;

export interface WorkerOptions extends JobRunnerOptions {
  boss: PgBoss;
  drainMs?: number;
  /** Of each queue. */
  size?: WorkerSize;
}

export interface RunningWorker {
  /**
   * Takes no more jobs, lets running ones finish for up to 25 seconds, then aborts them; an aborted job is run again
   * later without having lost an attempt. pg-boss and the database stay open.
   */
  stop(): Promise<void>;
}

/** Works every queue in this process. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const { boss, database, logger, size, drainMs = DRAIN_MS } = options;
  const turns = new Turns(boss);
  const runner = new JobRunner(options);
  const keeper = new LaneKeeper(database, turns, logger);
  const parts = { boss, database, turns, runner, keeper, logger };
  const workers = QUEUE_NAMES.map((queue) => new QueueWorker(parts, queue, size));
  const stopWatching = watchForStale(runner, options);
  for (const worker of workers) worker.start();
  keeper.start();
  const stop = async () => {
    const ended = Promise.all(workers.map((worker) => worker.stop()));
    const drained = await Promise.race([ended.then(() => true), sleep(drainMs, false, { ref: false })]);
    if (!drained) {
      logger.warn('jobs were still running when the worker had to stop: they are run again');
      runner.abort('the server stopped in the middle of the job, which is run again');
    }
    await ended;
    keeper.stop();
    stopWatching();
  };
  let stopped: Promise<void> | null = null;
  return {
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

/** @returns ends the watch */
function watchForStale(runner: JobRunner, { database, logger }: WorkerOptions): () => void {
  const look = () => {
    runner.abortStale().catch((error: unknown) => logger.warn({ err: error }, 'running jobs could not be looked at'));
  };
  const timer = setInterval(look, STALE_INTERVAL_MS);
  timer.unref();
  const unlisten = database.bus.listen(CANCELLATIONS_TOPIC, look);
  return () => {
    clearInterval(timer);
    unlisten();
  };
}
