import { DomainError } from '../../shared/errors.ts';
import type { Tier } from '../access/caller.ts';
import { type Budget, WORKSPACE_SUBJECT } from './budget.ts';
import { LIMIT_WINDOW_DAYS, type LimitedMeter, limitOf, tierWithMore } from './tiers.ts';

const METER_LABELS: Readonly<Record<LimitedMeter, string>> = { EMBEDDINGS: 'embeddings', LLM_CALLS: 'LLM calls' };

export interface LimitRefusal {
  tier: Tier;
  meter: LimitedMeter;
  limit: number;
  /** What the last 30 days have used, without the refused call. */
  used: number;
  /** What the refused call needed. */
  amount: number;
  /** When the oldest day that counts falls out of the window, and its use is free again. */
  resetsAt: Date;
}

/** The workspace's tier does not include what the call needs. Nothing was counted and no provider was called. */
export class LimitReachedError extends DomainError {
  override readonly name = 'LimitReachedError';
  readonly code = 'LIMIT_REACHED';
  readonly meter: LimitedMeter;
  readonly limit: number;
  readonly used: number;
  readonly resetsAt: Date;

  constructor(refusal: LimitRefusal) {
    super(explain(refusal));
    this.meter = refusal.meter;
    this.limit = refusal.limit;
    this.used = refusal.used;
    this.resetsAt = refusal.resetsAt;
  }

  override get details(): Record<string, unknown> {
    return { meter: this.meter, limit: this.limit, used: this.used, resetsAt: this.resetsAt.toISOString() };
  }
}

function explain({ tier, meter, limit, used, amount, resetsAt }: LimitRefusal): string {
  const label = METER_LABELS[meter];
  const larger = tierWithMore(tier, meter);
  const included = larger === null ? null : limitOf(larger, meter);
  const upgrade =
    larger === null ? '' : `, or move to the tier ${larger} (${included === null ? 'no limit' : count(included)})`;
  return (
    `the tier ${tier} includes ${count(limit)} ${label} in ${LIMIT_WINDOW_DAYS} days; ${count(used)} are used and this ` +
    `call needs ${count(amount)}: ask for fewer, wait until ${resetsAt.toISOString()}${upgrade}`
  );
}

function count(amount: number): string {
  return amount.toLocaleString('en-US');
}

export interface BudgetRefusal extends Budget {
  /** What the window's attempts have cost. */
  usedUsd: string;
  /** What calls under way may cost yet. */
  reservedUsd: string;
  /** What the refused call could cost; null where its price is not known. */
  amountUsd: string | null;
  /** When the window ends. */
  resetsAt: Date;
}

/** A budget of the workspace or of the key does not cover what the call could cost. No provider was called. */
export class BudgetExceededError extends DomainError {
  override readonly name = 'BudgetExceededError';
  readonly code = 'BUDGET_EXCEEDED';
  readonly window: Budget['window'];
  readonly limitUsd: string;
  readonly usedUsd: string;
  readonly resetsAt: Date;

  constructor(refusal: BudgetRefusal, message = explainBudget(refusal)) {
    super(message);
    this.window = refusal.window;
    this.limitUsd = refusal.limitUsd;
    this.usedUsd = refusal.usedUsd;
    this.resetsAt = refusal.resetsAt;
  }

  override get details(): Record<string, unknown> {
    const { window, limitUsd, usedUsd, resetsAt } = this;
    return { window, limitUsd, usedUsd, resetsAt: resetsAt.toISOString() };
  }
}

function explainBudget({
  subject,
  window,
  limitUsd,
  usedUsd,
  reservedUsd,
  amountUsd,
  resetsAt,
}: BudgetRefusal): string {
  const whose = subject === WORKSPACE_SUBJECT ? "the workspace's" : "the API key's";
  const cost = amountUsd === null ? 'has no known price' : `may cost up to ${amountUsd} USD`;
  return (
    `${whose} budget of ${limitUsd} USD a ${window.toLowerCase()} does not cover this call, which ${cost}: ${usedUsd} USD ` +
    `are used and ${reservedUsd} USD held for calls under way; ask for less (maxOutputTokens), raise the budget with ` +
    `setBudget, or wait until ${resetsAt.toISOString()}`
  );
}

/** A clean stop could not write the events that were left: what they counted is lost. */
export class UsageLostError extends Error {
  override readonly name = 'UsageLostError';
  readonly events: number;

  constructor(events: number, cause: unknown) {
    super(`${events} usage events could not be written before the stop`, { cause });
    this.events = events;
  }
}
