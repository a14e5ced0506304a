import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { compareDecimals } from '../../shared/decimal.ts';
import { newId } from '../../shared/ids.ts';
import { lockLedger, makePeriods, readPeriods } from './budget-store.ts';
import { Lanes, type Verdict } from './lanes.ts';
import { type Admission, OpenPeriods, type Reservation, subjectsOf } from './reservation.ts';
import {
  addReservations,
  endReservations,
  hasExpired,
  lockPeriods,
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

type Answer = Exclude<Admission, { kind: 'unknown' }>;
type Group = readonly [TimedReservation, ...TimedReservation[]];

/**
 * Keeps back what calls can cost, so that a budget is never overdrawn however many servers spend at once: what was used
 * and what is held never exceed the limit together. Writing the call's last attempt ends its reservation.
 */
export class ReservationService {
  readonly #database: Database;
  readonly #now: () => number;
  /** By workspace: the calls of a tick in one transaction. */
  readonly #lanes = new Lanes<TimedReservation, Answer>((asked) => this.#reserveAll(asked));
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
        throw answer.refusal;
      }
    }
  }

  /**
   * Holds more for the same call, at once or not at all, and prolongs it.
   * @throws BudgetExceededError, and what is held stays
   */
  async raise(reservation: Reservation, amountUsd: string, ttlMs: number): Promise<void> {
    const answer = await this.#lanes.ask(reservation.workspaceId, { ...reservation, amountUsd, ttlMs });
    if (answer.kind === 'refused') throw answer.refusal;
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
    const asked = { apiKeyId: apiKeyId ?? '', amountUsd, day: dayOf(this.#now()) };
    for (;;) {
      const periods = await this.#database.withSystem((scope) =>
        readPeriods(scope, workspaceId, subjectsOf(asked), asked.day),
      );
      const admission = new OpenPeriods(periods).admit(asked);
      if (admission.kind === 'refused' && !admission.mayFit) throw admission.refusal;
      if (admission.kind !== 'unknown') return;
      await this.#makePeriods(workspaceId, [asked]);
    }
  }

  /** Ends the workspace's reservations whose holders have died, without waiting for the maintenance. */
  async sweep(workspaceId: string): Promise<void> {
    const ended = await this.#database.withSystem((scope) => sweepReservations(scope, SWEEP_MAX, workspaceId));
    if (ended > 0) this.freed(workspaceId);
  }

  /** First come, first served; what was held is told after the commit. */
  async #reserveAll(asked: Group): Promise<Verdict<Answer>[]> {
    const [{ workspaceId }] = asked;
    for (;;) {
      const outcome = await this.#database.withSystem((scope) => admitAll(scope, asked));
      // In transactions of their own: each locks in another order than the one that has found it.
      if (outcome === 'expired') await this.sweep(workspaceId);
      else if (outcome === 'unknown') await this.#makePeriods(workspaceId, asked);
      else return outcome.map((granted) => ({ granted }));
    }
  }

  #makePeriods(workspaceId: string, asked: readonly Pick<Reservation, 'apiKeyId' | 'day'>[]): Promise<void> {
    const atMs = Math.max(this.#now(), ...asked.map(({ day }) => Date.parse(day)));
    return this.#database.withSystem(async (scope) => {
      await lockLedger(scope, workspaceId);
      await makePeriods(scope, workspaceId, [...new Set(asked.flatMap(subjectsOf))], atMs);
    });
  }
}

/** @returns what has to be done before, where something stands in the way */
async function admitAll(scope: SystemScope, asked: Group): Promise<Answer[] | 'expired' | 'unknown'> {
  const [{ workspaceId }] = asked;
  const subjects = [...new Set(asked.flatMap(subjectsOf))];
  const day = asked.reduce((earliest, next) => (next.day < earliest ? next.day : earliest), asked[0].day);
  const [, expired, periods] = await Promise.all([
    lockPeriods(scope, [{ workspaceId, subjects, day }]),
    hasExpired(scope, workspaceId),
    readPeriods(scope, workspaceId, subjects, day),
  ]);
  if (expired) return 'expired';
  const open = new OpenPeriods(periods);
  const answers: Answer[] = [];
  for (const one of asked) {
    const admission = open.admit(one);
    if (admission.kind === 'unknown') return 'unknown';
    answers.push(admission);
  }
  const held = asked.filter((_one, i) => answers[i]?.kind === 'held');
  if (held.length > 0) await addReservations(scope, held, open.added);
  return answers;
}
