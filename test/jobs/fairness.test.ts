import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/jobs/define-job.ts';
import type { RunningWorker } from '../../src/jobs/run-worker.ts';
import { waitFor } from '../support/wait-for.ts';
import { JobHarness } from './job-harness.ts';

const SCHEMA = z.object({ label: z.string() });

let harness: JobHarness;
let worker: RunningWorker | undefined;
/** Labels of the jobs in the order in which they were started. */
let started: string[];

beforeAll(async () => {
  harness = await JobHarness.start();
});
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
  // What a test has left waiting would be run by the next one's worker.
  await harness.database.withSystem(({ sql }) => sql`delete from workspaces`);
});
afterAll(() => harness.close());

function recording(work: (label: string) => Promise<unknown>) {
  started = [];
  return defineJob({
    kind: 'CLASSIFY',
    schema: SCHEMA,
    run: async ({ label }) => {
      started.push(label);
      await work(label);
      return undefined;
    },
  });
}

type Recording = ReturnType<typeof recording>;

function enqueueAll(workspaceId: string, definition: Recording, labels: string[], priority = 5) {
  return harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueueAll(
      scope,
      definition,
      labels.map((label) => ({ label })),
      { priority },
    ),
  );
}

function labels(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => `${name}${n}`);
}

describe('between workspaces', () => {
  test('the job of one starts while thousands of another wait before it', async () => {
    const [crowded, quiet] = [await harness.workspace(), await harness.workspace()];
    const definition = recording(() => sleep(5));
    await enqueueAll(crowded, definition, labels('crowd', 3_000));
    worker = await harness.work([definition], { drainMs: 100 });
    await waitFor('the crowd to be under way', () => started.length >= 20);
    const [id] = await enqueueAll(quiet, definition, ['quiet']);
    const before = started.length;
    await harness.until(quiet, id as string, ({ status }) => status === 'COMPLETED');
    expect(started.indexOf('quiet') - before).toBeLessThan(300);
  });

  test('jobs of one that never end leave room for those of another', async () => {
    const [stuck, quiet] = [await harness.workspace(), await harness.workspace()];
    const release = Promise.withResolvers<void>();
    const definition = recording((label) => (label === 'quiet' ? Promise.resolve() : release.promise));
    await enqueueAll(stuck, definition, labels('stuck', 100));
    worker = await harness.work([definition], { drainMs: 100 });
    await waitFor('the share of the workspace to be taken', () => started.length === 15);
    const ids = await enqueueAll(quiet, definition, ['quiet', 'quiet']);
    for (const id of ids) await harness.until(quiet, id, ({ status }) => status === 'COMPLETED');
    expect(started.filter((label) => label.startsWith('stuck'))).toHaveLength(15);
    release.resolve();
    await waitFor('all to be run', () => started.length === 102);
  });

  test('whose jobs all wait, each gets the same share', async () => {
    const workspaces = [await harness.workspace(), await harness.workspace(), await harness.workspace()];
    const definition = recording(() => sleep(2));
    for (const [place, workspaceId] of workspaces.entries()) {
      await enqueueAll(workspaceId, definition, labels(`${place}-`, 300));
    }
    worker = await harness.work([definition], { drainMs: 100 });
    await waitFor('a half to be started', () => started.length >= 450);
    const firstHalf = started.slice(0, 450);
    for (const place of workspaces.keys()) {
      const share = firstHalf.filter((label) => label.startsWith(`${place}-`)).length;
      expect(share).toBeGreaterThan(75);
      expect(share).toBeLessThan(225);
    }
  });
});

describe('within a workspace', () => {
  test('what has the higher priority starts first, also where it came last; of one priority the older', async () => {
    const workspaceId = await harness.workspace();
    const definition = recording(() => sleep(1));
    await enqueueAll(workspaceId, definition, labels('usual', 30), 5);
    await enqueueAll(workspaceId, definition, labels('low', 5), 1);
    await enqueueAll(workspaceId, definition, labels('urgent', 5), 7);
    worker = await harness.work([definition], {
      drainMs: 100,
      size: { slots: 1, slotsPerWorkspace: 1, jobsPerTurn: 1 },
    });
    await waitFor('all to be run', () => started.length === 40);
    expect(started).toEqual([...labels('urgent', 5), ...labels('usual', 30), ...labels('low', 5)]);
  });
});

describe('a turn', () => {
  test('goes on with further jobs of its workspace while no other one stands in line', async () => {
    const workspaceId = await harness.workspace();
    const definition = recording(async () => undefined);
    await enqueueAll(workspaceId, definition, labels('alone', 500));
    worker = await harness.work([definition], { drainMs: 100 });
    await waitFor('all to be run', () => started.length === 500);
    await worker.stop();
    worker = undefined;
    expect(new Set(started).size).toBe(500);
    const [row] = await harness.database.sql<{ turns: number }[]>`
      select count(*)::int as turns from pgboss.job where group_id = ${workspaceId}`;
    expect(row?.turns).toBeLessThan(25);
  });

  test('lets the line go on where it grows long: each job that finds others waiting brings a turn', async () => {
    const workspaceId = await harness.workspace();
    const ran = new Map<string, () => void>();
    const definition = recording(async (label) => ran.get(label)?.());
    worker = await harness.work([definition], { drainMs: 100 });
    const oneByOne = async (place: number) => {
      for (let round = 0; round < 8; round += 1) {
        const label = `${place}-${round}`;
        const { promise, resolve } = Promise.withResolvers<void>();
        ran.set(label, resolve);
        await enqueueAll(workspaceId, definition, [label]);
        await promise;
      }
    };
    await Promise.all(Array.from({ length: 40 }, (_, place) => oneByOne(place)));
    const [line] = await harness.database.sql<{ turns: number }[]>`
      select count(*)::int as turns from pgboss.job where group_id = ${workspaceId} and state < 'active'`;
    expect(started).toHaveLength(320);
    expect(line?.turns).toBeLessThan(250);
  });

  test('takes no further jobs once its worker stops', async () => {
    const workspaceId = await harness.workspace();
    const definition = recording(() => sleep(1));
    await enqueueAll(workspaceId, definition, labels('left', 2_000));
    worker = await harness.work([definition]);
    await waitFor('some to be run', () => started.length >= 20);
    await worker.stop();
    worker = undefined;
    const rows = await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql<{ status: string; jobs: number }[]>`
        select status, count(*)::int as jobs from jobs group by 1 order by 1`,
    );
    expect(rows.map(({ status }) => status)).toEqual(['COMPLETED', 'QUEUED']);
    expect(rows[0]?.jobs).toBe(started.length);
  });

  test('that was lost is made up for', async () => {
    const workspaceId = await harness.workspace();
    const definition = recording(async () => undefined);
    const [id] = await enqueueAll(workspaceId, definition, ['forgotten']);
    await harness.database.sql`delete from pgboss.job where group_id = ${workspaceId}`;
    worker = await harness.work([definition], { drainMs: 100 });
    await harness.until(workspaceId, id as string, ({ status }) => status === 'COMPLETED');
  });

  test('of a worker that is not heard of any more goes to another one, and its late word changes nothing', async () => {
    if (harness.database.kind === 'embedded') return;
    const workspaceId = await harness.workspace();
    const hang = Promise.withResolvers<string>();
    let attempts = 0;
    const definition = defineJob({
      kind: 'CLASSIFY',
      schema: SCHEMA,
      run: async (_payload, { attempt }) => (++attempts === 1 ? hang.promise : `attempt ${attempt}`),
    });
    worker = await harness.work([definition], { drainMs: 100 });
    const [id] = await enqueueAll(workspaceId, definition, ['hangs']);
    await harness.until(workspaceId, id as string, ({ status }) => status === 'RUNNING');
    await harness.database.sql`
      update pgboss.job set heartbeat_on = now() - interval '1 minute' where group_id = ${workspaceId}`;
    await harness.boss.supervise('standard');
    const row = await harness.until(workspaceId, id as string, ({ status }) => status === 'COMPLETED');
    expect(row).toMatchObject({ attempt: 2, result: 'attempt 2' });
    expect(row.history).toMatchObject([{ attempt: 1, error: expect.stringContaining('stopped in the middle') }]);
    hang.resolve('late');
    await worker.stop();
    expect(await harness.job(workspaceId, id as string)).toMatchObject({ status: 'COMPLETED', result: 'attempt 2' });
  });
});
