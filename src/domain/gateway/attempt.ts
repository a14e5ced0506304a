import { setTimeout as sleep } from 'node:timers/promises';
import { ProviderError } from '../../plugins/errors.ts';
import { type FailedAttempt, ProviderFailedError } from './errors.ts';

/** Tries at one provider, the first included. */
const MAX_TRIES = 3;
const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;
/** Of one try: the first call of a local model loads its weights. */
const TRY_TIMEOUT_MS = 60_000;

/** How one try ended, for the ledger. */
export interface TryReport<Result> {
  outcome: 'SUCCEEDED' | 'RETRIED' | 'FAILED' | 'CANCELLED';
  result: Result | null;
  errorCode: string | null;
  durationMs: number;
}

/**
 * Calls a provider, again after failures that may pass: with full jitter, and not before the provider asked for.
 * Every try is reported, whatever became of it.
 * @throws ProviderFailedError, or the signal's reason where the caller left
 */
export async function callWithRetries<Result>(
  target: { integration: string; model: string; signal: AbortSignal },
  call: (signal: AbortSignal) => Promise<Result>,
  report: (report: TryReport<Result>) => void,
): Promise<Result> {
  const failed: FailedAttempt[] = [];
  for (let attempt = 1; ; attempt++) {
    const startedAt = performance.now();
    const signal = AbortSignal.any([target.signal, AbortSignal.timeout(TRY_TIMEOUT_MS)]);
    try {
      const result = await call(signal);
      report({ outcome: 'SUCCEEDED', result, errorCode: null, durationMs: performance.now() - startedAt });
      return result;
    } catch (thrown) {
      const durationMs = performance.now() - startedAt;
      const error = normalise(thrown, signal);
      failed.push({
        provider: target.integration,
        model: target.model,
        errorCode: error.kind,
        message: error.message,
        durationMs,
      });
      const again = !target.signal.aborted && error.retryable && attempt < MAX_TRIES;
      const outcome = target.signal.aborted ? 'CANCELLED' : again ? 'RETRIED' : 'FAILED';
      report({ outcome, result: null, errorCode: error.kind, durationMs });
      target.signal.throwIfAborted();
      if (!again) throw new ProviderFailedError(failed, error.retryable, thrown);
      await sleep(backoffMs(attempt, error.retryAfterMs), undefined, { signal: target.signal });
    }
  }
}

function backoffMs(attempt: number, retryAfterMs: number | undefined): number {
  const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (attempt - 1));
  return Math.max(retryAfterMs ?? 0, Math.random() * ceiling);
}

/** A provider that was stopped by our time limit says that it was cancelled: what it was is a timeout. */
function normalise(thrown: unknown, signal: AbortSignal): ProviderError {
  if (signal.aborted) return new ProviderError('timeout', 'the provider did not answer in time', { cause: thrown });
  if (thrown instanceof ProviderError) return thrown;
  return new ProviderError('server', 'the provider plugin failed unexpectedly', { cause: thrown });
}
