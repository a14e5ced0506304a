import { setImmediate } from 'node:timers/promises';
import type { Series } from '../../agent-tools.ts';
import type { InsightsConfiguration } from './configuration.ts';
import { contributionsTo, type Move } from './contributions.ts';
import { admittedChance, STRICTNESS } from './false-discoveries.ts';
import { analyseSeries, type Finding, type SeriesAnalysis, SeriesTooShortError } from './series-analysis.ts';
import { isPart } from './series-parts.ts';

/** A finding with the series that it is of. */
export interface SeriesFinding extends Finding {
  series: string;
  label: string;
  spacing: SeriesAnalysis['spacing'];
  movedWithIt: Move[];
}

export interface Look {
  found: SeriesFinding[];
  looked: { series: Series; analysis: SeriesAnalysis; findings: number }[];
  notLooked: { series: string; reason: string }[];
  /** Finds that were not sure enough among so many series. */
  doubtful: number;
}

/**
 * Looks through all series. What is found in one and, at the same time and in the same direction, in the whole that it is
 * a part of, is told of the whole, with the part as what moved.
 */
export async function lookThrough(
  series: readonly Series[],
  configuration: InsightsConfiguration,
  signal: AbortSignal,
): Promise<Look> {
  const strictness = STRICTNESS[configuration.sensitivity];
  const limits = {
    chance: strictness.chance,
    minimalChange: configuration.minimalChange,
    minimalTrend: configuration.minimalTrend,
  };
  const analysed: { series: Series; analysis: SeriesAnalysis }[] = [];
  const notLooked: Look['notLooked'] = [];
  for (const each of series) {
    try {
      const analysis = analyseSeries(each.points, limits);
      const findings = analysis.findings.filter((finding) => !(each.isCount && isOfFew(finding)));
      analysed.push({ series: each, analysis: { ...analysis, findings } });
    } catch (error) {
      if (!(error instanceof SeriesTooShortError)) throw error;
      notLooked.push({ series: each.name, reason: error.message });
    }
    // A series takes milliseconds; a hundred would hold up everybody else's requests.
    await setImmediate();
    signal.throwIfAborted();
  }
  const likeliest = analysed.map(({ analysis }) => analysis.findings[0]?.chance ?? 1);
  const admitted = admittedChance(likeliest, strictness);
  const all = analysed.flatMap(({ series: { name, label }, analysis }) =>
    analysis.findings.map((finding) => ({ ...finding, series: name, label, spacing: analysis.spacing })),
  );
  const sure = all.filter(({ chance }) => chance <= admitted);
  const found = sure
    .filter((finding) => !sure.some((whole) => isPartOf(finding, whole)))
    .map((finding) => ({ ...finding, movedWithIt: contributionsTo(finding, series) }));
  return {
    found,
    looked: analysed.map((each) => ({
      ...each,
      findings: found.filter((finding) => finding.series === each.series.name).length,
    })),
    notLooked,
    doubtful: all.length - sure.length,
  };
}

const DAY_MS = 86_400_000;
/** Things that come one at a time: a step with fewer more, or fewer less, is no news, however seldom they come. */
const FEW = 3;

function isOfFew({ shape, value, expected }: Finding): boolean {
  return shape === 'point' && Math.abs(value - expected) < FEW;
}

function isPartOf(part: Finding & { series: string }, whole: Finding & { series: string }): boolean {
  const isSameWay = Math.sign(part.value - part.expected) === Math.sign(whole.value - whole.expected);
  return (
    isPart(part.series, whole.series) && isSameWay && Math.abs(part.from.getTime() - whole.from.getTime()) <= 3 * DAY_MS
  );
}
