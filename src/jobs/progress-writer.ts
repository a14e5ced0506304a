import type { Progress } from './job-store.ts';

/** At most four writes a second and job. */
const WRITE_INTERVAL_MS = 250;
/** Of how long the rate is: short enough to show that a job has become slow, long enough to stay readable. */
const RATE_WINDOW_MS = 15_000;

/** What a job says of itself. */
type Report = Omit<Progress, 'ratePerSecond'>;

/** Writes how far a job is, as often as is worth it, and the last word always. */
export class ProgressWriter {
  readonly #write: (progress: Progress) => Promise<unknown>;
  readonly #onError: (error: unknown) => void;
  readonly #rate = new RecentRate();
  #unwritten: Report | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Null until something was reported. */
  #writing: Promise<void> | null = null;
  #lastWriteAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param onError hears of a write that failed; the job goes on, as what it does is worth more than its progress */
  constructor(write: (progress: Progress) => Promise<unknown>, onError: (error: unknown) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  report(progress: Report): void {
    if (this.#closed) return;
    this.#unwritten = progress;
    if (this.#timer !== null) return;
    const waitMs = Math.max(0, this.#lastWriteAt + WRITE_INTERVAL_MS - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#flush();
    }, waitMs);
  }

  /** Writes what is left and takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing === null && this.#unwritten === null) return;
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    this.#writing = (this.#writing ?? Promise.resolve()).then(async () => {
      const report = this.#unwritten;
      if (report === null) return;
      this.#unwritten = null;
      this.#lastWriteAt = performance.now();
      const ratePerSecond = this.#rate.after(report.done + report.failed, this.#lastWriteAt);
      await this.#write({ ...report, ratePerSecond }).catch(this.#onError);
    });
  }
}

/** How fast a job is of late: over the last seconds, or since its last report where that was longer ago. */
export class RecentRate {
  #samples: { items: number; atMs: number }[] = [];

  /**
   * @param items as many as there are so far
   * @returns items a second; null where there is nothing to compare with yet
   */
  after(items: number, atMs: number): number | null {
    const before = this.#samples.at(-1);
    // A job that begins anew counts from there.
    if (before !== undefined && items < before.items) this.#samples = [];
    this.#samples.push({ items, atMs });
    while ((this.#samples[1]?.atMs ?? Number.POSITIVE_INFINITY) <= atMs - RATE_WINDOW_MS) this.#samples.shift();
    const first = this.#samples[0];
    if (first === undefined || first.atMs >= atMs) return null;
    return ((items - first.items) * 1_000) / (atMs - first.atMs);
  }
}
