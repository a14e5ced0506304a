import type { InsightKind, Priority } from '../../../insights/insight.ts';
import type { InsightsConfiguration } from './configuration.ts';
import type { SeriesFinding } from './look-through.ts';

/** What a finding means to whoever runs the business. */
export interface Judgement {
  kind: InsightKind;
  priority: Priority;
  confidence: number;
  isBad: boolean;
}

const UP_IS_BAD =
  /error|fail|latency|duration|delay|cost|spend|churn|complain|bug|issue|incident|negative|cancel|refund|return|bounce|unsubscrib|defect|downtime|backlog|overdue/i;
/** What is neither good nor bad by itself: more bugs told may be more customers. */
const MATTERS_LITTLE_WHEN_GOOD = 0.5;
const OUTAGE_SHARE = 0.95;
/** Steps after which a single one is history. */
const PAST_STEPS = 7;
/** Of what has no share: a change of so many times the usual spread counts as one of all. */
const PRIORITIES_FROM: readonly (readonly [Priority, number])[] = [
  ['CRITICAL', 0.75],
  ['HIGH', 0.35],
  ['MEDIUM', 0.18],
];

export function judge(finding: SeriesFinding, configuration: InsightsConfiguration): Judgement {
  const { shape, chance, series } = finding;
  const isBad = isBadNews(finding, configuration);
  const size = Math.min(1.5, Math.abs(finding.change ?? 0.5));
  const weight = configuration.weights[series] ?? 1;
  const urgency = size * weight * (isBad ? 1 : MATTERS_LITTLE_WHEN_GOOD) * (isPast(finding) ? 0.5 : 1);
  const priority =
    PRIORITIES_FROM.find(
      ([name, from]) => urgency >= from && ((isBad && !isPast(finding)) || name !== 'CRITICAL'),
    )?.[0] ?? 'LOW';
  const isOutage = finding.change !== null && finding.change <= -OUTAGE_SHARE;
  const isAlert = isBad && !isPast(finding) && shape !== 'trend' && (priority === 'CRITICAL' || isOutage);
  const kind = isAlert ? 'ALERT' : shape === 'trend' ? 'TREND' : 'ANOMALY';
  return { kind, priority, confidence: Math.round(Math.min(0.99, 1 - chance) * 1_000) / 1_000, isBad };
}

/** Whether it is no news any more. */
function isPast(finding: SeriesFinding): boolean {
  return isOver(finding) || (finding.shape === 'point' && finding.stepsAgo >= PAST_STEPS);
}

/** Whether it has ended before the series does. */
export function isOver({ shape, lasts }: SeriesFinding): boolean {
  return shape === 'level' && !lasts;
}

function isBadNews({ series, value, expected }: SeriesFinding, { badDirection }: InsightsConfiguration): boolean {
  const direction = badDirection[series] ?? (UP_IS_BAD.test(series) ? 'UP' : 'DOWN');
  if (direction === 'NONE') return false;
  return direction === 'BOTH' || direction === (value > expected ? 'UP' : 'DOWN');
}
