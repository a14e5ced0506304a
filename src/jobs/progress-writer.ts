import type { Progress } from './job-store.ts';

/** At most four writes a second and job. */
const WRITE_INTERVAL_MS = 250;

/** Writes how far a job is, as often as is worth it, and the last word always. */
export class ProgressWriter {
  readonly #write: (progress: Progress) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  #unwritten: Progress | null = null;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();
  #lastWriteAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** @param onError hears of a write that failed; the job goes on, as what it does is worth more than its progress */
  constructor(write: (progress: Progress) => Promise<void>, onError: (error: unknown) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  report(progress: Progress): void {
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
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    this.#writing = this.#writing.then(async () => {
      const progress = this.#unwritten;
      if (progress === null) return;
      this.#unwritten = null;
      this.#lastWriteAt = performance.now();
      await this.#write(progress).catch(this.#onError);
    });
  }
}
