import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { newId } from '../../src/shared/ids.ts';
import { type TestDatabaseTarget, testDatabaseTarget } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { type InterruptedProcess, threeSteps } from './three-steps.ts';

const logger = createLogger('silent');
const PROCESS = new URL('./interrupted-process.ts', import.meta.url).pathname;
const START_TIMEOUT_MS = 60_000;

let target: TestDatabaseTarget;
let workspaceId: string;

beforeEach(async () => {
  target = await testDatabaseTarget();
  workspaceId = newId('Workspace');
});
afterEach(() => target.remove());

/** Has a process run the job until it hangs at a step, and kills it as `kill -9` does. Returns what it said. */
async function killAt(step: string, isFirst: boolean): Promise<string[]> {
  const { databaseUrl, dataDir } = target;
  const preparedFolderPath = isFirst && databaseUrl === undefined ? inject('preparedFolderPath') : null;
  const given = { databaseUrl, dataDir, preparedFolderPath, workspaceId, isFirst, hangsAt: step };
  const child = spawn(process.execPath, [PROCESS, JSON.stringify(given satisfies InterruptedProcess)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line === step) child.kill('SIGKILL');
  }
  if (child.signalCode === null) await once(child, 'exit');
  return lines;
}

/** Of a server, where nobody may take the turns of a process that may be alive, its silence is made longer. */
async function forgetDeadWorker(database: Database, boss: Awaited<ReturnType<typeof startBoss>>): Promise<void> {
  if (database.kind === 'embedded') return;
  await database.sql`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`;
  // Which is looked at every so often, by one process.
  await database.sql`update pgboss.queue set monitor_claim_on = now() - interval '1 hour'`;
  await boss.supervise('standard');
}

/** Opens what the killed processes have left, and closes it after `work`. */
async function afterwards<Result>(
  work: (database: Database, boss: Awaited<ReturnType<typeof startBoss>>) => Promise<Result>,
): Promise<Result> {
  const database = await openDatabase({ databaseUrl: target.databaseUrl, poolSize: 4, dataDir: target.dataDir });
  const boss = await startBoss(database, logger);
  try {
    await forgetDeadWorker(database, boss);
    return await work(database, boss);
  } finally {
    await boss.stop({ graceful: false });
    await database.close();
  }
}

test(
  'a job whose process is killed in a step goes on with that step, and takes none again that was finished',
  async () => {
    const [jobId = '', ...firstSteps] = await killAt('second', true);
    expect(firstSteps).toEqual(['first', 'second']);
    await afterwards(async () => undefined);
    expect(await killAt('third', false)).toEqual(['second', 'third']);

    await afterwards(async (database, boss) => {
      const taken: string[] = [];
      const job = threeSteps(async (step) => {
        taken.push(step);
      });
      const worker = await startWorker({ boss, database, definitions: [job], logger });
      const row = await waitFor('the job to be done', async () => {
        const [found] = await database.withWorkspace(workspaceId, ({ sql }) => sql`select * from jobs`);
        return found?.status === 'COMPLETED' ? found : null;
      });
      await worker.stop();
      expect(taken).toEqual(['third']);
      // Both attempts had finished a step before they were cut off: neither counts.
      expect(row).toMatchObject({ id: jobId, attempt: 1, result: 3, history: [] });
    });
  },
  3 * START_TIMEOUT_MS,
);
