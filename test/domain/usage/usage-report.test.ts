import { describe, expect, test } from 'vitest';
import {
  keptPeriod,
  limitWindowStart,
  type Period,
  periodOf,
  resetInstant,
  USAGE_RANGE_MAX_DAYS,
} from '../../../src/domain/usage/usage-report.ts';
import { InvalidInputError } from '../../../src/shared/errors.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The last minute of a month, and of a leap day before the first of March. */
const LATE = [Date.parse('2027-01-31T23:59:30Z'), Date.parse('2028-02-29T23:30:00Z')];
const NOON = Date.parse('2027-03-15T12:00:00Z');

const told = ({ from, to }: Period) => [from.toISOString(), to.toISOString()];

describe('the period of a report', () => {
  test('is by default thirty whole days, today among them, at any time of the day', () => {
    for (const time of ['00:00:00.000', '12:00:00.000', '23:59:59.999']) {
      const nowMs = Date.parse(`2027-03-15T${time}Z`);
      expect(told(periodOf({}, nowMs))).toEqual(['2027-02-14T00:00:00.000Z', '2027-03-16T00:00:00.000Z']);
    }
  });

  test('ends with today where its window is named', () => {
    const starts = (['DAY', 'WEEK', 'MONTH', 'QUARTER'] as const).map((last) => told(periodOf({ last }, NOON))[0]);
    expect(starts.map((start) => start?.slice(0, 10))).toEqual([
      '2027-03-15',
      '2027-03-09',
      '2027-02-14',
      '2026-12-16',
    ]);
  });

  test.each(LATE)('is empty where it begins after the end of today (%d)', (nowMs) => {
    const from = new Date(nowMs + HOUR_MS);
    expect(periodOf({ from }, nowMs)).toEqual({ from, to: from });
    expect(periodOf({ from: new Date(nowMs) }, nowMs).to.getTime()).toBeGreaterThan(nowMs);
  });

  test('is refused where it runs backwards, is too long, or is told in two ways', () => {
    const from = new Date(NOON);
    for (const range of [
      { from, to: new Date(NOON - 1) },
      { from, to: new Date(NOON + (USAGE_RANGE_MAX_DAYS + 1) * DAY_MS) },
      { from, last: 'DAY' as const },
      { from: new Date(Number.NaN) },
    ]) {
      expect(() => periodOf(range, NOON)).toThrow(InvalidInputError);
    }
    expect(told(periodOf({ from, to: from }, NOON))).toEqual([from.toISOString(), from.toISOString()]);
  });

  test('has whole days where single attempts are gone', () => {
    const asked = { from: new Date(NOON - 10 * DAY_MS), to: new Date(NOON) };
    expect(told(keptPeriod(asked, NOON, 5))).toEqual(['2027-03-05T00:00:00.000Z', '2027-03-15T12:00:00.000Z']);
    expect(keptPeriod(asked, NOON, 30)).toEqual(asked);
  });
});

describe('the window of the limits', () => {
  test.each(LATE)('counts today and the 29 days before it (%d)', (nowMs) => {
    const today = Math.floor(nowMs / DAY_MS) * DAY_MS;
    expect(limitWindowStart(nowMs)).toBe(today - 29 * DAY_MS);
    expect(resetInstant(limitWindowStart(nowMs), nowMs).getTime()).toBe(today + DAY_MS);
    expect(resetInstant(null, nowMs).getTime()).toBe(today + 30 * DAY_MS);
  });
});
