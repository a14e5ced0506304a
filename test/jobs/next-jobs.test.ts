import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { cancelUnfinished } from '../../src/domain/queues/job-control-store.ts';
import { currentSnapshot, readJobEvents, readNews } from '../../src/domain/queues/job-event-store.ts';
import { defineJob } from '../../src/jobs/define-job.ts';
import { replaceStep } from '../../src/jobs/job-step-store.ts';
import { writeProgress } from '../../src/jobs/job-store.ts';
import { completeAndStart } from '../../src/jobs/next-jobs-store.ts';
import type { BulkEnqueueOptions } from '../../src/jobs/queue.ts';
import { pickJobs, type StartedJob } from '../../src/jobs/turn-store.ts';
import type { JsonValue } from '../../src/shared/json.ts';
import { JobHarness } from './job-harness.ts';

const definition = defineJob({ kind: 'GENERATE', schema: z.object({ n: z.number() }), run: async () => undefined });

let harness: JobHarness;
let workspaceId: string;
let turn: { id: string; queue: 'standard'; retryCount: number };

beforeAll(async () => {
  harness = await JobHarness.start();
});
afterEach(async () => {
  await harness.database.withSystem(({ sql }) => sql`delete from workspaces`);
  await harness.database.sql`delete from pgboss.job where name in ('standard', 'dead_letter')`;
});
afterAll(() => harness.close());

function enqueue(count: number, options?: BulkEnqueueOptions): Promise<string[]> {
  const payloads = Array.from({ length: count }, (_, n) => ({ n }));
  return harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueueAll(scope, definition, payloads, options),
  );
}

/** Takes a turn from the line, as a worker does, and starts the first jobs of its workspace. */
async function begin(waiting: number, limit: number, options?: BulkEnqueueOptions) {
  workspaceId = await harness.workspace();
  const ids = await enqueue(waiting, options);
  const [claimed] = await harness.boss.fetch('standard');
  turn = { id: claimed?.id ?? '', queue: 'standard', retryCount: 0 };
  const { started } = await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, limit));
  return { ids, started };
}

function goOn(over: readonly StartedJob[], limit: number, results: readonly (JsonValue | undefined)[] = []) {
  const ends = over.map((attempt, n) => {
    return { outcome: 'completed', attempt, result: results[n], hasSteps: false } as const;
  });
  return harness.database.writeWorkspace(workspaceId, (statement) => completeAndStart(statement, turn, ends, limit));
}

async function eventsOf(jobId: string): Promise<string[]> {
  const told = await harness.database.withWorkspace(workspaceId, (scope) => readJobEvents(scope, jobId, 0, 100));
  return (told?.events ?? []).map(({ seq, status }) => `${seq} ${status}`);
}

const idsOf = (jobs: readonly StartedJob[]) => jobs.map(({ jobId }) => jobId);
const rowOf = (jobId: string) => harness.job(workspaceId, jobId);

describe('jobs that are over, and those that take their places', () => {
  test('are written together, each with all of its events', async () => {
    const { ids, started } = await begin(5, 2);
    const next = await goOn(started, 2);
    expect(idsOf(next).toSorted()).toEqual(ids.slice(2, 4));
    expect(next).toMatchObject([
      { kind: 'GENERATE', attempt: 1, maxAttempts: 4, claim: 1, payload: { n: expect.any(Number) } },
      { kind: 'GENERATE', attempt: 1, maxAttempts: 4, claim: 1, payload: { n: expect.any(Number) } },
    ]);
    for (const id of ids.slice(0, 2)) {
      expect(await rowOf(id)).toMatchObject({ status: 'COMPLETED', finishedAt: expect.any(Date), error: null });
      expect(await eventsOf(id)).toEqual(['1 QUEUED', '2 RUNNING', '3 COMPLETED']);
    }
    for (const id of idsOf(next)) {
      expect(await rowOf(id)).toMatchObject({ status: 'RUNNING', startedAt: expect.any(Date), finishedAt: null });
      expect(await eventsOf(id)).toEqual(['1 QUEUED', '2 RUNNING']);
    }
    expect(await eventsOf(ids[4] as string)).toEqual(['1 QUEUED']);
    expect(idsOf(await goOn(next, 2))).toEqual([ids[4]]);
  });

  test('keep what they came to, whatever it is', async () => {
    const results = [undefined, null, 'word', 7, false, ['a', null], { count: 3, 'a "key"': '\\' }, '', 0, {}] as const;
    const { started } = await begin(results.length, results.length);
    await goOn(started, 1, results as unknown as JsonValue[]);
    for (const [n, { jobId }] of started.entries()) expect((await rowOf(jobId))?.result).toEqual(results[n] ?? null);
  });

  test('start by their priority and then their age, those whose delay is over among them', async () => {
    const { ids, started } = await begin(4, 1);
    const urgent = await enqueue(1, { priority: 7 });
    const [, second, third, fourth] = ids;
    await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql`
        update jobs set status = 'RETRYING', attempt = 1, error = 'busy', next_attempt_at = now() - interval '1 second'
        where id = ${third as string}`,
    );
    const next = await goOn(started, 3);
    expect(new Set(idsOf(next))).toEqual(new Set([...urgent, second, third]));
    expect(next.find(({ jobId }) => jobId === third)).toMatchObject({ attempt: 2 });
    expect(await eventsOf(third as string)).toEqual(['1 QUEUED', '2 RETRYING', '3 RUNNING']);
    expect(idsOf(await goOn(next, 3))).toEqual([fourth]);
  });

  test('are all told of to whoever follows the workspace', async () => {
    const { started } = await begin(4, 2);
    const since = await harness.database.withWorkspace(workspaceId, (scope) => currentSnapshot(scope));
    const next = await goOn(started, 2);
    const { events } = await harness.database.withWorkspace(workspaceId, (scope) => readNews(scope, since, null, 100));
    expect(events.map(({ job, status }) => `${job.id} ${status}`).toSorted()).toEqual(
      [...idsOf(started).map((id) => `${id} COMPLETED`), ...idsOf(next).map((id) => `${id} RUNNING`)].toSorted(),
    );
  });
});

describe('an attempt that is over', () => {
  test('changes nothing where its job was cancelled meanwhile', async () => {
    const { started } = await begin(3, 2);
    const [cancelled = '', other = ''] = idsOf(started);
    await harness.database.withWorkspace(workspaceId, (scope) => cancelUnfinished(scope, cancelled));
    const next = await goOn(started, 1, ['late', 'in time']);
    expect(next).toHaveLength(1);
    expect(await rowOf(cancelled)).toMatchObject({ status: 'CANCELLED', result: null });
    expect(await eventsOf(cancelled)).toEqual(['1 QUEUED', '2 RUNNING', '3 CANCELLED']);
    expect(await rowOf(other)).toMatchObject({ status: 'COMPLETED', result: 'in time' });
  });

  test('changes nothing where another worker has the job, nor a second time', async () => {
    const { started } = await begin(1, 1);
    const [again] = (await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, 1))).started;
    await goOn(started, 1, ['late']);
    expect(await rowOf(started[0]?.jobId as string)).toMatchObject({ status: 'RUNNING', attempt: 2, result: null });
    await goOn([again as StartedJob], 1, ['first']);
    await goOn([again as StartedJob], 1, ['second']);
    expect(await rowOf(again?.jobId as string)).toMatchObject({ status: 'COMPLETED', result: 'first' });
    expect(await eventsOf(again?.jobId as string)).toEqual(['1 QUEUED', '2 RUNNING', '3 RUNNING', '4 COMPLETED']);
  });

  test('changes nothing in another workspace', async () => {
    const { started } = await begin(1, 1);
    const owner = workspaceId;
    workspaceId = await harness.workspace();
    await goOn(started, 1);
    workspaceId = owner;
    expect(await rowOf(started[0]?.jobId as string)).toMatchObject({ status: 'RUNNING' });
  });

  test('has the progress that was told last, and the events between', async () => {
    const { started } = await begin(1, 1);
    const [attempt] = started;
    const progress = { done: 3, failed: 1, total: 4, ratePerSecond: 2 };
    await harness.database.withWorkspace(workspaceId, (scope) => writeProgress(scope, attempt as StartedJob, progress));
    await goOn(started, 1);
    const told = await harness.database.withWorkspace(workspaceId, (scope) =>
      readJobEvents(scope, attempt?.jobId as string, 0, 100),
    );
    expect(told?.events.map(({ seq, status, progress: { done } }) => [seq, status, done])).toEqual([
      [1, 'QUEUED', 0],
      [2, 'RUNNING', 0],
      [3, 'RUNNING', 3],
      [4, 'COMPLETED', 3],
    ]);
  });

  test('is written also where the turn does not go on: another workspace stands in line, or another worker holds it', async () => {
    const { started } = await begin(5, 2);
    const owner = workspaceId;
    workspaceId = await harness.workspace();
    await enqueue(1);
    workspaceId = owner;
    expect(await goOn(started.slice(0, 1), 2)).toEqual([]);
    await harness.database.sql`delete from pgboss.job where name = 'standard' and state = 'created'`;
    await harness.database.sql`update pgboss.job set retry_count = 1 where id = ${turn.id}`;
    expect(await goOn(started.slice(1), 2)).toEqual([]);
    for (const id of idsOf(started)) expect(await rowOf(id)).toMatchObject({ status: 'COMPLETED' });
  });
});

test('a turn that its worker does not go on with ends its jobs and takes no others', async () => {
  const { ids, started } = await begin(3, 2);
  expect(await goOn(started, 0)).toEqual([]);
  for (const id of idsOf(started)) expect(await eventsOf(id)).toEqual(['1 QUEUED', '2 RUNNING', '3 COMPLETED']);
  expect(await rowOf(ids[2] as string)).toMatchObject({ status: 'QUEUED', attempt: 0 });
});

describe('a job that takes a place', () => {
  /** Leaves a job as a process has that died over it, when all had been told of it that is given. */
  async function comesBack(id: string, attempt: number): Promise<void> {
    await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql`
        update jobs set status = 'RETRYING', attempt = ${attempt}, claim = claim + 1, error = 'cut off', done = 5, total = 9,
          started_at = now(), next_attempt_at = now() - interval '1 second'
        where id = ${id}`,
    );
  }

  test('goes on from its checkpoint with its progress, and begins anew without one', async () => {
    const { ids, started } = await begin(3, 1);
    const [, kept = '', anew = ''] = ids;
    await harness.database.withWorkspace(workspaceId, (scope) =>
      replaceStep(scope, { jobId: kept, attempt: 0, maxAttempts: 4, claim: 0 }, '', { page: 5 }),
    );
    await comesBack(kept, 1);
    await comesBack(anew, 1);
    await goOn(started, 2);
    expect(await rowOf(kept)).toMatchObject({ status: 'RUNNING', attempt: 2, done: 5, total: 9 });
    expect(await rowOf(anew)).toMatchObject({ status: 'RUNNING', attempt: 2, done: 0, total: null });
  });

  test('is none whose attempts are used up: it is left to the next turn, which gives it up', async () => {
    const { ids, started } = await begin(3, 1, { maxAttempts: 2 });
    const [, usedUp = '', fresh = ''] = ids;
    await comesBack(usedUp, 2);
    const next = await goOn(started, 2);
    expect(idsOf(next)).toEqual([fresh]);
    expect(await rowOf(usedUp)).toMatchObject({ status: 'RETRYING', attempt: 2 });
    const { dead } = await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, 2));
    expect(dead.map(({ jobId }) => jobId)).toEqual([usedUp]);
  });

  test('tells of itself in numbers without a gap, however long its story is', async () => {
    const { ids, started } = await begin(2, 1);
    const id = ids[1] as string;
    const [over] = started;
    for (let attempt = 1; attempt <= 30; attempt++) {
      await comesBack(id, 1);
      const next = await goOn([over as StartedJob], 1);
      expect(idsOf(next)).toEqual([id]);
    }
    const [row] = await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql<{ eventSeq: number; held: number }[]>`
        select event_seq, cardinality(state_events) as held from jobs where id = ${id}`,
    );
    expect(row).toMatchObject({ eventSeq: 61 });
    expect(row?.held).toBeLessThanOrEqual(8);
    expect(await eventsOf(id)).toEqual([
      '1 QUEUED',
      ...Array.from({ length: 60 }, (_, n) => `${n + 2} ${n % 2 === 0 ? 'RETRYING' : 'RUNNING'}`),
    ]);
  });
});
