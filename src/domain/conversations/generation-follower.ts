import type { GenerationEvent } from './generation.ts';

/** The next events of a log, and whether they are the last. */
export interface NextEvents {
  events: readonly GenerationEvent[];
  isOver: boolean;
}

/** What a follower takes its events from. */
export interface EventSource {
  /** Events behind a number; null: there are none yet. @throws where the log cannot be read any more */
  next(position: number): NextEvents | Promise<NextEvents> | null;
  /** Told once when the follower has left or is through. */
  left(follower: GenerationFollower): void;
  /** Calls `wake` of the follower when there is more. */
  wait(follower: GenerationFollower): void;
}

/**
 * One who follows a generation: each event behind a number once and in order, up to the last. It holds a page of events at
 * most, and while it waits no more than its place. Thousands may follow one answer: it is no generator function, which
 * would cost each of them several promises an event.
 */
export class GenerationFollower implements AsyncGenerator<GenerationEvent, void> {
  readonly #source: EventSource;
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.#leave();
  #position: number;
  #page: readonly GenerationEvent[] = [];
  /** Of the next event in the page. */
  #index = 0;
  #isLastPage = false;
  #isLeft = false;
  #wake: (() => void) | null = null;

  constructor(source: EventSource, after: number, signal: AbortSignal) {
    this.#source = source;
    this.#position = after;
    this.#signal = signal;
    if (signal.aborted) this.#leave();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  async next(): Promise<IteratorResult<GenerationEvent, void>> {
    while (!this.#isLeft) {
      const event = this.#page[this.#index];
      if (event !== undefined) {
        this.#index += 1;
        this.#position = event.seq;
        return { value: event, done: false };
      }
      if (this.#isLastPage) break;
      await this.#turn();
    }
    this.#leave();
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<GenerationEvent, void>> {
    this.#leave();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<IteratorResult<GenerationEvent, void>> {
    this.#leave();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#leave();
  }

  /** There is more to read, or never will be. */
  wake(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }

  /** Takes the next page, or waits until there may be one. */
  async #turn(): Promise<void> {
    try {
      const coming = this.#source.next(this.#position);
      if (coming === null) return await this.#change();
      const { events, isOver } = coming instanceof Promise ? await coming : coming;
      this.#page = events;
      this.#index = 0;
      this.#isLastPage = isOver;
    } catch (error) {
      if (this.#isLeft) return;
      this.#leave();
      throw error;
    }
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#source.wait(this);
    });
  }

  #leave(): void {
    if (this.#isLeft) return;
    this.#isLeft = true;
    this.#page = [];
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#source.left(this);
    this.wake();
  }
}
