import { describe, expect, test } from 'vitest';
import type { Progress } from '../../src/jobs/job-store.ts';
import { ProgressWriter, RecentRate } from '../../src/jobs/progress-writer.ts';
import { waitFor } from '../support/wait-for.ts';

function writer(write: (progress: Progress) => Promise<unknown> = async () => undefined) {
  const written: Progress[] = [];
  const errors: unknown[] = [];
  const progress = new ProgressWriter(
    async (report) => {
      await write(report);
      written.push(report);
    },
    (error) => errors.push(error),
  );
  return { progress, written, errors };
}

describe('the progress of a job', () => {
  test('is written a few times a second however often it is told, and the last word always', async () => {
    const { progress, written } = writer();
    const beganAt = performance.now();
    for (let done = 1; done <= 60; done += 1) {
      progress.report({ done, failed: 0, total: 60 });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await progress.close();
    expect(written.length).toBeLessThanOrEqual((performance.now() - beganAt) / 250 + 2);
    expect(written.at(-1)).toMatchObject({ done: 60, failed: 0, total: 60 });
  });

  test('is not written any more once its job is over', async () => {
    const { progress, written } = writer();
    progress.report({ done: 1, failed: 0, total: null });
    await progress.close();
    progress.report({ done: 2, failed: 0, total: null });
    await progress.close();
    expect(written.map(({ done }) => done)).toEqual([1]);
  });

  test('goes on after a write that failed', async () => {
    let isAway = true;
    const { progress, written, errors } = writer(async () => {
      if (isAway) throw new Error('the database is away');
    });
    progress.report({ done: 1, failed: 0, total: null });
    await waitFor('the failure', () => errors.length > 0);
    isAway = false;
    progress.report({ done: 2, failed: 0, total: null });
    await progress.close();
    expect(written.map(({ done }) => done)).toEqual([2]);
  });
});

describe('the rate of a job', () => {
  test('is unknown at the first report: what was done before it may be from an earlier attempt', () => {
    expect(new RecentRate().after(50_000, 0)).toBeNull();
  });

  test('is that of the last seconds, not of the whole time', () => {
    const rate = new RecentRate();
    for (let second = 0; second <= 60; second += 1) rate.after(second * 100, second * 1_000);
    let latest: number | null = null;
    for (let second = 61; second <= 80; second += 1) latest = rate.after(6_000 + (second - 60), second * 1_000);
    expect(latest).toBeCloseTo(1, 5);
  });

  test('is that since the report before, where reports are rare', () => {
    const rate = new RecentRate();
    rate.after(0, 0);
    expect(rate.after(600, 60_000)).toBeCloseTo(10, 5);
    expect(rate.after(1_800, 120_000)).toBeCloseTo(20, 5);
  });

  test('of work that stands still falls to nothing', () => {
    const rate = new RecentRate();
    rate.after(0, 0);
    rate.after(100, 1_000);
    let latest: number | null = null;
    for (let second = 2; second <= 20; second += 1) latest = rate.after(100, second * 1_000);
    expect(latest).toBe(0);
  });

  test('begins anew with work that begins anew', () => {
    const rate = new RecentRate();
    rate.after(0, 0);
    rate.after(1_000, 1_000);
    expect(rate.after(10, 2_000)).toBeNull();
    expect(rate.after(30, 4_000)).toBeCloseTo(10, 5);
  });
});
