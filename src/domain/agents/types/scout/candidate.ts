import type { JsonObject } from '../../../../shared/json.ts';
import type { SignalStrength, SignalType } from '../../../insights/signal.ts';

/** A signal of one company as it goes through the steps of a run: plain JSON. */
export type Candidate = {
  type: SignalType;
  companyId: string;
  facts: JsonObject;
  /** A sentence that stands in the first document. */
  quote: string;
  /** 0 to 100. */
  confidence: number;
  documentIds: string[];
  /** ISO time. */
  at: string;
  /** Who found it: the rules, the model, or both. */
  by: 'rules' | 'model' | 'both';
};

/** The same thing told within so many days is one event. */
const SAME_EVENT_DAYS = 45;
const EVIDENCE_MAX = 20;
const DAY_MS = 86_400_000;

/** What tells two events of a type apart, the most telling first. */
const IDENTITY: Readonly<Record<SignalType, readonly string[]>> = {
  FUNDING_ROUND: ['round', 'amount'],
  EXECUTIVE_CHANGE: ['person', 'role', 'change'],
  JOB_POSTING: ['title'],
  TECHNOLOGY_ADOPTION: ['technology'],
  EXPANSION: ['place'],
  WEBSITE_ACTIVITY: [],
  COMPETITOR_MENTION: ['competitor'],
  COMPANIES_HOUSE_FILING: ['form'],
};

/** What is one event: its type, what tells it apart, and its month. */
export function keyOf({ type, facts, at }: Pick<Candidate, 'type' | 'facts' | 'at'>): string {
  const arguments_ = IDENTITY[type].map((name) => normalised(type, name, facts[name])).filter((value) => value !== '');
  const told = type === 'EXECUTIVE_CHANGE' ? arguments_.slice(0, 2) : arguments_.slice(0, 1);
  return [type.toLowerCase(), ...told, at.slice(0, 7)].join(':').slice(0, 200);
}

function normalised(type: SignalType, name: string, value: unknown): string {
  if (value === undefined || value === null) return '';
  const said = String(value)
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
  if (name === 'person') return said.split(' ').at(-1) ?? '';
  // "A growth round" may be any.
  if (name === 'round') return /series|seed/u.test(said) ? said : '';
  if (name === 'role') return ROLE_GROUPS.find(([, pattern]) => pattern.test(said))?.[0] ?? said;
  if (name === 'title') return said.replace(/s$/u, '');
  return type === 'EXPANSION' ? said.replace(/^(?:the|central|greater) /u, '') : said;
}

const ROLE_GROUPS: readonly (readonly [string, RegExp])[] = [
  [
    'ceo',
    /ceo|chief executive|managing director|\bmd\b|geschäftsführer|vorstandsvors|directeur général|directrice générale|pdg/u,
  ],
  ['cfo', /cfo|financ|finanz|\bdaf\b/u],
  ['cto', /cto|chief tech|technical director|technology/u],
  ['coo', /coo|chief operati|operations/u],
  ['cro', /cro|sales|revenue|commercial|vertrieb/u],
  ['cmo', /cmo|marketing/u],
];

/** Whether two candidates tell of one event: nothing that both say differs. */
export function isSameEvent(left: Candidate, right: Candidate): boolean {
  if (left.type !== right.type || left.companyId !== right.companyId) return false;
  if (Math.abs(Date.parse(left.at) - Date.parse(right.at)) > SAME_EVENT_DAYS * DAY_MS) return false;
  return IDENTITY[left.type].every((name) => {
    const [one, other] = [left, right].map(({ facts }) => normalised(left.type, name, facts[name]));
    return one === '' || other === '' || one === other || isNearAmount(name, one, other);
  });
}

/** $12m and 12.1 million dollars are one round. */
function isNearAmount(name: string, one: string | undefined, other: string | undefined): boolean {
  return name === 'amount' && Math.abs(Number(one) - Number(other)) <= 0.1 * Math.max(Number(one), Number(other));
}

/** One candidate of two that tell of the same event: the surer one's words, the facts and the evidence of both. */
export function merged(left: Candidate, right: Candidate): Candidate {
  const [first, second] = left.confidence >= right.confidence ? [left, right] : [right, left];
  const documentIds = [...new Set([...first.documentIds, ...second.documentIds])].slice(0, EVIDENCE_MAX);
  // Two documents that agree are surer than one, though they may have copied from each other.
  const gain = documentIds.length > first.documentIds.length ? (100 - first.confidence) * 0.2 : 0;
  return {
    ...first,
    facts: { ...second.facts, ...first.facts },
    documentIds,
    confidence: Math.round(first.confidence + gain),
    // Something happened when it was first told; interest lasts until it was last seen.
    at: Date.parse(left.at) <= Date.parse(right.at) === (left.type !== 'WEBSITE_ACTIVITY') ? left.at : right.at,
    by: first.by === second.by ? first.by : 'both',
  };
}

/** Days after which a signal of a type says nothing any more, unless a configuration says otherwise. */
export const EXPIRY_DAYS: Readonly<Record<SignalType, number>> = {
  FUNDING_ROUND: 180,
  EXECUTIVE_CHANGE: 120,
  JOB_POSTING: 60,
  TECHNOLOGY_ADOPTION: 180,
  EXPANSION: 180,
  WEBSITE_ACTIVITY: 14,
  COMPETITOR_MENTION: 90,
  COMPANIES_HOUSE_FILING: 90,
};

/** By what the signal is about: the money, the seniority, the page; a faint one is never strong. */
export function strengthOf({ type, facts, confidence, documentIds, at }: Candidate, now: Date): SignalStrength {
  const points = weightOf(type, facts) + (documentIds.length >= 3 ? 1 : 0) + (confidence >= 85 ? 1 : 0);
  const isFading = now.getTime() - Date.parse(at) > (EXPIRY_DAYS[type] / 2) * DAY_MS;
  const level = points - (isFading ? 1 : 0) - (confidence < 60 ? 1 : 0);
  return level >= 4 ? 'VERY_STRONG' : level === 3 ? 'STRONG' : level === 2 ? 'MODERATE' : 'WEAK';
}

function weightOf(type: SignalType, facts: JsonObject): number {
  const said = (name: string) => String(facts[name] ?? '').toLowerCase();
  switch (type) {
    case 'FUNDING_ROUND':
      return Number(facts.amount ?? 0) >= 10_000_000 || /series [b-h]/u.test(said('round')) ? 3 : 2;
    case 'EXECUTIVE_CHANGE':
      return /^(?:.* )?(?:c[a-z]o|chief .*|managing director|geschäftsführer.*|directeur général)$/u.test(said('role'))
        ? 3
        : 2;
    case 'JOB_POSTING':
      return Number(facts.openings ?? 1) >= 5 ? 3 : 1;
    case 'TECHNOLOGY_ADOPTION':
      return 2;
    case 'EXPANSION':
      return facts.place === undefined ? 1 : 2;
    case 'WEBSITE_ACTIVITY':
      return /pric|demo|trial|quote|tarif|preis/u.test(said('page')) ? 3 : Number(facts.visits ?? 1) >= 5 ? 2 : 1;
    case 'COMPETITOR_MENTION':
      return 2;
    case 'COMPANIES_HOUSE_FILING':
      return /^(?:SH01|MR01|PSC)/iu.test(said('form')) ? 2 : 1;
  }
}

/** When a signal of a type says nothing any more. */
export function expiryOf({ type, at }: Candidate, days: Partial<Record<SignalType, number>>): Date {
  return new Date(Date.parse(at) + (days[type] ?? EXPIRY_DAYS[type]) * DAY_MS);
}
