import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { isFinished, type Job } from './job.ts';
import { findJobs, listJobs } from './job-view-store.ts';

const FIRST_LOOK_MS = 20;
const LAST_LOOK_MS = 250;

/** Shows jobs. */
export class JobService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Jobs by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Job[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findJobs(scope, ids));
  }

  async list(
    caller: Caller,
    filter: { kinds: readonly JobKind[] | null; status: readonly JobStatus[] | null },
    page: { limit: number; after: string | null },
  ): Promise<Job[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => listJobs(scope, filter, page));
  }

  /** Waits until a job is finished, or the time is over, or the client has left. */
  async wait(caller: Caller, id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let pauseMs = FIRST_LOOK_MS;
    while (performance.now() < deadline && !signal.aborted) {
      const [job] = await this.find(caller, [id]);
      if (job === undefined || isFinished(job)) return;
      await sleep(pauseMs);
      pauseMs = Math.min(LAST_LOOK_MS, pauseMs * 2);
    }
  }
}
