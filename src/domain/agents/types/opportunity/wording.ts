import type { NewInsight, Priority } from '../../../insights/insight.ts';
import { SIGNAL_LABELS, SIGNAL_OPENINGS } from '../../companies/company-signal.ts';
import { counted, dayOf, listed } from '../../evidence/citation.ts';
import { daysSinceNewest, type Opportunity } from './opportunity.ts';
import type { OpportunityOutput } from './output.ts';

type Told = OpportunityOutput['opportunities'][number];

const NAMED_SIGNALS = 3;

/** In sentences: what it does, whom it is like and in what, what warns. */
export function explanationOf({ record, signals, mostLike, cautions }: Opportunity): string {
  const named = signals.slice(0, NAMED_SIGNALS).map(({ type, at }) => `${SIGNAL_LABELS[type]} (${dayOf(at)})`);
  const further = signals.length - named.length;
  const stirred =
    named.length === 0
      ? `${record.name} shows no signals yet.`
      : `${record.name} shows ${listed(further === 0 ? named : [...named, counted(further, 'further signal')])}.`;
  return [stirred, likenessSaid(mostLike), ...cautions.map(({ reason, quote }) => `${reason}: “${quote}”`)]
    .filter((sentence) => sentence !== '')
    .join(' ');
}

function likenessSaid(mostLike: Opportunity['mostLike']): string {
  if (mostLike === null) return '';
  const { name, shared } = mostLike;
  return shared.length === 0
    ? `Of the companies that buy, it is described most like ${name}.`
    : `Of the companies that buy, it is most like ${name}: ${listed(shared)}.`;
}

export function nextStepOf({ record, signals, cautions }: Opportunity): string {
  const who = record.owner === null ? '' : `${record.owner}: `;
  const [warning] = cautions;
  if (warning !== undefined)
    return `${who}Look into this first: ${lowered(warning.reason)}. Then decide whether to write to ${record.name}.`;
  const [first] = signals;
  if (first === undefined) return `${who}Have ${record.name} watched for signals.`;
  return `${who}Write to ${record.name} this week: ${SIGNAL_OPENINGS[first.type]}.`;
}

/** What a model is told. */
export function factsOf(told: Told): string[] {
  return [
    `Company: ${told.company}${told.stage === null ? '' : ` (stage: ${told.stage})`}`,
    ...told.signals.map(
      ({ label, at, strength, quote }) => `Signal: ${label}, ${dayOf(at)}, ${strength}. ${quote ?? ''}`,
    ),
    ...(told.mostLike === null
      ? []
      : [`Most like the customer ${told.mostLike.company}: ${listed(told.mostLike.shared)}`]),
    ...told.cautions.map(({ reason, quote }) => `Warning: ${reason}: ${quote}`),
    `Next step by the rules: ${told.nextStep}`,
  ];
}

/** What is kept: one insight a company and month, so that what a person dismissed stays dismissed until the next. */
export function insightOf(told: Told, now: Date): NewInsight {
  const month = now.toISOString().slice(0, 7);
  const evidence = told.signals.flatMap(({ evidenceIds }) => evidenceIds);
  return {
    kind: 'OPPORTUNITY',
    title: `${told.company}: ${told.signals[0]?.label ?? 'like the companies that buy'}`.slice(0, 200),
    description: told.explanation.slice(0, 4_000),
    confidence: told.confidence,
    priority: priorityOf(told.score),
    dataPoints: [
      { metric: 'opportunity score', value: told.score, at: now },
      { metric: 'active signals', value: told.signals.length, at: now },
      ...(told.mostLike?.similarity == null
        ? []
        : [
            {
              metric: `similarity to ${told.mostLike.company}`.slice(0, 200),
              value: told.mostLike.similarity,
              at: null,
            },
          ]),
      ...told.signals.map(({ label, weight, at }) => ({
        metric: `weight of ${label}`,
        value: weight,
        at: new Date(at),
      })),
    ],
    suggestedActions: [told.nextStep.slice(0, 500)],
    documentIds: [
      ...new Set([told.companyId, ...evidence, ...told.cautions.map(({ documentId }) => documentId)]),
    ].slice(0, 50),
    key: `opportunity ${told.companyId} ${month}`,
  };
}

function priorityOf(score: number): Priority {
  if (score >= 75) return 'CRITICAL';
  if (score >= 55) return 'HIGH';
  return score >= 35 ? 'MEDIUM' : 'LOW';
}

/** One opportunity as it is told. */
export function toldOf(opportunity: Opportunity, now: Date, titles: ReadonlyMap<string, string>): Told {
  const { record, score, confidence, signals, mostLike, cautions } = opportunity;
  return {
    companyId: record.id,
    company: record.name,
    stage: record.stage,
    owner: record.owner,
    score,
    confidence,
    explanation: explanationOf(opportunity),
    nextStep: nextStepOf(opportunity),
    daysSinceNewestSignal: daysSinceNewest(opportunity, now),
    signals: signals
      .slice(0, 10)
      .map(({ id, type, strength, confidence: sureness, at, weight, quote, evidenceIds }) => ({
        ...{
          signalId: id,
          type,
          label: SIGNAL_LABELS[type],
          strength,
          confidence: sureness,
          at,
          weight,
          quote,
          evidenceIds,
        },
        evidenceTitles: evidenceIds.flatMap((evidenceId) => titles.get(evidenceId) ?? []),
      })),
    mostLike:
      mostLike === null
        ? null
        : { companyId: mostLike.id, company: mostLike.name, similarity: mostLike.similarity, shared: mostLike.shared },
    cautions,
  };
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
