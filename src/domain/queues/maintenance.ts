import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import { dropExpiredEmbeddings } from '../caching/embedding-cache-store.ts';
import { dropExpiredAnswers } from '../caching/idempotent-answers.ts';
import { ensureVectorIndexes, type VectorIndexes } from '../search/vector-index.ts';
import { dropFinishedJobs } from './job-view-store.ts';

/** What is swept together; the rest waits for the next round. */
const SWEEP_ROWS = 5_000;
const INTERVAL_MS = 60_000;
const JOBS_KEPT_DAYS = 30;

/** What has to be done every so often, by any worker: every step may run twice, and on several servers at once. */
export class Maintenance {
  readonly #database: Database;
  readonly #indexes: VectorIndexes;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;

  constructor(database: Database, indexes: VectorIndexes, logger: Logger) {
    this.#database = database;
    this.#indexes = indexes;
    this.#logger = logger;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round ??= this.runOnce().finally(() => {
        this.#round = null;
      });
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  /** Lets a round that is under way finish. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#round;
  }

  /** One round. A step that fails is logged, and tried again in the next one. */
  async runOnce(): Promise<void> {
    await this.#step('vector indexes', async () => {
      const made = await ensureVectorIndexes(this.#database);
      if (made.length > 0) this.#indexes.forget();
    });
    await this.#step('expired embeddings', () =>
      this.#database.withSystem((scope) => dropExpiredEmbeddings(scope, SWEEP_ROWS)),
    );
    await this.#step('expired answers', () =>
      this.#database.withSystem((scope) => dropExpiredAnswers(scope, SWEEP_ROWS)),
    );
    await this.#step('finished jobs', () =>
      this.#database.withSystem((scope) => dropFinishedJobs(scope, JOBS_KEPT_DAYS, SWEEP_ROWS)),
    );
  }

  async #step(name: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#logger.warn({ err: error, step: name }, 'a step of the maintenance failed; it is tried again');
    }
  }
}
