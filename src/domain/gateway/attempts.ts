import { setTimeout as sleep } from 'node:timers/promises';
import type { ProviderError } from '../../plugins/errors.ts';
import { AttemptClock } from './attempt-clock.ts';
import { type AttemptLog, NO_USAGE, type TryReport } from './attempt-log.ts';
import { ProviderFailedError } from './errors.ts';
import type { CatalogModel } from './model-catalog.ts';
import { nextStep } from './next-step.ts';
import type { Route } from './router.ts';

/** What a successful try is counted as. */
export type Counted = Pick<TryReport, 'usage' | 'counts'>;

/** One call of a provider, wherever the route leads. */
export interface AttemptPlan<Result> {
  route: Route;
  log: AttemptLog;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
  run: (target: CatalogModel, signal: AbortSignal) => Promise<Result>;
  count: (result: Result) => Counted;
}

/**
 * Tries the models of a route until one answers. Every try is logged, whatever became of it.
 * @throws ProviderFailedError with all tries, or the signal's reason where the caller left
 */
export async function runAttempts<Result>(
  plan: AttemptPlan<Result>,
): Promise<{ target: CatalogModel; result: Result }> {
  let last: ProviderError | null = null;
  for (let target = await plan.route.next(); target !== null; target = await plan.route.next()) {
    if (!target.live.health.admit()) {
      skipOpenCircuit(plan.log, target);
      continue;
    }
    const tried = await tryTarget(plan, target);
    if ('result' in tried) return { target, result: tried.result };
    last = tried.error;
    if (tried.isFinal) break;
  }
  throw new ProviderFailedError(plan.log.attempts, last);
}

/** Tells of a provider that is left alone because it has failed too often. */
export function skipOpenCircuit(log: AttemptLog, target: CatalogModel): void {
  const { lastError } = target.live.health.report();
  log.skip(target, 'unavailable', `left alone after repeated failures: ${lastError ?? 'no answer'}`);
}

async function tryTarget<Result>(
  plan: AttemptPlan<Result>,
  target: CatalogModel,
): Promise<{ result: Result } | { error: ProviderError; isFinal: boolean }> {
  const { health } = target.live;
  for (let tries = 1; ; tries++) {
    const clock = new AttemptClock(plan.signal, target.live.timeouts.totalMs);
    let error: ProviderError;
    try {
      const result = await clock.wait(plan.run(target, clock.signal));
      health.succeeded(clock.elapsedMs);
      plan.log.add(target, { ...reportOf(clock, 'SUCCEEDED', null), ...plan.count(result) });
      clock.end();
      return { result };
    } catch (thrown) {
      error = clock.failureOf(thrown);
      clock.abandon();
      health.failed(error.kind, error.message, error.retryAfterMs);
    }
    if (plan.signal.aborted) {
      plan.log.add(target, reportOf(clock, 'CANCELLED', error));
      throw plan.signal.reason;
    }
    const step = await nextStep(error, target, plan.route, { tries, hasBegun: false });
    plan.log.add(target, reportOf(clock, step.kind === 'again' ? 'RETRIED' : 'FAILED', error));
    if (step.kind !== 'again') return { error, isFinal: step.kind === 'stop' };
    await sleep(step.waitMs, undefined, { signal: plan.signal }).catch(() => plan.signal.throwIfAborted());
    if (!health.admit()) return { error, isFinal: false };
  }
}

/** What is known of every try; nothing of it was used, as far as anybody can tell. */
export function reportOf(clock: AttemptClock, outcome: TryReport['outcome'], error: ProviderError | null): TryReport {
  return {
    outcome,
    errorCode: error?.kind ?? null,
    message: error?.message ?? null,
    firstTokenMs: null,
    durationMs: clock.elapsedMs,
    usage: NO_USAGE,
    counts: {},
  };
}
