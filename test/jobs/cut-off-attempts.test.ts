import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { WorkspaceScope } from '../../src/db/workspace-scope.ts';
import { defineJob } from '../../src/jobs/define-job.ts';
import { CHECKPOINT, keepStep, replaceStep } from '../../src/jobs/job-step-store.ts';
import type { Attempt } from '../../src/jobs/job-store.ts';
import { pickJobs, takeBackLostJobs } from '../../src/jobs/turn-store.ts';
import { JobHarness } from './job-harness.ts';

const TURN = { id: '00000000-0000-4000-8000-000000000000', queue: 'standard' } as const;
const JOB = defineJob({ kind: 'AGENT_RUN', schema: z.object({}), run: async () => undefined });

let harness: JobHarness;
beforeAll(async () => {
  harness = await JobHarness.start();
});
afterAll(() => harness.close());

/** The ways in which an attempt is found to be cut off. */
const WAYS = [
  ['its turn is handed out again', async () => undefined],
  ['its turn is gone', () => harness.database.withSystem(takeBackLostJobs)],
] as const;

/** Makes attempts at a job, each of which is cut off after what it does; null: it was given up instead. */
async function cutOffJob(notice: () => Promise<unknown>) {
  const workspaceId = await harness.workspace();
  const id = await harness.database.withWorkspace(workspaceId, (scope) => harness.queue.enqueue(scope, JOB, {}));
  const cutOffAfter = async (work: (scope: WorkspaceScope, attempt: Attempt) => Promise<unknown>) => {
    const { started } = await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, TURN, 10));
    const [attempt] = started;
    if (attempt === undefined) return null;
    await harness.database.withWorkspace(workspaceId, (scope) => work(scope, attempt));
    await notice();
    return attempt.attempt;
  };
  return { cutOffAfter, row: () => harness.job(workspaceId, id) };
}

test.each(WAYS)('an attempt that has finished a step and is cut off does not count, where %s', async (_way, notice) => {
  const { cutOffAfter, row } = await cutOffJob(notice);
  for (let step = 1; step <= 6; step++) {
    expect(await cutOffAfter((scope, attempt) => keepStep(scope, attempt, `step ${step}`, step))).toBe(1);
  }
  const numbers: (number | null)[] = [];
  for (let again = 1; again <= 5; again++) numbers.push(await cutOffAfter(async () => undefined));
  expect(numbers).toEqual([1, 2, 3, 4, null]);
  expect(await row()).toMatchObject({
    status: 'DEAD',
    attempt: 4,
    history: [1, 2, 3, 4].map((attempt) => ({ attempt })),
  });
});

test.each(WAYS)(
  'nor one that came to another checkpoint; the same one again is no progress, where %s',
  async (_way, notice) => {
    const { cutOffAfter, row } = await cutOffJob(notice);
    const numbers: (number | null)[] = [];
    for (const done of [1, 2, 3, 3, 3, 4, 4, 4]) {
      numbers.push(await cutOffAfter((scope, attempt) => replaceStep(scope, attempt, CHECKPOINT, { done })));
    }
    expect(numbers).toEqual([1, 1, 1, 1, 2, 3, 3, 4]);
    await cutOffAfter(async () => undefined);
    expect(await row()).toMatchObject({ status: 'DEAD', attempt: 4 });
  },
);
