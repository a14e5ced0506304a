import { findLevelChange } from './level-changes.ts';
import { chooseScale, type MeasuringScale } from './measuring-scale.ts';
import { estimateNoise, type Noise } from './noise.ts';
import { findPointAnomalies } from './point-anomalies.ts';
import { clip, clippedMean, madSpread, mean, median } from './robust-statistics.ts';
import { findSeasonality, type Seasonality } from './seasonality.ts';
import { type Point, type Spacing, type TimeGrid, toTimeGrid } from './time-grid.ts';
import { findTrend, type Trend } from './trends.ts';

/** Steps below which nothing can be told of a series. */
export const STEPS_MIN = 14;
/** Things that are told of one series. */
const FINDINGS_MAX = 4;
/** Shares of the chance of a false find in a series. */
const CHANCE_OF_POINTS = 0.68;
const CHANCE_OF_LEVELS = 0.2;
const CHANCE_OF_TRENDS = 0.12;
/** Steps of the trend that is looked for beside that of the whole series, and how many there must be for it. */
const LATE_TREND_STEPS = 91;
const LATE_TREND_HISTORY = 180;
/** Steps below which a chance is taken to be larger than it looks. */
const SURE_STEPS = 90;
/** Spreads within which a value counts by its square, when explanations are compared (Huber). */
const HUBER_SPREADS = 2;
/** In a series around zero there is no share of the level to speak of; there, this many spreads are the whole. */
const SPREADS_OF_LEVEL = 4;
/** Share of the usual level that shares of less are no shares to speak of. */
const LEAST_OF_LEVEL = 0.1;

export interface AnalysisLimits {
  /** How likely a series without anything may raise something, 0 to 1. */
  chance: number;
  /** Shares of the level below which a change is not worth telling. */
  minimalChange: number;
  minimalTrend: number;
}

/** `point`: one step alone; `level`: from one step to the next, lasting or for a while; `trend`: steadily. */
export type FindingShape = 'point' | 'level' | 'trend';

export interface Finding {
  shape: FindingShape;
  from: Date;
  /** When it ends, its end not included; of what lasts, the end of the series. */
  until: Date;
  lasts: boolean;
  /** Steps from its end to the end of the series. */
  stepsAgo: number;
  /** Of a step, on average: as it was, and as it would have been (a trend: at its end and at its beginning). */
  value: number;
  expected: number;
  /** Of the level: -0.4 is 40 % less. Null where the level is so near to zero that shares say nothing. */
  change: number | null;
  /** The chance of anything like it in a series without it, all looks counted. */
  chance: number;
}

export interface SeriesAnalysis {
  spacing: Spacing;
  steps: number;
  known: number;
  /** The usual value, and what it usually differs by from that. */
  level: number;
  spread: number;
  hasPhases: boolean;
  cycles: number[];
  /** The most likely first. */
  findings: Finding[];
}

/** Something on the series' scale that explains a part of it. */
interface Explanation {
  shape: FindingShape;
  from: number;
  until: number;
  chance: number;
  /** What it adds to a step. */
  at(step: number): number;
}

/** A series of which there is too little to tell anything. */
export class SeriesTooShortError extends Error {
  override readonly name = 'SeriesTooShortError';
}

/**
 * Finds single points, changes of level and trends that chance does not explain. Each thing is told once: of what explains
 * a stretch, the explanation is taken that leaves least unexplained; then the rest is looked at again without it.
 * @param points finite values, in any order
 * @throws SeriesTooShortError
 */
export function analyseSeries(points: readonly Point[], limits: AnalysisLimits): SeriesAnalysis {
  if (points.length < STEPS_MIN) throw new SeriesTooShortError(`${points.length} values; ${STEPS_MIN} are needed`);
  const grid = toTimeGrid(points);
  const known = grid.values.filter((value) => !Number.isNaN(value)).length;
  if (known < STEPS_MIN)
    throw new SeriesTooShortError(`${known} ${grid.spacing}s with values; ${STEPS_MIN} are needed`);
  const scale = chooseScale(grid.values);
  const measured = grid.values.map((value) => (Number.isNaN(value) ? value : scale.to(value)));
  const { seasonality, explanations, noise } = explain({ grid, scale, measured, limits });
  const context = { grid, scale, measured, seasonality, explanations };
  return {
    spacing: grid.spacing,
    steps: grid.values.length,
    known,
    level: median(grid.values),
    spread: spreadOf(scale, median(measured), noise),
    hasPhases: seasonality.hasPhases,
    cycles: seasonality.cycles,
    findings: explanations
      .map((explanation) => describe(explanation, context))
      .sort((left, right) => left.chance - right.chance),
  };
}

interface Analysed {
  grid: TimeGrid;
  scale: MeasuringScale;
  measured: readonly number[];
}

function explain({ grid, scale, measured, limits }: Analysed & { limits: AnalysisLimits }) {
  const explanations: Explanation[] = [];
  // A season is cleaner once what happened is taken off, and what happened is cleaner without the season.
  let seasonality = findSeasonality(measured, grid.phase, scale.smallest);
  let noise = estimateNoise(without(measured, seasonality, []), scale);
  while (explanations.length < FINDINGS_MAX) {
    const rest = without(measured, seasonality, explanations);
    noise = estimateNoise(rest, scale);
    const worthTelling = (explanation: Explanation) => {
      const context = { grid, scale, measured, seasonality, explanations: [...explanations, explanation] };
      return explanation.chance <= limits.chance && isRelevant(explanation, context, limits, noise);
    };
    const next = candidatesOf(rest, noise, scale, seasonality).filter(worthTelling);
    const best = next.sort((left, right) => gainOf(right, rest, noise) - gainOf(left, rest, noise))[0];
    if (best === undefined || explanations.some((told) => told.shape === 'trend' && best.shape === 'trend')) break;
    explanations.push(best);
    const eventless = measured.map((value, step) => value - sumAt(explanations, step));
    seasonality = findSeasonality(eventless, grid.phase, scale.smallest);
  }
  return { seasonality, explanations, noise };
}

function candidatesOf(
  rest: readonly number[],
  noise: Noise,
  scale: MeasuringScale,
  { unrestOf }: Seasonality,
): Explanation[] {
  const candidates: Explanation[] = [];
  for (const { step, difference, chance } of findPointAnomalies(rest, scale, unrestOf).slice(0, 3)) {
    const at = (asked: number) => (asked === step ? difference : 0);
    candidates.push({ shape: 'point', from: step, until: step + 1, chance: chance / CHANCE_OF_POINTS, at });
  }
  const level = findLevelChange(rest, noise, scale.shortest);
  if (level !== null && level.until - level.from > 1) {
    const at = (asked: number) => (asked >= level.from && asked < level.until ? level.difference : 0);
    candidates.push({ ...level, shape: 'level', chance: level.chance / CHANCE_OF_LEVELS, at });
  }
  const late = rest.length >= LATE_TREND_HISTORY ? findTrend(rest, rest.length - LATE_TREND_STEPS, noise) : null;
  const trends = [findTrend(rest, 0, noise), late].filter((trend) => trend !== null);
  for (const trend of trends) candidates.push(trendExplanation(trend, trends.length, rest.length));
  // Of few steps, noise and tails are guesses.
  const doubt = Math.max(1, SURE_STEPS / rest.length);
  return candidates.map((candidate) => ({ ...candidate, chance: Math.min(1, candidate.chance * doubt) }));
}

function trendExplanation(trend: Trend, looks: number, length: number): Explanation {
  return {
    shape: 'trend',
    from: trend.from,
    until: length,
    chance: (trend.chance * looks) / CHANCE_OF_TRENDS,
    at: (step) => (step < trend.from ? 0 : trend.slope * (step - trend.from)),
  };
}

/** How much less is left unexplained with it, in squared spreads. */
function gainOf(explanation: Explanation, rest: readonly number[], noise: Noise): number {
  return (
    lossOf(rest, noise) -
    lossOf(
      rest.map((value, step) => value - explanation.at(step)),
      noise,
    )
  );
}

function lossOf(rest: readonly number[], noise: Noise): number {
  const centre = median(rest);
  let loss = 0;
  for (const value of rest) {
    if (Number.isNaN(value)) continue;
    const spreads = Math.abs(value - centre) / noise.spread;
    const inner = clip(spreads, HUBER_SPREADS);
    loss += inner ** 2 + 2 * inner * (spreads - inner);
  }
  return loss;
}

function without(
  measured: readonly number[],
  seasonality: Seasonality,
  explanations: readonly Explanation[],
): number[] {
  return measured.map((value, step) => value - seasonality.of(step) - sumAt(explanations, step));
}

function sumAt(explanations: readonly Explanation[], step: number): number {
  return explanations.reduce((sum, explanation) => sum + explanation.at(step), 0);
}

interface Context extends Analysed {
  seasonality: Seasonality;
  /** All that are told, this one among them. */
  explanations: readonly Explanation[];
}

function isRelevant(explanation: Explanation, context: Context, limits: AnalysisLimits, noise: Noise): boolean {
  const { value, expected, change } = describe(explanation, context);
  const minimal = explanation.shape === 'trend' ? limits.minimalTrend : limits.minimalChange;
  // Where next to nothing is left, half as much is no news.
  if (
    change !== null &&
    Math.abs(value - expected) < minimal * LEAST_OF_LEVEL * Math.abs(median(context.grid.values))
  ) {
    return false;
  }
  if (change !== null) return Math.abs(change) >= minimal;
  return Math.abs(value - expected) >= minimal * SPREADS_OF_LEVEL * noise.spread;
}

/** In the numbers of the series: what was, and what would have been without it. */
function describe(explanation: Explanation, context: Context): Finding {
  const { grid, shape, from, until, chance } = { ...context, ...explanation };
  const { value, expected } = shape === 'trend' ? endsOf(explanation, context) : averagesOf(explanation, context);
  const isAroundZero = grid.values.some((known) => known < 0) && isNearZero(grid.values);
  return {
    shape,
    from: grid.startOf(from),
    until: grid.startOf(until),
    lasts: until === grid.values.length,
    stepsAgo: grid.values.length - until,
    value,
    expected,
    change: isAroundZero || expected === 0 ? null : (value - expected) / Math.abs(expected),
    chance,
  };
}

function averagesOf({ from, until, at }: Explanation, context: Context) {
  const { grid, scale, measured, seasonality, explanations } = context;
  const rest = without(measured, seasonality, explanations);
  const first = Math.max(0, from - SPAN_OF_LEVEL);
  const level = clippedMean(rest.slice(first, from), 4 * madSpread(rest) || Number.POSITIVE_INFINITY);
  const others = (step: number) => sumAt(explanations, step) - at(step);
  const usual = (step: number) => scale.from(level + seasonality.of(step) + others(step));
  const before = stepsBetween(first, from, grid.values);
  const inside = stepsBetween(from, until, grid.values);
  // The middle on another scale is not the mean on this one; by how much, the steps before tell (Duan's smearing).
  const limit = 4 * madSpread(grid.values) || Number.POSITIVE_INFINITY;
  const smear = mean(before.map((step) => clip((grid.values[step] as number) - usual(step), limit)));
  return {
    value: mean(inside.map((step) => grid.values[step] as number)),
    expected: mean(inside.map(usual)) + (until - from > 1 ? smear : 0),
  };
}

function stepsBetween(first: number, end: number, values: readonly number[]): number[] {
  const steps = Array.from({ length: end - first }, (_none, index) => first + index);
  return steps.filter((step) => !Number.isNaN(values[step] as number));
}

const SPAN_OF_LEVEL = 42;

function endsOf({ from, at }: Explanation, { scale, measured, seasonality, explanations }: Context) {
  const level = median(without(measured, seasonality, explanations).slice(from));
  return { value: scale.from(level + at(measured.length - 1)), expected: scale.from(level + at(from)) };
}

/** Whether a series of both signs has no level that a change could be a share of. */
function isNearZero(values: readonly number[]): boolean {
  const middle = median(values);
  return Math.abs(middle) < 2 * 1.4826 * median(values.map((value) => Math.abs(value - middle)));
}

function spreadOf(scale: MeasuringScale, level: number, noise: Noise): number {
  return Math.abs(scale.from(level + noise.spread) - scale.from(level - noise.spread)) / 2;
}
