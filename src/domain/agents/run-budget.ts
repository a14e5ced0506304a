import { addDecimals, compareDecimals } from '../../shared/decimal.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import { UsageTally } from '../usage/usage-tally.ts';
import { RunBudgetExceededError } from './errors.ts';
import type { RunLimits } from './run-configuration.ts';

/** What a run has used, as the ledger counts it. */
export interface RunSpending {
  /** Tries at providers: neither answers of a cache nor vector queries. */
  apiCalls: number;
  tokensUsed: number;
  /** Exact decimal, as far as prices are known. */
  costUsd: string;
}

export const NOTHING_SPENT: RunSpending = { apiCalls: 0, tokensUsed: 0, costUsd: '0' };

/**
 * What a run may use, over all of its attempts. It is looked at before each tool is used; a tool that makes many calls is
 * cut off once they go over it. The last call may go over it: what it has cost is known when it is over.
 */
export class RunBudget extends UsageTally {
  readonly #limits: RunLimits;
  readonly #overdrawn = new AbortController();
  #spent: RunSpending;

  /** @param before what the ledger has of earlier attempts */
  constructor(limits: RunLimits, before: RunSpending) {
    super();
    this.#limits = limits;
    this.#spent = before;
  }

  /** Aborted when more was used than is allowed. */
  get signal(): AbortSignal {
    return this.#overdrawn.signal;
  }

  get spent(): RunSpending {
    return this.#spent;
  }

  override add(event: UsageEvent): void {
    super.add(event);
    const { apiCalls, tokensUsed, costUsd } = this.#spent;
    const isCall = event.outcome !== 'CACHED' && event.operation !== 'vector_query';
    this.#spent = {
      apiCalls: apiCalls + (isCall ? 1 : 0),
      tokensUsed: tokensUsed + event.inputTokens + event.outputTokens,
      costUsd: addDecimals(costUsd, event.costUsd ?? '0'),
    };
    const exceeded = this.#exceeded(1);
    if (exceeded !== null) this.#overdrawn.abort(exceeded);
  }

  /** @throws RunBudgetExceededError where nothing is left */
  assertLeft(): void {
    const exceeded = this.#exceeded(0);
    if (exceeded !== null) throw exceeded;
  }

  /** @param least 0: where a limit is reached; 1: where it is passed */
  #exceeded(least: 0 | 1): RunBudgetExceededError | null {
    const { calls, tokens, usd } = this.#limits;
    const { apiCalls, tokensUsed, costUsd } = this.#spent;
    if (apiCalls - calls >= least) return new RunBudgetExceededError('calls', calls, String(apiCalls));
    if (tokensUsed - tokens >= least) return new RunBudgetExceededError('tokens', tokens, String(tokensUsed));
    // A limit of 0 is for runs that cost nothing.
    const compared = compareDecimals(costUsd, decimalOf(usd));
    if (compared > 0 || (compared === 0 && least === 0 && usd > 0)) {
      return new RunBudgetExceededError('usd', usd, costUsd);
    }
    return null;
  }
}

/** Without an exponent, which small numbers have as text. */
function decimalOf(usd: number): string {
  return usd.toFixed(12);
}
