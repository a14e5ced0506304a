import { mean, median } from './robust-statistics.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Steps that are looked at, the newest: three years of days. */
const STEPS_MAX = 1_100;
/** From so many days on, hours are added up to days: what goes on within a day is then no news. */
const HOURS_BECOME_DAYS_AFTER = 14;

export const SPACINGS = ['hour', 'day', 'week', 'month'] as const;
export type Spacing = (typeof SPACINGS)[number];

export interface Point {
  at: Date;
  value: number;
}

/** A series on equal steps of time, oldest first. */
export interface TimeGrid {
  spacing: Spacing;
  /** NaN: nothing is known of that step. */
  values: number[];
  /** When a step begins; beyond the last one too. */
  startOf(step: number): Date;
  /** Which of the steps that come again a step is (the weekday, the hour); null: none do at this spacing. */
  phase: { count: number; of(step: number): number } | null;
  /** Older moments that were left out. */
  leftOut: number;
}

/**
 * Puts points of any spacing, in any order, on equal steps. Of points of the same moment the last one given counts;
 * several moments of one step are averaged. A last day of hours that is not over yet is left out.
 * @param points at least two, of finite values
 */
export function toTimeGrid(points: readonly Point[]): TimeGrid {
  const byMoment = new Map(points.map(({ at, value }) => [at.getTime(), value]));
  const moments = [...byMoment.keys()].sort((left, right) => left - right);
  const spacing = spacingOf(moments);
  const steps = STEPS_OF[spacing];
  // Days that are counted from, say, 23:00 on: the usual time of day is where a day begins, so that jitter moves nothing.
  const offsetMs = spacing === 'day' ? usualOffsetMs(moments) : 0;
  const indexOf = (moment: number) => steps.indexOf(moment - offsetMs);
  const lastStep = indexOf(moments.at(-1) as number);
  const begin = Math.max(indexOf(moments[0] as number), lastStep - STEPS_MAX + 1);
  const kept = moments.filter((moment) => indexOf(moment) >= begin);
  const cells = Array.from({ length: lastStep - begin + 1 }, (): number[] => []);
  for (const moment of kept) cells[indexOf(moment) - begin]?.push(byMoment.get(moment) as number);
  const values = cells.map(mean);
  if (isUnfinished(cells)) values.pop();
  return {
    spacing,
    values,
    startOf: (step) => new Date(steps.startMs(begin + step)),
    phase:
      steps.phase === null ? null : { count: steps.phase, of: (step) => modulo(begin + step, steps.phase as number) },
    leftOut: moments.length - kept.length,
  };
}

interface Steps {
  indexOf(ms: number): number;
  startMs(index: number): number;
  phase: number | null;
}

const STEPS_OF: Readonly<Record<Spacing, Steps>> = {
  hour: equalSteps(HOUR_MS, 24),
  day: equalSteps(DAY_MS, 7),
  week: equalSteps(7 * DAY_MS, null),
  month: {
    indexOf: (ms) => new Date(ms).getUTCFullYear() * 12 + new Date(ms).getUTCMonth(),
    startMs: (index) => Date.UTC(Math.floor(index / 12), modulo(index, 12)),
    phase: null,
  },
};

function equalSteps(stepMs: number, phase: number | null): Steps {
  return { indexOf: (ms) => Math.floor(ms / stepMs), startMs: (index) => index * stepMs, phase };
}

function spacingOf(moments: readonly number[]): Spacing {
  const gaps = moments.slice(1).map((moment, index) => moment - (moments[index] as number));
  const usualMs = median(gaps);
  const spanMs = (moments.at(-1) as number) - (moments[0] as number);
  if (usualMs < 0.6 * DAY_MS) return spanMs < HOURS_BECOME_DAYS_AFTER * DAY_MS ? 'hour' : 'day';
  if (usualMs < 4 * DAY_MS) return 'day';
  return usualMs < 20 * DAY_MS ? 'week' : 'month';
}

/** Half a day before the usual time of day, where all points are near one; else 0. */
function usualOffsetMs(moments: readonly number[]): number {
  const times = moments.map((moment) => modulo(moment, DAY_MS));
  const usual = times.at(-1) as number;
  const distances = times.map((time) => Math.abs(modulo(time - usual + DAY_MS / 2, DAY_MS) - DAY_MS / 2));
  const isPunctual = Math.max(...distances) < 6 * HOUR_MS;
  return isPunctual && distances.some((distance) => distance > 0) ? modulo(usual + DAY_MS / 2, DAY_MS) - DAY_MS : 0;
}

/** Whether the last step has markedly fewer points than the others have. */
function isUnfinished(cells: readonly number[][]): boolean {
  const usual = median(cells.slice(0, -1).map(({ length }) => (length === 0 ? Number.NaN : length)));
  return usual >= 4 && (cells.at(-1)?.length ?? 0) < 0.8 * usual;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
