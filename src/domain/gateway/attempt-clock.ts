import { ProviderError } from '../../plugins/errors.ts';

const ENDED = new ProviderError('cancelled', 'the attempt is over');

/**
 * Stops one try at a provider: when the caller leaves, or when one of its time limits has passed. Only the provider's
 * turns count: while the caller works on a part, nobody is late. One timer serves all parts: it looks at what is due when
 * it fires, so that a part costs no timer of its own.
 */
export class AttemptClock {
  readonly #caller: AbortSignal;
  readonly #stopping = new AbortController();
  readonly #totalMs: number;
  readonly #startedAt = performance.now();
  #turnStartedAt = this.#startedAt;
  /** Of the provider's turns that are over. */
  #spentMs = 0;
  #isPaused = false;
  #stepMs = Number.POSITIVE_INFINITY;
  #awaited = 'complete answer';
  #timer: NodeJS.Timeout | null = null;
  #firesAt = Number.POSITIVE_INFINITY;
  #rejectWait: ((reason: unknown) => void) | null = null;
  #timeout: ProviderError | null = null;

  constructor(caller: AbortSignal, totalMs: number) {
    this.#caller = caller;
    this.#totalMs = totalMs;
    this.#arm(totalMs);
    if (caller.aborted) this.#leave();
    else caller.addEventListener('abort', this.#leave, { once: true });
  }

  /** For the provider. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Whether one of the limits has passed. */
  get hasExpired(): boolean {
    return this.#timeout !== null;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** What the attempt failed with: a limit that has passed is told as such, whatever the provider made of its signal. */
  failureOf(thrown: unknown): ProviderError {
    if (this.#timeout !== null) return this.#timeout;
    if (this.#caller.aborted) return new ProviderError('cancelled', 'the caller has left', { cause: thrown });
    if (thrown instanceof ProviderError) return thrown;
    return new ProviderError('server', 'the provider plugin failed unexpectedly', { cause: thrown });
  }

  /** It is the provider's turn, for so long; instead of the limit before. */
  limitStep(limitMs: number, awaited: string): void {
    this.#isPaused = false;
    this.#turnStartedAt = performance.now();
    this.#stepMs = limitMs;
    this.#awaited = awaited;
    const dueMs = this.#dueMs();
    if (this.#turnStartedAt + dueMs < this.#firesAt) this.#arm(dueMs);
  }

  /** It is the caller's turn. */
  pauseStep(): void {
    this.#spentMs += performance.now() - this.#turnStartedAt;
    this.#isPaused = true;
  }

  /** Ends with the work, or at once when it is stopped: a provider that ignores its signal is not waited for. */
  wait<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#rejectWait = reject;
      work.then(resolve, reject);
      if (this.signal.aborted) reject(this.signal.reason);
    });
  }

  /** To be called when the attempt is over. */
  end(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#caller.removeEventListener('abort', this.#leave);
    this.#rejectWait = null;
  }

  /** The same, where the provider may still be at it. */
  abandon(): void {
    this.end();
    this.#stop(this.#timeout ?? ENDED);
  }

  readonly #leave = () => this.#stop(this.#caller.reason);

  /** Until the nearer of the two limits. */
  #dueMs(): number {
    const turnMs = performance.now() - this.#turnStartedAt;
    return Math.min(this.#stepMs, this.#totalMs - this.#spentMs) - turnMs;
  }

  #arm(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const waitMs = Math.max(Math.ceil(delayMs), 1);
    this.#firesAt = performance.now() + waitMs;
    this.#timer = setTimeout(() => this.#check(), waitMs);
  }

  #check(): void {
    this.#timer = null;
    this.#firesAt = Number.POSITIVE_INFINITY;
    // The next turn sets the timer again.
    if (this.#isPaused) return;
    const dueMs = this.#dueMs();
    if (dueMs > 0) this.#arm(dueMs);
    else this.#expire();
  }

  #expire(): void {
    const isStep = this.#stepMs < this.#totalMs - this.#spentMs;
    const message = isStep
      ? `no ${this.#awaited} within ${this.#stepMs} ms`
      : `no complete answer within ${this.#totalMs} ms`;
    this.#timeout = new ProviderError('timeout', message);
    this.#stop(this.#timeout);
  }

  #stop(reason: unknown): void {
    this.#stopping.abort(reason);
    this.#rejectWait?.(reason);
  }
}
