import type { BatchStart } from './import.ts';

/** Batches that are being written. */
const BATCHES_AT_ONCE = 5;
/** How far the newest may be ahead of the oldest: what the checkpoint lists stays short. */
const BATCHES_AHEAD = 50;

interface Running {
  start: BatchStart;
  keys: ReadonlySet<string>;
  ended: Promise<void>;
}

/**
 * Runs batches side by side, so that it comes out as if they had run one after the other: one that has a key in common
 * with an earlier one begins when that has ended.
 */
export class BatchWindow {
  readonly #running = new Map<number, Running>();
  #failure: { error: unknown } | null = null;

  /**
   * Begins a batch as soon as there is room for it.
   * @param keys what no two batches may write at once
   * @throws what an earlier batch has failed with
   */
  async add(
    batch: { index: number; start: BatchStart; keys: ReadonlySet<string> },
    work: () => Promise<void>,
  ): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error;
      const blocker = this.#blockerOf(batch);
      if (blocker === null) break;
      await blocker;
    }
    const ended = work().then(
      () => void this.#running.delete(batch.index),
      // It stays among the running: what comes behind it must not be taken for all there is.
      (error: unknown) => {
        this.#failure ??= { error };
      },
    );
    this.#running.set(batch.index, { start: batch.start, keys: batch.keys, ended });
  }

  /** The first batch that was not stored: all before it are. */
  lowest(): { batch: number; start: BatchStart } | null {
    const batch = Math.min(...this.#running.keys());
    const running = this.#running.get(batch);
    return running === undefined ? null : { batch, start: running.start };
  }

  /** Waits for what runs. Never throws. */
  async settle(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }

  /** @throws what a batch has failed with */
  async drain(): Promise<void> {
    await this.settle();
    if (this.#failure !== null) throw this.#failure.error;
  }

  #blockerOf({ index, keys }: { index: number; keys: ReadonlySet<string> }): Promise<void> | null {
    const rival = [...this.#running.values()].find((running) => [...keys].some((key) => running.keys.has(key)));
    if (rival !== undefined) return rival.ended;
    const lowest = this.lowest();
    if (lowest !== null && index - lowest.batch >= BATCHES_AHEAD) return this.#running.get(lowest.batch)?.ended ?? null;
    return this.#running.size < BATCHES_AT_ONCE
      ? null
      : Promise.race([...this.#running.values()].map(({ ended }) => ended));
  }
}
