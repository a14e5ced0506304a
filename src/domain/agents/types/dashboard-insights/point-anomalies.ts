import type { MeasuringScale } from './measuring-scale.ts';
import { believedRatio, clip, clippedSpread, movingMedian } from './robust-statistics.ts';
import { type Surprises, SurpriseTails, straighten } from './surprise-tails.ts';

/** Steps before a point that its level is the median of; of the first points, so many from the beginning on. */
const LEVEL_STEPS = 28;
/** Steps around a point that tell whether it stands in a restless time. */
const SPREAD_STEPS = 60;
/** Points that must stand before one that is judged, where a series is too short to judge its first ones by later ones. */
const HISTORY_MIN = 10;
const FIRST_JUDGED_FROM_STEPS = 3 * LEVEL_STEPS;
/** Spreads below which no point is looked at: no family of points is so small that it could be told. */
const LOOKED_AT_FROM = 2.2;
/** Shares of the chance of a false find that are spent on the last point, the 6 before, the 21 before those, and all others. */
const CHANCE_BY_AGE = [
  { from: 0, steps: 1, share: 0.3 },
  { from: 1, steps: 6, share: 0.25 },
  { from: 7, steps: 21, share: 0.15 },
  { from: 28, steps: Number.POSITIVE_INFINITY, share: 0.3 },
];

/** A point that differs from those before it. */
export interface PointAnomaly {
  step: number;
  /** What those before it made expect, on the series' scale. */
  expected: number;
  difference: number;
  /** The chance of any like it in a series without one, all looks counted. */
  chance: number;
}

interface Difference {
  step: number;
  expected: number;
  difference: number;
}

/**
 * The points least like chance, the least likely first. Each is measured against the median of those before it and the
 * spread of all others; where the series has wild values or heavy tails elsewhere, it is allowed them here too. Recent
 * points are more of news than old ones, and are told sooner.
 * @param unrestOf how many times the spread is on such a step (such a weekday)
 */
export function findPointAnomalies(
  values: readonly number[],
  scale: Pick<MeasuringScale, 'name' | 'smallest'>,
  unrestOf: (step: number) => number,
): PointAnomaly[] {
  const differences = differencesOf(values);
  const straight = straighten(surprisesOf(differences, scale, unrestOf));
  const tails = new SurpriseTails(straight);
  const judged: PointAnomaly[] = [];
  for (const [place, { step, expected, difference }] of differences.entries()) {
    if (Math.abs(straight.spreads[place] as number) < LOOKED_AT_FROM) continue;
    const age = values.length - 1 - step;
    const tier = CHANCE_BY_AGE.findLast(({ from }) => age >= from) as (typeof CHANCE_BY_AGE)[number];
    const looks = Math.min(tier.steps, Math.max(1, differences.length - tier.from)) / tier.share;
    judged.push({ step, expected, difference, chance: Math.min(1, 2 * looks * tails.chanceOf(place)) });
  }
  return judged.sort((left, right) => left.chance - right.chance);
}

function differencesOf(values: readonly number[]): Difference[] {
  const isLong = values.length >= FIRST_JUDGED_FROM_STEPS;
  const levels = movingMedian(values, (step) => [
    Math.max(0, step - LEVEL_STEPS),
    isLong ? Math.max(step, LEVEL_STEPS + 1) : step,
  ]);
  const differences: Difference[] = [];
  let before = 0;
  for (const [step, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    before += 1;
    const expected = levels[step] as number;
    if (isLong || before > HISTORY_MIN) differences.push({ step, expected, difference: value - expected });
  }
  return differences.filter(({ expected }) => !Number.isNaN(expected));
}

/** How many spreads each point differs by, its own difference left out of the spread. */
function surprisesOf(
  differences: readonly Difference[],
  scale: Pick<MeasuringScale, 'name' | 'smallest'>,
  unrestOf: (step: number) => number,
): Surprises {
  const even = differences.map(({ step, difference }) => difference / unrestOf(step));
  const overall = Math.max(clippedSpread(even), scale.smallest);
  const squares = even.map((difference) => clip(difference, 2.5 * overall) ** 2);
  const sums = [0];
  for (const square of squares) sums.push((sums.at(-1) as number) + square);
  const usual = (sums.at(-1) as number) / Math.max(1, squares.length);
  const known = even.map((_difference, place) => {
    const first = Math.max(0, Math.min(place - SPREAD_STEPS / 2, even.length - SPREAD_STEPS - 1));
    const end = Math.min(even.length, first + SPREAD_STEPS + 1);
    const own = squares[place] as number;
    const around = ((sums[end] as number) - (sums[first] as number) - own) / Math.max(1, end - first - 1);
    const others = ((sums.at(-1) as number) - own) / Math.max(1, even.length - 1);
    const restless = usual === 0 ? 1 : believedRatio(around / usual, 2 / (end - first));
    // Without its own difference, a series that stood still has no spread at all.
    return usual === 0 ? 1 : Math.sqrt((others / usual) * restless);
  });
  return {
    spreads: even.map((difference, place) => difference / Math.max(scale.smallest, overall * (known[place] as number))),
    restlessness: known,
    logSpread: scale.name === 'log' ? overall : 0,
  };
}
