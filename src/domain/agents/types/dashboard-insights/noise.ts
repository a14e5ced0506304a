import type { MeasuringScale } from './measuring-scale.ts';
import { clip, madSpread, mean } from './robust-statistics.ts';

const PERSISTENCE_MAX = 0.98;
/** Steps after which neighbours are compared with those that are one step apart. */
const FAR_LAGS = [5, 6, 7, 8, 9];
/** Steps that tell whether noise has grown, and how many there must be. */
const UNREST_STEPS = 60;
const UNREST_STEPS_MIN = 30;

/** How a series scatters about its level when nothing happens. */
export interface Noise {
  /** Standard deviation of a value. */
  spread: number;
  /** Correlation of a value with the next (an AR(1) process), 0 to 0.98. */
  persistence: number;
  /** Variance of the mean of so many values in a row. */
  varianceOfMean(count: number): number;
  /** How many times the variance was in the steps before this one, 1 or more: noise may grow. */
  unrestBefore(step: number): number;
}

/**
 * Estimates noise from differences alone, so that a trend or a change of level leaves it as it is: neighbours differ by
 * 2·spread²·(1 − persistence), values far apart by 2·spread². Averages over longer stretches are compared with what they
 * would scatter by that model: where they scatter more (months that come and go, long memory), that counts.
 */
export function estimateNoise(values: readonly number[], { name, smallest }: MeasuringScale): Noise {
  // Of a count of what is rare most differences are 0 and the others are no outliers; elsewhere they are.
  const limitWhereEqual = name === 'root' ? Number.POSITIVE_INFINITY : 3 * smallest;
  const halfSquared = (some: readonly number[], lag: number) => halfSquaredDifference(some, lag, limitWhereEqual);
  // Noise of at least the smallest is taken to be there, and to have no memory.
  const ofLag = (lag: number) => halfSquared(values, lag) + smallest ** 2;
  const near = ofLag(1);
  const far = mean(FAR_LAGS.filter((lag) => lag <= values.length / 3).map(ofLag));
  const persistence = Number.isNaN(far) ? 0 : persistenceOf(far / near);
  const variance = near / (1 - persistence);
  const byModel = (count: number) => variance * averagedShare(persistence, count);
  const excess = excessOfMeans(values, variance, persistence, halfSquared);
  return {
    spread: Math.sqrt(variance),
    persistence,
    varianceOfMean: (count) => byModel(count) * excess(count),
    unrestBefore: (step) => {
      if (step < UNREST_STEPS_MIN) return 1;
      return Math.max(1, halfSquared(values.slice(Math.max(0, step - UNREST_STEPS), step), 1) / near) || 1;
    },
  };
}

/** Half of the mean square of differences, those beyond three spreads cut. */
function halfSquaredDifference(values: readonly number[], lag: number, limitWhereEqual: number): number {
  const differences: number[] = [];
  for (let index = lag; index < values.length; index += 1) {
    const difference = (values[index] as number) - (values[index - lag] as number);
    if (!Number.isNaN(difference)) differences.push(difference);
  }
  const limit = 3 * madSpread(differences) || limitWhereEqual;
  return mean(differences.map((difference) => clip(difference, limit) ** 2)) / 2;
}

/** The persistence at which far values differ so many times as much as neighbours do. */
function persistenceOf(ratio: number): number {
  let low = 0;
  let high = PERSISTENCE_MAX;
  for (let round = 0; round < 30; round += 1) {
    const middle = (low + high) / 2;
    if (mean(FAR_LAGS.map((lag) => (1 - middle ** lag) / (1 - middle))) < ratio) low = middle;
    else high = middle;
  }
  return low;
}

/** Variance of a mean of AR(1) values, as a share of one value's. */
export function averagedShare(persistence: number, count: number): number {
  if (persistence === 0) return 1 / count;
  const vanishing = (2 * persistence * (1 - persistence ** count)) / (count * (1 - persistence) ** 2);
  return ((1 + persistence) / (1 - persistence) - vanishing) / count;
}

/** How many times more than by the model the means of neighbouring stretches differ, by their length; 1 or more. */
function excessOfMeans(
  values: readonly number[],
  variance: number,
  persistence: number,
  halfSquared: (some: readonly number[], lag: number) => number,
): (count: number) => number {
  const measured: { count: number; excess: number }[] = [];
  for (const count of [4, 7, 14, 28, 56]) {
    if (count > values.length / 12) break;
    const stretches: number[] = [];
    for (let start = values.length % count; start < values.length; start += count) {
      stretches.push(mean(values.slice(start, start + count)));
    }
    const shared = (persistence * (1 - persistence ** count) ** 2) / (count * (1 - persistence)) ** 2;
    const expected = variance * (averagedShare(persistence, count) - shared);
    measured.push({ count, excess: Math.max(1, halfSquared(stretches, 1) / expected) });
  }
  return (count) => (count === 1 ? 1 : (measured.findLast((entry) => entry.count <= Math.max(count, 4))?.excess ?? 1));
}
