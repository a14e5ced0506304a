import { compareDecimals } from '../../shared/decimal.ts';
import type { HeldReservation, Reservation } from './reservation.ts';

/** A spender none of whose calls has followed another for so long is forgotten: what they hold is kept no more. */
const FORGOTTEN_MS = 60_000;
/** Of one workspace and key; and as many again as calls that end at once. */
const KEPT_MAX = 256;

/** Who makes calls: a workspace, or one of its keys. */
type Spender = Pick<Reservation, 'workspaceId' | 'apiKeyId'>;

interface Lane {
  /** The latest last. */
  kept: { reservation: HeldReservation; sinceMs: number }[];
  /** When a call last began so soon after another that it could take over what that one kept; of `performance.now()`. */
  followedAtMs: number;
  /** When one was last over. */
  endedAtMs: number;
}

/**
 * Reservations of calls that are over, kept a moment for the next ones of the same workspace and key: a call that takes
 * one over does not wait for the database. They are as real as any: they count in every period until they are ended.
 */
export class KeptReservations {
  /** By workspace and key. */
  readonly #lanes = new Map<string, Map<string, Lane>>();
  readonly #end: (reservations: readonly HeldReservation[]) => void;
  readonly #idleMs: number;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /**
   * @param end hears of those for which no call has come, to give back what they hold
   * @param idleMs how long one waits for a next call; nobody else can spend that money meanwhile
   */
  constructor(end: (reservations: readonly HeldReservation[]) => void, idleMs: number) {
    this.#end = end;
    this.#idleMs = idleMs;
  }

  /** One that covers a call of the amount for the time that it may take; null where there is none. */
  take({ workspaceId, apiKeyId, day, amountUsd }: Omit<Reservation, 'id'>, ttlMs: number): HeldReservation | null {
    const lane = this.#laneOf({ workspaceId, apiKeyId });
    const nowMs = performance.now();
    if (nowMs - lane.endedAtMs < this.#idleMs) lane.followedAtMs = nowMs;
    const place = lane.kept.findLastIndex(
      ({ reservation }) =>
        reservation.day === day && reservation.untilMs >= nowMs + ttlMs && isFit(reservation.amountUsd, amountUsd),
    );
    return place === -1 ? null : (lane.kept.splice(place, 1)[0]?.reservation ?? null);
  }

  /** Whether what a call of the spender holds is likely to be taken over, when it is over. */
  isWanted({ workspaceId, apiKeyId }: Spender): boolean {
    const lane = this.#lanes.get(workspaceId)?.get(apiKeyId);
    if (this.#isClosed || lane === undefined || lane.kept.length >= KEPT_MAX) return false;
    return performance.now() - lane.followedAtMs < FORGOTTEN_MS;
  }

  /** A call of the spender is over. */
  ended(spender: Spender): void {
    this.#laneOf(spender).endedAtMs = performance.now();
  }

  /** For the next call of its spender. */
  keep(reservation: HeldReservation): void {
    if (this.#isClosed) this.#end([reservation]);
    else this.#laneOf(reservation).kept.push({ reservation, sinceMs: performance.now() });
  }

  /** All that wait, of a workspace or of all: they wait no longer. */
  takeAll(workspaceId?: string): HeldReservation[] {
    const lanes = workspaceId === undefined ? this.#lanes.values() : [this.#lanes.get(workspaceId) ?? new Map()];
    return [...lanes].flatMap((ofKeys: Map<string, Lane>) =>
      [...ofKeys.values()].flatMap(({ kept }) => kept.splice(0).map(({ reservation }) => reservation)),
    );
  }

  /** Nothing is kept from now on. Returns what was. */
  close(): HeldReservation[] {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    return this.takeAll();
  }

  #laneOf({ workspaceId, apiKeyId }: Spender): Lane {
    const ofKeys = this.#lanes.get(workspaceId) ?? new Map<string, Lane>();
    const known = ofKeys.get(apiKeyId);
    if (known !== undefined) return known;
    const lane = { kept: [], followedAtMs: Number.NEGATIVE_INFINITY, endedAtMs: Number.NEGATIVE_INFINITY };
    this.#lanes.set(workspaceId, ofKeys.set(apiKeyId, lane));
    if (!this.#isClosed) this.#timer ??= setInterval(() => this.#tidy(), this.#idleMs).unref();
    return lane;
  }

  #tidy(): void {
    const nowMs = performance.now();
    const idle: HeldReservation[] = [];
    for (const [workspaceId, ofKeys] of this.#lanes) {
      for (const [apiKeyId, lane] of ofKeys) {
        // The oldest first: those that are taken are the latest.
        const count = lane.kept.findIndex(({ sinceMs }) => nowMs - sinceMs < this.#idleMs);
        idle.push(
          ...lane.kept.splice(0, count === -1 ? lane.kept.length : count).map(({ reservation }) => reservation),
        );
        if (nowMs - Math.max(lane.followedAtMs, lane.endedAtMs) < FORGOTTEN_MS || lane.kept.length > 0) continue;
        ofKeys.delete(apiKeyId);
      }
      if (ofKeys.size === 0) this.#lanes.delete(workspaceId);
    }
    if (idle.length > 0) this.#end(idle);
    if (this.#lanes.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

function isFit(heldUsd: string, amountUsd: string): boolean {
  if (heldUsd === amountUsd) return true;
  return compareDecimals(heldUsd, amountUsd) > 0 && compareDecimals(heldUsd, stepAbove(amountUsd)) <= 0;
}

/**
 * How much a reservation may hold that a call of this amount takes over: of 1, 2 and 5 and their decimal multiples the next
 * one. What calls of a kind hold differs by the length of their prompts.
 */
export function stepAbove(amountUsd: string): string {
  const exponent = Math.floor(Math.log10(Number(amountUsd)));
  if (!Number.isFinite(exponent)) return amountUsd;
  const steps = ['1', '2', '5'].map((digit) => decimalOf(digit, exponent));
  return steps.find((step) => compareDecimals(step, amountUsd) >= 0) ?? decimalOf('1', exponent + 1);
}

function decimalOf(digit: string, exponent: number): string {
  return exponent < 0 ? `0.${'0'.repeat(-exponent - 1)}${digit}` : digit + '0'.repeat(exponent);
}
