import { expect, test } from 'vitest';
import { defaultMaxAttempts, retryDelayMs } from '../../src/jobs/policies.ts';

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
