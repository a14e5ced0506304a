/** A process that works runs of paid steps, and never gets over one boundary of them; it is there to be killed. */
import { z } from 'zod';
import { startApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { defineAgentType } from '../../src/domain/agents/agent-type.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { startAgentWorker } from '../support/agent-worker.ts';

/** Where it stops for ever; null: nowhere. */
const hangsAt = process.argv[2] ?? null;
const PARTS = 6;

async function pass(place: string): Promise<void> {
  process.stdout.write(`${place}\n`);
  if (place === hangsAt) await new Promise(() => undefined);
}

/** Steps that each pay for a word: more than a job has attempts. */
const definition = defineAgentType({
  ...{ type: 'WRITER', description: 'Pays for words.', tools: ['write'] },
  ...{ configuration: z.object({}), input: z.object({}) },
  output: z.object({ said: z.array(z.string()) }),
  run: async (run) => {
    const said: string[] = [];
    for (let part = 1; part <= PARTS; part++) {
      await pass(`before ${part}`);
      const word = await run.step(`part ${part}`, async () => {
        const schema = z.object({ said: z.string() });
        const value = await run.tools.write({ prompt: `Say part ${part}.`, texts: [], name: 'said', schema });
        return value.said;
      });
      said.push(word);
      run.progress(part, PARTS);
    }
    await pass('before the end');
    return { said };
  },
});

const config = readConfig({ ...process.env, SIGNALBOX_WORKER: '0', LOG_LEVEL: 'silent' });
const app = await startApp(config, createLogger('silent'));
if (app.database.kind !== 'embedded') {
  // Of a server, where nobody may take the turns of a process that may be alive, its silence is made longer.
  await app.database.sql`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`;
  await app.database.sql`update pgboss.queue set monitor_claim_on = now() - interval '1 hour'`;
  const boss = await startBoss(app.database, app.logger);
  await boss.supervise('standard');
  await boss.stop({ graceful: false });
}
const worker = await startAgentWorker(app, [definition], 60_000);
process.stdout.write('ready\n');
process.once('SIGTERM', async () => {
  await worker.stop();
  await app.close();
});
