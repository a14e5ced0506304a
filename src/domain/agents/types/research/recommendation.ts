import type { NewInsight, Priority } from '../../../insights/insight.ts';
import { SIGNAL_OPENINGS } from '../../companies/company-signal.ts';
import { clipped, counted, dayOf, inline, listed } from '../../evidence/citation.ts';
import type { ActiveSignal, CompanyBrief, NeedStatement } from './company-brief.ts';
import { speaksOfLeaving } from './leaving.ts';

type Worth = Pick<NewInsight, 'kind' | 'title' | 'description' | 'priority' | 'suggestedActions'> & { ids: string[] };
type Told = Pick<CompanyBrief, 'companyId' | 'company' | 'needs' | 'signals' | 'openQuestions'>;

/** What is older calls for nothing now. */
const RECENT_DAYS = 90;
const DAY_MS = 86_400_000;
/** Complaints that make it pressing. */
const MANY_COMPLAINTS = 3;
const TITLE_CHARACTERS = 200;
const DESCRIPTION_CHARACTERS = 4_000;
const QUOTED = 3;
const PRIORITY_OF_STRENGTH: Readonly<Record<string, Priority>> = {
  VERY_STRONG: 'HIGH',
  STRONG: 'HIGH',
  MODERATE: 'MEDIUM',
  WEAK: 'LOW',
};

/**
 * What a brief calls for: complaints to be answered before anything is sold, then signals and interest to be followed,
 * then wishes. Null: nothing that is recent enough to be acted on.
 */
export function recommendationOf(brief: Told, now: Date): NewInsight | null {
  const since = new Date(now.getTime() - RECENT_DAYS * DAY_MS).toISOString();
  const recent = brief.needs.filter(({ citation }) => citation.at >= since);
  const of = (kind: NeedStatement['kind']) => recent.filter((need) => need.kind === kind);
  const worth =
    fromComplaints(brief, of('complaint')) ??
    fromSignals(brief, of('interest')) ??
    fromInterest(brief, of('interest')) ??
    fromWishes(brief, of('wish'));
  if (worth === null) return null;
  const { ids, ...insight } = worth;
  const documentIds = [...new Set([brief.companyId, ...ids])].slice(0, 50);
  return {
    ...insight,
    title: clipped(insight.title, TITLE_CHARACTERS),
    description: clipped(insight.description, DESCRIPTION_CHARACTERS),
    confidence: Math.min(0.9, 0.5 + 0.1 * (documentIds.length - 1)),
    dataPoints: [
      { metric: 'complaints of 90 days', value: of('complaint').length, at: now },
      { metric: 'wishes of 90 days', value: of('wish').length, at: now },
      { metric: 'active signals', value: brief.signals.length, at: now },
    ],
    documentIds,
    key: `research:${brief.companyId}`,
  };
}

function fromComplaints({ company }: Told, complaints: readonly NeedStatement[]): Worth | null {
  const [first] = complaints;
  if (first === undefined) return null;
  const leaving = complaints.find(({ text }) => speaksOfLeaving(text));
  const people = namesOf(complaints);
  const whom = people.length === 0 ? company : listed(people.slice(0, 2));
  return {
    kind: 'RECOMMENDATION',
    title: `${company}: ${counted(complaints.length, 'complaint')} of the last ${RECENT_DAYS} days to settle before anything else`,
    description: `${leaving === undefined ? '' : `They speak of leaving: ${quoted(leaving)} `}${complaints.slice(0, QUOTED).map(quoted).join(' ')}`,
    priority: leaving !== undefined || complaints.length >= MANY_COMPLAINTS ? 'HIGH' : 'MEDIUM',
    suggestedActions: [
      `Tell ${whom} what has become of this: ${clipped(first.text, 200)}`,
      ...(leaving === undefined ? [] : ['Have someone who can decide call them this week.']),
    ],
    ids: complaints.map(({ citation }) => citation.documentId),
  };
}

function fromSignals({ company, signals }: Told, interest: readonly NeedStatement[]): Worth | null {
  const [strongest] = signals;
  if (strongest === undefined) return null;
  const told = signals
    .slice(0, QUOTED)
    .map((signal) => `${capitalised(nameOf(signal))}, ${dayOf(signal.detectedAt)}: “${inline(signal.text)}”`);
  return {
    kind: 'OPPORTUNITY',
    title: `${company}: ${listed([...new Set(signals.slice(0, QUOTED).map(nameOf))])}`,
    description: [...told, ...interest.slice(0, QUOTED).map(quoted)].join(' '),
    priority: interest.length > 0 ? 'HIGH' : (PRIORITY_OF_STRENGTH[strongest.strength] ?? 'MEDIUM'),
    suggestedActions: [`Write to ${company}: ${SIGNAL_OPENINGS[strongest.type]}.`],
    ids: [...signals.flatMap(({ evidenceIds }) => evidenceIds), ...interest.map(({ citation }) => citation.documentId)],
  };
}

function fromInterest({ company }: Told, interest: readonly NeedStatement[]): Worth | null {
  const [first] = interest;
  if (first === undefined) return null;
  const [person] = namesOf(interest);
  return {
    kind: 'OPPORTUNITY',
    title: `${company} is considering to buy`,
    description: interest.slice(0, QUOTED).map(quoted).join(' '),
    priority: 'HIGH',
    suggestedActions: [`Answer ${person ?? company}: ${clipped(first.text, 200)}`],
    ids: interest.map(({ citation }) => citation.documentId),
  };
}

function fromWishes({ company }: Told, wishes: readonly NeedStatement[]): Worth | null {
  const [first] = wishes;
  if (first === undefined) return null;
  return {
    kind: 'RECOMMENDATION',
    title: `${company}: ${counted(wishes.length, 'wish', 'wishes')} to come back to`,
    description: wishes.slice(0, QUOTED).map(quoted).join(' '),
    priority: 'LOW',
    suggestedActions: [`Tell ${namesOf(wishes)[0] ?? company} where it stands: ${clipped(first.text, 200)}`],
    ids: wishes.map(({ citation }) => citation.documentId),
  };
}

/** A signal's type as people say it: `funding round`. */
export function nameOf({ type }: Pick<ActiveSignal, 'type'>): string {
  return type.toLowerCase().replaceAll('_', ' ').replace('companies house', 'Companies House');
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** With the words of the document between the quotation marks, and no others. */
function quoted({ text, by, citation }: NeedStatement): string {
  const words = inline(citation.quote);
  const said = text.endsWith(words) ? `${text.slice(0, -words.length)}“${words}”` : text;
  return `${said} (${by === null ? '' : `${by}, `}${dayOf(citation.at)})`;
}

/** Who said it, without where they work. */
function namesOf(needs: readonly NeedStatement[]): string[] {
  const names = needs.flatMap(({ by }) => (by === null ? [] : [(by.split(/\s*[(,|@–—]/u, 1)[0] ?? '').trim()]));
  return [...new Set(names.filter((name) => name !== ''))];
}
