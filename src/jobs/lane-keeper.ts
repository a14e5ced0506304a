import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import { QUEUE_NAMES } from './policies.ts';
import { lanesWithoutTurn, takeBackLostJobs } from './turn-store.ts';
import type { Turns } from './turns.ts';

const INTERVAL_MS = 1_000;
/** A timer may fire a little early. */
const MARGIN_MS = 20;

/**
 * Puts workspaces in line that have jobs to be started and stand in none: those with a job whose delay is over, and
 * those whose turn was lost, be it before or after a worker took them. Any number of processes may do so at once.
 */
export class LaneKeeper {
  readonly #database: Database;
  readonly #turns: Turns;
  readonly #logger: Logger;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #isStopped = false;

  constructor(database: Database, turns: Turns, logger: Logger) {
    this.#database = database;
    this.#turns = turns;
    this.#logger = logger;
  }

  start(): void {
    this.#plan(INTERVAL_MS);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Has it look after so long, where that comes before the next look. */
  lookIn(delayMs: number): void {
    const waitMs = delayMs + MARGIN_MS;
    if (waitMs < INTERVAL_MS) this.#plan(waitMs);
  }

  /** Puts in line who is missing there, and jobs back that no worker can be at. */
  async look(): Promise<void> {
    await this.#database.withSystem(async (scope) => {
      const lanes = await lanesWithoutTurn(scope);
      if (lanes === null) return;
      const lost = await takeBackLostJobs(scope);
      if (lost > 0) this.#logger.warn({ jobs: lost }, 'jobs whose turn was lost are run again');
      for (const queue of QUEUE_NAMES) {
        const workspaceIds = lanes.filter((lane) => lane.queue === queue.toUpperCase()).map((lane) => lane.workspaceId);
        if (workspaceIds.length > 0) await this.#turns.sendAll(scope, queue, workspaceIds);
      }
    });
  }

  #plan(waitMs: number): void {
    const dueAt = performance.now() + waitMs;
    if (this.#isStopped || dueAt >= this.#dueAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.look()
        .catch((error: unknown) => this.#logger.warn({ err: error }, 'the line of jobs could not be looked at'))
        .finally(() => this.#plan(INTERVAL_MS));
    }, waitMs);
    this.#timer.unref();
  }
}
