import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, RetryLater } from '../../src/jobs/define-job.ts';
import { waitFor } from '../support/wait-for.ts';
import { JobHarness } from './job-harness.ts';

const JOBS = 3_000;
const SCHEMA = z.object({ tasks: z.array(z.string()), apiKeyId: z.string().nullable() });

let harness: JobHarness;

beforeAll(async () => {
  harness = await JobHarness.start();
});
afterAll(() => harness.close());

test('thousands of jobs of a workspace over its allowance wait without each being started; what needs none of it runs', async () => {
  const workspaceId = await harness.workspace();
  let refused = 0;
  const definition = defineJob({
    kind: 'PROCESS_DOCUMENTS',
    schema: SCHEMA,
    run: async ({ tasks, apiKeyId }) => {
      if (!tasks.includes('EMBED')) return 'run';
      refused += 1;
      throw new RetryLater(3_600_000, 'the allowance is used up', { tasks: ['EMBED'], apiKeyId });
    },
  });
  const ids = await harness.database.withWorkspace(workspaceId, (scope) =>
    harness.queue.enqueueAll(scope, definition, [
      ...Array.from({ length: JOBS }, () => ({ tasks: ['EMBED', 'INTENT'], apiKeyId: null })),
      { tasks: ['INTENT'], apiKeyId: null },
      { tasks: ['INTENT'], apiKeyId: null },
    ]),
  );
  const worker = await harness.work([definition], { drainMs: 100 });
  for (const id of ids.slice(-2)) await harness.until(workspaceId, id, ({ status }) => status === 'COMPLETED');
  const waiting = await waitFor('all to wait', async () => {
    const [row] = await harness.database.withWorkspace(
      workspaceId,
      ({ sql }) => sql<{ waiting: number }[]>`
        select count(*)::int as waiting from jobs where status = 'RETRYING' and attempt = 0
          and error = 'the allowance is used up' and next_attempt_at > now() + interval '59 minutes'`,
    );
    return row?.waiting === JOBS;
  });
  await worker.stop();
  expect(waiting).toBe(true);
  expect(refused).toBeLessThan(JOBS / 10);
});
