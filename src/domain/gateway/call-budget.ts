import type { ModelInfo } from '../../plugins/contract.ts';
import { addDecimals, compareDecimals, subtractDecimals } from '../../shared/decimal.ts';
import type { WorkspaceProviders } from '../integrations/integration-directory.ts';
import { type Budget, budgetsOf, windowDays } from '../usage/budget.ts';
import { BudgetExceededError } from '../usage/errors.ts';
import type { HeldReservation } from '../usage/reservation.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import { costBoundUsd, type UseBound } from './cost-bound.ts';
import type { ModelCall } from './model-call.ts';
import type { CatalogModel } from './model-catalog.ts';

/** How long a reservation outlives the try that it covers: to write what the try has cost, also to a busy database. */
const MARGIN_MS = 20_000;

/** Where budgets that hold for a call are kept. */
export interface BudgetParts {
  reservations: ReservationService;
  call: ModelCall;
  /** In force for the call; at least one. */
  budgets: readonly [Budget, ...Budget[]];
  /** Whether a model whose price is not known may not be called. */
  refusesUnknownPrices: boolean;
  /** What one try uses at the most. */
  bound: UseBound;
}

/**
 * The money of one call: what its next try can cost is held before it, whatever it has cost before. Ended by the last try
 * that is written, or by `release`.
 */
export class CallBudget {
  readonly #parts: BudgetParts;
  #reservation: HeldReservation | null = null;
  /** Of what is held, without what the tries so far have cost. */
  #leftUsd = '0';
  #expiresAtMs = 0;
  /** Tries that have spent of it, and whether more was held since: only what is as it was can be of use to a next call. */
  #tries = 0;
  #isRaised = false;
  #prolonging: NodeJS.Timeout | null = null;

  constructor(parts: BudgetParts) {
    this.#parts = parts;
  }

  /** Null: nothing is held. */
  get reservationId(): string | null {
    return this.#reservation?.id ?? null;
  }

  /** Whether what is held may be kept for a next call. */
  get isReusable(): boolean {
    const isAsItWas = this.#tries === 1 && !this.#isRaised;
    return this.#reservation !== null && isAsItWas && this.#parts.reservations.isWanted(this.#reservation);
  }

  /**
   * Holds what a try of a model can cost. The first one waits a moment for room; a later one, which may be dearer, gets it
   * at once or not at all.
   * @throws BudgetExceededError
   */
  async cover({ id, info, live }: Pick<CatalogModel, 'id' | 'info' | 'live'>): Promise<void> {
    const amountUsd = this.#boundOf(id, info);
    if (compareDecimals(amountUsd, '0') === 0) return;
    const ttlMs = live.timeouts.totalMs + MARGIN_MS;
    if (this.#reservation === null) {
      const { reservations, call } = this.#parts;
      const { workspace, apiKeyId } = call.caller;
      const asked = { workspaceId: workspace.id, apiKeyId, amountUsd, ttlMs, signal: call.signal };
      this.#reservation = await reservations.reserve(asked);
      if (this.#reservation === null) return;
      this.#leftUsd = this.#reservation.amountUsd;
      this.#goodUntil(this.#reservation.untilMs, ttlMs);
      return;
    }
    const missingUsd = subtractDecimals(amountUsd, this.#leftUsd);
    const needsMore = compareDecimals(missingUsd, '0') > 0;
    const isShort = this.#expiresAtMs < performance.now() + ttlMs - MARGIN_MS / 2;
    if (needsMore || isShort) await this.#raise(this.#reservation, needsMore ? missingUsd : '0', ttlMs);
  }

  /**
   * Whether a try of a model would be covered, whatever is under way; nothing is held.
   * @throws BudgetExceededError
   */
  async check({ id, info }: Pick<CatalogModel, 'id' | 'info'>): Promise<void> {
    const { reservations, call } = this.#parts;
    const { workspace, apiKeyId } = call.caller;
    await reservations.check(workspace.id, apiKeyId, this.#boundOf(id, info));
  }

  /** A try has cost this. */
  spent(costUsd: string | null): void {
    this.#tries += 1;
    const left = subtractDecimals(this.#leftUsd, costUsd ?? '0');
    this.#leftUsd = compareDecimals(left, '0') < 0 ? '0' : left;
  }

  /** The last try is written; what it has not used is free, or kept for a next call. */
  ended(isKept: boolean): void {
    if (this.#prolonging !== null) clearTimeout(this.#prolonging);
    this.#prolonging = null;
    const reservation = this.#reservation;
    this.#reservation = null;
    if (reservation !== null) this.#parts.reservations.over(reservation, isKept);
  }

  /** Nothing was tried, or nothing is left to be written: gives back what is held. */
  async release(): Promise<void> {
    const reservation = this.#reservation;
    if (reservation === null) return;
    this.ended(false);
    await this.#parts.reservations.release(reservation);
  }

  async #raise(reservation: HeldReservation, amountUsd: string, ttlMs: number): Promise<void> {
    this.#isRaised = true;
    const untilMs = performance.now() + ttlMs;
    await this.#parts.reservations.raise(reservation, amountUsd, ttlMs);
    this.#leftUsd = addDecimals(this.#leftUsd, amountUsd);
    this.#goodUntil(untilMs, ttlMs);
  }

  /** An answer that is read slowly takes longer than any limit: it is prolonged for as long as this process works on it. */
  #goodUntil(untilMs: number, ttlMs: number): void {
    this.#expiresAtMs = untilMs;
    if (this.#prolonging !== null) clearTimeout(this.#prolonging);
    const prolong = () => {
      const reservation = this.#reservation;
      if (reservation === null) return;
      // Where the database is away, tried again soon.
      this.#raise(reservation, '0', ttlMs).catch(() => this.#prolongAfter(prolong, MARGIN_MS / 10));
    };
    this.#prolongAfter(prolong, untilMs - performance.now() - MARGIN_MS / 2);
  }

  #prolongAfter(prolong: () => void, delayMs: number): void {
    if (this.#reservation === null) return;
    this.#prolonging = setTimeout(prolong, delayMs);
    this.#prolonging.unref();
  }

  #boundOf(model: string, info: ModelInfo): string {
    const { bound, budgets, refusesUnknownPrices } = this.#parts;
    const amountUsd = costBoundUsd(bound, info);
    if (amountUsd !== null || !refusesUnknownPrices) return amountUsd ?? '0';
    const [budget] = budgets;
    const { endsOn } = windowDays(budget.window, Date.now());
    const refusal = { ...budget, usedUsd: '0', reservedUsd: '0', amountUsd: null, resetsAt: new Date(endsOn) };
    throw new BudgetExceededError(
      refusal,
      `the price of ${model} is not known, and the workspace's policy "budgets" refuses such models while a budget is in ` +
        "force: set inputUsdPerMillion and outputUsdPerMillion of the model in the integration's models, or the policy to allow",
    );
  }
}

/** What keeps a call of a bound within the budgets that are in force for it; null where there are none. */
export function budgetInForce(
  reservations: ReservationService | undefined,
  call: ModelCall,
  { budgets: all, settings }: Pick<WorkspaceProviders, 'budgets' | 'settings'>,
): ((bound: UseBound) => CallBudget) | null {
  if (reservations === undefined || all.length === 0) return null;
  const [first, ...rest] = budgetsOf(all, call.caller.apiKeyId);
  if (first === undefined) return null;
  const { unknownPrices } = (settings.policies.budgets ?? {}) as { unknownPrices?: unknown };
  const refusesUnknownPrices = unknownPrices === 'refuse';
  return (bound) => new CallBudget({ reservations, call, budgets: [first, ...rest], refusesUnknownPrices, bound });
}
