import { madSpread, movingMedian, normalQuantile, normalTail } from './robust-statistics.ts';

/** Steps before a point that its level is the median of, and its spread that of. */
const LEVEL_STEPS = 28;
const SPREAD_STEPS = 60;
/** Points that must stand before one that is judged. */
const HISTORY_MIN = 10;
/** Share of all surprises that the tail of a side is read off. */
const TAIL_SHARE = 0.1;
/** Spreads below which no surprise is looked at as one of a tail. */
const TAIL_BEGINS = 1;
/** Spreads beyond which a value is wild: among a thousand normal ones there is none. */
const WILD_SPREADS = 5;
/** Shares of the chance of a false find that are spent on the last point, the 6 before, the 21 before those and so on. */
const CHANCE_BY_AGE = [
  { from: 0, steps: 1, share: 0.3 },
  { from: 1, steps: 6, share: 0.35 },
  { from: 7, steps: 21, share: 0.25 },
  { from: 28, steps: 32, share: 0.1 },
];
/** Points that are looked at; what is older is no news. */
const RECENT_STEPS = 60;

/** A point that differs from those before it. */
export interface PointAnomaly {
  step: number;
  /** What those before it made expect, on the series' scale. */
  expected: number;
  difference: number;
  /** The chance of any like it in a series without one, all looks counted. */
  chance: number;
}

interface Surprise {
  step: number;
  expected: number;
  difference: number;
  spreads: number;
}

/**
 * The recent points least like chance, the least likely first. Each is measured against the median and the spread of those before
 * it, and that against how often the same series was as surprising: a series with wild values now and then is allowed them.
 * @param smallest below which no spread is believed
 * @param unrestOf how many times the spread is on such a step (such a weekday)
 */
export function findPointAnomalies(
  values: readonly number[],
  smallest: number,
  unrestOf: (step: number) => number,
): PointAnomaly[] {
  const surprises = surprisesOf(values, smallest, unrestOf);
  const recent = surprises.filter(({ step }) => values.length - step <= RECENT_STEPS);
  const judged = recent.map((surprise) => {
    const age = values.length - 1 - surprise.step;
    const tier = CHANCE_BY_AGE.findLast(({ from }) => age >= from) as (typeof CHANCE_BY_AGE)[number];
    const looks = Math.min(tier.steps, Math.max(1, surprises.length - tier.from)) / tier.share;
    const chance = Math.min(1, 2 * looks * tailChance(surprise, surprises));
    return { step: surprise.step, expected: surprise.expected, difference: surprise.difference, chance };
  });
  return judged.sort((left, right) => left.chance - right.chance);
}

function surprisesOf(values: readonly number[], smallest: number, unrestOf: (step: number) => number): Surprise[] {
  const surprises: Surprise[] = [];
  const differences: number[] = new Array(values.length).fill(Number.NaN);
  const levels = movingMedian(values, (step) => [Math.max(0, step - LEVEL_STEPS), step]);
  let before = 0;
  for (const [step, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    before += 1;
    if (before <= HISTORY_MIN) continue;
    const expected = levels[step] as number;
    differences[step] = value - expected;
    surprises.push({ step, expected, difference: value - expected, spreads: Number.NaN });
  }
  const overall = Math.max(madSpread(differences), smallest);
  for (const surprise of surprises) {
    const known = differences
      .slice(Math.max(0, surprise.step - SPREAD_STEPS), surprise.step)
      .filter((difference) => !Number.isNaN(difference));
    // Of few, the spread is a guess; the whole series' counts for some of it always.
    const share = known.length / (known.length + SPREAD_STEPS / 2);
    const local = known.length < HISTORY_MIN ? overall : madSpread(known);
    const spread = Math.sqrt(share * local ** 2 + (1 - share) * overall ** 2) * unrestOf(surprise.step);
    surprise.spreads = surprise.difference / Math.max(smallest, spread);
  }
  return surprises;
}

/**
 * The chance that a point of the same side reaches so far: that of a normal sample, stretched as far as the largest of
 * the other surprises of that side are out from where a normal sample has its largest.
 */
function tailChance({ step, spreads }: Surprise, surprises: readonly Surprise[]): number {
  const side = Math.sign(spreads);
  const reached = side * spreads;
  const others = surprises.filter((other) => other.step !== step);
  const tail = others
    .map((other) => side * other.spreads)
    .filter((value) => value > TAIL_BEGINS)
    .sort((left, right) => right - left);
  let stretch = 1;
  for (const [rank, value] of tail.entries()) {
    if (rank >= TAIL_SHARE * others.length) break;
    stretch = Math.max(stretch, value / normalQuantile((rank + 0.6) / (others.length + 0.2)));
  }
  // Where wild values come now and then, of either side, one more is no news unless it is twice as wild.
  const wild = others.filter((other) => Math.abs(other.spreads) > Math.max(WILD_SPREADS, reached / 2));
  return Math.max(normalTail(reached / stretch), wild.length / surprises.length);
}
