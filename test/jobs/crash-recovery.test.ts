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
import { type ManyJobsProcess, shortJob } from './many-jobs.ts';
import { type InterruptedProcess, threeSteps } from './three-steps.ts';

const logger = createLogger('silent');
const PROCESS = new URL('./interrupted-process.ts', import.meta.url).pathname;
const MANY_JOBS_PROCESS = new URL('./many-jobs-process.ts', import.meta.url).pathname;
const START_TIMEOUT_MS = 60_000;

let target: TestDatabaseTarget;
let workspaceId: string;

beforeEach(async () => {
  target = await testDatabaseTarget();
  workspaceId = newId('Workspace');
});
afterEach(() => target.remove());

/** Runs a process until it has said what is wanted, and kills it as `kill -9` does. Returns what it said. */
async function killOnce(path: string, given: object, isSaid: (lines: string[]) => boolean): Promise<string[]> {
  const child = spawn(process.execPath, [path, JSON.stringify(given)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (isSaid(lines)) child.kill('SIGKILL');
  }
  if (child.signalCode === null) await once(child, 'exit');
  return lines;
}

function placeOf(isFirst: boolean) {
  const { databaseUrl, dataDir } = target;
  const preparedFolderPath = isFirst && databaseUrl === undefined ? inject('preparedFolderPath') : null;
  return { databaseUrl, dataDir, preparedFolderPath, workspaceId };
}

/** Has a process run the job until it hangs at a step, and kills it there. Returns what it said. */
function killAt(step: string, isFirst: boolean): Promise<string[]> {
  const given: InterruptedProcess = { ...placeOf(isFirst), isFirst, hangsAt: step };
  return killOnce(PROCESS, given, (lines) => lines.at(-1) === step);
}

/** Has a process run short jobs, and kills it among them. Returns the numbers of those that it ran. */
async function killAmong(count: number, isFirst: boolean): Promise<number[]> {
  const hangsAfter = count / 4;
  const given: ManyJobsProcess = { ...placeOf(isFirst), count: isFirst ? count : 0, hangsAfter };
  return (await killOnce(MANY_JOBS_PROCESS, given, (lines) => lines.length >= hangsAfter)).map(Number);
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

test(
  'of many short jobs whose process is killed among them, none is lost, and those alone that were being run are run again',
  async () => {
    const count = 600;
    const runs = await killAmong(count, true);
    await afterwards(async () => undefined);
    runs.push(...(await killAmong(count, false)));

    await afterwards(async (database, boss) => {
      const job = shortJob(async (n) => {
        runs.push(n);
      });
      const worker = await startWorker({ boss, database, definitions: [job], logger });
      const jobs = await waitFor('the jobs to be done', async () => {
        const rows = await database.withWorkspace(
          workspaceId,
          ({ sql }) => sql<
            {
              n: number;
              status: string;
              attempt: number;
              result: number;
              failed: number;
              seqs: number[];
              told: string[];
            }[]
          >`
            select (payload ->> 'n')::int as n, status, attempt, result, jsonb_array_length(history) as failed,
              array(select seq from unnest(state_events)) as seqs,
              array(select status from unnest(state_events)) as told
            from jobs`,
        );
        return rows.every(({ status }) => status === 'COMPLETED') && rows;
      });
      await worker.stop();
      expect(jobs.map(({ n }) => n).toSorted((one, other) => one - other)).toEqual([...Array(count).keys()]);
      for (const { n, attempt, result, failed, seqs, told } of jobs) {
        expect(result).toBe(n);
        expect(failed).toBe(attempt - 1);
        // One that was handed over may not have come to run before its process died.
        const times = runs.filter((run) => run === n).length;
        expect(times).toBeGreaterThanOrEqual(1);
        expect(times).toBeLessThanOrEqual(attempt);
        expect(seqs).toEqual(seqs.map((_, index) => index + 1));
        expect(told.at(0)).toBe('QUEUED');
        expect(told.filter((status) => status === 'RUNNING')).toHaveLength(attempt);
        expect(told.filter((status) => status === 'COMPLETED')).toHaveLength(1);
        expect(told.at(-1)).toBe('COMPLETED');
      }
      // No more than two processes can have been at, each in its slots for one workspace.
      expect(jobs.filter(({ attempt }) => attempt > 1).length).toBeLessThanOrEqual(2 * 15);
    });
  },
  3 * START_TIMEOUT_MS,
);
