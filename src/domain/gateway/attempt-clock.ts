import { ProviderError } from '../../plugins/errors.ts';

const ENDED = new ProviderError('cancelled', 'the attempt is over');

/** Stops one try at a provider: when the caller leaves, or when one of its time limits has passed. */
export class AttemptClock {
  readonly #caller: AbortSignal;
  readonly #stopping = new AbortController();
  readonly #startedAt = performance.now();
  readonly #total: NodeJS.Timeout;
  #step: NodeJS.Timeout | null = null;
  #rejectWait: ((reason: unknown) => void) | null = null;
  #timeout: ProviderError | null = null;

  constructor(caller: AbortSignal, totalMs: number) {
    this.#caller = caller;
    this.#total = setTimeout(() => this.#expire(`no complete answer within ${totalMs} ms`), totalMs);
    if (caller.aborted) this.#leave();
    else caller.addEventListener('abort', this.#leave, { once: true });
  }

  /** For the provider. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
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

  /** Limits what comes next, instead of what was limited before. */
  limitStep(limitMs: number, awaited: string): void {
    this.pauseStep();
    this.#step = setTimeout(() => this.#expire(`no ${awaited} within ${limitMs} ms`), limitMs);
  }

  /** Stops counting: what comes next is not the provider's to hurry with. */
  pauseStep(): void {
    if (this.#step !== null) clearTimeout(this.#step);
    this.#step = null;
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
    clearTimeout(this.#total);
    this.pauseStep();
    this.#caller.removeEventListener('abort', this.#leave);
    this.#rejectWait = null;
  }

  /** The same, where the provider may still be at it. */
  abandon(): void {
    this.end();
    this.#stop(this.#timeout ?? ENDED);
  }

  readonly #leave = () => this.#stop(this.#caller.reason);

  #expire(message: string): void {
    this.#timeout = new ProviderError('timeout', message);
    this.#stop(this.#timeout);
  }

  #stop(reason: unknown): void {
    this.#stopping.abort(reason);
    this.#rejectWait?.(reason);
  }
}
