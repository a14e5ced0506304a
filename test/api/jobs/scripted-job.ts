import type { Database } from '../../../src/db/client.ts';
import type { WorkspaceScope } from '../../../src/db/workspace-scope.ts';
import type { JobKind } from '../../../src/jobs/define-job.ts';
import { jobTopic, ringJobs } from '../../../src/jobs/job-events.ts';
import { type Attempt, endAttempts, insertJobs, type Progress, writeProgress } from '../../../src/jobs/job-store.ts';
import { newId } from '../../../src/shared/ids.ts';

/** A job that a test takes through its life, by the statements that workers use. For servers that work no jobs. */
export class ScriptedJob {
  readonly id = newId('Job');
  readonly #database: Database;
  readonly #workspaceId: string;
  readonly #kind: JobKind;
  #attempt = 0;

  private constructor(database: Database, workspaceId: string, kind: JobKind) {
    this.#database = database;
    this.#workspaceId = workspaceId;
    this.#kind = kind;
  }

  /** Its event 1. */
  static async enqueue(database: Database, workspaceId: string, kind: JobKind = 'IMPORT'): Promise<ScriptedJob> {
    const job = new ScriptedJob(database, workspaceId, kind);
    const row = { kind, queue: 'standard' as const, priority: 5, maxAttempts: 4, payload: {} };
    await job.#within((scope) => insertJobs(scope, [{ id: job.id, ...row }], 1));
    return job;
  }

  get kind(): JobKind {
    return this.#kind;
  }

  /** One event. */
  async start(): Promise<void> {
    this.#attempt += 1;
    await this.#within(async (scope) => {
      await scope.sql`
        update jobs set status = 'RUNNING', attempt = ${this.#attempt}, claim = ${this.#attempt}, started_at = now()
        where id = ${this.id}`;
      ringJobs(scope, [this.id]);
    });
  }

  /** One event. */
  async progress(done: number, more: Partial<Progress> = {}): Promise<void> {
    const progress = { done, failed: 0, total: null, ratePerSecond: null, ...more };
    await this.#within((scope) => writeProgress(scope, this.#current, progress));
  }

  /** One event, the last one. */
  async complete(): Promise<void> {
    const end = { outcome: 'completed', attempt: this.#current, result: { ok: true }, hasSteps: false } as const;
    await this.#within((scope) => endAttempts(scope, [end]));
  }

  /** One event. */
  async fail(reason: string, outcome: 'dead' | 'retry' = 'dead'): Promise<void> {
    const end = { attempt: this.#current, error: new Error(reason), delayMs: 60_000, usedUp: true };
    await this.#within((scope) => endAttempts(scope, [{ outcome, ...end }]));
  }

  /** One event: as a dead letter is put back. */
  async redrive(): Promise<void> {
    await this.#within(async (scope) => {
      await scope.sql`update jobs set status = 'QUEUED', finished_at = null, error = null where id = ${this.id}`;
      ringJobs(scope, [this.id]);
    });
  }

  async remove(): Promise<void> {
    await this.#database.withSystem(({ sql }) => sql`delete from jobs where id = ${this.id}`);
    this.#database.bus.ring(jobTopic(this.id));
  }

  get #current(): Attempt {
    return { jobId: this.id, attempt: this.#attempt, maxAttempts: 4, claim: this.#attempt };
  }

  #within<Result>(work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#database.withWorkspace(this.#workspaceId, work);
  }
}
