import {
  believedRatio,
  chiSquareTail,
  clip,
  clippedSpread,
  madSpread,
  mean,
  median,
  movingMedian,
  quantile,
  ranksOf,
} from './robust-statistics.ts';
import type { TimeGrid } from './time-grid.ts';

/** Rounds that a season must have been seen before it is believed. */
const ROUNDS_MIN = 4;
const SEASON_CHANCE = 0.001;
/** Rounds that the level is the median of, once the season is taken off. */
const LEVEL_ROUNDS = 5;
const CYCLE_CHANCE = 0.001;
const CYCLES_MAX = 4;
/** Of a cycle that is looked for, in steps. */
const CYCLE_STEPS_MIN = 8;
const CYCLE_STEPS_MAX = 62;

export interface Seasonality {
  /** What a step differs by from the level, because of the weekday (the hour) and of longer cycles. */
  of(step: number): number;
  /** How many times the usual a step's weekday (hour) scatters by; 1 where they all scatter alike. */
  unrestOf(step: number): number;
  /** Whether weekdays (hours) differ. */
  hasPhases: boolean;
  /** Lengths of longer cycles, in steps. */
  cycles: number[];
}

/**
 * What comes again: weekdays (hours of a day) by medians, where there are four rounds of them and they differ by more than
 * chance (Kruskal and Wallis), and cycles of 8 to 62 steps (months), where their share of the periodogram is more than
 * chance (Fisher).
 * @param measured on the scale of the series
 * @param smallest spread that a longer cycle is looked for in
 */
export function findSeasonality(measured: readonly number[], phase: TimeGrid['phase'], smallest: number): Seasonality {
  const phases = phase === null ? null : findPhases(measured, phase);
  const rest = phases === null ? measured : measured.map((value, step) => value - phases.levelOf(step));
  const cycles = findCycles(rest, smallest);
  return {
    of: (step) => (phases?.levelOf(step) ?? 0) + cycles.reduce((sum, cycle) => sum + cycle.of(step), 0),
    unrestOf: (step) => phases?.unrestOf(step) ?? 1,
    hasPhases: phases !== null,
    cycles: cycles.map(({ steps }) => steps),
  };
}

interface Phases {
  levelOf(step: number): number;
  unrestOf(step: number): number;
}

function findPhases(measured: readonly number[], phase: NonNullable<TimeGrid['phase']>): Phases | null {
  if (measured.length < ROUNDS_MIN * phase.count) return null;
  const phaseAt = measured.map((_value, step) => phase.of(step));
  const rough = restsOf(measured, rollingMedian(measured, phase.count), phaseAt);
  if (kruskalWallis(rough, phase.count) > SEASON_CHANCE) return null;
  // The median of a week is one of its days, mostly the same one: what that differs by is seen once the week is taken off.
  const first = centred(groupsOf(rough, phase.count).map(median));
  const even = measured.map((value, step) => value - (first[phaseAt[step] as number] as number));
  const groups = groupsOf(restsOf(measured, rollingMedian(even, LEVEL_ROUNDS * phase.count), phaseAt), phase.count);
  const medians = groups.map(median);
  const levels = centred(medians);
  const spreads = groups.map((rests, index) => clippedSpread(rests.map((rest) => rest - (medians[index] as number))));
  const usual = Math.sqrt(mean(spreads.map((spread) => spread ** 2)));
  const unrest = groups.map(({ length }, index) =>
    usual === 0 ? 1 : Math.sqrt(believedRatio(((spreads[index] as number) / usual) ** 2, 2.5 / length)),
  );
  return {
    levelOf: (step) => levels[phase.of(step)] as number,
    unrestOf: (step) => unrest[phase.of(step)] as number,
  };
}

interface Rest {
  phase: number;
  rest: number;
}

function restsOf(measured: readonly number[], level: readonly number[], phaseAt: readonly number[]): Rest[] {
  const rests = measured.map((value, step) => ({
    phase: phaseAt[step] as number,
    rest: value - (level[step] as number),
  }));
  return rests.filter(({ rest }) => !Number.isNaN(rest));
}

function groupsOf(rests: readonly Rest[], count: number): number[][] {
  const groups = Array.from({ length: count }, (): number[] => []);
  for (const { phase, rest } of rests) groups[phase]?.push(rest);
  return groups;
}

function centred(levels: readonly number[]): number[] {
  const centre = mean(levels);
  return levels.map((level) => level - centre);
}

/** The chance that groups which do not differ are ranked so differently. */
function kruskalWallis(known: readonly Rest[], count: number): number {
  const ranks = ranksOf(known.map(({ rest }) => rest));
  const sums = new Array<number>(count).fill(0);
  const sizes = new Array<number>(count).fill(0);
  for (const [index, entry] of known.entries()) {
    sums[entry.phase] = (sums[entry.phase] as number) + (ranks[index] as number);
    sizes[entry.phase] = (sizes[entry.phase] as number) + 1;
  }
  if (sizes.some((size) => size < 3)) return 1;
  const total = known.length;
  const spread = sums.reduce((sum, ranked, index) => sum + ranked ** 2 / (sizes[index] as number), 0);
  return chiSquareTail((12 / (total * (total + 1))) * spread - 3 * (total + 1), count - 1);
}

interface Cycle {
  steps: number;
  of(step: number): number;
}

function findCycles(measured: readonly number[], smallest: number): Cycle[] {
  const longest = Math.min(CYCLE_STEPS_MAX, measured.length / 5);
  const cycles: Cycle[] = [];
  if (longest < CYCLE_STEPS_MIN) return cycles;
  // What is slower than the longest cycle is level and trend; a change of level would otherwise sound in every cycle.
  const level = rollingMedian(measured, 2 * Math.round(longest) + 1);
  let rest = measured.map((value, step) => value - (level[step] as number));
  const limit = 3 * madSpread(rest);
  if (!(limit > 3 * smallest)) return cycles;
  rest = rest.map((value) => clip(value, limit));
  while (cycles.length < CYCLES_MAX) {
    const cycle = strongestCycle(rest, longest);
    if (cycle === null) break;
    cycles.push(cycle);
    rest = rest.map((value, step) => value - cycle.of(step));
  }
  return cycles;
}

/** The cycle that stands out most from the rest as it would be without it; null: none by more than chance. */
function strongestCycle(rest: readonly number[], longest: number): Cycle | null {
  const known = rest.map((value) => (Number.isNaN(value) ? 0 : value));
  const count = known.length;
  const power: { frequency: number; power: number }[] = [];
  for (let frequency = 1 / longest; frequency <= 1 / CYCLE_STEPS_MIN; frequency += 1 / (2 * count)) {
    power.push({ frequency, power: powerAt(known, frequency) });
  }
  // Slow noise is louder at low frequencies: each is compared with those around it alone.
  let best = { frequency: 0, ratio: 0 };
  for (const [index, entry] of power.entries()) {
    const around = power.slice(Math.max(0, index - 16), index + 17).map((near) => near.power);
    const ratio = (entry.power / quantile(around, 0.5)) * Math.LN2;
    if (ratio > best.ratio) best = { frequency: entry.frequency, ratio };
  }
  const independent = count / CYCLE_STEPS_MIN - count / longest;
  if (!(2 * independent * Math.exp(-best.ratio) < CYCLE_CHANCE)) return null;
  const frequency = refine(known, best.frequency);
  const [cosine, sine] = amplitudes(rest, frequency);
  return {
    steps: 1 / frequency,
    of: (step) => cosine * Math.cos(2 * Math.PI * frequency * step) + sine * Math.sin(2 * Math.PI * frequency * step),
  };
}

/** A cycle that is off by a quarter of a grid's step would be out of time at both ends, where the news is. */
function refine(known: readonly number[], near: number): number {
  let best = { frequency: near, power: 0 };
  for (let part = -5; part <= 5; part += 1) {
    const frequency = near + part / (20 * known.length);
    const power = powerAt(known, frequency);
    if (power > best.power) best = { frequency, power };
  }
  return best.frequency;
}

function powerAt(values: readonly number[], frequency: number): number {
  const turnCosine = Math.cos(2 * Math.PI * frequency);
  const turnSine = Math.sin(2 * Math.PI * frequency);
  let [cosine, sine, real, imaginary] = [1, 0, 0, 0];
  for (const value of values) {
    real += value * cosine;
    imaginary += value * sine;
    [cosine, sine] = [cosine * turnCosine - sine * turnSine, sine * turnCosine + cosine * turnSine];
  }
  return real ** 2 + imaginary ** 2;
}

/** The least-squares cosine and sine, over the steps that are known. */
function amplitudes(values: readonly number[], frequency: number): [number, number] {
  let [cosines, sines, products, withCosine, withSine] = [0, 0, 0, 0, 0];
  for (const [step, value] of values.entries()) {
    if (Number.isNaN(value)) continue;
    const cosine = Math.cos(2 * Math.PI * frequency * step);
    const sine = Math.sin(2 * Math.PI * frequency * step);
    cosines += cosine ** 2;
    sines += sine ** 2;
    products += cosine * sine;
    withCosine += value * cosine;
    withSine += value * sine;
  }
  const determinant = cosines * sines - products ** 2;
  return [
    (withCosine * sines - withSine * products) / determinant,
    (withSine * cosines - withCosine * products) / determinant,
  ];
}

/** The median of the steps around each; at the ends, of those that there are. */
function rollingMedian(values: readonly number[], width: number): number[] {
  const reach = Math.floor(width / 2);
  // An even width (a day of 24 hours) takes one step more on one side, so that each phase is in it once.
  const before = width % 2 === 0 ? reach - 1 : reach;
  return movingMedian(values, (step) => {
    const first = Math.max(0, Math.min(step - before, values.length - width));
    return [first, Math.min(first + width, values.length)];
  });
}
