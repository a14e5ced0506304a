import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Progress } from '../../src/jobs/job-store.ts';
import { defaultMaxAttempts, retryDelayMs } from '../../src/jobs/policies.ts';
import { ProgressWriter } from '../../src/jobs/progress-writer.ts';

test('standard and batch work is tried again after 1, 2 and 4 minutes, urgent work after 2, 4 and 8 seconds', () => {
  const delays = (queue: 'high' | 'standard' | 'batch') => [1, 2, 3].map((n) => retryDelayMs(queue, n, () => 0) / 1000);
  expect(delays('standard')).toEqual([60, 120, 240]);
  expect(delays('batch')).toEqual([60, 120, 240]);
  expect(delays('high')).toEqual([2, 4, 8]);
  expect(defaultMaxAttempts('standard')).toBe(4);
});

test('a job with more attempts than its queue has delays goes on with the longest', () => {
  expect(retryDelayMs('high', 9, () => 0)).toBe(8000);
});

test('jobs that failed together come back spread over a tenth of their delay', () => {
  expect(retryDelayMs('standard', 1, () => 0.5)).toBe(63_000);
});

test('progress is written at most four times a second, the last of it always', async () => {
  const written: Progress[] = [];
  const writer = new ProgressWriter(
    async (progress) => {
      written.push(progress);
    },
    () => undefined,
  );
  for (let done = 1; done <= 120; done++) {
    writer.report({ done, failed: 0, total: 120 });
    await sleep(8);
  }
  await writer.close();
  expect(written.length).toBeGreaterThan(2);
  expect(written.length).toBeLessThanOrEqual(7);
  expect(written.at(-1)).toEqual({ done: 120, failed: 0, total: 120 });
});

test('progress that cannot be written does not fail the job', async () => {
  const errors: unknown[] = [];
  const writer = new ProgressWriter(
    async () => {
      throw new Error('no database');
    },
    (error) => errors.push(error),
  );
  writer.report({ done: 1, failed: 0, total: null });
  await writer.close();
  expect(errors).toHaveLength(1);
});
