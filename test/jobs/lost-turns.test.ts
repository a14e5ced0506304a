import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { defineJob, type JobContext, RetryLater } from '../../src/jobs/define-job.ts';
import type { EnqueueOptions } from '../../src/jobs/queue.ts';
import type { RunningWorker } from '../../src/jobs/run-worker.ts';
import { pickJobs } from '../../src/jobs/turn-store.ts';
import type { JsonValue } from '../../src/shared/json.ts';
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
