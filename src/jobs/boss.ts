import { PgBoss, type Queue } from 'pg-boss';
import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import { bossDatabase } from './boss-database.ts';
import {
  DEAD_LETTER_QUEUE,
  DEAD_LETTERS_KEPT_SECONDS,
  HEARTBEAT_SECONDS,
  QUEUE_NAMES,
  QUEUE_POLICIES,
  type QueueName,
  TURNS_KEPT_SECONDS,
} from './policies.ts';
import { cutOff } from './turn-store.ts';

/** Any number that only this use has: servers that start together set the rights one after the other. */
const GRANT_LOCK = 7_391_004_517;

const NO_JOB = '00000000-0000-0000-0000-000000000000';

/**
 * pg-boss takes a turn back from a dead worker by its own retries. How often a job may fail is counted in our row of
 * it, so these must never be what ends a turn.
 */
const CLAIMS_MAX = 1_000_000;

/** Time that pg-boss waits beyond our own timeout, so that ours is what ends an attempt. */
const TIMEOUT_MARGIN_SECONDS = 60;

/** Starts pg-boss on the application's own database: its schema, the rights of our roles on it, and the queues. */
export async function startBoss(database: Database, logger: Logger): Promise<PgBoss> {
  const embedded = database.kind === 'embedded';
  const boss = new PgBoss({
    db: bossDatabase(database),
    backend: embedded ? 'pglite' : 'postgres',
    schema: 'pgboss',
    schedule: false,
    ...(embedded ? EMBEDDED_UPKEEP : SERVER_UPKEEP),
  });
  // Node ends the process on an `error` event that nobody listens to.
  boss.on('error', (error) => logger.error({ err: error }, 'job queue error'));
  boss.on('warning', (warning) => logger.warn({ warning }, 'job queue warning'));
  await boss.start();
  await grantRights(database);
  await makeQueues(boss, embedded);
  if (embedded) {
    const orphans = await recoverOrphans(database);
    if (orphans > 0) logger.info({ jobs: orphans }, 'jobs of the process before this one are run again');
  }
  return boss;
}

/** One thread serves everything, and nobody else can be using it: upkeep is rare. */
const EMBEDDED_UPKEEP = {
  superviseIntervalSeconds: 300,
  monitorIntervalSeconds: 300,
  queueCacheIntervalSeconds: 300,
  flowIntervalSeconds: 600,
  bamIntervalSeconds: 600,
  reindex: false,
  monitorVacuum: false,
} as const;

/** Often enough that a dead worker's jobs are taken over within a minute of its last heartbeat. */
const SERVER_UPKEEP = {
  superviseIntervalSeconds: 15,
  monitorIntervalSeconds: 15,
  flowIntervalSeconds: 600,
} as const;

/** The role that enqueues from inside a tenant's transaction, on what is there and on what pg-boss will add. */
async function grantRights(database: Database): Promise<void> {
  await database.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(${GRANT_LOCK})`;
    await sql.unsafe(`
      grant usage on schema pgboss to signalbox_system;
      grant select, insert, update, delete on all tables in schema pgboss to signalbox_system;
      grant execute on all functions in schema pgboss to signalbox_system;
      alter default privileges in schema pgboss
        grant select, insert, update, delete on tables to signalbox_system;
      alter default privileges in schema pgboss grant execute on functions to signalbox_system`);
  });
}

type QueueSettings = Omit<Queue, 'name' | 'policy' | 'partition'>;

async function makeQueues(boss: PgBoss, embedded: boolean): Promise<void> {
  const existing = new Set((await boss.getQueues()).map((queue) => queue.name));
  const ensure = (name: string, options: QueueSettings) =>
    existing.has(name) ? boss.updateQueue(name, options) : boss.createQueue(name, options);
  await ensure(DEAD_LETTER_QUEUE, { retryLimit: 0, retentionSeconds: DEAD_LETTERS_KEPT_SECONDS });
  for (const name of QUEUE_NAMES) await ensure(name, queueOptions(name, embedded));
  // pg-boss looks a queue up at its first use. Inside a transaction of the embedded database, which has one
  // connection, that look would wait for the very transaction it is part of.
  for (const name of [DEAD_LETTER_QUEUE, ...QUEUE_NAMES]) await boss.findJobs(name, { id: NO_JOB });
}

function queueOptions(name: QueueName, embedded: boolean): QueueSettings {
  return {
    retryLimit: CLAIMS_MAX,
    retryDelay: 1,
    retryBackoff: false,
    expireInSeconds: QUEUE_POLICIES[name].timeoutSeconds + TIMEOUT_MARGIN_SECONDS,
    deleteAfterSeconds: TURNS_KEPT_SECONDS,
    // The embedded database has one process, and its thread can be busy for long without being dead.
    ...(embedded ? {} : { heartbeatSeconds: HEARTBEAT_SECONDS }),
    notify: false,
  };
}

/**
 * Puts back what was being run when the process before this one died. Only for the embedded database: its data folder
 * is locked, so that before a worker is started here a running job can belong to nobody. An attempt that was cut off
 * stays counted, unless it has got on.
 * @returns how many jobs there were
 */
export async function recoverOrphans(database: Database): Promise<number> {
  if (database.kind !== 'embedded') throw new Error('on a server a running job may belong to another live process');
  return database.withSystem(async ({ sql }) => {
    await sql`
      update pgboss.job set state = 'retry', start_after = now(), heartbeat_on = null
      where state = 'active' and name in ${sql([...QUEUE_NAMES])}`;
    const orphans = await sql`update jobs set ${cutOff(sql)} where status = 'RUNNING'`;
    return orphans.count;
  });
}
