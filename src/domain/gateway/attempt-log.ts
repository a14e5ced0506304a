import type { ModelInfo, TokenUsage } from '../../plugins/contract.ts';
import { addDecimals } from '../../shared/decimal.ts';
import type { AttemptOutcome, UsageEvent } from '../usage/usage-event.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import type { CallBudget } from './call-budget.ts';
import { type AttemptUse, NO_USAGE } from './counted-usage.ts';
import type { Attempt } from './generation.ts';
import { type ModelCall, usageEventOf } from './model-call.ts';
import type { CatalogModel } from './model-catalog.ts';
import { tellOfAttempt } from './observed-calls.ts';
import { isFree, isPaidBySound, usageCostUsd } from './price.ts';

/** How one try ended. */
export interface TryReport extends AttemptUse {
  outcome: AttemptOutcome;
  errorCode: string | null;
  message: string | null;
  firstTokenMs: number | null;
  durationMs: number;
  /** What the ledger counts beside tokens and time. */
  counts: Partial<
    Pick<UsageEvent, 'embeddings' | 'llmCalls' | 'metered' | 'cacheKind' | 'cacheHits' | 'cacheMisses' | 'savedUsd'>
  >;
}

/** The tries of one call, each of which is a row of the ledger. */
export class AttemptLog {
  readonly #call: ModelCall;
  readonly #recorder: UsageRecorder;
  readonly #attempts: Attempt[] = [];
  readonly #budget: CallBudget | null;
  /** The last try of a call that holds a reservation: whether another one follows, and takes it over, is not known yet. */
  #lastEvent: UsageEvent | null = null;

  /** @param budget null: none is in force */
  constructor(call: ModelCall, recorder: UsageRecorder, budget: CallBudget | null = null) {
    this.#call = call;
    this.#recorder = recorder;
    this.#budget = budget;
  }

  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }

  /** Tokens of all tries together. */
  get usage(): TokenUsage {
    return this.#attempts.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE);
  }

  /** Of all tries together; null where one has no known price. */
  get costUsd(): string | null {
    return this.#attempts.reduce<string | null>(
      (sum, { costUsd }) => (sum === null || costUsd === null ? null : addDecimals(sum, costUsd)),
      '0',
    );
  }

  add(target: CatalogModel, report: TryReport): void {
    const { counts, outcome, durationMs, errorCode } = report;
    const usage = report.usage ?? NO_USAGE;
    const costUsd = costOf(report, target.info);
    const attempt: Attempt = {
      seq: this.#attempts.length + 1,
      provider: target.integration,
      model: target.id,
      outcome,
      errorCode,
      message: report.message,
      firstTokenMs: report.firstTokenMs,
      durationMs,
      usage,
      costUsd,
    };
    this.#attempts.push(attempt);
    const event = usageEventOf(
      this.#call,
      { provider: target.integration, model: target.id, operation: this.#call.operation, outcome },
      {
        errorCode,
        inputTokens: usage.inputTokens,
        outputTokens: usage.outputTokens,
        cachedTokens: usage.cachedInputTokens ?? 0,
        costUsd,
        latencyMs: durationMs,
        ...counts,
        ...countedMedia(report),
      },
    );
    this.#record(event);
    this.#call.tally?.add(event);
    tellOfAttempt(this.#call, target, event, report.firstTokenMs);
  }

  /** Holds what a try of the target can cost. @throws BudgetExceededError */
  async cover(target: CatalogModel): Promise<void> {
    await this.#budget?.cover(target);
  }

  /**
   * No further try follows: what was held is settled by what was used. To be called before the answer is given, and
   * whatever became of the call.
   * @throws where the database does not answer; it is settled later then
   */
  async settle(): Promise<void> {
    if (this.#budget === null) return;
    const event = this.#lastEvent;
    if (event === null) return this.#budget.release();
    this.#lastEvent = null;
    const budget = this.#budget;
    const keeps = event.outcome === 'SUCCEEDED' && budget.isReusable;
    this.#recorder.record({ ...event, settles: true, keeps }, (isKept) => budget.ended(isKept));
    await this.#recorder.settle();
  }

  #record(event: UsageEvent): void {
    const reservationId = this.#budget?.reservationId ?? null;
    if (reservationId === null) {
      this.#recorder.record(event);
      return;
    }
    if (this.#lastEvent !== null) this.#recorder.record(this.#lastEvent);
    this.#lastEvent = { ...event, reservationId };
    this.#budget?.spent(event.costUsd);
  }

  /** What a cache gave in place of the target: it costs nothing, and is one attempt. */
  addCached(
    target: CatalogModel,
    given: Required<Pick<TryReport['counts'], 'cacheKind' | 'cacheHits' | 'savedUsd'>>,
  ): void {
    this.add(target, {
      outcome: 'CACHED',
      errorCode: null,
      message: null,
      firstTokenMs: null,
      durationMs: 0,
      usage: NO_USAGE,
      counts: given,
    });
  }

  /** A target that was not called at all, as a client is told of it: nothing of it is in the ledger. */
  skip(target: CatalogModel, errorCode: string, message: string): void {
    this.#attempts.push({
      seq: this.#attempts.length + 1,
      provider: target.integration,
      model: target.id,
      outcome: 'FAILED',
      errorCode,
      message,
      firstTokenMs: null,
      durationMs: 0,
      usage: NO_USAGE,
      costUsd: '0',
    });
  }
}

/**
 * Does the work of a call and settles what was held for it, before its result is given.
 * @throws what the work throws, or the database where what was used cannot be written
 */
export async function settling<Result>(log: AttemptLog, work: () => Promise<Result>): Promise<Result> {
  let result: Result;
  try {
    result = await work();
  } catch (error) {
    // Why the work failed is what the caller has to hear; what could not be written is tried again.
    await log.settle().catch(() => undefined);
    throw error;
  }
  await log.settle();
  return result;
}

/** Where nobody can tell what was used, nobody knows what it cost, unless it is free or its sound alone is paid. */
function costOf({ outcome, usage, media }: TryReport, info: ModelInfo): string | null {
  if (outcome === 'CACHED' || (usage === null && isFree(info))) return '0';
  if (usage === null && !isPaidBySound(info)) return null;
  return usageCostUsd(usage ?? NO_USAGE, info, media);
}

/** Longer than any sound that is sent or spoken in one call; what says to have more is not believed. */
const LONGEST_SOUND_SECONDS = 1_000_000;

/** Counted where the call itself is, once however many tries it took. */
function countedMedia({ counts, media = {} }: TryReport): Pick<UsageEvent, 'images' | 'audioSeconds'> {
  const { images = 0, audioSeconds: told } = media;
  if ((counts.llmCalls ?? 0) === 0) return {};
  const isHeard = typeof told === 'number' && told > 0 && told <= LONGEST_SOUND_SECONDS;
  return { ...(images > 0 ? { images } : {}), ...(isHeard ? { audioSeconds: told } : {}) };
}

function addUsage(left: TokenUsage, right: TokenUsage): TokenUsage {
  return {
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    cachedInputTokens: (left.cachedInputTokens ?? 0) + (right.cachedInputTokens ?? 0),
    cacheWriteTokens: (left.cacheWriteTokens ?? 0) + (right.cacheWriteTokens ?? 0),
    reasoningTokens: (left.reasoningTokens ?? 0) + (right.reasoningTokens ?? 0),
  };
}
