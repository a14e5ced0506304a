import type { JsonObject } from '../../../../shared/json.ts';
import type { SignalStrength, SignalType } from '../../../insights/signal.ts';

/** What a type of signal is called in a sentence. */
const CALLED: Readonly<Record<SignalType, readonly [one: string, several: string]>> = {
  FUNDING_ROUND: ['funding round', 'funding rounds'],
  EXECUTIVE_CHANGE: ['change of leadership', 'changes of leadership'],
  JOB_POSTING: ['job posting', 'job postings'],
  TECHNOLOGY_ADOPTION: ['technology taken into use', 'technologies taken into use'],
  EXPANSION: ['expansion', 'expansions'],
  WEBSITE_ACTIVITY: ['sign of interest on the website', 'signs of interest on the website'],
  COMPETITOR_MENTION: ['mention of a competitor', 'mentions of competitors'],
  COMPANIES_HOUSE_FILING: ['filing at Companies House', 'filings at Companies House'],
};

/** `Frostvale closed or is closing a round (Series B, 14m GBP), on 3 March 2026: "…"`. */
export function sentenceOfSignal(
  company: string,
  {
    type,
    facts,
    quote,
    at,
    documentIds,
  }: { type: SignalType; facts: JsonObject; quote: string; at: string; documentIds: readonly string[] },
): string {
  const told = detailOf(type, facts);
  const day = new Date(at).toLocaleDateString('en-GB', {
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
  const evidence = documentIds.length === 1 ? '' : `, told by ${documentIds.length} documents`;
  return `${company}: ${CALLED[type][0]}${told === '' ? '' : ` (${told})`}, ${day}${evidence}. “${quote}”`;
}

function detailOf(type: SignalType, facts: JsonObject): string {
  const said = (name: string) => (facts[name] === undefined ? '' : String(facts[name]));
  const parts: Readonly<Record<SignalType, readonly string[]>> = {
    FUNDING_ROUND: [said('round'), amountInWords(facts), said('investor') && `led by ${said('investor')}`],
    EXECUTIVE_CHANGE: [said('role'), said('person'), said('change')],
    JOB_POSTING: [said('title'), said('openings') && `${said('openings')} openings`],
    TECHNOLOGY_ADOPTION: [said('technology')],
    EXPANSION: [said('site'), said('place')],
    WEBSITE_ACTIVITY: [said('page'), said('visits') && `${said('visits')} times`],
    COMPETITOR_MENTION: [said('competitor')],
    COMPANIES_HOUSE_FILING: [said('form'), said('description')],
  };
  return parts[type].filter((part) => part !== '').join(', ');
}

function amountInWords({ amount, currency }: JsonObject): string {
  if (typeof amount !== 'number') return '';
  const unit = typeof currency === 'string' ? `${currency} ` : '';
  if (amount >= 1e6) return `${unit}${Number((amount / 1e6).toFixed(1))} million`;
  return `${unit}${amount.toLocaleString('en-GB')}`;
}

/** What a run found, in two or three sentences. */
export function summaryOf(counted: {
  documentsRead: number;
  companies: number;
  counts: Partial<Record<SignalType, number>>;
  unattributed: number;
  names: readonly string[];
  byRulesAlone: number;
  modelFailure: string | null;
}): string {
  const kinds = Object.entries(counted.counts).map(
    ([type, count]) => `${count} ${CALLED[type as SignalType][count === 1 ? 0 : 1]}`,
  );
  const found = kinds.length === 0 ? 'no buying signals' : kinds.join(', ');
  const unknown =
    counted.unattributed === 0
      ? ''
      : ` ${counted.unattributed} more could not be put down to one known company${counted.names.length === 0 ? '' : `; names without a company document: ${counted.names.slice(0, 5).join(', ')}`}.`;
  const without =
    counted.companies === 0 ? ' There are no documents of the kind COMPANY, so nothing can be put down to one.' : '';
  const alone =
    counted.byRulesAlone === 0
      ? ''
      : ` Rules alone read ${counted.byRulesAlone} of them, because the model failed: ${counted.modelFailure}.`;
  return `${counted.documentsRead} documents read: ${found}.${unknown}${without}${alone}`;
}

const ORDER: readonly SignalStrength[] = ['VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'];

/** The strongest first, then the surest. */
export function byStrength(
  left: { strength: SignalStrength; confidence: number },
  right: { strength: SignalStrength; confidence: number },
): number {
  return ORDER.indexOf(left.strength) - ORDER.indexOf(right.strength) || right.confidence - left.confidence;
}
