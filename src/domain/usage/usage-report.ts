import { InvalidInputError } from '../../shared/errors.ts';
import type { Tier } from '../access/caller.ts';
import { percentOf } from './percent.ts';
import { LIMIT_WINDOW_DAYS, limitOf, METERS, type Meter } from './tiers.ts';
import { addDays, endOfDay, startOfDay } from './utc-day.ts';

/** Whole UTC days, today among them. */
export const USAGE_WINDOW_DAYS = { DAY: 1, WEEK: 7, MONTH: 30, QUARTER: 90 } as const;
export type UsageWindow = keyof typeof USAGE_WINDOW_DAYS;

export type UsageDimension = 'PROVIDER' | 'MODEL' | 'OPERATION' | 'API_KEY' | 'DAY' | 'OUTCOME';

export const USAGE_RANGE_MAX_DAYS = 400;

/** For how many days single attempts are kept, unless it is set otherwise; what they add up to by day stays. */
export const USAGE_RETENTION_DAYS = 400;

/** Which time to report on: a window up to today, or any two instants; by default the last MONTH. */
export interface UsageRange {
  last?: UsageWindow | null;
  /** Inclusive; by default 30 days before `to`. */
  from?: Date | null;
  /** Exclusive; by default the end of today. */
  to?: Date | null;
}

/** From `from` (inclusive) to `to` (exclusive). */
export interface Period {
  from: Date;
  to: Date;
}

/**
 * What was used in a period. A request is a try at a provider, also one that failed and was tried again, and an answer
 * that came from the cache. A vector query goes to no provider: it counts in `vectorQueries` and not in `requests`.
 */
export interface UsageTotals {
  requests: number;
  /** Requests that ended in FAILED, RETRIED or RESTARTED. */
  failed: number;
  cacheHits: number;
  embeddings: number;
  llmCalls: number;
  vectorQueries: number;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  /** Exact decimal, of the requests whose price is known. */
  costUsd: string;
  /** Requests whose price is not known: their cost is missing in `costUsd`. */
  unpriced: number;
  /** `costUsd` by request whose price is known, to 12 decimal places; "0" where there is none. */
  averageCostUsd: string;
  /** By request; null where there is none. */
  averageLatencyMs: number | null;
}

/** Values of the dimensions that were asked for; `apiKey` is null where no key made the call. */
export type UsageKey = Partial<
  Record<'provider' | 'model' | 'operation' | 'day' | 'outcome', string> & { apiKey: string | null }
>;

export interface UsageGroup {
  key: UsageKey;
  totals: UsageTotals;
}

/** A meter over the last 30 days. */
export interface LimitState {
  meter: Meter;
  used: number;
  /** Null where the tier has none. */
  limit: number | null;
  /** When the oldest day that counts falls out of the window; where nothing counts, when use of today would. */
  resetsAt: Date;
}

/** How much of a limit is used. */
export interface MeterPercentage {
  meter: Meter;
  /** Null where there is no limit; above 100 after a move to a smaller tier. */
  percent: number | null;
}

/** What one meter has counted in the window of the limits. */
export interface MeterUse {
  used: number;
  /** The oldest day (UTC) with any use, as its midnight in milliseconds; null where there is none. */
  oldestDayMs: number | null;
}

/** @throws InvalidInputError where the range is none, runs backwards or spans more than 400 days */
export function periodOf(range: UsageRange, nowMs: number): Period {
  const { last = null, from = null, to = null } = range;
  if (last !== null && (from !== null || to !== null)) {
    throw InvalidInputError.at('range', 'give either last, or from and to');
  }
  for (const [name, instant] of [['from', from] as const, ['to', to] as const]) {
    if (instant !== null && Number.isNaN(instant.getTime())) {
      throw InvalidInputError.at(`range.${name}`, 'is not an instant');
    }
  }
  const tomorrow = addDays(startOfDay(nowMs), 1);
  const toMs = to?.getTime() ?? Math.max(tomorrow, from?.getTime() ?? tomorrow);
  const fromMs = from?.getTime() ?? addDays(toMs, -USAGE_WINDOW_DAYS[last ?? 'MONTH']);
  if (fromMs > toMs) throw InvalidInputError.at('range', 'from must not be after to');
  if (toMs > addDays(fromMs, USAGE_RANGE_MAX_DAYS)) {
    throw InvalidInputError.at('range', `must not span more than ${USAGE_RANGE_MAX_DAYS} days`);
  }
  return { from: new Date(fromMs), to: new Date(toMs) };
}

/** The period with whole days where the attempts that could tell more are gone. */
export function keptPeriod({ from, to }: Period, nowMs: number, retentionDays: number): Period {
  const keptSinceMs = addDays(nowMs, -retentionDays);
  const isGone = (instant: Date) => startOfDay(instant.getTime()) < keptSinceMs;
  return {
    from: isGone(from) ? new Date(startOfDay(from.getTime())) : from,
    to: isGone(to) ? new Date(endOfDay(to.getTime())) : to,
  };
}

/** The dimensions of a grouping, each once. @throws InvalidInputError where there is none */
export function checkDimensions(by: readonly UsageDimension[]): UsageDimension[] {
  if (by.length === 0) throw InvalidInputError.at('by', 'name at least one dimension');
  return [...new Set(by)];
}

/** Midnight of the first day that the limits still count. */
export function limitWindowStart(nowMs: number): number {
  return addDays(startOfDay(nowMs), 1 - LIMIT_WINDOW_DAYS);
}

/** The days that the limits count. */
export function limitWindow(nowMs: number): Period {
  const startMs = limitWindowStart(nowMs);
  return { from: new Date(startMs), to: new Date(addDays(startMs, LIMIT_WINDOW_DAYS)) };
}

/** When the use of the oldest counted day no longer counts. */
export function resetInstant(oldestDayMs: number | null, nowMs: number): Date {
  return new Date(addDays(oldestDayMs ?? startOfDay(nowMs), LIMIT_WINDOW_DAYS));
}

export function limitStates(tier: Tier, uses: ReadonlyMap<Meter, MeterUse>, nowMs: number): LimitState[] {
  return METERS.map((meter) => {
    const { used, oldestDayMs } = uses.get(meter) ?? { used: 0, oldestDayMs: null };
    return { meter, used, limit: limitOf(tier, meter), resetsAt: resetInstant(oldestDayMs, nowMs) };
  });
}

export function percentagesOf(states: readonly LimitState[]): MeterPercentage[] {
  return states.map(({ meter, used, limit }) => ({ meter, percent: limit === null ? null : percentOf(used, limit) }));
}
