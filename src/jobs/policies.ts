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
  /** How often to look for turns that nothing announced: those of a dead worker, or announced while not listening. */
  readonly pollingSeconds: number;
  /** Jobs that run side by side in one process. */
  readonly slots: number;
  /** Of these, what the jobs of one workspace may take, so that another one's need not wait for their end. */
  readonly slotsPerWorkspace: number;
  /** Jobs that a turn takes at most, so that the next workspace's turn comes soon. */
  readonly jobsPerTurn: number;
}

const SLOTS = { slots: 20, slotsPerWorkspace: 15, jobsPerTurn: 10 } as const;

export const QUEUE_POLICIES: Readonly<Record<QueueName, QueuePolicy>> = {
  high: { retryDelaysSeconds: [2, 4, 8], timeoutSeconds: 300, pollingSeconds: 2, ...SLOTS },
  standard: { retryDelaysSeconds: [60, 120, 240], timeoutSeconds: 900, pollingSeconds: 5, ...SLOTS },
  batch: { retryDelaysSeconds: [60, 120, 240], timeoutSeconds: 7_200, pollingSeconds: 10, ...SLOTS },
};

/** A worker process that is not heard of for so long has died, and its turns go to another one. */
export const HEARTBEAT_SECONDS = 30;

/** A turn that is over is of no use but to somebody who looks into the queue at this moment. */
export const TURNS_KEPT_SECONDS = 3_600;
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
