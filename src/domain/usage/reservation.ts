import { WORKSPACE_SUBJECT } from './budget.ts';
import { BudgetExceededError, type BudgetRefusal } from './errors.ts';

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

/** A reservation whose call this process makes. */
export interface HeldReservation extends Reservation {
  /** Of `performance.now()`: until then nobody gives it up for dead, whatever becomes of this process. */
  untilMs: number;
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
  | ({ kind: 'refused'; mayFit: boolean; endsOn: string } & Omit<BudgetRefusal, 'amountUsd' | 'resetsAt'>);

/** What a refused call is told. */
export function refusalOf(admission: Extract<Admission, { kind: 'refused' }>, amountUsd: string): BudgetExceededError {
  const { subject, window, limitUsd, usedUsd, reservedUsd, endsOn } = admission;
  const resetsAt = new Date(endsOn);
  return new BudgetExceededError({ subject, window, limitUsd, usedUsd, reservedUsd, amountUsd, resetsAt });
}
