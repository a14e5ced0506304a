import { InvalidInputError } from '../../shared/errors.ts';
import type { UsageGroup, UsageTotals } from './usage-report.ts';
import { addDays, dayOf } from './utc-day.ts';

/** Days that one question may span. */
export const SUMMARY_RANGE_MAX_DAYS = 366;

/** The usage of one past day (UTC). */
export interface DailySummary {
  /** As `YYYY-MM-DD`. */
  date: string;
  totals: UsageTotals;
  /** Most requests first. */
  byProvider: UsageGroup[];
}

/** @throws InvalidInputError where the days are none, run backwards, or are more than 366 */
export function checkDays(from: string, to: string): void {
  const [fromMs, toMs] = [checkDay('from', from), checkDay('to', to)];
  if (fromMs > toMs) throw InvalidInputError.at('from', 'must not be after to');
  if (toMs >= addDays(fromMs, SUMMARY_RANGE_MAX_DAYS)) {
    throw InvalidInputError.at('to', `must not be more than ${SUMMARY_RANGE_MAX_DAYS} days from and with from`);
  }
}

function checkDay(name: string, day: string): number {
  const atMs = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00Z`) : Number.NaN;
  // 31 February is a day of March to some, and none to others.
  if (Number.isNaN(atMs) || dayOf(atMs) !== day || day < '0001-01-01') {
    throw InvalidInputError.at(name, 'must be a day such as "2026-03-01"');
  }
  return atMs;
}
