import { describe, expect, test } from 'vitest';
import { STRICTNESS } from '../../../../../src/domain/agents/types/dashboard-insights/false-discoveries.ts';
import {
  analyseSeries,
  type Finding,
  SeriesTooShortError,
} from '../../../../../src/domain/agents/types/dashboard-insights/series-analysis.ts';
import { COUNTS, dayAt, type Effect, type Kind, kindsOf, normal, seeded, toPoints } from './random-series.ts';

const LIMITS = { chance: STRICTNESS.NORMAL.chance, minimalChange: 0.25, minimalTrend: 0.12 };
/** Series of each kind; more of them make the shares surer: `SIGNALBOX_SIMULATIONS=20`. */
const SCALE = Number(process.env.SIGNALBOX_SIMULATIONS ?? 1);
const YEAR = 365;
const nothing: Effect = () => 1;

function findings(kind: Kind, seed: number, effect: Effect, days = YEAR): Finding[] {
  return analyseSeries(toPoints(kind(seeded(seed), days, effect)), LIMITS).findings;
}

/** The share of series, over all kinds, of which something holds. */
function shareOf(
  kinds: Record<string, Kind>,
  each: number,
  effect: Effect,
  holds: (found: Finding[]) => boolean,
  days = YEAR,
): number {
  let [held, total] = [0, 0];
  for (const [place, kind] of Object.values(kinds).entries()) {
    for (let index = 0; index < each * SCALE; index += 1) {
      if (holds(findings(kind, 1_000_003 * (place + 1) + 7_919 * index, effect, days))) held += 1;
      total += 1;
    }
  }
  return held / total;
}

const isRaised = (found: Finding[]) => found.length > 0;
const beginsNear = (day: number, reach: number) => (found: Finding[]) =>
  found.some(
    ({ from, shape }) => shape !== 'trend' && Math.abs(from.getTime() - dayAt(day).getTime()) <= reach * 86_400_000,
  );
const isTrend = (way: 1 | -1) => (found: Finding[]) =>
  found.some(({ shape, value, expected }) => shape === 'trend' && Math.sign(value - expected) === way);

describe('of random series in which nothing happens', { timeout: 600_000 }, () => {
  test('at most 1 in 20 raises anything, whatever their kind', () => {
    expect(shareOf(kindsOf(0.05), 8, nothing, isRaised)).toBeLessThanOrEqual(0.05);
    expect(shareOf(kindsOf(0.15), 14, nothing, isRaised)).toBeLessThanOrEqual(0.05);
    expect(shareOf(COUNTS, 20, nothing, isRaised)).toBeLessThanOrEqual(0.05);
  });

  test('at most 1 in 20 does so of those that are a month or a quarter long', () => {
    // Of a month that is seen once, a cycle of a month is a trend, and a first outlier is news.
    const { monthly: _monthly, 'with outliers': _outliers, ...kinds } = kindsOf(0.15);
    expect(shareOf(kinds, 25, nothing, isRaised, 30)).toBeLessThanOrEqual(0.05);
    expect(shareOf(kinds, 12, nothing, isRaised, 91)).toBeLessThanOrEqual(0.05);
  });
});

describe('in a year of daily data', { timeout: 600_000 }, () => {
  const steady = kindsOf(0.05);

  test('a drop of 40 % of a single day is found, whichever day it is', () => {
    // An outlier now and then, of both sides, is what makes a single day no news.
    const { 'with outliers': _outliers, ...clean } = steady;
    for (const day of [3, 100, 250, YEAR - 30, YEAR - 5, YEAR - 1]) {
      const effect: Effect = (each) => (each === day ? 0.6 : 1);
      expect(shareOf(clean, 2, effect, beginsNear(day, 0)), `on day ${day}`).toBeGreaterThanOrEqual(0.95);
    }
  });

  test('a drop of 40 % of the last day is found in twice the noise too', () => {
    const { normal: even, lognormal, 'whole numbers': whole, weekly, monthly } = kindsOf(0.1) as Record<string, Kind>;
    const kinds = { even, lognormal, whole, weekly, monthly } as Record<string, Kind>;
    const effect: Effect = (day) => (day === YEAR - 1 ? 0.6 : 1);
    expect(shareOf(kinds, 10, effect, beginsNear(YEAR - 1, 0))).toBeGreaterThanOrEqual(0.85);
  });

  test('wild days that rose do not hide one that fell', () => {
    const values = kindsOf(0.1).normal?.(seeded(12), YEAR, (day) => (day === YEAR - 1 ? 0.5 : 1)) as number[];
    values[100] = 260;
    values[200] = 240;
    const fallen = analyseSeries(toPoints(values), LIMITS).findings.filter(({ value, expected }) => value < expected);
    expect(fallen).toMatchObject([{ shape: 'point', from: dayAt(YEAR - 1), stepsAgo: 0 }]);
  });

  test('a drop of 40 % that lasts a week is found, at the end or weeks before it', () => {
    const lastWeek: Effect = (day) => (day >= YEAR - 7 ? 0.6 : 1);
    const before: Effect = (day) => (day >= YEAR - 30 && day < YEAR - 23 ? 0.6 : 1);
    expect(shareOf(kindsOf(0.1), 6, lastWeek, beginsNear(YEAR - 7, 2))).toBeGreaterThanOrEqual(0.95);
    expect(shareOf(kindsOf(0.1), 6, before, beginsNear(YEAR - 30, 2))).toBeGreaterThanOrEqual(0.95);
  });

  test('a lasting drop of 40 % is told as one change of level, and not as a trend', () => {
    const effect: Effect = (day) => (day >= 240 ? 0.6 : 1);
    const isOneLevel = (found: Finding[]) =>
      beginsNear(240, 4)(found) && !found.some(({ shape }) => shape === 'trend') && found[0]?.lasts === true;
    expect(shareOf(kindsOf(0.1), 6, effect, isOneLevel)).toBeGreaterThanOrEqual(0.95);
  });

  test('a trend of 30 % up or down over the year is found, and told as a trend alone', () => {
    const up: Effect = (day) => 1 + (0.3 * day) / YEAR;
    const down: Effect = (day) => 1 - (0.3 * day) / YEAR;
    const { negative: _negative, ...kinds } = kindsOf(0.1);
    const alone = (way: 1 | -1) => (found: Finding[]) =>
      isTrend(way)(found) && found.every(({ shape }) => shape !== 'level');
    expect(shareOf(kinds, 5, up, alone(1))).toBeGreaterThanOrEqual(0.95);
    expect(shareOf(kinds, 5, down, alone(-1))).toBeGreaterThanOrEqual(0.95);
  });

  test('a trend of 50 % over the last quarter is found', () => {
    const effect: Effect = (day) => 1 + (0.5 * Math.max(0, day - 274)) / 91;
    // What hangs together for days may go up at once as well as bit by bit: either is told.
    const { negative: _negative, 'autocorrelated 0.6': _slow, 'autocorrelated 0.3': _less, ...kinds } = kindsOf(0.1);
    expect(shareOf(kinds, 6, effect, isTrend(1))).toBeGreaterThanOrEqual(0.95);
  });
});

describe('a series', () => {
  const noisy = (seed: number) => kindsOf(0.05).normal?.(seeded(seed), YEAR, nothing) as number[];

  test('that stands still raises nothing; its first change does', () => {
    const still = new Array<number>(60).fill(42);
    expect(analyseSeries(toPoints(still), LIMITS).findings).toEqual([]);
    expect(analyseSeries(toPoints([...still, 21]), LIMITS).findings).toMatchObject([
      { shape: 'point', value: 21, until: dayAt(61) },
    ]);
    expect(analyseSeries(toPoints(new Array<number>(60).fill(0)), LIMITS).findings).toEqual([]);
  });

  test('that stops at zero is told to have fallen by all', () => {
    const values = [...noisy(3), 0, 0, 0];
    const [found] = analyseSeries(toPoints(values), LIMITS).findings;
    expect(found).toMatchObject({ shape: 'level', change: -1, lasts: true, from: dayAt(YEAR) });
  });

  test('is told with what it was and what it would have been', () => {
    const values = noisy(4);
    values[YEAR - 1] = 55;
    const [found] = analyseSeries(toPoints(values), LIMITS).findings;
    expect(found).toMatchObject({ shape: 'point', value: 55, from: dayAt(YEAR - 1), until: dayAt(YEAR) });
    expect(found?.expected).toBeGreaterThan(94);
    expect(found?.expected).toBeLessThan(106);
  });

  test('with a week of its own is compared with the same weekdays', () => {
    const values = kindsOf(0.05).weekly?.(seeded(5), YEAR, nothing) as number[];
    const analysis = analyseSeries(toPoints(values), LIMITS);
    expect(analysis).toMatchObject({ hasPhases: true, findings: [] });
    // A Monday's number on a Sunday: usual for the week, not for the day.
    const sunday = values.findLastIndex((_value, day) => day % 7 === 6);
    values[sunday] = 100;
    expect(analyseSeries(toPoints(values), LIMITS).findings).toMatchObject([{ shape: 'point', from: dayAt(sunday) }]);
  });

  test('around zero is told without shares', () => {
    const random = seeded(6);
    const values = Array.from({ length: YEAR }, (_none, day) => 10 * normal(random) + (day >= 330 ? 60 : 0));
    expect(analyseSeries(toPoints(values), LIMITS).findings).toMatchObject([{ shape: 'level', change: null }]);
  });

  test('of fewer than 14 days is refused', () => {
    expect(() => analyseSeries(toPoints(noisy(7).slice(0, 13)), LIMITS)).toThrow(SeriesTooShortError);
  });

  test('gives the same whatever the order of its points', () => {
    const values = noisy(8);
    values[YEAR - 1] = 50;
    const points = toPoints(values);
    const shuffled = points.toSorted((left, right) => (left.at.getTime() % 977) - (right.at.getTime() % 977));
    expect(analyseSeries(shuffled, LIMITS)).toEqual(analyseSeries(points, LIMITS));
  });
});
