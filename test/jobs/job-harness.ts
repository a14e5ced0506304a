import type { PgBoss } from 'pg-boss';
import type { Database } from '../../src/db/client.ts';
import type { FailedAttempt } from '../../src/domain/queues/job.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import type { JobDefinition } from '../../src/jobs/define-job.ts';
import type { JobStatus } from '../../src/jobs/job-store.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { type RunningWorker, startWorker, type WorkerOptions } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { newId } from '../../src/shared/ids.ts';
import { testDatabase } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const logger = createLogger('silent');

export interface JobRow {
  status: JobStatus;
  queue: string;
  priority: number;
  payload: unknown;
  attempt: number;
  maxAttempts: number;
  done: number;
  failed: number;
  total: number | null;
  result: unknown;
  error: string | null;
  history: FailedAttempt[];
  startedAt: Date | null;
  finishedAt: Date | null;
  nextAttemptAt: Date | null;
}

/** A real database with pg-boss on it: the embedded one in memory, or one of its own on the suite's Postgres. */
export class JobHarness {
  readonly database: Database;
  readonly boss: PgBoss;
  readonly queue: JobQueue;
  readonly #closeDatabase: () => Promise<void>;

  private constructor(database: Database, boss: PgBoss, closeDatabase: () => Promise<void>) {
    this.database = database;
    this.boss = boss;
    this.queue = new JobQueue(boss);
    this.#closeDatabase = closeDatabase;
  }

  static async start(): Promise<JobHarness> {
    const { database, close } = await testDatabase();
    return new JobHarness(database, await startBoss(database, logger), close);
  }

  async close(): Promise<void> {
    await this.boss.stop({ graceful: false });
    await this.#closeDatabase();
  }

  /** Starts a worker; there may be several. */
  work(definitions: JobDefinition[], options: Partial<WorkerOptions> = {}): Promise<RunningWorker> {
    return startWorker({ boss: this.boss, database: this.database, definitions, logger, ...options });
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
  until(workspaceId: string, id: string, wanted: (row: JobRow) => boolean): Promise<JobRow> {
    return waitFor(`the job ${id}`, async () => {
      const row = await this.job(workspaceId, id);
      return row !== undefined && wanted(row) ? row : null;
    });
  }

  /** Turns of a workspace that wait in pg-boss or are held by a worker. */
  async turns(workspaceId: string): Promise<{ name: string; state: string }[]> {
    return this.database.sql`
      select name, state::text from pgboss.job
      where group_id = ${workspaceId} and name <> 'dead_letter' and state <= 'active' order by created_on`;
  }

  async deadLetters(jobId: string): Promise<{ state: string; data: unknown }[]> {
    return this.database.sql`
      select state::text, data from pgboss.job where name = 'dead_letter' and data->>'jobId' = ${jobId}`;
  }
}
