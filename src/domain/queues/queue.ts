import type { Job } from './job.ts';

/** Jobs of one state that are counted: where there are more, so many are told. */
export const QUEUE_COUNT_MAX = 100_000;

/** What of a queue is one workspace's. */
export interface Queue {
  name: Job['queue'];
  /** Jobs that wait: for a worker, or for their next attempt. */
  depth: number;
  running: number;
  /** Since the oldest job that waits for a worker was enqueued; null where none does. */
  oldestAgeSeconds: number | null;
  deadLetters: number;
}
