import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenUsage } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { HealthPass } from '../integrations/integration-health.ts';
import { BudgetExceededError } from '../usage/errors.ts';
import { AttemptClock } from './attempt-clock.ts';
import type { AttemptLog, TryReport } from './attempt-log.ts';
import { finishedUsage, isUntold, NO_USAGE, type SentTexts, unfinishedUse } from './counted-usage.ts';
import { ProviderFailedError } from './errors.ts';
import type { CatalogModel } from './model-catalog.ts';
import { nextStep } from './next-step.ts';
import type { Route } from './router.ts';

/** What a successful try is counted as. */
export type Counted = Pick<TryReport, 'counts' | 'media'> & { usage: TokenUsage };

type CountedUse = Omit<Counted, 'usage'> & Pick<TryReport, 'usage'>;

/** What is counted where a provider tells no tokens. */
export interface AttemptTexts<Result> {
  sent: () => SentTexts;
  written: (result: Result) => readonly string[];
}

/** One call of a provider, wherever the route leads. */
export interface AttemptPlan<Result> {
  route: Route;
  log: AttemptLog;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
  run: (target: CatalogModel, signal: AbortSignal) => Promise<Result>;
  count: (result: Result) => Counted;
  /** Null where no tokenizer can count them. */
  texts: AttemptTexts<Result> | null;
  /** Of sound that is sent, as far as the file says it: what is billed where the provider does not tell. */
  heardSeconds?: number | null;
  /** What a try is counted as that the caller did not wait for. */
  countCancelled: TryReport['counts'];
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
    const pass = target.live.health.admit();
    if (pass === null) {
      last ??= skipOpenCircuit(plan.log, target);
      continue;
    }
    if (!(await isCovered(plan.log, target, pass))) continue;
    const tried = await tryTarget(plan, target, pass);
    if ('result' in tried) return { target, result: tried.result };
    last = tried.error;
    if (tried.isFinal) break;
  }
  throw new ProviderFailedError(plan.log.attempts, last);
}

/**
 * Whether the budgets cover one more try. A later one that they do not cover is passed over, for one that is cheaper.
 * @throws BudgetExceededError where nothing was tried before
 */
export async function isCovered(log: AttemptLog, target: CatalogModel, pass: HealthPass): Promise<boolean> {
  try {
    await log.cover(target);
    return true;
  } catch (error) {
    pass.failed('cancelled', 'it was not called');
    if (!(error instanceof BudgetExceededError) || log.attempts.length === 0) throw error;
    log.skip(target, 'budget_exceeded', error.message);
    return false;
  }
}

/**
 * Tells of a provider that is left alone because it has failed too often.
 * @returns what the call fails with, where nothing else is tried
 */
export function skipOpenCircuit(log: AttemptLog, target: CatalogModel): ProviderError {
  const { health } = target.live;
  const { waitMs } = health;
  const { lastError } = health.report();
  const howLong = waitMs > 0 ? `for another ${Math.ceil(waitMs / 1_000)} s` : 'until the call that tries it has ended,';
  const message = `left alone ${howLong} after repeated failures; the last one: ${lastError ?? 'no answer'}`;
  log.skip(target, 'unavailable', message);
  return new ProviderError('unavailable', message, { retryAfterMs: Math.ceil(waitMs) });
}

async function tryTarget<Result>(
  plan: AttemptPlan<Result>,
  target: CatalogModel,
  admitted: HealthPass,
): Promise<{ result: Result } | { error: ProviderError; isFinal: boolean }> {
  const { health } = target.live;
  let pass = admitted;
  for (let tries = 1; ; tries++) {
    const clock = new AttemptClock(plan.signal, target.live.timeouts.totalMs);
    const wasSent = !plan.signal.aborted;
    const answered = await settled(clock, plan.run(target, clock.signal));
    if ('result' in answered) {
      clock.end();
      pass.succeeded(clock.elapsedMs);
      const report = reportOf(clock, 'SUCCEEDED', null);
      plan.log.add(target, { ...report, ...(await finishedUse(plan, answered.result)) });
      return answered;
    }
    const { error } = answered;
    clock.abandon();
    pass.failed(error.kind, error.message, error.retryAfterMs);
    const ended = reportOf(clock, 'FAILED', error);
    const { heardSeconds } = plan;
    const end = { wasSent, error, hasBegun: false, hasExpired: clock.hasExpired, heardSeconds };
    const report = { ...ended, ...(await unfinishedUse(end, plan.texts?.sent ?? null)) };
    if (plan.signal.aborted) {
      // The provider had the request: what it made of it, it will charge.
      plan.log.add(target, { ...report, outcome: 'CANCELLED', counts: plan.countCancelled });
      throw plan.signal.reason;
    }
    const step = await nextStep(error, target, plan.route, { tries, hasBegun: false }).catch((failure: unknown) => {
      plan.log.add(target, report);
      throw failure;
    });
    plan.log.add(target, { ...report, outcome: step.kind === 'again' ? 'RETRIED' : 'FAILED' });
    if (step.kind !== 'again') return { error, isFinal: step.kind === 'stop' };
    await sleep(step.waitMs, undefined, { signal: plan.signal }).catch(() => plan.signal.throwIfAborted());
    const again = health.admit();
    if (again === null || !(await isCovered(plan.log, target, again))) return { error, isFinal: false };
    pass = again;
  }
}

async function settled<Result>(
  clock: AttemptClock,
  run: Promise<Result>,
): Promise<{ result: Result } | { error: ProviderError }> {
  try {
    return { result: await clock.wait(run) };
  } catch (thrown) {
    return { error: clock.failureOf(thrown) };
  }
}

async function finishedUse<Result>({ count, texts }: AttemptPlan<Result>, result: Result): Promise<CountedUse> {
  const counted = count(result);
  if (texts === null) return isUntold(counted.usage) ? { ...counted, usage: null } : counted;
  return { ...counted, usage: await finishedUsage(counted.usage, texts.sent, () => texts.written(result)) };
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
