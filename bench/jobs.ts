/**
 * What our jobs cost beside plain pg-boss, which does a part of it: no row of ours with its events, no fairness between
 * workspaces, no row-level security. Same database, same sizes of batches, rounds of both in turns.
 *
 * Run: node bench/jobs.ts --database=postgres://… [--rounds=5] [--only=run]
 * (without a database: the embedded one)
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PgBoss } from 'pg-boss';
import { z } from 'zod';
import { openDatabase } from '../src/db/client.ts';
import { startBoss } from '../src/jobs/boss.ts';
import { bossDatabase } from '../src/jobs/boss-database.ts';
import { defineJob } from '../src/jobs/define-job.ts';
import { JobQueue } from '../src/jobs/queue.ts';
import { startWorker } from '../src/jobs/run-worker.ts';
import { createLogger } from '../src/observability/logger.ts';
import { newId } from '../src/shared/ids.ts';

const { values: flags } = parseArgs({
  options: {
    database: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    /** Asks those questions alone that begin with it. */
    only: { type: 'string', default: '' },
  },
});
const ROUNDS = Number(flags.rounds);
const SINGLE = 500;
const BULK = 5_000;
const BULK_SIZE = 500;
const BATCH = 100;
const STARTS = 100;
const PLAIN = 'plain';
const PAYLOAD = { documentIds: ['doc_01', 'doc_02'], note: 'a payload as jobs have it' };

const logger = createLogger('silent');
const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-jobs-'));
const database = await openDatabase({ databaseUrl: flags.database, poolSize: 10, dataDir, inMemory: true });
const boss = await startBoss(database, logger);
const plain = new PgBoss({
  ...(flags.database === undefined
    ? { db: bossDatabase(database), backend: 'pglite' as const }
    : { connectionString: flags.database, max: 10 }),
  schedule: false,
  supervise: false,
  useListenNotify: database.kind !== 'embedded',
});
plain.on('error', (error) => process.stderr.write(`${error.message}\n`));
await plain.start();
await plain.createQueue(PLAIN, { notify: database.kind !== 'embedded' });
// It looks a queue up at its first use, which inside a transaction of the one connection would wait for itself.
await plain.findJobs(PLAIN, { id: randomUUID() });
const queue = new JobQueue(boss);
const workspaceId = newId('Workspace');
await database.withSystem(
  ({ sql }) =>
    sql`insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Bench', ${workspaceId}, 'FREE')`,
);

/** Told of each job that is run. */
let onJob: () => void = () => undefined;
const job = defineJob({
  kind: 'EMBED',
  schema: z.object({ documentIds: z.array(z.string()), note: z.string() }),
  run: async () => {
    onJob();
    return undefined;
  },
});

function ran(count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = count;
  onJob = () => {
    if (--left === 0) resolve();
  };
  return promise;
}

const size = { slots: 2 * BATCH, slotsPerWorkspace: 2 * BATCH, jobsPerTurn: BATCH };
const startOurs = () => startWorker({ boss, database, definitions: [job], logger, size });

async function startPlain(): Promise<{ stop(): Promise<void> }> {
  const polling = { pollingIntervalSeconds: 2, notifyPollingIntervalSeconds: 5 };
  const options = { batchSize: BATCH, localConcurrency: 2, burstWhenBatchFull: true, ...polling };
  await plain.work(PLAIN, options, async (claimed) => {
    for (const _ of claimed) onJob();
  });
  return { stop: () => plain.offWork(PLAIN, { wait: true }) };
}

const wakePlain = () => {
  for (const worker of plain.getWipData()) plain.notifyWorker(worker.id);
};

interface Side {
  enqueueOne(): Promise<unknown>;
  enqueueMany(count: number): Promise<unknown>;
  start(): Promise<{ stop(): Promise<void> }>;
}

const sides: Record<'ours' | 'plain', Side> = {
  ours: {
    enqueueOne: () => database.withWorkspace(workspaceId, (scope) => queue.enqueue(scope, job, PAYLOAD)),
    enqueueMany: (count) =>
      database.withWorkspace(workspaceId, (scope) =>
        queue.enqueueAll(
          scope,
          job,
          Array.from({ length: count }, () => PAYLOAD),
        ),
      ),
    start: startOurs,
  },
  plain: {
    enqueueOne: async () => {
      await database.sql.begin(async (sql) => {
        const inside = { ...database, sql } as unknown as typeof database;
        await plain.send(PLAIN, PAYLOAD, { db: bossDatabase(inside) });
      });
      // The embedded database tells nobody: a program that uses pg-boss there does so itself.
      if (database.kind === 'embedded') wakePlain();
    },
    enqueueMany: (count) =>
      plain.insert(
        PLAIN,
        Array.from({ length: count }, () => ({ data: PAYLOAD })),
      ),
    start: startPlain,
  },
};

async function perSecond(count: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (count / (performance.now() - startedAt)) * 1_000;
}

/** What is asked, and how each side answers; starts with an empty queue and leaves an empty one. */
const QUESTIONS: Record<string, (side: Side) => Promise<number>> = {
  'enqueue one by one, each in its transaction (jobs/s)': async (side) => {
    const rate = await perSecond(SINGLE, async () => {
      for (let n = 0; n < SINGLE; n++) await side.enqueueOne();
    });
    await drain(side, SINGLE);
    return rate;
  },
  [`enqueue ${BULK_SIZE} at once (jobs/s)`]: async (side) => {
    const rate = await perSecond(BULK, async () => {
      for (let n = 0; n < BULK; n += BULK_SIZE) await side.enqueueMany(BULK_SIZE);
    });
    await drain(side, BULK);
    return rate;
  },
  [`run jobs that do nothing, by ${BATCH} (jobs/s)`]: async (side) => {
    for (let n = 0; n < BULK; n += BULK_SIZE) await side.enqueueMany(BULK_SIZE);
    await tidy();
    return drain(side, BULK);
  },
  'from the call of enqueue to the start, p50 (ms)': async (side) => {
    const worker = await side.start();
    const waits: number[] = [];
    for (let n = 0; n < STARTS; n++) {
      const started = ran(1);
      const askedAt = performance.now();
      await side.enqueueOne();
      await started;
      waits.push(performance.now() - askedAt);
    }
    await worker.stop();
    return median(waits);
  },
};

/** So that neither side's figure hangs on when the database comes to do so by itself. */
async function tidy(): Promise<void> {
  for (const table of ['jobs', 'job_events', 'pgboss.job_common']) {
    await database.sql.unsafe(`vacuum (analyze) ${table}`);
  }
}

async function drain(side: Side, count: number): Promise<number> {
  const all = ran(count);
  return perSecond(count, async () => {
    const worker = await side.start();
    await all;
    await worker.stop();
  });
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

process.stdout.write(
  `${database.kind}, ${ROUNDS} rounds, medians\n\n| | ours | plain pg-boss | ratio |\n|---|---|---|---|\n`,
);
for (const [question, ask] of Object.entries(QUESTIONS)) {
  if (!question.startsWith(flags.only)) continue;
  const answers = { ours: [] as number[], plain: [] as number[], ratio: [] as number[] };
  // The first round warms both up.
  for (let round = 0; round <= ROUNDS; round++) {
    const ours = await ask(sides.ours);
    const theirs = await ask(sides.plain);
    if (round === 0) continue;
    answers.ours.push(ours);
    answers.plain.push(theirs);
    answers.ratio.push(ours / theirs);
  }
  const [ours, theirs, ratio] = [median(answers.ours), median(answers.plain), median(answers.ratio)];
  process.stdout.write(`| ${question} | ${ours.toFixed(1)} | ${theirs.toFixed(1)} | ${ratio.toFixed(2)} |\n`);
}
process.stdout.write(`\n${database.kind}, ${ROUNDS} rounds, load of the machine ${loadavg()[0]?.toFixed(1)}\n`);
await plain.stop({ graceful: false });
await boss.stop({ graceful: false });
await database.close();
rmSync(dataDir, { recursive: true, force: true });
