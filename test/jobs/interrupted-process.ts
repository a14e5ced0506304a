/** A process with an embedded database in which a job never ends; it is there to be killed. */
import { z } from 'zod';
import { openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { defineJob } from '../../src/jobs/define-job.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';

const [dataDir, workspaceId] = process.argv.slice(2) as [string, string];
const logger = createLogger('silent');
const database = await openDatabase({ databaseUrl: undefined, poolSize: 1, dataDir });
const boss = await startBoss(database, logger);
await database.withSystem(
  ({ sql }) => sql`insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Harbour', 'harbour', 'FREE')`,
);
const endless = defineJob({
  kind: 'EMBED',
  schema: z.object({}),
  run: async ({ jobId }, { progress }) => {
    progress(1, 0, 2);
    process.stdout.write(`${jobId}\n`);
    return new Promise(() => undefined);
  },
});
await startWorker({ boss, database, definitions: [endless], logger });
await database.withWorkspace(workspaceId, (scope) => new JobQueue(boss).enqueue(scope, endless, {}));
