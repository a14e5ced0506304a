import { addDecimals, compareDecimals } from '../../shared/decimal.ts';
import { type Budget, WORKSPACE_SUBJECT } from './budget.ts';
import type { BudgetPeriod } from './budget-store.ts';
import { BudgetExceededError } from './errors.ts';

/** Money that is kept back for a call: what it can cost at the most. */
export interface Reservation {
  id: string;
  workspaceId: string;
  /** '' where no key makes the call. */
  apiKeyId: string;
  /** Of its making, as `YYYY-MM-DD` in UTC. */
  day: string;
  /** Exact decimal. */
  amountUsd: string;
}

/** The subjects whose budgets a reservation is held in. */
export function subjectsOf({ apiKeyId }: Pick<Reservation, 'apiKeyId'>): string[] {
  return [...new Set([WORKSPACE_SUBJECT, apiKeyId])];
}

/** What becomes of a reservation that is asked for. */
export type Admission =
  | { kind: 'held' }
  /** No budget is in force. */
  | { kind: 'free' }
  /** There is no room now; `mayFit` where there would be, if the calls under way turn out to cost less. */
  | { kind: 'refused'; mayFit: boolean; refusal: BudgetExceededError }
  /** A budget's period has yet to be made. */
  | { kind: 'unknown' };

/** The periods that some reservations are held in, as they are in the database and with what was admitted since. */
export class OpenPeriods {
  readonly #periods: readonly BudgetPeriod[];
  readonly #addedUsd = new Map<BudgetPeriod, string>();

  constructor(periods: readonly BudgetPeriod[]) {
    this.#periods = periods;
  }

  /** What is held more than before, in periods that there are. */
  get added(): { period: BudgetPeriod; amountUsd: string }[] {
    return [...this.#addedUsd].map(([period, amountUsd]) => ({ period, amountUsd }));
  }

  /** Holds an amount in all periods of its subjects that end after its day, or in none. */
  admit(asked: Omit<Reservation, 'id' | 'workspaceId'>): Admission {
    const subjects = subjectsOf(asked);
    const budgets = this.#periods.filter(({ subject }) => subjects.includes(subject));
    const relevant = budgets.filter(({ endsOn }) => endsOn !== null && endsOn > asked.day);
    if (budgets.length === 0) return { kind: 'free' };
    if (new Set(budgets.map(keyOf)).size > new Set(relevant.map(keyOf)).size) return { kind: 'unknown' };
    for (const period of relevant) {
      const { limitUsd, usedUsd, reservedUsd } = period;
      const atLeast = addDecimals(usedUsd ?? '0', asked.amountUsd);
      const atMost = addDecimals(addDecimals(atLeast, reservedUsd ?? '0'), this.#addedUsd.get(period) ?? '0');
      // Nothing more is nothing to refuse, however the limit was lowered since.
      if (compareDecimals(atMost, limitUsd) <= 0 || compareDecimals(asked.amountUsd, '0') === 0) continue;
      return {
        kind: 'refused',
        mayFit: compareDecimals(atLeast, limitUsd) <= 0,
        refusal: refusalOf(period, asked.amountUsd),
      };
    }
    for (const period of relevant) {
      this.#addedUsd.set(period, addDecimals(this.#addedUsd.get(period) ?? '0', asked.amountUsd));
    }
    return { kind: 'held' };
  }
}

function keyOf({ subject, window }: Budget): string {
  return `${window} ${subject}`;
}

function refusalOf(period: BudgetPeriod, amountUsd: string): BudgetExceededError {
  return new BudgetExceededError({
    subject: period.subject,
    window: period.window,
    limitUsd: period.limitUsd,
    usedUsd: addDecimals(period.usedUsd ?? '0', '0'),
    reservedUsd: addDecimals(period.reservedUsd ?? '0', '0'),
    amountUsd,
    resetsAt: new Date(period.endsOn ?? 0),
  });
}
