import { clip, clippedSpread, mean, median, normalTail } from './robust-statistics.ts';

/** Spreads beyond which a value says no more of skewness than that. */
const SKEW_SPREADS = 3;
/** Of a logarithm: values that scatter evenly bend by 1 spread, logarithms that do by 0, counts by two thirds. */
const LOG_BEND = { centre: 0.67, doubt: 0.45 };
const PLAIN_DOUBT = 0.1;
/** Standard error of a clipped spread of n values, as a share of it and times √n. */
const SPREAD_DOUBT = 0.75;
/** Degrees of freedom that a Student tail is looked for with, from the heaviest. */
const DEGREES = [2, 3, 4, 6, 9, 15];
const FIT_ROUNDS = 4;
/** How likely the normal distribution is before anything is seen; the Student ones share the rest. */
const NORMAL_PRIOR = 0.98;
/** Spreads beyond which a value is wild: among a thousand normal ones there is none. */
const WILD_SPREADS = 5;

/** How far points are from what was to be expected. */
export interface Surprises {
  /** In spreads, each in that of its time. */
  spreads: readonly number[];
  /** How many times the usual the spread of each one's time is. */
  restlessness: readonly number[];
  /** The usual spread on a logarithm; 0: they are on another scale. */
  logSpread: number;
}

/** Surprises of which both sides reach equally far. */
export interface Straight {
  spreads: readonly number[];
  /** The standard error of how much they were bent. */
  bendDoubt: number;
}

/**
 * Bends surprises until both sides reach equally far: noise that is even on the plain scale is skewed on a logarithm, and a
 * fall there looks less likely than it is. How much, is told by their skewness, and in part by what is usual.
 */
export function straighten({ spreads, restlessness, logSpread }: Surprises): Straight {
  const scale = clippedSpread(spreads);
  if (!(scale > 0)) return { spreads, bendDoubt: 0 };
  const inner = spreads.map((value) => clip(value / scale, SKEW_SPREADS));
  const centre = mean(inner);
  const variance = mean(inner.map((value) => (value - centre) ** 2));
  const skewness = mean(inner.map((value) => (value - centre) ** 3)) / variance ** 1.5;
  const usual = LOG_BEND.centre * logSpread;
  const doubt = logSpread === 0 ? PLAIN_DOUBT : LOG_BEND.doubt * logSpread;
  // A skewness of so many has the standard error √(6/n); a bend of b makes one of −3b.
  const trust = doubt ** 2 / (doubt ** 2 + 6 / 9 / spreads.length);
  const bend = clip(trust * (-skewness / 3 - usual), 2 * doubt) + usual;
  const bendDoubt = doubt * Math.sqrt(1 - trust);
  if (Math.abs(bend) < 1e-3) return { spreads, bendDoubt };
  const bent = spreads.map((value, place) => {
    const own = logSpread === 0 ? bend : bend * (restlessness[place] as number);
    return Math.expm1(own * value) / own;
  });
  const bentScale = clippedSpread(bent) / scale || 1;
  const middle = median(bent);
  return { spreads: bent.map((value) => (value - middle) / bentScale), bendDoubt };
}

/** How likely surprises are: by the normal distribution, unless the others show tails that are heavier. */
export class SurpriseTails {
  readonly #spreads: readonly number[];
  readonly #bendDoubt: number;

  constructor({ spreads, bendDoubt }: Straight) {
    this.#spreads = spreads;
    this.#bendDoubt = bendDoubt;
  }

  /** The chance that a point of the same side reaches as far as this one. */
  chanceOf(place: number): number {
    const spread = this.#spreads[place] as number;
    const others = this.#spreads.toSpliced(place, 1);
    const reached = Math.abs(spread);
    // Where wild values come now and then on this side, one more is no news unless it is twice as wild.
    const limit = Math.max(WILD_SPREADS, reached / 2);
    const wild = others.filter((other) => Math.sign(other) === Math.sign(spread) && Math.abs(other) > limit);
    const tame = others.filter((other) => Math.abs(other) <= WILD_SPREADS);
    return Math.max(tailOf(tame)(this.#discounted(reached)), wild.length / this.#spreads.length);
  }

  /** As far as is sure: the spread is known to 0.75/√n of itself, and a bend that is off by b moves a value z by b·z²/2, near by. */
  #discounted(reached: number): number {
    const ofSpread = (SPREAD_DOUBT * reached) / Math.sqrt(this.#spreads.length);
    const ofBend = (this.#bendDoubt * reached * Math.min(reached, WILD_SPREADS)) / 2;
    return reached / Math.sqrt(1 + ofSpread ** 2 + ofBend ** 2);
  }
}

/** The tail of what such values may be a sample of: normal and Student distributions, each as far as it is likely. */
function tailOf(values: readonly number[]): (reached: number) => number {
  const squares = values.map((value) => value ** 2);
  const variance = mean(squares);
  if (!(variance > 0)) return normalTail;
  const normal = -0.5 * squares.length * (Math.log(variance) + 1);
  const models: { weight: number; tail: (reached: number) => number }[] = [{ weight: NORMAL_PRIOR, tail: normalTail }];
  for (const degrees of DEGREES) {
    const { scale, likelihood } = fitStudent(squares, degrees, variance);
    const weight = ((1 - NORMAL_PRIOR) / DEGREES.length) * Math.exp(Math.min(likelihood - normal, 500));
    models.push({ weight, tail: (reached) => studentTail(reached / scale, degrees) });
  }
  const total = models.reduce((sum, { weight }) => sum + weight, 0);
  return (reached) => models.reduce((sum, { weight, tail }) => sum + (weight / total) * tail(reached), 0);
}

/** By expectation and maximisation; the log-likelihood is up to that of the normal one's constant. */
function fitStudent(squares: readonly number[], degrees: number, variance: number) {
  let scaled = (variance * Math.max(0.3, degrees - 2)) / degrees;
  for (let round = 0; round < FIT_ROUNDS; round += 1) {
    let sum = 0;
    for (const square of squares) sum += ((degrees + 1) * square) / (degrees + square / scaled);
    scaled = sum / squares.length;
  }
  let likelihood = -0.5 * squares.length * Math.log(scaled);
  for (const square of squares) likelihood -= ((degrees + 1) / 2) * Math.log1p(square / (degrees * scaled));
  const constant = logGamma((degrees + 1) / 2) - logGamma(degrees / 2) - 0.5 * Math.log(degrees / 2);
  return { scale: Math.sqrt(scaled), likelihood: likelihood + squares.length * constant };
}

/** Wallace's approximation (1959), good to a few per cent far out. */
function studentTail(value: number, degrees: number): number {
  const spreads = Math.sqrt(degrees * Math.log1p(value ** 2 / degrees));
  return normalTail((spreads * (8 * degrees + 1)) / (8 * degrees + 3));
}

/** Of a whole or half number above zero. */
function logGamma(value: number): number {
  if (value === 0.5) return 0.5 * Math.log(Math.PI);
  return value === 1 ? 0 : Math.log(value - 1) + logGamma(value - 1);
}
