import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext, RetryLater } from '../../src/jobs/define-job.ts';
import type { EnqueueOptions } from '../../src/jobs/queue.ts';
import type { RunningWorker } from '../../src/jobs/run-worker.ts';
import { pickJobs, pickMoreJobs } from '../../src/jobs/turn-store.ts';
import type { JsonValue } from '../../src/shared/json.ts';
import { waitFor } from '../support/wait-for.ts';
import { JobHarness } from './job-harness.ts';

const SCHEMA = z.object({});
const HOUR_MS = 3_600_000;
const NO_TURN = '00000000-0000-4000-8000-000000000000';

let harness: JobHarness;
let workspaceId: string;
let worker: RunningWorker | undefined;

beforeAll(async () => {
  harness = await JobHarness.start();
});
afterEach(async () => {
  vi.useRealTimers();
  await worker?.stop();
  worker = undefined;
});
afterAll(() => harness.close());

function job(run: (context: JobContext) => Promise<JsonValue | undefined>) {
  return defineJob({ kind: 'GENERATE', schema: SCHEMA, run: (_payload, context) => run(context) });
}

async function enqueue(definition: ReturnType<typeof job>, options?: EnqueueOptions): Promise<string> {
  workspaceId = await harness.workspace();
  return harness.database.withWorkspace(workspaceId, (scope) => harness.queue.enqueue(scope, definition, {}, options));
}

test('a job that runs by a turn that is over is run again: its worker hung, and lost the turn before it took the job', async () => {
  const definition = job(async ({ attempt }) => attempt);
  const id = await enqueue(definition);
  await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, { id: NO_TURN, queue: 'standard' }, 10));
  await harness.database.sql`delete from pgboss.job where group_id = ${workspaceId}`;
  expect(await harness.job(workspaceId, id)).toMatchObject({ status: 'RUNNING', attempt: 1 });
  worker = await harness.work([definition]);
  const row = await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
  expect(row).toMatchObject({ attempt: 2, result: 2 });
  expect(row.history).toMatchObject([{ attempt: 1, error: expect.stringContaining('stopped in the middle') }]);
});

describe('a turn that goes on with further jobs', () => {
  const definition = job(async () => undefined);
  let turn: { id: string; queue: 'standard'; retryCount: number };

  /** Takes the turn from the line, as a worker does, and starts one of its two jobs. */
  async function begin(): Promise<void> {
    await harness.database.sql`delete from pgboss.job where name = 'standard'`;
    const id = await enqueue(definition);
    await harness.database.withWorkspace(workspaceId, (scope) => harness.queue.enqueue(scope, definition, {}));
    await harness.database.sql`delete from pgboss.job where group_id = ${workspaceId} and priority = 0`;
    const [claimed] = await harness.boss.fetch('standard');
    turn = { id: claimed?.id ?? '', queue: 'standard', retryCount: 0 };
    const { started } = await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, 1));
    expect(started.map(({ jobId }) => jobId)).toEqual([id]);
  }

  const takeMore = () => harness.database.withWorkspace(workspaceId, (scope) => pickMoreJobs(scope, turn, 10));

  afterEach(async () => {
    await harness.database.withSystem(({ sql }) => sql`delete from workspaces`);
    await harness.database.sql`delete from pgboss.job where name = 'standard'`;
  });

  test('takes those that wait, and none that is being run', async () => {
    await begin();
    expect((await takeMore()).started).toMatchObject([{ attempt: 1, claim: 1 }]);
    expect((await takeMore()).started).toEqual([]);
  });

  test('takes none while another workspace stands in line', async () => {
    await begin();
    const crowded = workspaceId;
    await enqueue(definition);
    workspaceId = crowded;
    expect((await takeMore()).started).toEqual([]);
  });

  test('takes none once it was handed to another worker, or is over', async () => {
    await begin();
    await harness.database.sql`update pgboss.job set retry_count = 1 where id = ${turn.id}`;
    expect((await takeMore()).started).toEqual([]);
    await harness.database.sql`update pgboss.job set retry_count = 0, state = 'completed' where id = ${turn.id}`;
    expect((await takeMore()).started).toEqual([]);
  });

  test('leaves what it has taken to the worker that is given the turn next', async () => {
    await begin();
    await takeMore();
    const { started } = await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, 10));
    expect(started).toMatchObject([
      { attempt: 2, claim: 2 },
      { attempt: 2, claim: 2 },
    ]);
  });
});

test('what a dead worker had more than there are slots is run, and its places are not filled again', async () => {
  let running = 0;
  let ended = 0;
  let mostLater = 0;
  const definition = job(async () => {
    running += 1;
    if (ended >= 6) mostLater = Math.max(mostLater, running);
    await sleep(20);
    running -= 1;
    ended += 1;
    return undefined;
  });
  await harness.database.sql`delete from pgboss.job where name = 'standard'`;
  workspaceId = await harness.workspace();
  await harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueueAll(
      scope,
      definition,
      Array.from({ length: 36 }, () => ({})),
    ),
  );
  const [claimed] = await harness.boss.fetch('standard');
  const turn = { id: claimed?.id ?? '', queue: 'standard', retryCount: 0 } as const;
  await harness.database.withWorkspace(workspaceId, (scope) => pickJobs(scope, turn, 6));
  await harness.boss.fail('standard', turn);
  worker = await harness.work([definition], { size: { slots: 2, slotsPerWorkspace: 2, jobsPerTurn: 1 } });
  await waitFor('all to be run', () => ended === 36);
  expect(mostLater).toBeLessThanOrEqual(2);
});

test('turns that go on together never run more than their worker has slots for', async () => {
  let running = 0;
  let most = 0;
  let ended = 0;
  let begun = 0;
  const definition = job(async () => {
    running += 1;
    begun += 1;
    most = Math.max(most, running);
    // Some are over before others that began with them.
    if (begun % 3 === 0) await sleep(1);
    running -= 1;
    ended += 1;
    return undefined;
  });
  workspaceId = await harness.workspace();
  await harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueueAll(
      scope,
      definition,
      Array.from({ length: 400 }, () => ({})),
    ),
  );
  worker = await harness.work([definition], { size: { slots: 12, slotsPerWorkspace: 12, jobsPerTurn: 5 } });
  await waitFor('all to be run', () => ended === 400);
  expect(most).toBeLessThanOrEqual(12);
});

test('a turn that cannot be read is passed over, and the worker goes on', async () => {
  const definition = job(async () => 'run');
  worker = await harness.work([definition]);
  await harness.boss.send('standard', { from: 'somebody' });
  await harness.boss.send('standard');
  const id = await enqueue(definition);
  await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
  const left = await harness.database.sql`
    select data from pgboss.job where name = 'standard' and state <= 'active' and group_id is null`;
  expect(left).toHaveLength(0);
});

test.each([-HOUR_MS, HOUR_MS])(
  'a delay is as long as it says where a worker’s clock is off by %d ms',
  async (offMs) => {
    const startedAt: number[] = [];
    const definition = job(async ({ attempt }) => {
      startedAt.push(performance.now());
      if (startedAt.length === 1) throw new RetryLater(700, 'later');
      if (attempt === 1) throw new Error('the provider did not answer');
      return attempt;
    });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + offMs });
    worker = await harness.work([definition]);
    const id = await enqueue(definition, { priority: 9 });
    await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
    const [first = 0, second = 0, third = 0] = startedAt;
    expect(second - first).toBeGreaterThan(690);
    expect(third - second).toBeGreaterThan(1_990);
  },
);
