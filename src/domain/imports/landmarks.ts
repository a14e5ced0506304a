import type { JobContext } from '../../jobs/define-job.ts';

const INTERVAL_MS = 1_000;

/**
 * Tells the queue that a job goes on from tables of its own: what was counted then stays told when the next attempt begins,
 * and an attempt that has come further before its process died does not count.
 */
export class Landmarks {
  readonly #context: Pick<JobContext, 'checkpoint'>;
  #notedAt = Number.NEGATIVE_INFINITY;

  constructor(context: Pick<JobContext, 'checkpoint'>) {
    this.#context = context;
  }

  /**
   * The first at once, further ones once a second.
   * @param reached more than at any landmark before
   * @throws AttemptOverError where another worker goes on with the job, or it was cancelled
   */
  async pass(reached: number): Promise<void> {
    const now = performance.now();
    if (now < this.#notedAt + INTERVAL_MS) return;
    this.#notedAt = now;
    await this.#context.checkpoint({ reached });
  }
}
