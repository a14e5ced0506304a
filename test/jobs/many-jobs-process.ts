/** A process that runs jobs which are over at once; it is there to be killed. */
import { readFileSync } from 'node:fs';
import { openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { type ManyJobsProcess, shortJob } from './many-jobs.ts';

const given = JSON.parse(process.argv[2] ?? '') as ManyJobsProcess;
const logger = createLogger('silent');
const { databaseUrl, dataDir, preparedFolderPath, workspaceId, count, hangsAfter } = given;
const preparedFolder = preparedFolderPath === null ? undefined : new Uint8Array(readFileSync(preparedFolderPath));
const database = await openDatabase({ databaseUrl, dataDir, poolSize: 4, preparedFolder });
const boss = await startBoss(database, logger);
let begun = 0;
const job = shortJob(async (n) => {
  begun += 1;
  process.stdout.write(`${n}\n`);
  if (begun >= hangsAfter) await new Promise(() => undefined);
});
if (count > 0) {
  await database.withSystem(
    ({ sql }) =>
      sql`insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Harbour', 'harbour', 'FREE')`,
  );
  const payloads = Array.from({ length: count }, (_, n) => ({ n }));
  await database.withWorkspace(workspaceId, (scope) => new JobQueue(boss).enqueueAll(scope, job, payloads));
}
await startWorker({ boss, database, definitions: [job], logger });
