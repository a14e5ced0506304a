import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { defineJob } from '../../src/jobs/define-job.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { newId } from '../../src/shared/ids.ts';

const logger = createLogger('silent');
const PROCESS = new URL('./interrupted-process.ts', import.meta.url).pathname;

let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'signalbox-crash-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Starts a job in a process of its own and kills that process, as `kill -9` does, while the job runs. */
async function killInTheMiddleOfAJob(workspaceId: string): Promise<string> {
  const child = spawn(process.execPath, [PROCESS, dataDir, workspaceId], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [jobId] = await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
  return String(jobId).trim();
}

test('a job whose process was killed is run to its end by the next start', async () => {
  const workspaceId = newId('Workspace');
  const jobId = await killInTheMiddleOfAJob(workspaceId);

  const database = await openDatabase({ databaseUrl: undefined, poolSize: 1, dataDir });
  const boss = await startBoss(database, logger);
  const row = async () =>
    database.withWorkspace(workspaceId, async ({ sql }) => (await sql`select * from jobs where id = ${jobId}`)[0]);
  try {
    expect(await row()).toMatchObject({ status: 'RETRYING', attempt: 1 });
    const attempts: number[] = [];
    const definition = defineJob({
      kind: 'EMBED',
      schema: z.object({}),
      run: async (_payload, { attempt }) => {
        attempts.push(attempt);
        return 'to the end';
      },
    });
    const worker = await startWorker({ boss, database, definitions: [definition], logger });
    await expect.poll(row, { timeout: 3000 }).toMatchObject({ status: 'COMPLETED', attempt: 2, result: 'to the end' });
    expect(attempts).toEqual([2]);
    await worker.stop();
  } finally {
    await boss.stop();
    await database.close();
  }
}, 60_000);
