import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext, RetryLater } from '../../src/jobs/define-job.ts';
import type { EnqueueOptions } from '../../src/jobs/queue.ts';
import type { RunningWorker } from '../../src/jobs/run-worker.ts';
import type { JsonValue } from '../../src/shared/json.ts';
import { waitFor } from '../support/wait-for.ts';
import { JobHarness } from './job-harness.ts';

const SCHEMA = z.object({ text: z.string() });

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

function job(run: (context: JobContext, text: string) => Promise<JsonValue | undefined>) {
  return defineJob({ kind: 'GENERATE', schema: SCHEMA, run: (payload, context) => run(context, payload.text) });
}

function enqueue(definition: ReturnType<typeof job>, options?: EnqueueOptions, inWorkspace = workspaceId) {
  return harness.database.withWorkspace(inWorkspace, (scope) =>
    harness.queue.enqueue(scope, definition, { text: 'a letter' }, options),
  );
}

describe('a job', () => {
  test('is run once, with its payload, and shows its result and its last progress', async () => {
    const seen: string[] = [];
    const definition = job(async ({ attempt, progress }, text) => {
      seen.push(`${attempt}: ${text}`);
      for (let done = 1; done <= 500; done++) progress(done, 2, 502);
      return { letters: text.length };
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition);
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    expect(seen).toEqual(['1: a letter']);
    expect(row).toMatchObject({ attempt: 1, done: 500, failed: 2, total: 502, result: { letters: 8 }, error: null });
    expect(row.startedAt).toBeInstanceOf(Date);
    expect(row.finishedAt?.getTime()).toBeGreaterThanOrEqual(row.startedAt?.getTime() ?? Number.POSITIVE_INFINITY);
  });

  test('shows that it is running, with its progress, while it runs', async () => {
    const finish = Promise.withResolvers<undefined>();
    const definition = job(async ({ progress }) => {
      progress(3, 0);
      return finish.promise;
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition);
    const row = await harness.until(workspaceId, id, ({ done }) => done === 3);
    expect(row).toMatchObject({ status: 'RUNNING', attempt: 1, total: null, finishedAt: null });
    finish.resolve(undefined);
    await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
  });

  test('that fails is tried again after its delay and may then succeed', async () => {
    const startedAt: number[] = [];
    const stopping = Promise.withResolvers<unknown>();
    const definition = job(async ({ attempt }) => {
      startedAt.push(performance.now());
      if (attempt > 1) return attempt;
      // Nobody takes the job up again before it has been looked at.
      stopping.resolve(first.stop());
      throw new Error('the provider did not answer');
    });
    const first = await harness.work([definition]);
    const id = await enqueue(definition, { priority: 9 });
    await stopping.promise;
    const retrying = await harness.until(workspaceId, id, ({ status }) => status === 'RETRYING');
    expect(retrying).toMatchObject({ attempt: 1, error: 'the provider did not answer' });
    expect(retrying.nextAttemptAt?.getTime()).toBeGreaterThan(
      retrying.startedAt?.getTime() ?? Number.POSITIVE_INFINITY,
    );
    worker = await harness.work([definition]);
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    expect(row).toMatchObject({ attempt: 2, result: 2, error: null, nextAttemptAt: null });
    expect((startedAt[1] as number) - (startedAt[0] as number)).toBeGreaterThan(1900);
  });

  test('of the standard queue waits a minute before its second attempt', async () => {
    const definition = job(async () => {
      throw new Error('not yet');
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition);
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'RETRYING');
    const waitMs = (row.nextAttemptAt?.getTime() ?? 0) - Date.now();
    expect(waitMs).toBeGreaterThan(45_000);
    expect(waitMs).toBeLessThan(66_100);
    expect(row.history).toMatchObject([{ attempt: 1, error: 'not yet' }]);
  });

  test('is dead after its last attempt, kept as a dead letter, with a message of bounded length', async () => {
    const definition = job(async () => {
      throw new Error('no '.repeat(5000));
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition, { maxAttempts: 1 });
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'DEAD');
    expect(row.error).toHaveLength(1000);
    expect(row.finishedAt).toBeInstanceOf(Date);
    expect(await harness.deadLetters(id)).toEqual([
      { state: 'created', data: { workspaceId, jobId: id, kind: 'GENERATE', error: row.error } },
    ]);
  });

  test('may ask to be run later without losing an attempt', async () => {
    const attempts: number[] = [];
    const definition = job(async ({ attempt }) => {
      attempts.push(attempt);
      if (attempts.length <= 2) throw new RetryLater(10, 'the workspace is at its limit');
      return undefined;
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition, { maxAttempts: 1, priority: 10 });
    await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    expect(attempts).toEqual([1, 1, 1]);
  });

  test('whose payload does not fit its schema any more is given up at once', async () => {
    let runs = 0;
    const definition = job(async () => {
      runs++;
      return undefined;
    });
    const id = await enqueue(definition);
    await harness.database.sql`update jobs set payload = jsonb_set(payload, '{text}', '7') where id = ${id}`;
    worker = await harness.work([definition]);
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'DEAD');
    expect(row.error).toContain('the payload of a GENERATE job is not valid');
    expect(runs).toBe(0);
  });

  test('of a workspace that was deleted ends quietly', async () => {
    let runs = 0;
    const definition = job(async () => {
      runs++;
      return undefined;
    });
    const deleted = await harness.workspace();
    await enqueue(definition, {}, deleted);
    await harness.database.withSystem(({ sql }) => sql`delete from workspaces where id = ${deleted}`);
    worker = await harness.work([definition]);
    await expect.poll(() => harness.turns(deleted)).toEqual([]);
    expect(runs).toBe(0);
  });

  test('that many others came with is neither lost nor run twice', async () => {
    const runs = new Map<string, number>();
    const definition = defineJob({
      kind: 'CLASSIFY',
      schema: SCHEMA,
      run: async ({ jobId }) => {
        runs.set(jobId, (runs.get(jobId) ?? 0) + 1);
        return undefined;
      },
    });
    worker = await harness.work([definition]);
    const ids = await harness.database.withWorkspace(workspaceId, (scope) =>
      Promise.all(Array.from({ length: 60 }, () => harness.queue.enqueue(scope, definition, { text: 'one of many' }))),
    );
    for (const id of ids) await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    expect(runs).toEqual(new Map(ids.map((id) => [id, 1])));
  });
});

describe('stopping a worker', () => {
  test('lets a running job finish', async () => {
    const definition = job(async () => {
      await sleep(300);
      return 'finished';
    });
    worker = await harness.work([definition]);
    const id = await enqueue(definition);
    await harness.until(workspaceId, id, ({ status }) => status === 'RUNNING');
    await worker.stop();
    expect(await harness.job(workspaceId, id)).toMatchObject({ status: 'COMPLETED', result: 'finished' });
  });

  test('aborts what takes too long, and the job goes on from its last step with no attempt lost', async () => {
    let aborted = false;
    let stepsTaken = 0;
    const definition = job(async ({ signal, step }) => {
      await step('begin', async () => ++stepsTaken);
      if (aborted) return `second time, ${stepsTaken} step taken`;
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      await sleep(60_000, undefined, { signal });
      return 'first time';
    });
    const stubborn = await harness.work([definition], { drainMs: 100 });
    const id = await enqueue(definition);
    await waitFor('the step to be taken', () => stepsTaken === 1);
    await stubborn.stop();
    expect(aborted).toBe(true);
    expect(await harness.job(workspaceId, id)).toMatchObject({ status: 'RETRYING', attempt: 0 });
    worker = await harness.work([definition]);
    const row = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    expect(row).toMatchObject({ attempt: 1, result: 'second time, 1 step taken' });
  });
});
