import { addDecimals } from '../../shared/decimal.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import { UsageTally } from '../usage/usage-tally.ts';
import type { UsageAmount } from './answer.ts';
import { NO_USAGE_AMOUNT } from './generation.ts';

/** What the making of an answer has taken, as the ledger has it: also of one that was stopped or has failed. */
export class GenerationTally extends UsageTally {
  #usage: UsageAmount = NO_USAGE_AMOUNT;
  readonly #attempts: Attempt[] = [];

  override add(event: UsageEvent): void {
    super.add(event);
    if (event.operation === 'vector_query') return;
    const { inputTokens, outputTokens, cachedTokens, costUsd } = event;
    this.#usage = addUsage(this.#usage, { inputTokens, outputTokens, cachedTokens, costUsd });
    if (event.llmCalls === 0 && event.operation !== 'chat') return;
    this.#attempts.push({
      seq: this.#attempts.length + 1,
      ...{ provider: event.provider, model: event.model, outcome: event.outcome, errorCode: event.errorCode },
      ...{ message: null, firstTokenMs: null, durationMs: event.latencyMs, costUsd },
      usage: { inputTokens, outputTokens, cachedInputTokens: cachedTokens },
    });
  }

  /** Of every call that the answer took, its search among them. */
  get usage(): UsageAmount {
    return this.#usage;
  }

  /** At models that write. */
  get attempts(): readonly Attempt[] {
    return this.#attempts;
  }
}

export function addUsage(one: UsageAmount, other: UsageAmount): UsageAmount {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    costUsd: one.costUsd === null || other.costUsd === null ? null : addDecimals(one.costUsd, other.costUsd),
  };
}
