import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { startBoss } from '../../../src/jobs/boss.ts';
import { defineJob, type JobContext } from '../../../src/jobs/define-job.ts';
import { JobQueue } from '../../../src/jobs/queue.ts';
import { type RunningWorker, startWorker } from '../../../src/jobs/run-worker.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { type TestDatabaseTarget, testDatabaseTarget } from '../../support/database.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';

const logger = createLogger('silent');
const CANCEL = /* GraphQL */ `
  mutation ($input: CancelJobInput!) {
    cancelJob(input: $input) { __typename ... on Job { status } ... on Error { code } }
  }
`;
const RETRY = /* GraphQL */ `
  mutation ($input: RetryJobInput!) {
    retryJob(input: $input) { __typename ... on Job { status } ... on Error { code } }
  }
`;

describe.runIf(inject('testServer') !== null)('of two servers on one database', () => {
  let target: TestDatabaseTarget;
  let working: TestServer;
  let asked: TestServer;
  let worker: RunningWorker | undefined;

  beforeEach(async () => {
    target = await testDatabaseTarget();
    const { remove: _remove, ...shared } = target;
    const environment = { SIGNALBOX_WORKER: '0' };
    working = await startTestServer({ target: shared, environment });
    asked = await startTestServer({ target: shared, environment });
  });
  afterEach(async () => {
    await worker?.stop();
    await asked?.close();
    await working?.close();
    await target?.remove();
  });

  test('one cancels what the other runs, whose late word changes nothing, and a retry at both at once is one', async () => {
    const { database } = working.app;
    const boss = await startBoss(database, logger);
    const cancelled = Promise.withResolvers<unknown>();
    const release = Promise.withResolvers<string>();
    let runs = 0;
    const run = async ({ signal }: JobContext) => {
      runs += 1;
      if (runs > 1) return `run ${runs}`;
      signal.addEventListener('abort', () => cancelled.resolve(signal.reason));
      return release.promise;
    };
    const definition = defineJob({ kind: 'GENERATE', schema: z.object({}), run: (_payload, context) => run(context) });
    worker = await startWorker({ boss, database, definitions: [definition], logger, drainMs: 100 });
    const workspace = await working.createWorkspace();
    const id = await database.withWorkspace(workspace.id, (scope) => new JobQueue(boss).enqueue(scope, definition, {}));
    const statusOf = async () => {
      const [row] = await database.withWorkspace(
        workspace.id,
        ({ sql }) => sql<{ status: string; result: unknown }[]>`select status, result from jobs where id = ${id}`,
      );
      return row;
    };
    await expect.poll(() => runs).toBe(1);

    const ask = (server: TestServer, query: string) =>
      server.query<{ cancelJob?: object; retryJob?: { code?: string } }>(
        query,
        { input: { id } },
        { key: workspace.ownerKey },
      );
    expect((await ask(asked, CANCEL)).body.data).toEqual({ cancelJob: { __typename: 'Job', status: 'CANCELLED' } });
    expect(await cancelled.promise).toMatchObject({ name: 'AttemptOverError' });
    release.resolve('late');

    const both = await Promise.all([ask(asked, RETRY), ask(working, RETRY)]);
    const codes = both.map(({ body }) => body.data?.retryJob?.code ?? 'put back');
    expect(codes.sort()).toEqual(['CONFLICT', 'put back']);
    await expect.poll(statusOf).toEqual({ status: 'COMPLETED', result: 'run 2' });
    expect(runs).toBe(2);
    await worker.stop();
    await boss.stop({ graceful: false });
  });
});
