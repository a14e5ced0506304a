import type { Noise } from './noise.ts';
import { clip, clippedMean, movingMedian, normalTail } from './robust-statistics.ts';

/** Steps before a change that it is measured against, at least and as a rule. */
const BASELINE_MIN = 8;
const BASELINE_STEPS = 42;
/** Lengths of change that are looked for; a change of one step is an anomaly of a point. */
const LENGTHS = [2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 56, 84];
/** Shares of the chance of a false find that are spent on changes of the last 7 steps, of the last 28, and of all. */
const CHANCE_BY_AGE = [
  { steps: 7, share: 0.5 },
  { steps: 28, share: 0.25 },
  { steps: Number.POSITIVE_INFINITY, share: 0.25 },
];
/** Spreads beyond which a value says no more than that: one wild value makes no change of level. */
const SPREADS_MAX = 4;

/** A stretch whose level differs from before it. */
export interface LevelChange {
  /** The first step of it. */
  from: number;
  /** The step after it; the length of the series where it lasts. */
  until: number;
  /** On the series' scale. */
  difference: number;
  /** The chance of anything like it in a series without one, all looks counted. */
  chance: number;
}

/**
 * The change of level that is least like chance; null: there are too few steps to tell.
 * @param shortest steps below which an average says nothing: of things that seldom happen, two in a row are no level
 */
export function findLevelChange(values: readonly number[], noise: Noise, shortest: number): LevelChange | null {
  const lengths = LENGTHS.filter((length) => length >= shortest && length <= values.length / 3);
  let best: { from: number; length: number; chance: number; base: number } | null = null;
  const medians = movingMedian(values, (step) => [Math.max(0, step - BASELINE_STEPS), step]);
  let behind = 0;
  let unrest = 1;
  for (let from = 0; from < values.length - 1; from += 1) {
    if (from > 0 && !Number.isNaN(values[from - 1])) behind += 1;
    if (behind < BASELINE_MIN) continue;
    if (from % 7 === 0 || from > values.length - 14) unrest = noise.unrestBefore(from);
    const base = baseBefore(values, from, noise, medians[from]);
    const baseVariance = noise.varianceOfMean(Math.min(behind, BASELINE_STEPS));
    let sum = 0;
    let count = 0;
    let step = from;
    for (const length of lengths) {
      if (from + length > values.length) break;
      for (; step < from + length; step += 1) {
        const value = values[step] as number;
        if (Number.isNaN(value)) continue;
        sum += clip((value - base) / noise.spread, SPREADS_MAX) * noise.spread;
        count += 1;
      }
      if (count < 2) continue;
      const spreads = Math.abs(sum / count) / Math.sqrt(unrest * (noise.varianceOfMean(count) + baseVariance));
      const chance = chanceOf(spreads, length, values.length - from - length, values.length) * lengths.length;
      if (best === null || chance < best.chance) best = { from, length, chance, base };
    }
  }
  return best === null ? null : outline(values, noise, best);
}

/** The level before a step. A mean, since counts of few would have the median of another number. */
function baseBefore(values: readonly number[], step: number, noise: Noise, middle?: number): number {
  return clippedMean(values.slice(Math.max(0, step - BASELINE_STEPS), step), SPREADS_MAX * noise.spread, middle);
}

/** Of both directions, times how often one like it could have been seen. */
function chanceOf(spreads: number, length: number, age: number, total: number): number {
  const tier = CHANCE_BY_AGE.find(({ steps }) => age < steps) as { steps: number; share: number };
  const places = Math.max(1, (2 * Math.min(tier.steps, total)) / length);
  return (2 * normalTail(spreads) * places) / tier.share;
}

/** Finds where it begins and ends: the stretch that explains most of the difference from before. */
function outline(
  values: readonly number[],
  noise: Noise,
  found: { from: number; length: number; chance: number; base: number },
): LevelChange {
  let best = { from: found.from, until: found.from + found.length, gain: 0 };
  let lasting = { from: found.from, until: values.length, gain: 0 };
  const level = (first: number, end: number) => clippedMean(values.slice(first, end), SPREADS_MAX * noise.spread);
  const inside = level(found.from, found.from + found.length);
  const limit = 2 * Math.abs(inside - found.base) + SPREADS_MAX * noise.spread;
  const reach = Math.min(found.length, 14);
  for (let from = Math.max(BASELINE_MIN, found.from - reach); from <= found.from + reach; from += 1) {
    let sum = 0;
    let count = 0;
    for (let until = from; until < values.length; until += 1) {
      const value = values[until] as number;
      if (Number.isNaN(value)) continue;
      sum += clip(value - found.base, limit);
      count += 1;
      const gain = sum ** 2 / count;
      if (gain > best.gain) best = { from, until: until + 1, gain };
      if (until === values.length - 1 && gain > lasting.gain) lasting = { from, until: values.length, gain };
    }
  }
  // Where both explain it about equally well, it lasts.
  const slack = 12 * noise.varianceOfMean(1);
  const { from, until } = lasting.gain > 0 && lasting.gain >= best.gain - slack ? lasting : best;
  const difference = level(from, until) - baseBefore(values, from, noise);
  return { from, until, difference, chance: Math.min(1, found.chance) };
}
