import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../db/client.ts';
import { countWaitingJobs } from './queue-depth-store.ts';

/** However often it is asked for, the database is asked once in so long. */
const FRESH_MS = 5_000;
/** A database that takes longer is not waited for: what was known before is told. */
const PATIENCE_MS = 1_000;

/** How many jobs wait in each queue, as it was a moment ago. */
export class QueueDepths {
  readonly #database: Database;
  #known: ReadonlyMap<string, number> = new Map();
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | null = null;

  constructor(database: Database) {
    this.#database = database;
  }

  /** By queue; empty where the database has never answered. Never throws. */
  async read(): Promise<ReadonlyMap<string, number>> {
    if (performance.now() - this.#askedAt >= FRESH_MS && this.#asking === null) {
      this.#asking = this.#ask().finally(() => {
        this.#asking = null;
      });
    }
    if (this.#asking !== null) await Promise.race([this.#asking, sleep(PATIENCE_MS, undefined, { ref: false })]);
    return this.#known;
  }

  async #ask(): Promise<void> {
    this.#askedAt = performance.now();
    try {
      this.#known = await this.#database.withSystem(countWaitingJobs);
    } catch {
      // `/readyz` and the log tell of a database that is away.
    }
  }
}
