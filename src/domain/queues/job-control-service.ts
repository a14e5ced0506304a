import type { Database } from '../../db/client.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import { ConflictError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { Job } from './job.ts';
import { cancelUnfinished, currentTime, lockDeadJobs } from './job-control-store.ts';
import { findJobs } from './job-view-store.ts';

/** Jobs that one transaction puts back. */
const REDRIVE_ROWS = 500;
/** Jobs that one call puts back; there may be more, and the count tells. */
const REDRIVE_MAX = 100_000;

/** Cancels jobs, and has them run again. */
export class JobControlService {
  readonly #database: Database;
  readonly #queue: JobQueue;

  constructor(database: Database, queue: JobQueue) {
    this.#database = database;
    this.#queue = queue;
  }

  /**
   * Ends a job. What waits is cancelled at once; where one is being run, its worker is told and cuts it off. Cancelling
   * a cancelled one changes nothing.
   * @throws NotFoundError, ConflictError where it is over
   */
  async cancel(caller: Caller, id: string): Promise<Job> {
    const { workspace } = authorize(caller, 'JOBS_MANAGE');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const wasCancelled = await cancelUnfinished(scope, id);
      const [job] = await findJobs(scope, [id]);
      if (job === undefined) throw new NotFoundError('job', id);
      if (wasCancelled || job.status === 'CANCELLED') return job;
      throw new ConflictError(`the job is ${job.status}: there is nothing left to cancel`);
    });
  }

  /**
   * Has a job run again that was given up, failed or was cancelled: with all its attempts, and without the steps that
   * it has finished.
   * @throws NotFoundError, ConflictError where it is in another state
   */
  async retry(caller: Caller, id: string): Promise<Job> {
    const { workspace } = authorize(caller, 'JOBS_MANAGE');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const requeued = await this.#queue.requeue(scope, [id]);
      const [job] = await findJobs(scope, [id]);
      if (job === undefined) throw new NotFoundError('job', id);
      if (requeued.length > 0) return job;
      throw new ConflictError(`the job is ${job.status}: only one that is DEAD, FAILED or CANCELLED can be retried`);
    });
  }

  /**
   * The same for all jobs that were given up before this moment, at most 100,000.
   * @returns how many there were
   */
  async redrive(caller: Caller, kinds: readonly JobKind[] | null): Promise<number> {
    const { workspace } = authorize(caller, 'JOBS_MANAGE');
    const before = await this.#database.withWorkspace(workspace.id, currentTime);
    let count = 0;
    while (count < REDRIVE_MAX) {
      const redriven = await this.#database.withWorkspace(workspace.id, async (scope) =>
        this.#queue.requeue(scope, await lockDeadJobs(scope, kinds, before, REDRIVE_ROWS)),
      );
      count += redriven.length;
      if (redriven.length < REDRIVE_ROWS) break;
    }
    return count;
  }
}
