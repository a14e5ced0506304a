import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { PgBoss } from 'pg-boss';
import postgres from 'postgres';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import type { JobDefinition } from '../../src/jobs/define-job.ts';
import type { JobStatus } from '../../src/jobs/job-store.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { type RunningWorker, startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { newId } from '../../src/shared/ids.ts';

const logger = createLogger('silent');

export interface JobRow {
  status: JobStatus;
  queue: string;
  priority: number;
  attempt: number;
  maxAttempts: number;
  done: number;
  failed: number;
  total: number | null;
  result: unknown;
  error: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  nextAttemptAt: Date | null;
}

/**
 * A real database with pg-boss on it: the embedded one in memory, or one of its own on the server that
 * TEST_DATABASE_URL names.
 */
export class JobHarness {
  readonly database: Database;
  readonly boss: PgBoss;
  readonly queue: JobQueue;
  readonly #folder: string;

  private constructor(database: Database, boss: PgBoss, folder: string) {
    this.database = database;
    this.boss = boss;
    this.queue = new JobQueue(boss);
    this.#folder = folder;
  }

  static async start(): Promise<JobHarness> {
    const folder = mkdtempSync(join(tmpdir(), 'signalbox-jobs-'));
    const database = await openDatabase({
      databaseUrl: await ownDatabase(folder),
      poolSize: 6,
      dataDir: folder,
      inMemory: true,
    });
    return new JobHarness(database, await startBoss(database, logger), folder);
  }

  async close(): Promise<void> {
    await this.boss.stop();
    await this.database.close();
    if (process.env.TEST_DATABASE_URL !== undefined) {
      await onServer(process.env.TEST_DATABASE_URL, (sql) => sql`drop database ${sql(databaseName(this.#folder))}`);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async work(...definitions: JobDefinition[]): Promise<RunningWorker> {
    return startWorker({ boss: this.boss, database: this.database, definitions, logger });
  }

  async workspace(): Promise<string> {
    const id = newId('Workspace');
    await this.database.withSystem(
      ({ sql }) => sql`insert into workspaces (id, name, slug, tier) values (${id}, 'Harbour', ${id}, 'FREE')`,
    );
    return id;
  }

  async job(workspaceId: string, id: string): Promise<JobRow | undefined> {
    return this.database.withWorkspace(workspaceId, async ({ sql }) => {
      const [row] = await sql<JobRow[]>`select * from jobs where id = ${id}`;
      return row;
    });
  }

  /** The job's row once `wanted` holds of it. */
  async until(workspaceId: string, id: string, wanted: (row: JobRow) => boolean, timeoutMs = 8000): Promise<JobRow> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const row = await this.job(workspaceId, id);
      if (row !== undefined && wanted(row)) return row;
      if (Date.now() > deadline) throw new Error(`the job is still ${JSON.stringify(row)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async bossRows(jobId: string): Promise<{ name: string; state: string; retryCount: number; startAfter: Date }[]> {
    return this.database.sql`
      select name, state::text, retry_count, start_after from pgboss.job where data->>'jobId' = ${jobId} order by name`;
  }
}

function databaseName(folder: string): string {
  return basename(folder).toLowerCase().replaceAll('-', '_');
}

async function ownDatabase(folder: string): Promise<string | undefined> {
  const server = process.env.TEST_DATABASE_URL;
  if (server === undefined) return undefined;
  await onServer(server, (sql) => sql`create database ${sql(databaseName(folder))}`);
  return Object.assign(new URL(server), { pathname: databaseName(folder) }).href;
}

async function onServer(url: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1 });
  try {
    await work(sql);
  } finally {
    await sql.end();
  }
}
