/** NaN stands for a value that is not there; every function here passes over it. */

/** The middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  return quantileOf(present(values), 0.5);
}

/** By linear interpolation, as R's type 7; NaN of nothing. */
export function quantile(values: readonly number[], share: number): number {
  return quantileOf(present(values), share);
}

/** The standard deviation that a normal sample with this median absolute deviation has. */
export function madSpread(values: readonly number[]): number {
  const centre = median(values);
  return 1.4826 * median(values.map((value) => Math.abs(value - centre)));
}

/**
 * The standard deviation about zero that a normal sample with these values has, those beyond 2.5 spreads being taken as that far out:
 * surer than the median absolute deviation, and as little moved by what is wild.
 */
export function clippedSpread(differences: readonly number[]): number {
  const limit = CLIPPED_AT * 1.4826 * median(differences.map(Math.abs)) || Number.POSITIVE_INFINITY;
  return Math.sqrt(mean(differences.map((difference) => clip(difference, limit) ** 2)) / CLIPPED_VARIANCE);
}

const CLIPPED_AT = 2.5;
/** Of a standard normal value that is clipped so. */
const CLIPPED_VARIANCE = 0.97757;

/**
 * A ratio of variances as far as it is more than a guess (James and Stein): 1 where it may be one by chance.
 * @param doubt the variance of its logarithm
 */
export function believedRatio(ratio: number, doubt: number): number {
  if (ratio <= 0) return 1;
  const distance = Math.log(ratio);
  return Math.exp(distance * Math.max(0, 1 - doubt / distance ** 2));
}

export function mean(values: readonly number[]): number {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    sum += value;
    count += 1;
  }
  return count === 0 ? Number.NaN : sum / count;
}

/** The mean of values, those further than a limit from their median being taken as that far from it. */
export function clippedMean(values: readonly number[], limit: number, centre = median(values)): number {
  return centre + mean(values.map((value) => clip(value - centre, limit)));
}

export function clip(value: number, limit: number): number {
  return value > limit ? limit : value < -limit ? -limit : value;
}

/**
 * How probable a standard normal value above `z` is; to seven digits.
 * @see Numerical Recipes, 3rd edition, 6.2.2 (Chebyshev fit of erfc)
 */
export function normalTail(z: number): number {
  const scaled = Math.abs(z) / Math.SQRT2;
  const step = 1 / (1 + 0.5 * scaled);
  let sum = 0;
  for (const coefficient of ERFC_COEFFICIENTS) sum = sum * step + coefficient;
  const tail = 0.5 * step * Math.exp(-scaled * scaled + sum);
  return z >= 0 ? tail : 1 - tail;
}

const ERFC_COEFFICIENTS = [
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
];

/**
 * Above which a standard normal value is with this chance, up to one half; to three digits.
 * @see Abramowitz and Stegun, 26.2.23
 */
export function normalQuantile(chance: number): number {
  const root = Math.sqrt(-2 * Math.log(chance));
  const above = 2.515517 + root * (0.802853 + root * 0.010328);
  return root - above / (1 + root * (1.432788 + root * (0.189269 + root * 0.001308)));
}

/** How probable a chi-square value above `value` is, by Wilson and Hilferty's cube root. */
export function chiSquareTail(value: number, degrees: number): number {
  const shrink = 2 / (9 * degrees);
  return normalTail((Math.cbrt(value / degrees) - (1 - shrink)) / Math.sqrt(shrink));
}

/** The rank of each value from 1, equal ones sharing theirs. */
export function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_value, index) => index).sort((left, right) => at(values, left) - at(values, right));
  const ranks = new Array<number>(values.length).fill(0);
  for (let first = 0; first < order.length; ) {
    let last = first;
    while (last + 1 < order.length && at(values, order[last + 1]) === at(values, order[first])) last += 1;
    for (let place = first; place <= last; place += 1) ranks[order[place] as number] = (first + last) / 2 + 1;
    first = last + 1;
  }
  return ranks;
}

/**
 * The median of a window that moves over values, for each step.
 * @param windowOf first step of the window and the one after its last; neither may go back from one step to the next
 */
export function movingMedian(values: readonly number[], windowOf: (step: number) => [number, number]): number[] {
  const sorted: number[] = [];
  let [first, end] = [0, 0];
  return values.map((_value, step) => {
    const [wantedFirst, wantedEnd] = windowOf(step);
    for (; end < wantedEnd; end += 1) {
      const value = values[end] as number;
      if (!Number.isNaN(value)) sorted.splice(placeOf(sorted, value), 0, value);
    }
    for (; first < wantedFirst; first += 1) {
      const value = values[first] as number;
      if (!Number.isNaN(value)) sorted.splice(placeOf(sorted, value), 1);
    }
    const middle = sorted.length >> 1;
    if (sorted.length % 2 === 1) return sorted[middle] as number;
    return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  });
}

/** The first place of what is not below a value. */
function placeOf(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function at(values: readonly number[], index: number | undefined): number {
  return values[index as number] as number;
}

function present(values: readonly number[]): Float64Array {
  const known = new Float64Array(values.length);
  let count = 0;
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    known[count] = value;
    count += 1;
  }
  return known.subarray(0, count).sort();
}

function quantileOf(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}
