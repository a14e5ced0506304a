import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentRunHarness, RUN_OVER_MS, writing } from '../../support/agent-run-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

let harness: AgentRunHarness;
beforeAll(async () => {
  harness = await AgentRunHarness.open();
});
afterAll(() => harness?.close());

describe('the limits of a run', () => {
  test.each([
    ['calls', { calls: 2 }, '2 calls of models'],
    ['tokens', { tokens: 200 }, '200 tokens'],
    ['usd', { usd: 0.00015 }, '0.00015 US dollars'],
  ])('of %s end it as FAILED with what to do, and keep what it has found', async (limit, limits, named) => {
    harness.work = async (run) => {
      const insight = {
        kind: 'ALERT',
        title: 'Found',
        description: 'Before.',
        confidence: 1,
        priority: 'LOW',
      } as const;
      const asked = { ...insight, dataPoints: [], suggestedActions: [], documentIds: [], key: 'found' };
      await run.step('record', () => run.tools.recordInsight(asked));
      return writing(5)(run);
    };
    const { id } = await harness.start({ configuration: { limits } });
    const run = await harness.ended(id);
    expect(run).toMatchObject({ status: 'FAILED', metrics: { apiCalls: 2 } });
    expect(run.error).toContain(named);
    expect(run.error).toContain(`limits.${limit}`);
    expect(run.steps.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED']);
    const found = await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql`select insight_id from insight_runs where run_id = ${id}`,
    );
    expect(found).toHaveLength(1);
  });

  test('count over all of its attempts', async () => {
    let failures = 0;
    harness.work = writing(4, (part) => {
      if (part === 2 && failures++ === 0) throw new Error('the line was cut');
    });
    const { id, jobId } = await harness.start({ configuration: { limits: { calls: 2 } } });
    await harness.hasten(jobId);
    expect(await harness.ended(id)).toMatchObject({ status: 'FAILED', metrics: { apiCalls: 2, costUsd: '0.00028' } });
  });

  test("are the workspace's budget too: over it the run ends as FAILED and says so", async () => {
    const poor = await harness.makeWorkspace();
    const { body } = await harness.server.query(
      'mutation ($input: SetBudgetInput!) { setBudget(input: $input) { __typename } }',
      { input: { window: 'DAY', limitUsd: '0.00000001' } },
      { key: poor.ownerKey },
    );
    expect(body.data).toEqual({ setBudget: { __typename: 'Budget' } });
    harness.work = writing(1);
    const { id } = await harness.start({}, poor.id);
    const run = await harness.ended(id, poor.id);
    expect(run).toMatchObject({ status: 'FAILED', metrics: { apiCalls: 0, costUsd: '0' } });
    expect(run.error).toContain('budget');
  });
});

describe('what a run waits for', () => {
  test('is the next minute, where its workspace asks too often; it loses no attempt and no step', async () => {
    const busy = await harness.makeWorkspace();
    const { body } = await harness.server.query(
      'mutation ($input: UpdateSettingsInput!) { updateSettings(input: $input) { __typename } }',
      { input: { policies: { requestsPerMinute: 1 } } },
      { key: busy.ownerKey },
    );
    expect(body.data).toEqual({ updateSettings: { __typename: 'Settings' } });
    harness.work = writing(3);
    const { id } = await harness.start({}, busy.id);
    const run = await waitFor(
      'the wait',
      async () => {
        const now = await harness.stateOf(id, busy.id);
        return now.status === 'QUEUED' && now.error !== null && now;
      },
      RUN_OVER_MS,
    );
    expect(run.error).toMatch(/minute/);
    expect(run.steps.filter(({ status }) => status === 'COMPLETED').length).toBeLessThan(3);
    const [job] = await harness.server.app.database.withWorkspace(
      busy.id,
      ({ sql }) => sql<{ attempt: number }[]>`select attempt from jobs where id = ${run.jobId}`,
    );
    expect(job).toEqual({ attempt: 0 });
  });
});

describe('two workers', () => {
  test('do each step of each run once', async () => {
    await harness.startWorker();
    harness.work = writing(2);
    const started = await Promise.all(Array.from({ length: 20 }, () => harness.start()));
    for (const { id } of started) {
      const run = await harness.ended(id);
      expect(run).toMatchObject({ status: 'COMPLETED', metrics: { apiCalls: 2 } });
      expect(run.steps.map(({ attempts }) => attempts)).toEqual([1, 1]);
    }
  });
});

describe('200 runs at a vendor that fails one call in ten', () => {
  test('are completed at least 95 times in 100, and pay for what succeeded alone', async () => {
    let calls = 0;
    harness.reply = (place) => (calls++ % 10 === 7 ? { status: 500 } : { json: { said: `word ${place}` } });
    harness.work = writing(3);
    const before = harness.vendor.requests.length;
    const started = await Promise.all(Array.from({ length: 200 }, () => harness.start()));
    const ids = started.map(({ id }) => id);
    // One look at all of them: the embedded database has one connection, which the runs need.
    const areOver = async () => {
      const [left] = await harness.server.app.database.withWorkspace(
        harness.workspaceId,
        ({ sql }) => sql`
          select from agent_runs where id = any(${ids}::text[]) and finished_at is null and error is null limit 1`,
      );
      return left === undefined;
    };
    await waitFor('the end of all runs', areOver, 4 * RUN_OVER_MS);
    const runs = await Promise.all(ids.map((id) => harness.stateOf(id)));
    const completed = runs.filter(({ status }) => status === 'COMPLETED');
    expect(harness.vendor.requests.length - before).toBeGreaterThan(600);
    expect(completed.length).toBeGreaterThanOrEqual(190);
    for (const { metrics, steps } of completed) {
      expect(metrics.costUsd).toBe('0.00042');
      expect(steps.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
    }
  }, 300_000);
});

describe('upkeep', () => {
  test('keeps what the ledger said of a run when the ledger is gone', async () => {
    harness.work = writing(2);
    const { id } = await harness.start();
    const before = await harness.ended(id);
    await harness.ledgerOf(id);
    await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) => sql`update agent_runs set finished_at = now() - interval '2 hours' where id = ${id}`,
    );
    await harness.workers[0]?.upkeep();
    await harness.server.app.database.sql`truncate usage_attempts`;
    const { apiCalls, tokensUsed, costUsd } = before.metrics;
    expect((await harness.stateOf(id)).metrics).toMatchObject({ apiCalls, tokensUsed, costUsd });
    expect(costUsd).toBe('0.00028');
  });

  test('ends a run whose job is gone, and leaves those that wait or run', async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    harness.work = async (run) =>
      run.step('wait', async () => {
        begun.resolve();
        await goOn.promise;
        return { said: [] };
      });
    const { id: running } = await harness.start();
    await begun.promise;
    const { id: orphaned } = await harness.start();
    await harness.server.app.database.withWorkspace(
      harness.workspaceId,
      ({ sql }) =>
        sql`update agent_runs set job_id = 'job_gone', status = 'RUNNING', finished_at = null, started_at = now() where id = ${orphaned}`,
    );
    await harness.workers[0]?.upkeep();
    expect(await harness.stateOf(orphaned)).toMatchObject({ status: 'FAILED', error: expect.stringContaining('gone') });
    expect(await harness.stateOf(running)).toMatchObject({ status: 'RUNNING' });
    goOn.resolve();
    expect(await harness.ended(running)).toMatchObject({ status: 'COMPLETED' });
  });
});
