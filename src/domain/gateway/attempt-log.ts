import type { ModelInfo, TokenUsage } from '../../plugins/contract.ts';
import { addDecimals } from '../../shared/decimal.ts';
import type { AttemptOutcome, UsageEvent } from '../usage/usage-event.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import type { Attempt } from './generation.ts';
import { type ModelCall, usageEventOf } from './model-call.ts';
import type { CatalogModel } from './model-catalog.ts';
import { tokenCostUsd } from './price.ts';

export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0 };

/** How one try ended. */
export interface TryReport {
  outcome: AttemptOutcome;
  errorCode: string | null;
  message: string | null;
  firstTokenMs: number | null;
  durationMs: number;
  usage: TokenUsage;
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

  constructor(call: ModelCall, recorder: UsageRecorder) {
    this.#call = call;
    this.#recorder = recorder;
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
    const { counts, outcome, usage, durationMs, errorCode } = report;
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
      },
    );
    this.#recorder.record(event);
    this.#call.tally?.add(event);
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

/** An answer whose tokens the provider does not tell has a cost that nobody knows. */
function costOf({ outcome, usage, counts }: TryReport, info: ModelInfo): string | null {
  if (outcome === 'CACHED') return '0';
  const isUntold = usage.inputTokens + usage.outputTokens === 0 && usage.costUsd === undefined;
  const isFree = info.inputUsdPerMillion === '0' && (info.outputUsdPerMillion ?? '0') === '0';
  if (outcome === 'SUCCEEDED' && (counts.llmCalls ?? 0) > 0 && isUntold && !isFree) return null;
  return usageCostUsd(usage, info);
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

/**
 * What a try cost: as the vendor says, or by the model's prices. Tokens of the vendor's prompt cache cost what any input
 * costs where there is no price of their own.
 * @returns exact decimal; null where a price is not known
 */
export function usageCostUsd(usage: TokenUsage, info: ModelInfo): string | null {
  if (usage.costUsd !== undefined) return usage.costUsd;
  const { inputUsdPerMillion, outputUsdPerMillion } = info;
  const cachedRead = usage.cachedInputTokens ?? 0;
  const cacheWrite = usage.cacheWriteTokens ?? 0;
  const parts: [number, string | undefined][] = [
    [Math.max(usage.inputTokens - cachedRead - cacheWrite, 0), inputUsdPerMillion],
    [cachedRead, info.cachedInputUsdPerMillion ?? inputUsdPerMillion],
    [cacheWrite, info.cacheWriteUsdPerMillion ?? inputUsdPerMillion],
    [usage.outputTokens, outputUsdPerMillion],
  ];
  let costUsd = '0';
  for (const [tokens, price] of parts) {
    if (tokens === 0) continue;
    const part = tokenCostUsd(tokens, price);
    if (part === null) return null;
    costUsd = addDecimals(costUsd, part);
  }
  return costUsd;
}
