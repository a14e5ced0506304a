import type { Database } from '../../db/client.ts';
import { compareDecimals } from '../../shared/decimal.ts';
import { newId } from '../../shared/ids.ts';
import { lockLedger, makePeriods } from './budget-store.ts';
import { KeptReservations } from './kept-reservations.ts';
import { Lanes, type Verdict } from './lanes.ts';
import { type Admission, type HeldReservation, type Reservation, refusalOf, subjectsOf } from './reservation.ts';
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
/** How much longer a reservation is good for that several calls may use, one after the other. */
const STRETCH_MS = 15_000;
/** After this long what could not be ended is tried again. */
const END_AGAIN_MS = 1_000;
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
  readonly #kept: KeptReservations;
  /** What was kept and is being ended now: of no use to anybody, and still in the books. */
  readonly #ending = new Set<Promise<void>>();
  /** What could not be ended. It may have ended, and nobody has heard of it: nobody takes it over. */
  #unended: HeldReservation[] = [];
  #endingAgain: NodeJS.Timeout | null = null;

  /**
   * @param now milliseconds since 1970
   * @param keptMs how long what a call has held is kept for a next one
   */
  constructor(database: Database, now: () => number = Date.now, keptMs = 250) {
    this.#database = database;
    this.#now = now;
    this.#kept = new KeptReservations((idle) => void this.#endKept(idle).catch(() => undefined), keptMs);
  }

  /**
   * Holds what a call can cost. Where there is no room but may be soon, because the calls under way turn out to cost less
   * than is held for them, it waits up to 10 seconds.
   * @returns null where no budget is in force
   * @throws BudgetExceededError, and nothing is held; the signal's reason where the caller has left meanwhile
   */
  async reserve({ workspaceId, signal, amountUsd, ...asked }: ReservationRequest): Promise<HeldReservation | null> {
    const call = { workspaceId, apiKeyId: asked.apiKeyId ?? '', id: newId('Reservation') };
    const deadline = performance.now() + WAIT_MS;
    for (let mayLetGo = true; ; ) {
      signal.throwIfAborted();
      const wanted = { ...call, day: dayOf(this.#now()), amountUsd };
      const kept = this.#kept.take(wanted, asked.ttlMs);
      if (kept !== null) return kept;
      const reservation = this.#timed(wanted, asked.ttlMs);
      const answer = await this.#lanes.ask(workspaceId, reservation);
      if (answer.kind === 'free') return null;
      if (answer.kind === 'held') {
        if (signal.aborted) await this.release(reservation);
        signal.throwIfAborted();
        return reservation;
      }
      if (mayLetGo) {
        mayLetGo = false;
        if (await this.letGo(workspaceId)) continue;
      }
      const waitMs = deadline - performance.now();
      if (!answer.mayFit || waitMs <= 0 || !(await this.#waiters.wait(workspaceId, call.id, waitMs, signal))) {
        throw refusalOf(answer, amountUsd);
      }
    }
  }

  /** Where calls follow each other, a reservation is good for a little longer, so that the next ones can use it. */
  #timed(wanted: Reservation, ttlMs: number): HeldReservation & TimedReservation {
    const goodForMs = this.#kept.isWanted(wanted) ? ttlMs + STRETCH_MS : ttlMs;
    return { ...wanted, ttlMs: goodForMs, untilMs: performance.now() + goodForMs };
  }

  /** Whether a reservation whose call ends now should be kept for a next one. */
  isWanted(reservation: HeldReservation): boolean {
    return reservation.day === dayOf(this.#now()) && this.#kept.isWanted(reservation);
  }

  /** The last try of a call is written: its reservation has ended, or was kept, and others may have room now. */
  over(reservation: HeldReservation, isKept: boolean): void {
    this.#kept.ended(reservation);
    if (isKept) this.#kept.keep(reservation);
    this.#waiters.wake(reservation.workspaceId);
  }

  /** Ends what is kept in this process for the next calls of a workspace. Returns whether there may be more room now. */
  async letGo(workspaceId: string): Promise<boolean> {
    const kept = this.#kept.takeAll(workspaceId);
    const mayHaveRoom = kept.length + this.#unended.length + this.#ending.size > 0;
    if (mayHaveRoom) await Promise.all([this.#endKept(kept), Promise.allSettled(this.#ending)]);
    return mayHaveRoom;
  }

  /** Ends all that is kept, and keeps nothing any more: for a clean stop, when all calls are over. */
  async close(): Promise<void> {
    try {
      await Promise.all([this.#endKept(this.#kept.close()), Promise.allSettled(this.#ending)]);
    } finally {
      if (this.#endingAgain !== null) clearTimeout(this.#endingAgain);
    }
  }

  /**
   * Holds more for the same call, at once or not at all, and prolongs it.
   * @throws BudgetExceededError, and what is held stays
   */
  async raise(reservation: Reservation, amountUsd: string, ttlMs: number): Promise<void> {
    const { workspaceId } = reservation;
    let answer = await this.#lanes.ask(workspaceId, { ...reservation, amountUsd, ttlMs });
    if (answer.kind === 'refused' && (await this.letGo(workspaceId))) {
      answer = await this.#lanes.ask(workspaceId, { ...reservation, amountUsd, ttlMs });
    }
    if (answer.kind === 'refused') throw refusalOf(answer, amountUsd);
  }

  /** Ends a reservation that no attempt has ended. */
  async release(reservation: Reservation): Promise<void> {
    await this.#end([reservation]);
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
    if (ended > 0) this.#waiters.wake(workspaceId);
  }

  async #end(reservations: readonly Reservation[]): Promise<void> {
    if (reservations.length === 0) return;
    await this.#database.withSystem((scope) => endReservations(scope, reservations, { onlyExpired: false }));
    for (const workspaceId of new Set(reservations.map((ended) => ended.workspaceId))) this.#waiters.wake(workspaceId);
  }

  /** @throws what the database answers; it is tried again, until the time of what is kept is over */
  async #endKept(kept: readonly HeldReservation[]): Promise<void> {
    const nowMs = performance.now();
    const left = [...this.#unended.splice(0), ...kept].filter(({ untilMs }) => untilMs > nowMs);
    const ending = this.#end(left);
    this.#ending.add(ending);
    try {
      await ending;
    } catch (error) {
      this.#unended.push(...left);
      this.#endingAgain ??= setTimeout(() => {
        this.#endingAgain = null;
        void this.#endKept([]).catch(() => undefined);
      }, END_AGAIN_MS).unref();
      throw error;
    } finally {
      this.#ending.delete(ending);
    }
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
