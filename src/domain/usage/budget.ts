import { compareDecimals } from '../../shared/decimal.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { percentOf } from './percent.ts';
import { addDays, dayOf, startOfDay } from './utc-day.ts';

/** How long a budget's money has to last, in UTC; the values of the API's `BudgetWindow`. */
export const BUDGET_WINDOWS = ['DAY', 'MONTH'] as const;
export type BudgetWindow = (typeof BUDGET_WINDOWS)[number];

/** The subject of a budget of the whole workspace; every other subject is the id of an API key. */
export const WORKSPACE_SUBJECT = '';

/** No budget of more can be meant. */
const LIMIT_MAX_USD = '1000000000';

/** What somebody may spend in a window. */
export interface Budget {
  /** `WORKSPACE_SUBJECT`, or the id of an API key. */
  subject: string;
  window: BudgetWindow;
  /** Exact decimal; '0' allows nothing that costs. */
  limitUsd: string;
}

/** A budget with what the window under way has taken of it. */
export interface BudgetState extends Budget {
  /** What attempts have cost. Exact decimal. */
  usedUsd: string;
  /** What calls under way may cost yet. Exact decimal. */
  reservedUsd: string;
  /** When the window ends and all of it is free again. */
  resetsAt: Date;
}

/** The days of one window: `startsOn` is the first, `endsOn` the first after it, both as `YYYY-MM-DD`. */
export interface WindowDays {
  startsOn: string;
  endsOn: string;
}

export function windowDays(window: BudgetWindow, atMs: number): WindowDays {
  if (window === 'DAY') return { startsOn: dayOf(atMs), endsOn: dayOf(addDays(startOfDay(atMs), 1)) };
  const at = new Date(atMs);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return { startsOn: dayOf(Date.UTC(year, month, 1)), endsOn: dayOf(Date.UTC(year, month + 1, 1)) };
}

/** How much of the limit is used, in percent; above 100 after it was lowered below what was used. */
export function percentUsed({ limitUsd, usedUsd }: Pick<BudgetState, 'limitUsd' | 'usedUsd'>): number {
  return compareDecimals(limitUsd, '0') === 0 ? 100 : percentOf(Number(usedUsd), Number(limitUsd));
}

/** @throws InvalidInputError where an amount of US dollars can be no limit */
export function checkLimit(limitUsd: string): void {
  if (compareDecimals(limitUsd, '0') >= 0 && compareDecimals(limitUsd, LIMIT_MAX_USD) <= 0) return;
  throw InvalidInputError.at('limitUsd', `must be 0 to ${LIMIT_MAX_USD}`);
}

/** The budgets that a call of a key has to keep within. */
export function budgetsOf(budgets: readonly Budget[], apiKeyId: string | null): readonly Budget[] {
  return budgets.filter(({ subject }) => subject === WORKSPACE_SUBJECT || subject === apiKeyId);
}
