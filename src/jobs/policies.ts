/** The queues that work is sent to, as data: adding one here is all it takes to have it made and worked. */
export const QUEUE_NAMES = ['high', 'standard', 'batch'] as const;

export type QueueName = (typeof QUEUE_NAMES)[number];

/** Where a job goes that has used up its attempts, until somebody looks at it. */
export const DEAD_LETTER_QUEUE = 'dead_letter';

/** Range of a job's priority; the larger goes first within its queue. */
export const PRIORITY = { min: 1, max: 10, usual: 5, high: 8 } as const;

export interface QueuePolicy {
  /** Wait before the 2nd, 3rd, … attempt; there are as many retries as entries unless the job says otherwise. */
  readonly retryDelaysSeconds: readonly [number, ...number[]];
  /** An attempt that takes longer is aborted and counts as failed. */
  readonly timeoutSeconds: number;
  /** How often to look for work that nothing announces: retries, delayed jobs, jobs of a dead worker. */
  readonly pollingSeconds: number;
  /** Jobs that one look takes and runs side by side. */
  readonly batchSize: number;
  /** Looks at a time in one process, so that one slow batch does not hold up the queue. */
  readonly concurrentBatches: number;
}

export const QUEUE_POLICIES: Readonly<Record<QueueName, QueuePolicy>> = {
  high: { retryDelaysSeconds: [2, 4, 8], timeoutSeconds: 300, pollingSeconds: 2, batchSize: 10, concurrentBatches: 2 },
  standard: {
    retryDelaysSeconds: [60, 120, 240],
    timeoutSeconds: 900,
    pollingSeconds: 5,
    batchSize: 10,
    concurrentBatches: 2,
  },
  batch: {
    retryDelaysSeconds: [60, 120, 240],
    timeoutSeconds: 7_200,
    pollingSeconds: 10,
    batchSize: 10,
    concurrentBatches: 2,
  },
};

/** A worker process that is not heard of for so long has died, and its jobs go to another one. */
export const HEARTBEAT_SECONDS = 30;

export const COMPLETED_KEPT_SECONDS = 86_400;
export const DEAD_LETTERS_KEPT_SECONDS = 90 * 86_400;

/** Share of a delay that is added at random, so that jobs which failed together do not come back together. */
const JITTER = 0.1;

export function defaultMaxAttempts(queue: QueueName): number {
  return QUEUE_POLICIES[queue].retryDelaysSeconds.length + 1;
}

/**
 * How long to wait after a failed attempt.
 * @param failedAttempt 1 for the first; beyond the policy's list the last delay is used again
 */
export function retryDelayMs(queue: QueueName, failedAttempt: number, random: () => number = Math.random): number {
  const delays = QUEUE_POLICIES[queue].retryDelaysSeconds;
  const seconds = delays[Math.min(failedAttempt, delays.length) - 1] ?? delays[0];
  return Math.round(seconds * 1000 * (1 + JITTER * random()));
}

/** Standard work of priority 8 and more overtakes; batch work stays among its own, where its timeouts fit it. */
export function queueFor(home: QueueName, priority: number): QueueName {
  return home === 'standard' && priority >= PRIORITY.high ? 'high' : home;
}
