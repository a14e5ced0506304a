/** A process whose worker never gets over one step of a job; it is there to be killed. */
import { readFileSync } from 'node:fs';
import { openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { type InterruptedProcess, threeSteps } from './three-steps.ts';

const given = JSON.parse(process.argv[2] ?? '') as InterruptedProcess;
const logger = createLogger('silent');
const { databaseUrl, dataDir, preparedFolderPath } = given;
const preparedFolder = preparedFolderPath === null ? undefined : new Uint8Array(readFileSync(preparedFolderPath));
const database = await openDatabase({ databaseUrl, dataDir, poolSize: 4, preparedFolder });
const boss = await startBoss(database, logger);
const say = (line: string) => process.stdout.write(`${line}\n`);
const job = threeSteps(async (step) => {
  say(step);
  if (step === given.hangsAt) await new Promise(() => undefined);
});
const { workspaceId } = given;
if (given.isFirst) {
  await database.withSystem(
    ({ sql }) =>
      sql`insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Harbour', 'harbour', 'FREE')`,
  );
  say(await database.withWorkspace(workspaceId, (scope) => new JobQueue(boss).enqueue(scope, job, {})));
}
await startWorker({ boss, database, definitions: [job], logger });
