import type { NewInsight } from '../../../insights/insight.ts';
import { daysBetween, SIGNAL_LABELS, signalWeight } from '../../companies/company-signal.ts';
import { listed } from '../../evidence/citation.ts';
import type { CompanyFacts } from './factors.ts';
import type { ScoredCompany } from './output.ts';
import type { Factor, FactorName } from './score.ts';

type Told = Omit<ScoredCompany, 'summary' | 'nextStep'>;

const LABELS: Record<FactorName, string> = {
  fit: 'likeness to the companies that buy',
  signals: 'signals',
  engagement: 'engagement',
  sentiment: 'sentiment',
  profile: 'profile',
};
/** A factor that says little for a company, of 0 to 1. */
const LOW = 0.25;
/** A factor that asks for something to be done. */
const STRONG = 0.45;
const MANY_MISSING = 3;
/** A document that is a talk with the company rather than about it. */
const TALK = 1;
const LATELY_DAYS = 45;
/** Of an insight. */
const CONFIDENCE_MAX = 0.9;

/** The score in sentences: what speaks for the company, what against it, what is not known. */
export function summaryOf({ company, score, grade, factors, missing }: Told): string {
  const best = factors
    .filter(({ value, contribution }) => value !== null && value > LOW && contribution > 0)
    .slice(0, 2);
  const worst = factors.filter(({ value, weight }) => value !== null && value <= LOW && weight > 0);
  return [
    `${company} scores ${score} of 100, grade ${grade}.`,
    ...best.map(({ reason }) => reason),
    ...(worst.length === 0 ? [] : [`Little speaks for it in ${listed(worst.map(({ name }) => LABELS[name]))}.`]),
    ...(missing.length === 0 ? [] : [`Nothing is known of its ${listed(missing.map((name) => LABELS[name]))}.`]),
  ].join(' ');
}

/** What to do about it, by what is strong and by when the two last had to do with each other. */
export function nextStepOf(
  { company, grade, factors, missing }: Told,
  { record, contacts, signals }: Pick<CompanyFacts, 'record' | 'contacts' | 'signals'>,
  now: Date,
): string {
  const who = record.owner === null ? '' : `${record.owner}: `;
  if (record.outcome === 'WON') return `${who}Keep ${company} as it is: it buys already.`;
  if (record.outcome === 'GONE') return `${who}Leave ${company} alone unless its stage “${record.stage}” changes.`;
  if (missing.length >= MANY_MISSING) return `${who}Find out more about ${company} before time is spent on it.`;
  const days = daysSinceTalk(contacts, now);
  if ((factors.find(({ name }) => name === 'signals')?.value ?? 0) >= STRONG) {
    const [first] = signals.toSorted((left, right) => signalWeight(right, now) - signalWeight(left, now));
    const shows = first === undefined ? 'it shows signals' : `it shows ${SIGNAL_LABELS[first.type]}`;
    if (days === null) return `${who}Write to ${company}: ${shows}, and no talk with it is on record.`;
    if (days <= LATELY_DAYS) return `${who}Talk with ${company} this week: ${shows}.`;
    return `${who}Write to ${company}: ${shows}, and the last talk was ${days} days ago.`;
  }
  if (days !== null && days <= LATELY_DAYS) return `${who}Ask ${company} what keeps it from deciding.`;
  return grade === 'D' ? `${who}Leave ${company} for now.` : `${who}Watch ${company} for signals.`;
}

function daysSinceTalk(contacts: CompanyFacts['contacts'], now: Date): number | null {
  const days = contacts.filter(({ weight }) => weight >= TALK).map(({ at }) => Math.floor(daysBetween(at, now)));
  return days.length === 0 ? null : Math.min(...days);
}

/** What a model is told. */
export function factsOf(each: ScoredCompany): string[] {
  return [
    `Company: ${each.company}${each.stage === null ? '' : ` (stage: ${each.stage})`}`,
    `Score: ${each.score} of 100, grade ${each.grade}`,
    ...each.factors.map(({ name, value, reason, contribution }) =>
      value === null
        ? `Not known: ${LABELS[name]}. ${reason}`
        : `Factor ${LABELS[name]}, ${contribution} points: ${reason}`,
    ),
    `Next step by the rules: ${each.nextStep}`,
  ];
}

/** What is kept of a good score. */
export function insightOf(each: ScoredCompany, at: Date): NewInsight {
  return {
    kind: 'RECOMMENDATION',
    title: `${each.company}: grade ${each.grade}, ${each.score} of 100`.slice(0, 200),
    description: each.summary.slice(0, 4_000),
    // That all factors are known does not make it certain.
    confidence: Math.min(CONFIDENCE_MAX, each.confidence),
    priority: each.grade === 'A' ? 'HIGH' : 'MEDIUM',
    dataPoints: [{ metric: 'score', value: each.score, at }, ...each.factors.flatMap((factor) => pointOf(factor, at))],
    suggestedActions: [each.nextStep.slice(0, 500)],
    documentIds: [...new Set([each.companyId, ...each.factors.flatMap(({ evidenceIds }) => evidenceIds)])].slice(0, 50),
    key: `score ${each.companyId} ${each.grade}`,
  };
}

function pointOf({ name, value, contribution, weight }: Factor, at: Date): NewInsight['dataPoints'][number][] {
  return value === null
    ? []
    : [{ metric: `${LABELS[name]} (weight ${Math.round(weight * 100)} %)`, value: contribution, at }];
}
