import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext, RetryLater } from '../../src/jobs/define-job.ts';
import { STEP_RESULT_MAX_BYTES } from '../../src/jobs/job-steps.ts';
import type { EnqueueOptions } from '../../src/jobs/queue.ts';
import type { RunningWorker } from '../../src/jobs/run-worker.ts';
import type { JsonValue } from '../../src/shared/json.ts';
import { JobHarness } from './job-harness.ts';

let harness: JobHarness;
let workspaceId: string;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  harness = await JobHarness.start();
  workspaceId = await harness.workspace();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});
afterAll(() => harness.close());

/** Runs a job to its end, and shows it. */
async function runJob(run: (context: JobContext) => Promise<JsonValue | undefined>, options: EnqueueOptions = {}) {
  const definition = defineJob({ kind: 'AGENT_RUN', schema: z.object({}), run: (_payload, context) => run(context) });
  worker = await harness.work([definition]);
  const id = await harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueue(scope, definition, {}, options),
  );
  const row = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED' || status === 'DEAD');
  return { id, row };
}

function stepsOf(jobId: string) {
  return harness.database.withWorkspace(workspaceId, async ({ sql }) => [
    ...(await sql`select name, result from job_steps where job_id = ${jobId} order by name`),
  ]);
}

test('a finished step is not taken again by the next attempt, which is given its result', async () => {
  const taken: string[] = [];
  const { row, id } = await runJob(async ({ step, attempt }) => {
    const draft = await step('draft', async () => {
      taken.push('draft');
      return { words: ['a', 'b'], cost: null };
    });
    const nothing = await step('nothing', async () => {
      taken.push('nothing');
      return null;
    });
    if (taken.length < 3) {
      taken.push('fails');
      throw new RetryLater(0, 'not yet');
    }
    const sent = await step('send', async () => {
      taken.push('send');
      return draft.words.length;
    });
    return { attempt, draft, nothing, sent };
  });
  expect(taken).toEqual(['draft', 'nothing', 'fails', 'send']);
  expect(row.result).toEqual({ attempt: 1, draft: { words: ['a', 'b'], cost: null }, nothing: null, sent: 2 });
  expect(await stepsOf(id)).toEqual([]);
});

test('a step that fails is taken again', async () => {
  let calls = 0;
  const { row } = await runJob(
    async ({ step }) =>
      step('call', async () => {
        calls++;
        if (calls === 1) throw new Error('the provider is busy');
        return calls;
      }),
    { priority: 9 },
  );
  expect(row).toMatchObject({ status: 'COMPLETED', result: 2, attempt: 2 });
});

test('a given-up job keeps its steps, and goes on from them when it is put back', async () => {
  const taken: string[] = [];
  let isFixed = false;
  const run = async ({ step }: JobContext) => {
    const first = await step('first', async () => taken.push('first'));
    if (!isFixed) throw new Error('poison');
    return first;
  };
  const { id, row } = await runJob(run, { maxAttempts: 1 });
  expect(row).toMatchObject({ status: 'DEAD', error: 'poison' });
  expect(await stepsOf(id)).toEqual([{ name: 'first', result: 1 }]);
  isFixed = true;
  await harness.database.withWorkspace(workspaceId, (scope) => harness.queue.requeue(scope, [id]));
  const done = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
  expect(done).toMatchObject({ attempt: 1, result: 1, history: [{ attempt: 1, error: 'poison' }] });
  expect(taken).toEqual(['first']);
  expect(await harness.deadLetters(id)).toEqual([]);
});

test.each<[string, JsonValue, RegExp]>([
  ['is too large', 'x'.repeat(STEP_RESULT_MAX_BYTES), /cannot be kept: it has 262146 bytes of JSON, and 262144/],
  ['is no JSON', new Date() as unknown as JsonValue, /cannot be kept: it is not plain JSON/],
  ['is nothing', undefined as unknown as JsonValue, /cannot be kept: it is not plain JSON/],
  ['is not a number', Number.NaN, /cannot be kept: it is not plain JSON/],
  ['holds a NUL', 'a\0b', /cannot be kept: it holds a NUL character/],
  ['holds half a character', '\ud83d', /cannot be kept: it holds a NUL character or half of a surrogate pair/],
])('a result that %s is refused with the reason', async (_what, result, reason) => {
  const { row } = await runJob(({ step }) => step('measure', async () => result), { maxAttempts: 1 });
  expect(row.status).toBe('DEAD');
  expect(row.error).toMatch(/^the result of the step "measure" /);
  expect(row.error).toMatch(reason);
});

test('a result that only reads like a NUL is kept as it is', async () => {
  const { row } = await runJob(async ({ step }) => step('measure', async () => 'a\\u0000b'));
  expect(row).toMatchObject({ status: 'COMPLETED', result: 'a\\u0000b' });
});

test('two steps of one name are an error of the job', async () => {
  const { row } = await runJob(
    async ({ step }) => {
      await step('same', async () => 1);
      return step('same', async () => 2);
    },
    { maxAttempts: 1 },
  );
  expect(row).toMatchObject({ status: 'DEAD', error: 'the job has two steps of the name "same"' });
});

test('an attempt that another worker has taken over keeps no step', async () => {
  const attempts: { claim: number; outcome: string }[] = [];
  const { id } = await runJob(async ({ step }) => {
    if (attempts.length > 0) return 'the second';
    const mine = { claim: 1, outcome: 'kept' };
    attempts.push(mine);
    await step('late', async () => {
      await harness.database.sql`
        update jobs set claim = claim + 1, status = 'RETRYING', next_attempt_at = now() where status = 'RUNNING'`;
      return 'from the first';
    }).catch((error: Error) => {
      mine.outcome = error.name;
      throw error;
    });
    return 'the first';
  });
  expect(attempts).toEqual([{ claim: 1, outcome: 'AttemptOverError' }]);
  expect(await harness.job(workspaceId, id)).toMatchObject({ status: 'COMPLETED', result: 'the second' });
});

test('a checkpoint takes the place of the one before, and is what the next attempt goes on from', async () => {
  const seen: (JsonValue | null)[] = [];
  const { id } = await runJob(async ({ checkpoint, resumed }) => {
    seen.push(await resumed());
    if (seen.length > 1) return undefined;
    await checkpoint({ page: 1 });
    await checkpoint({ page: 2 });
    throw new RetryLater(0, 'later');
  });
  expect(seen).toEqual([null, { page: 2 }]);
  expect(await stepsOf(id)).toEqual([]);
});

test.each([
  ['a checkpoint goes on from there, and so does its progress', true, { done: 7, failed: 1, total: 20 }],
  ['none begins anew, and its progress with it', false, { done: 0, failed: 0, total: null }],
])('the next attempt at a job that has %s', async (_what, isKept, expected) => {
  let attempts = 0;
  let before: unknown;
  await runJob(async ({ progress, checkpoint }) => {
    attempts += 1;
    if (attempts === 1) {
      if (isKept) await checkpoint({ page: 1 });
      progress(7, 1, 20);
      throw new RetryLater(0, 'later');
    }
    const [row] = await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql`select done, failed, total from jobs where status = 'RUNNING'`,
    );
    before = row;
    return undefined;
  });
  expect(before).toEqual(expected);
});
