import type { NewSignal, SignalStrength, SignalType } from '../../insights/signal.ts';

/** An active signal as runs keep it: plain JSON. */
export type CompanySignal = {
  id: string;
  type: SignalType;
  strength: SignalStrength;
  /** 0 to 100. */
  confidence: number;
  /** ISO 8601. */
  at: string;
  /** The sentence that says so, where the signal has one. */
  quote: string | null;
  evidenceIds: string[];
};

/** What weighing needs of a signal. */
export type WeighedSignal = Pick<CompanySignal, 'type' | 'strength' | 'confidence' | 'at'>;

export const SIGNAL_LABELS: Record<SignalType, string> = {
  FUNDING_ROUND: 'new funding',
  EXECUTIVE_CHANGE: 'a change at the top',
  JOB_POSTING: 'hiring',
  TECHNOLOGY_ADOPTION: 'new technology',
  EXPANSION: 'expansion',
  WEBSITE_ACTIVITY: 'interest on the website',
  COMPETITOR_MENTION: 'talk of a competitor',
  COMPANIES_HOUSE_FILING: 'a filing at the register',
};

/** What to write to a company about, by what has happened. */
export const SIGNAL_OPENINGS: Record<SignalType, string> = {
  FUNDING_ROUND: 'congratulate them on the money and ask what it is to change',
  EXECUTIVE_CHANGE: 'introduce yourself to the new person while plans are still open',
  JOB_POSTING: 'ask who the new people are to work with, and offer help before they start',
  TECHNOLOGY_ADOPTION: 'show how it works together with what they have just brought in',
  EXPANSION: 'ask how the new site is to be run before it opens',
  WEBSITE_ACTIVITY: 'ask what they were looking for',
  COMPETITOR_MENTION: 'offer a comparison and a way to move',
  COMPANIES_HOUSE_FILING: 'ask what the filing changes for them',
};

/** How much a kind says about buying, 0 to 1, where nobody says otherwise. */
export const KIND_WEIGHTS: Record<SignalType, number> = {
  FUNDING_ROUND: 1,
  EXPANSION: 1,
  COMPETITOR_MENTION: 0.9,
  EXECUTIVE_CHANGE: 0.8,
  TECHNOLOGY_ADOPTION: 0.8,
  JOB_POSTING: 0.7,
  WEBSITE_ACTIVITY: 0.6,
  COMPANIES_HOUSE_FILING: 0.4,
};

/** After so many days it says half as much: money is spent for long, a visit to a page is forgotten in a month. */
const HALF_LIFE_DAYS: Record<SignalType, number> = {
  FUNDING_ROUND: 180,
  EXPANSION: 180,
  COMPETITOR_MENTION: 120,
  EXECUTIVE_CHANGE: 120,
  TECHNOLOGY_ADOPTION: 180,
  JOB_POSTING: 60,
  WEBSITE_ACTIVITY: 30,
  COMPANIES_HOUSE_FILING: 90,
};

const STRENGTHS: Record<SignalStrength, number> = { VERY_STRONG: 1, STRONG: 0.75, MODERATE: 0.5, WEAK: 0.25 };
const DAY_MS = 86_400_000;

/** What is left of something after some days, of which half is gone after `halfLifeDays`; what is to come counts whole. */
export function decay(at: Date | string, now: Date, halfLifeDays: number): number {
  return 0.5 ** (daysBetween(at, now) / halfLifeDays);
}

/** Whole or broken days; never negative. */
export function daysBetween(at: Date | string, now: Date): number {
  return Math.max(0, (now.getTime() - new Date(at).getTime()) / DAY_MS);
}

/** 0 to 1: strength × confidence × what is left of it × how much its kind says. */
export function signalWeight(
  signal: WeighedSignal,
  now: Date,
  kindWeights: Readonly<Record<SignalType, number>> = KIND_WEIGHTS,
): number {
  const fresh = decay(signal.at, now, HALF_LIFE_DAYS[signal.type]);
  return STRENGTHS[signal.strength] * (signal.confidence / 100) * fresh * kindWeights[signal.type];
}

/** Weights of 0 to 1 taken together: each adds to what the others leave open, so that many weak ones never outdo it all. */
export function combined(weights: readonly number[]): number {
  return 1 - weights.reduce((open, weight) => open * (1 - Math.min(1, Math.max(0, weight))), 1);
}

/** Those that were there when a run looked which there are: ids sort by age. @param newest null: there were none */
export function upTo<Found extends { id: string }>(signals: readonly Found[], newest: string | null): Found[] {
  return newest === null ? [] : signals.filter(({ id }) => id <= newest);
}

/** A signal as runs keep it. */
export function companySignal(signal: NewSignal & { id: string }): CompanySignal {
  const { quote } = signal.data;
  return {
    id: signal.id,
    type: signal.type,
    strength: signal.strength,
    confidence: signal.confidence,
    at: signal.detectedAt.toISOString(),
    quote: typeof quote === 'string' && quote !== '' ? quote.slice(0, 500) : null,
    evidenceIds: signal.evidenceIds.slice(0, 5),
  };
}
