import { mean, median, quantile } from './robust-statistics.ts';

/** Numbers below which a count is taken as one: its spread is that of its square root. */
const SMALL_COUNT = 50;

/** The scale that a series is measured on: one on which it scatters alike at every level, as far as there is one. */
export interface MeasuringScale {
  name: 'plain' | 'root' | 'log';
  to(value: number): number;
  from(measured: number): number;
  /** Differences on the scale below which everything is taken as constant. */
  smallest: number;
  /** Steps that an average must be of to be near normal: in those of a count, a few things happen. */
  shortest: number;
}

/**
 * - small counts: the square root (a Poisson count then scatters by one half, whatever its mean: Anscombe 1948)
 * - values above zero: the logarithm, or the plain scale where values are less skewed on that
 * - values above zero with many zeros: the square root
 * - values of both signs: as they are
 */
export function chooseScale(values: readonly number[]): MeasuringScale {
  const present = values.filter((value) => !Number.isNaN(value));
  const middle = median(present);
  const zeroShare = present.filter((value) => value === 0).length / present.length;
  if (present.some((value) => value < 0) || present.every((value) => value === 0)) return plainScale(present);
  if (present.every(Number.isInteger) && middle < SMALL_COUNT) return rootScale(0.375, 0.02, fewSteps(present));
  if (zeroShare > 0.02 || middle === 0) {
    const unit = median(present.filter((value) => value > 0));
    return rootScale(0.01 * unit, 0.005 * Math.sqrt(unit), fewSteps(present.map((value) => value / unit)));
  }
  const log = logScale(middle);
  const roughness = quantile(changes(present.map(log.to)).map(Math.abs), 0.5);
  if (roughness < 0.25) return log;
  const plain = plainScale(present);
  return skewness(present.map(log.to)) <= skewness(present) ? log : plain;
}

function plainScale(values: readonly number[]): MeasuringScale {
  const size = median(values.map(Math.abs)) || Math.max(...values.map(Math.abs)) || 1;
  return { name: 'plain', to: (value) => value, from: (measured) => measured, smallest: 0.005 * size, shortest: 1 };
}

function rootScale(offset: number, smallest: number, shortest: number): MeasuringScale {
  return {
    name: 'root',
    to: (value) => Math.sqrt(Math.max(0, value) + offset),
    from: (measured) => Math.max(0, Math.max(0, measured) ** 2 - offset),
    smallest,
    shortest,
  };
}

/** Zero, of an outage, is taken as a hundredth of the usual. */
function logScale(middle: number): MeasuringScale {
  const floor = 0.01 * middle;
  return {
    name: 'log',
    to: (value) => Math.log(Math.max(value, floor)),
    from: (measured) => Math.exp(measured),
    smallest: 0.005,
    shortest: 1,
  };
}

/** In so many steps four things happen; where they come in clusters, four clusters. */
function fewSteps(values: readonly number[]): number {
  const average = mean(values);
  const variance = mean(changes(values).map((change) => change ** 2)) / 2;
  return average === 0 ? Number.POSITIVE_INFINITY : (4 * Math.max(1, variance / average)) / average;
}

function changes(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] as number));
}

/** By quantiles, without sign: 0 where both sides reach equally far. */
function skewness(values: readonly number[]): number {
  const [low, middle, high] = [quantile(values, 0.05), median(values), quantile(values, 0.95)];
  return high === low ? 0 : Math.abs(high + low - 2 * middle) / (high - low);
}
