import type { Database } from '../../db/client.ts';
import { compareDecimals } from '../../shared/decimal.ts';
import { newId } from '../../shared/ids.ts';
import { lockLedger, makePeriods } from './budget-store.ts';
import { Lanes, type Verdict } from './lanes.ts';
import { type Admission, type Reservation, refusalOf, subjectsOf } from './reservation.ts';
import {
  endReservations,
  type ReservationGroup,
  reserveBudgets,
  sweepReservations,
  type TimedReservation,
} from './reservation-store.ts';
import { RoomWaiters } from './room-waiters.ts';
import { dayOf } from './utc-day.ts';

/** How long a call waits for others to need less than they hold. */
const WAIT_MS = 10_000;
/** Expired reservations that one call ends before its own is made. */
const SWEEP_MAX = 1_000;

/** What a call asks to be kept back for it. */
export interface ReservationRequest {
  workspaceId: string;
  apiKeyId: string | null;
  /** What it can cost at the most; exact decimal. */
  amountUsd: string;
  /** When it is given up for dead, unless it is prolonged. */
  ttlMs: number;
  signal: AbortSignal;
}

/**
 * Keeps back what calls can cost, so that a budget is never overdrawn however many servers spend at once: what was used
 * and what is held never exceed the limit together. Writing the call's last attempt ends its reservation.
 */
export class ReservationService {
  readonly #database: Database;
  readonly #now: () => number;
  /** By workspace: the calls of a tick in one statement. */
  readonly #lanes = new Lanes<TimedReservation, Admission>((asked) => this.#reserveAll(asked));
  readonly #waiters = new RoomWaiters();

  /** @param now milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Holds what a call can cost. Where there is no room but may be soon, because the calls under way turn out to cost less
   * than is held for them, it waits up to 10 seconds.
   * @returns null where no budget is in force
   * @throws BudgetExceededError, and nothing is held; the signal's reason where the caller has left meanwhile
   */
  async reserve({ workspaceId, apiKeyId, signal, ...asked }: ReservationRequest): Promise<Reservation | null> {
    const id = newId('Reservation');
    const deadline = performance.now() + WAIT_MS;
    for (;;) {
      signal.throwIfAborted();
      const reservation = { ...asked, workspaceId, id, apiKeyId: apiKeyId ?? '', day: dayOf(this.#now()) };
      const answer = await this.#lanes.ask(workspaceId, reservation);
      if (answer.kind === 'free') return null;
      if (answer.kind === 'held') {
        if (signal.aborted) await this.release(reservation);
        signal.throwIfAborted();
        return reservation;
      }
      const waitMs = deadline - performance.now();
      if (!answer.mayFit || waitMs <= 0 || !(await this.#waiters.wait(workspaceId, id, waitMs, signal))) {
        throw refusalOf(answer, asked.amountUsd);
      }
    }
  }

  /**
   * Holds more for the same call, at once or not at all, and prolongs it.
   * @throws BudgetExceededError, and what is held stays
   */
  async raise(reservation: Reservation, amountUsd: string, ttlMs: number): Promise<void> {
    const answer = await this.#lanes.ask(reservation.workspaceId, { ...reservation, amountUsd, ttlMs });
    if (answer.kind === 'refused') throw refusalOf(answer, amountUsd);
  }

  /** Ends a reservation that no attempt has ended. */
  async release(reservation: Reservation): Promise<void> {
    await this.#database.withSystem((scope) => endReservations(scope, [reservation], { onlyExpired: false }));
    this.freed(reservation.workspaceId);
  }

  /** There may be room again: those that wait try once more. */
  freed(workspaceId: string): void {
    this.#waiters.wake(workspaceId);
  }

  /**
   * Whether an amount would still be within the budgets, whatever is under way: asked before a job is queued.
   * @throws BudgetExceededError
   */
  async check(workspaceId: string, apiKeyId: string | null, amountUsd: string): Promise<void> {
    if (compareDecimals(amountUsd, '0') === 0) return;
    const asked = { id: '', apiKeyId: apiKeyId ?? '', amountUsd, day: dayOf(this.#now()), ttlMs: 0 };
    const [admission] = await this.#admit({ workspaceId, asked: [asked], hold: false });
    if (admission?.kind === 'refused' && !admission.mayFit) throw refusalOf(admission, amountUsd);
  }

  /** Ends the workspace's reservations whose holders have died, without waiting for the maintenance. */
  async sweep(workspaceId: string): Promise<void> {
    const ended = await this.#database.withSystem((scope) => sweepReservations(scope, SWEEP_MAX, workspaceId));
    if (ended > 0) this.freed(workspaceId);
  }

  async #reserveAll(asked: readonly [TimedReservation, ...TimedReservation[]]): Promise<Verdict<Admission>[]> {
    const [{ workspaceId }] = asked;
    const admissions = await this.#admit({ workspaceId, asked, hold: true });
    return admissions.map((granted) => ({ granted }));
  }

  async #admit(asked: Omit<ReservationGroup, 'today'>): Promise<Admission[]> {
    // A clock that is set back leaves no call without a period of its day.
    const today = asked.asked.reduce((latest, { day }) => (day > latest ? day : latest), dayOf(this.#now()));
    const group = { ...asked, today };
    for (;;) {
      const admissions = await reserveBudgets(this.#database, group);
      // In transactions of their own: each locks in another order than the one that has found it.
      if (admissions === 'EXPIRED') await this.sweep(group.workspaceId);
      else if (admissions === 'UNKNOWN') await this.#makePeriods(group);
      else return admissions;
    }
  }

  #makePeriods({ workspaceId, asked, today }: ReservationGroup): Promise<void> {
    return this.#database.withSystem(async (scope) => {
      await lockLedger(scope, workspaceId);
      await makePeriods(scope, workspaceId, [...new Set(asked.flatMap(subjectsOf))], Date.parse(today));
    });
  }
}
