import type { ProviderErrorKind } from '../../plugins/errors.ts';

/** The values of the API's `CircuitState`. */
export type CircuitState = 'CLOSED' | 'HALF_OPEN' | 'OPEN';

/** How an integration is doing, as this server has seen it. */
export interface HealthReport {
  circuit: CircuitState;
  /** 0..1 of the last calls; null where there were none. */
  successRate: number | null;
  /** Median of the successful ones. */
  p50Ms: number | null;
  lastError: string | null;
  lastCheckedAt: Date | null;
}

/** What a call that was let through tells of its end, once. */
export interface HealthPass {
  succeeded(durationMs: number): void;
  failed(kind: ProviderErrorKind, message: string, retryAfterMs?: number): void;
}

/** Calls that are remembered. */
const WINDOW_CALLS = 50;
const WINDOW_MS = 60_000;
const CONSECUTIVE_FAILURES = 5;
const MIN_CALLS_FOR_RATE = 10;
const FAILURE_RATE = 0.5;
const FIRST_OPEN_MS = 5_000;
const LAST_OPEN_MS = 60_000;

/** What says nothing about the provider's health: the request was at fault, or the caller left. */
const NOT_ITS_FAULT: ReadonlySet<ProviderErrorKind> = new Set([
  'bad_request',
  'context_length',
  'content_filter',
  'too_large',
  'not_found',
  'conflict',
  'permission',
  'cancelled',
  'rate_limited',
]);

interface Outcome {
  atMs: number;
  /** Of a success; null for a failure. */
  durationMs: number | null;
}

/**
 * The circuit of one integration on one server: it opens after failures in a row, or when half of the last calls failed;
 * stays open longer each time; then lets one call through, whose outcome decides.
 */
export class IntegrationHealth {
  readonly #now: () => number;
  readonly #outcomes: Outcome[] = [];
  #openUntilMs = 0;
  #timesOpened = 0;
  #probing = false;
  #coolUntilMs = 0;
  #lastError: string | null = null;
  #lastCheckedAtMs: number | null = null;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get circuit(): CircuitState {
    if (this.#timesOpened === 0) return 'CLOSED';
    return this.#probing || this.#now() >= this.#openUntilMs ? 'HALF_OPEN' : 'OPEN';
  }

  /** Whether the provider has asked to be spared for now. */
  get isCooling(): boolean {
    return this.#now() < this.#coolUntilMs;
  }

  /** How long until a call may go through; 0 where it may at once. */
  get waitMs(): number {
    return this.circuit === 'CLOSED' ? 0 : Math.max(this.#openUntilMs - this.#now(), 0);
  }

  /** Lets a call through, whose outcome has to be told; null where none may go now. */
  admit(): HealthPass | null {
    if (this.#timesOpened === 0) return this.#pass(false);
    if (this.#probing || this.#now() < this.#openUntilMs) return null;
    this.#probing = true;
    return this.#pass(true);
  }

  /** Only the call that tries an open circuit decides about it: those from before it opened come too late. */
  #pass(isProbe: boolean): HealthPass {
    const opened = this.#timesOpened;
    const isCurrent = () => isProbe || opened === this.#timesOpened;
    return {
      succeeded: (durationMs) => {
        if (isProbe) this.#close();
        if (isCurrent()) this.#remember(durationMs);
      },
      failed: (kind, message, retryAfterMs) => {
        if (isProbe) this.#probing = false;
        if (kind === 'cancelled') return;
        this.#lastError = message;
        this.#lastCheckedAtMs = this.#now();
        if (retryAfterMs !== undefined) this.#coolUntilMs = this.#now() + Math.min(retryAfterMs, LAST_OPEN_MS);
        if (NOT_ITS_FAULT.has(kind) || !isCurrent()) return;
        this.#remember(null);
        if (isProbe || this.#isFailing()) this.#open();
      },
    };
  }

  #close(): void {
    this.#probing = false;
    this.#timesOpened = 0;
    this.#outcomes.length = 0;
  }

  report(): HealthReport {
    const durations = this.#outcomes.flatMap(({ durationMs }) => durationMs ?? []).sort((a, b) => a - b);
    return {
      circuit: this.circuit,
      successRate: this.#outcomes.length === 0 ? null : durations.length / this.#outcomes.length,
      p50Ms: durations[Math.floor(durations.length / 2)] ?? null,
      lastError: this.#lastError,
      lastCheckedAt: this.#lastCheckedAtMs === null ? null : new Date(this.#lastCheckedAtMs),
    };
  }

  #remember(durationMs: number | null): void {
    const atMs = this.#now();
    this.#lastCheckedAtMs = atMs;
    this.#outcomes.push({ atMs, durationMs });
    if (this.#outcomes.length > WINDOW_CALLS) this.#outcomes.shift();
  }

  #isFailing(): boolean {
    const recent = this.#outcomes.filter(({ atMs }) => atMs > this.#now() - WINDOW_MS);
    const failures = recent.filter(({ durationMs }) => durationMs === null).length;
    const last = recent.slice(-CONSECUTIVE_FAILURES);
    const inARow = last.length === CONSECUTIVE_FAILURES && last.every(({ durationMs }) => durationMs === null);
    return inARow || (recent.length >= MIN_CALLS_FOR_RATE && failures / recent.length >= FAILURE_RATE);
  }

  /** With jitter, so that servers do not all try again at the same moment. */
  #open(): void {
    const openMs = Math.min(LAST_OPEN_MS, FIRST_OPEN_MS * 2 ** Math.min(this.#timesOpened, 10));
    this.#timesOpened += 1;
    this.#openUntilMs = this.#now() + openMs * (0.8 + Math.random() * 0.4);
  }
}
