import type { Point } from '../../../../../src/domain/agents/types/dashboard-insights/time-grid.ts';

export type Random = () => number;
/** What a series' level is multiplied by on a day; 1 where nothing happens. */
export type Effect = (day: number) => number;
/** Values of days; NaN where a day is missing. */
export type Kind = (random: Random, days: number, effect: Effect) => number[];

const FIRST_DAY = Date.UTC(2025, 0, 1);
const DAY_MS = 86_400_000;
const WEEK = [1, 1.1, 1.05, 1, 0.95, 0.5, 0.4];

/** mulberry32: small, and the same on every machine. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function poisson(random: Random, mean: number): number {
  if (mean > 60) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal(random)));
  let [count, share] = [0, Math.exp(-mean)];
  for (let left = random() - share; left > 0 && count < 1_000; left -= share) {
    count += 1;
    share *= mean / count;
  }
  return count;
}

function daily(value: (random: Random, day: number) => number): Kind {
  return (random, days, effect) => Array.from({ length: days }, (_none, day) => effect(day) * value(random, day));
}

function autoregressive(persistence: number, variation: number): Kind {
  return (random, days, effect) => {
    let state = normal(random);
    return Array.from({ length: days }, (_none, day) => {
      state = persistence * state + Math.sqrt(1 - persistence ** 2) * normal(random);
      return effect(day) * 100 * (1 + variation * state);
    });
  };
}

/** Series in which nothing happens, around 100 for most; `variation` is their spread as a share of the level. */
export function kindsOf(variation: number): Record<string, Kind> {
  const noise = (random: Random) => 1 + variation * normal(random);
  return {
    normal: daily((random) => 100 * noise(random)),
    lognormal: daily((random) => 100 * Math.exp(variation * normal(random))),
    'whole numbers': (random, days, effect) =>
      daily((each) => 1_000 * noise(each))(random, days, effect).map(Math.round),
    weekly: daily((random, day) => 100 * (WEEK[day % 7] as number) * noise(random)),
    monthly: daily((random, day) => 100 * (1 + 0.15 * Math.sin((2 * Math.PI * day) / 30.4)) * noise(random)),
    'autocorrelated 0.3': autoregressive(0.3, variation),
    'autocorrelated 0.6': autoregressive(0.6, variation),
    'with outliers': daily((random) => 100 * noise(random) + (random() < 0.01 ? 800 * variation : 0)),
    'growing noise': daily((random, day) => 100 * (1 + variation * (0.6 + (0.8 * day) / 365) * normal(random))),
    'missing days': daily((random) => (random() < 0.1 ? Number.NaN : 100 * noise(random))),
    'large offset': daily((random) => 1e6 + 1e6 * variation * normal(random)),
    negative: daily((random) => -500 * noise(random)),
  };
}

/** Counts, which scatter as much as their size tells. */
export const COUNTS: Record<string, Kind> = {
  'three a day': counts(3),
  'ten a day': counts(10),
  'hundred a day': counts(100),
  'thousand a day': counts(1_000),
};

function counts(mean: number): Kind {
  return (random, days, effect) => Array.from({ length: days }, (_none, day) => poisson(random, mean * effect(day)));
}

export function toPoints(values: readonly number[]): Point[] {
  return values.flatMap((value, day) => (Number.isNaN(value) ? [] : [{ at: dayAt(day), value }]));
}

export function dayAt(day: number): Date {
  return new Date(FIRST_DAY + day * DAY_MS);
}
