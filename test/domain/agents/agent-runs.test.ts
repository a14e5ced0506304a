import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cancelUnfinished } from '../../../src/domain/queues/job-control-store.ts';
import { AgentRunHarness, RUN_OVER_MS, writing } from '../../support/agent-run-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let harness: AgentRunHarness;
beforeAll(async () => {
  harness = await AgentRunHarness.open();
});
afterAll(() => harness?.close());

describe('a run', () => {
  test('goes from QUEUED to COMPLETED with its output, its steps and what the ledger says it took', async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    harness.work = writing(2, async (part) => {
      if (part === 2) begun.resolve();
      if (part === 2) await goOn.promise;
    });
    const asked = await harness.start({ configuration: { name: 'Ada' }, input: { parts: 2 } });
    expect(asked).toMatchObject({ status: 'QUEUED', output: null, startedAt: null });
    await begun.promise;
    expect(await harness.stateOf(asked.id)).toMatchObject({
      ...{ status: 'RUNNING', metrics: { apiCalls: 1, tokensUsed: 120, costUsd: '0.00014' } },
      steps: [
        { name: 'part 1', status: 'COMPLETED', attempts: 1 },
        { name: 'part 2', status: 'RUNNING', attempts: 1, durationMs: null },
      ],
    });
    goOn.resolve();
    const run = await harness.ended(asked.id);
    expect(run).toMatchObject({
      ...{ status: 'COMPLETED', error: null },
      metrics: { itemsProcessed: 2, apiCalls: 2, tokensUsed: 240, costUsd: '0.00028' },
      steps: [{ status: 'COMPLETED' }, { status: 'COMPLETED', attempts: 1 }],
    });
    expect(run.output?.said).toEqual(run.steps.map(({ output }) => output));
    expect(run.metrics.durationMs).toBeGreaterThan(0);
    expect(run.revision).toBeGreaterThan(asked.revision);
    expect(await harness.ledgerOf(asked.id)).toHaveLength(2);
  });

  test('tells of a step as it was written, its fields in their order', async () => {
    harness.work = async (run) => {
      await run.step('headline first', async () => ({ headline: 'Nothing new', a: 1, because: { zero: 0, b: 1 } }));
      return { said: [] };
    };
    const run = await harness.ended((await harness.start()).id);
    expect(JSON.stringify(run.steps[0]?.output)).toBe('{"headline":"Nothing new","a":1,"because":{"zero":0,"b":1}}');
  });

  test('that fails at a step goes on with it, and pays for no step before it twice', async () => {
    let failures = 0;
    harness.work = writing(3, (part) => {
      if (part === 2 && failures++ === 0) throw new Error('the line was cut');
    });
    const { id, jobId } = await harness.start();
    await harness.hasten(jobId);
    const run = await harness.ended(id);
    expect(run).toMatchObject({ status: 'COMPLETED', error: null, metrics: { apiCalls: 3, costUsd: '0.00042' } });
    expect(run.steps.map(({ attempts, status }) => [attempts, status])).toEqual([
      [1, 'COMPLETED'],
      [2, 'COMPLETED'],
      [1, 'COMPLETED'],
    ]);
    expect(await harness.ledgerOf(id)).toHaveLength(3);
  });

  test('that waits for its next attempt is QUEUED and says why', async () => {
    harness.work = async (run) => run.step('only', () => Promise.reject(new Error('the line was cut')));
    const { id, jobId } = await harness.start();
    await waitFor('the wait', async () => (await harness.jobOf({ jobId }))?.status === 'RETRYING', RUN_OVER_MS);
    expect(await harness.stateOf(id)).toMatchObject({
      ...{ status: 'QUEUED', error: 'the line was cut', finishedAt: null },
      steps: [{ name: 'only', status: 'FAILED', error: 'the line was cut' }],
    });
    const { runs } = harness;
    const cancelled = await harness.server.app.database.withWorkspace(harness.workspaceId, (scope) =>
      runs.cancel(scope, id),
    );
    expect(cancelled).toMatchObject({ status: 'CANCELLED', error: null });
  });

  test('whose attempts are used up is FAILED; put back, it goes on after the steps that it has', async () => {
    let isMended = false;
    harness.work = writing(2, (part) => {
      if (part === 2 && !isMended) throw new Error('broken for good');
    });
    const { id, jobId } = await harness.start();
    for (let attempt = 1; attempt < 4; attempt++) await harness.hasten(jobId, attempt);
    expect(await harness.ended(id)).toMatchObject({ status: 'FAILED', error: 'broken for good', output: null });
    isMended = true;
    const { body } = await harness.server.query(
      'mutation ($input: RetryJobInput!) { retryJob(input: $input) { __typename ... on Job { status } } }',
      { input: { id: jobId } },
      { key: harness.ownerKey },
    );
    expect(body.data).toMatchObject({ retryJob: { __typename: 'Job' } });
    const run = await harness.ended(id);
    expect(run).toMatchObject({ status: 'COMPLETED', error: null, metrics: { apiCalls: 2 } });
    expect(run.steps[0]).toMatchObject({ attempts: 1 });
  }, 120_000);

  test('with a configuration or an output that its type does not have fails at once, and says what is wrong', async () => {
    harness.work = async () => ({ said: 'no list' });
    const wrong = await harness.ended((await harness.start()).id);
    expect(wrong).toMatchObject({ status: 'FAILED', error: expect.stringContaining("the run's output is not valid") });
    const told = await harness.ended((await harness.start({ configuration: { colour: 'blue' } })).id);
    expect(told).toMatchObject({ status: 'FAILED', error: expect.stringContaining('colour') });
  });

  test('whose agent is deleted ends with it', async () => {
    const begun = Promise.withResolvers<AbortSignal>();
    harness.work = async (run) => {
      begun.resolve(run.signal);
      return run.step('endless', () => new Promise(() => undefined));
    };
    const { agent, jobId } = await harness.start();
    const signal = await begun.promise;
    const { runs } = harness;
    await harness.server.app.database.withWorkspace(harness.workspaceId, async (scope) => {
      await runs.cancelAllOf(scope, agent.id);
      await scope.sql`delete from agents where id = ${agent.id}`;
    });
    await waitFor('the end of the work', () => signal.aborted, RUN_OVER_MS);
    expect(await harness.jobOf({ jobId })).toMatchObject({ status: 'CANCELLED' });
  });
});

describe('a start', () => {
  test('with the same key is the same run, also where two dozen come at once', async () => {
    harness.work = writing(1);
    const agent = await harness.insertAgent();
    const started = await Promise.all(
      Array.from({ length: 24 }, () => harness.start({ agent, idempotencyKey: 'monday' })),
    );
    expect(new Set(started.map(({ id }) => id)).size).toBe(1);
    const run = await harness.ended(started[0]?.id ?? '');
    expect(run.metrics.apiCalls).toBe(1);
    expect((await harness.start({ agent, idempotencyKey: 'tuesday' })).id).not.toBe(run.id);
    const other = await harness.start({ idempotencyKey: 'monday' });
    expect(other.id).not.toBe(run.id);
    const [{ count } = { count: 0 }] = await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql<{ count: number }[]>`
        select count(*)::int as count from jobs where payload->>'runId' = ${run.id}`,
    );
    expect(count).toBe(1);
  });

  test('whose transaction is rolled back leaves neither run nor job', async () => {
    const agent = await harness.insertAgent();
    const { runs } = harness;
    const failing = harness.server.app.database.withWorkspace(harness.workspaceId, async (scope) => {
      await runs.start(scope, { agent, cause: 'MANUAL', input: {} });
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    const left = await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql`select id from agent_runs where agent_id = ${agent.id}`,
    );
    expect(left).toEqual([]);
  });

  test('is refused where the agent has a hundred runs that are not over', async () => {
    const agent = await harness.insertAgent();
    await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql`
        insert into agent_runs (workspace_id, id, agent_id, job_id, type, cause, status, input, configuration)
        select ${harness.workspaceId}, 'run_waiting_' || n, ${agent.id}, 'job_waiting_' || n, 'SCOUT', 'MANUAL', 'QUEUED', '{}', '{}'
        from generate_series(1, 100) n`,
    );
    await expect(harness.start({ agent })).rejects.toMatchObject({ code: 'CONFLICT' });
    await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql`delete from agents where id = ${agent.id}`,
    );
  });

  test("of another workspace's agent, and the end of its run, are refused", async () => {
    harness.work = writing(1);
    const other = await harness.server.createWorkspace();
    const { agent, id } = await harness.start();
    await expect(harness.start({ agent }, other.id)).rejects.toMatchObject({ code: '23503' });
    const { runs } = harness;
    const cancelling = harness.server.app.database.withWorkspace(other.id, (scope) => runs.cancel(scope, id));
    await expect(cancelling).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect((await harness.ended(id)).status).toBe('COMPLETED');
  });
});

describe('the end of a run amid a step', () => {
  test.each(['cancelRun', 'cancelJob'] as const)(
    'by %s ends its work, keeps what it has, and lets it leave nothing',
    async (way) => {
      const begun = Promise.withResolvers<AbortSignal>();
      const late = Promise.withResolvers<unknown>();
      harness.work = async (run) => {
        await run.step('first', async () => 'done');
        return run.step('second', async () => {
          begun.resolve(run.signal);
          await new Promise<void>((resolve) => run.signal.addEventListener('abort', () => resolve()));
          const insight = {
            kind: 'ALERT',
            title: 'Late',
            description: 'Too late.',
            confidence: 1,
            priority: 'LOW',
          } as const;
          late.resolve(
            await run.tools
              .recordInsight({ ...insight, dataPoints: [], suggestedActions: [], documentIds: [], key: 'late' })
              .catch((error: unknown) => error),
          );
          return { said: [] };
        });
      };
      const { id, jobId } = await harness.start();
      await begun.promise;
      const { runs } = harness;
      await harness.server.app.database.withWorkspace<unknown>(harness.workspaceId, (scope) =>
        way === 'cancelRun' ? runs.cancel(scope, id) : cancelUnfinished(scope, jobId),
      );
      expect(await late.promise).toBeInstanceOf(Error);
      expect(await harness.stateOf(id)).toMatchObject({
        ...{ status: 'CANCELLED', error: null, output: null },
        steps: [
          { name: 'first', status: 'COMPLETED', output: 'done' },
          { name: 'second', status: 'CANCELLED' },
        ],
      });
      const left = await harness.server.app.database.withWorkspace(
        harness.workspaceId,
        ({ sql }) => sql`select insight_id from insight_runs where run_id = ${id}`,
      );
      expect(left).toEqual([]);
      const again = await harness.server.app.database.withWorkspace(harness.workspaceId, (scope) =>
        runs.cancel(scope, id),
      );
      expect(again.status).toBe('CANCELLED');
    },
  );
});

describe('a worker that is stopped amid a step', () => {
  test('leaves the run QUEUED, without having lost an attempt; the next worker goes on with the step', async () => {
    const begun = Promise.withResolvers<void>();
    let isStopped = false;
    harness.work = writing(2, async (part, run) => {
      if (part === 1 || isStopped) return;
      begun.resolve();
      await new Promise<void>((_, reject) => run.signal.addEventListener('abort', () => reject(run.signal.reason)));
    });
    const { id, jobId } = await harness.start();
    await begun.promise;
    for (const worker of harness.workers.splice(0)) await worker.stop();
    isStopped = true;
    expect(await harness.stateOf(id)).toMatchObject({
      status: 'QUEUED',
      steps: [{ status: 'COMPLETED' }, { status: 'QUEUED', attempts: 1 }],
    });
    expect(await harness.jobOf({ jobId })).toMatchObject({ status: 'RETRYING', attempt: 0 });
    await harness.startWorker();
    const run = await harness.ended(id);
    expect(run).toMatchObject({ status: 'COMPLETED', metrics: { apiCalls: 2 } });
    expect(run.steps.map(({ attempts }) => attempts)).toEqual([1, 2]);
  });
});
