import { randomUUID } from 'node:crypto';
import type { PgBoss } from 'pg-boss';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import { newId } from '../shared/ids.ts';
import { bossDatabaseInside } from './boss-database.ts';
import type { JobDefinition, JobEnvelope } from './define-job.ts';
import { insertJob } from './job-store.ts';
import { defaultMaxAttempts, PRIORITY, type QueueName, queueFor } from './policies.ts';

export interface EnqueueOptions {
  /** 1 to 10, 10 first; 8 and more moves standard work to the queue `high`. */
  priority?: number;
  /** Attempts before the job is given up; by default what its queue's policy says. */
  maxAttempts?: number;
}

/** Where work is handed over to workers. */
export class JobQueue {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /**
   * Enqueues a job as part of the transaction of `scope`: there is a job exactly if what was written with it is there.
   * Workers start on it as soon as the transaction is committed.
   * @returns the job's id
   * @throws InvalidJobPayloadError
   */
  async enqueue<Payload extends object>(
    scope: WorkspaceScope,
    job: JobDefinition<Payload>,
    payload: NoInfer<Payload>,
    options: EnqueueOptions = {},
  ): Promise<string> {
    const priority = options.priority ?? (job.queue === 'high' ? PRIORITY.high : PRIORITY.usual);
    if (!Number.isInteger(priority) || priority < PRIORITY.min || priority > PRIORITY.max) {
      throw new RangeError(`a job's priority is a whole number from ${PRIORITY.min} to ${PRIORITY.max}`);
    }
    const queue = queueFor(job.queue, priority);
    const maxAttempts = options.maxAttempts ?? defaultMaxAttempts(queue);
    if (!Number.isInteger(maxAttempts) || maxAttempts < 1) throw new RangeError('a job has at least one attempt');
    const jobId = newId('Job');
    const bossId = randomUUID();
    const envelope: JobEnvelope = {
      kind: job.kind,
      workspaceId: scope.workspaceId,
      jobId,
      payload: job.parse(payload) as Record<string, unknown>,
    };
    await Promise.all([
      insertJob(scope, { id: jobId, bossId, kind: job.kind, queue, priority, maxAttempts }),
      this.#boss.send(queue, envelope, { id: bossId, priority, db: bossDatabaseInside(scope) }),
    ]);
    // A server's pg-boss notifies every worker when the transaction commits. The embedded database has one connection
    // and workers in this process alone: a look that they begin now waits for this transaction to end.
    if (scope.embedded !== null) wakeWorkers(this.#boss, queue);
    return jobId;
  }
}

/** Has the workers of a queue in this process look for work now. */
export function wakeWorkers(boss: PgBoss, queue: QueueName): void {
  for (const worker of boss.getWipData()) if (worker.name === queue) boss.notifyWorker(worker.id);
}
