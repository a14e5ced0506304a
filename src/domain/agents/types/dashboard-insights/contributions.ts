import type { Series } from '../../agent-tools.ts';
import { mean } from './robust-statistics.ts';
import type { Finding } from './series-analysis.ts';
import { partsOf } from './series-parts.ts';

/** Days before a change that the parts' usual values are taken from. */
const BEFORE_MS = 42 * 86_400_000;
const MOVES_MAX = 4;
/** Share of a change below which a part is not worth naming. */
const SHARE_MIN = 0.2;

/** A part of a whole that moved with it. */
export interface Move {
  series: string;
  label: string;
  /** Of the whole's change: 1 is all of it. */
  share: number;
  value: number;
  expected: number;
}

/** The parts that make up most of a change, of each way to divide the whole the largest. */
export function contributionsTo(finding: Finding & { series: string }, all: readonly Series[]): Move[] {
  const difference = finding.value - finding.expected;
  if (difference === 0) return [];
  const moves = partsOf(finding.series, all).map(({ name, label, points }) => {
    const within = (from: number, until: number) =>
      mean(points.filter(({ at }) => at.getTime() >= from && at.getTime() < until).map(({ value }) => value)) || 0;
    const from = finding.from.getTime();
    const isTrend = finding.shape === 'trend';
    const until = finding.until.getTime();
    // Of a trend, its last quarter is held against its first.
    const quarter = (until - from) / 4;
    const value = isTrend ? within(until - quarter, until) : within(from, until);
    const expected = isTrend ? within(from, from + quarter) : within(from - BEFORE_MS, from);
    return { series: name, label, share: (value - expected) / difference, value, expected };
  });
  return moves
    .filter(({ share }) => share >= SHARE_MIN)
    .sort((left, right) => right.share - left.share)
    .slice(0, MOVES_MAX)
    .map((move) => ({ ...move, share: Math.min(1, Math.round(move.share * 100) / 100) }));
}
