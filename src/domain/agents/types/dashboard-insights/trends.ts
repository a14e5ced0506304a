import type { Noise } from './noise.ts';
import { averagedShare } from './noise.ts';
import { mean, median, normalTail } from './robust-statistics.ts';

/** Stretches that a series is averaged to before it is looked at for a trend. */
const STRETCHES_MAX = 60;
const STRETCHES_MIN = 10;

/** A level that goes up or down all along a stretch of time. */
export interface Trend {
  /** The first step of it; it lasts to the end. */
  from: number;
  /** On the series' scale, a step. */
  slope: number;
  /** The level at its beginning. */
  start: number;
  /** The chance of one as steady in a series without any. */
  chance: number;
}

/**
 * The trend from a step to the end: its size by the median of all slopes (Theil and Sen), its chance by Mann and Kendall's
 * test, with the variance that values which hang together have (Hamed and Rao 1998).
 * @returns null where there are too few steps to tell
 */
export function findTrend(values: readonly number[], from: number, noise: Noise): Trend | null {
  const steps = values.length - from;
  const width = stretchWidth(steps);
  const stretches: { middle: number; value: number }[] = [];
  for (let start = from + (steps % width); start < values.length; start += width) {
    const value = mean(values.slice(start, start + width));
    if (!Number.isNaN(value)) stretches.push({ middle: start + (width - 1) / 2, value });
  }
  if (stretches.length < STRETCHES_MIN) return null;
  const { slope, excess } = comparePairs(stretches);
  const level = (stretch: { middle: number; value: number }) => stretch.value - slope * (stretch.middle - from);
  const start = median(stretches.map(level));
  const rest = stretches.map((stretch) => level(stretch) - start);
  const persistence = Math.max(stretchPersistence(noise.persistence, width), lagOne(rest));
  const variance = kendallVariance(stretches.map(({ value }) => value)) * inflation(stretches.length, persistence);
  // One less: S takes only every other number (the continuity correction).
  const spreads = variance === 0 ? 0 : Math.max(0, Math.abs(excess) - 1) / Math.sqrt(variance);
  return { from, slope, start, chance: 2 * normalTail(spreads) };
}

function stretchWidth(steps: number): number {
  const width = Math.ceil(steps / STRETCHES_MAX);
  // Whole weeks, so that what is left of a week's rhythm averages out.
  return width > 3 ? Math.ceil(width / 7) * 7 : width;
}

function comparePairs(stretches: readonly { middle: number; value: number }[]): { slope: number; excess: number } {
  const slopes: number[] = [];
  let excess = 0;
  for (const [index, early] of stretches.entries()) {
    for (const late of stretches.slice(index + 1)) {
      const rise = late.value - early.value;
      slopes.push(rise / (late.middle - early.middle));
      excess += Math.sign(rise);
    }
  }
  return { slope: median(slopes), excess };
}

/** The variance of Kendall's S of independent values, ties counted. */
function kendallVariance(values: readonly number[]): number {
  const term = (count: number) => count * (count - 1) * (2 * count + 5);
  const sizes = new Map<number, number>();
  for (const value of values) sizes.set(value, (sizes.get(value) ?? 0) + 1);
  const ties = [...sizes.values()].reduce((sum, size) => sum + term(size), 0);
  return (term(values.length) - ties) / 18;
}

/** Hamed and Rao's, for an AR(1) process. */
function inflation(count: number, persistence: number): number {
  let sum = 0;
  for (let lag = 1; lag < count - 2; lag += 1) {
    // Ranks correlate a little less than values do.
    const correlation = (6 / Math.PI) * Math.asin(persistence ** lag / 2);
    sum += (count - lag) * (count - lag - 1) * (count - lag - 2) * correlation;
  }
  return 1 + (2 * sum) / (count * (count - 1) * (count - 2));
}

/** The correlation of the means of neighbouring stretches of an AR(1) process. */
function stretchPersistence(persistence: number, width: number): number {
  if (persistence === 0) return 0;
  const shared = (persistence * (1 - persistence ** width) ** 2) / (width * (1 - persistence)) ** 2;
  return shared / averagedShare(persistence, width);
}

/** The correlation of neighbours, corrected for the straight line that was taken off (Kendall's bias); 0 at the least. */
function lagOne(rest: readonly number[]): number {
  const centre = mean(rest);
  let [products, squares] = [0, 0];
  for (const [index, value] of rest.entries()) {
    squares += (value - centre) ** 2;
    if (index > 0) products += (value - centre) * ((rest[index - 1] as number) - centre);
  }
  if (squares === 0) return 0;
  const correlation = products / squares;
  return Math.min(0.95, Math.max(0, correlation + (2 + 4 * Math.max(0, correlation)) / rest.length));
}
