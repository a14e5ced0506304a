import type { CompanyRecord } from '../../companies/company-record.ts';
import { type CompanySignal, combined, daysBetween, signalWeight } from '../../companies/company-signal.ts';
import { likeness, mostAlike } from '../../companies/likeness.ts';
import type { WonCompanies } from '../../companies/won-companies.ts';
import type { WonLikeness } from '../../companies/won-likeness.ts';

/** What is known of a candidate. */
export type Candidate = {
  record: CompanyRecord;
  signals: CompanySignal[];
  likeness: WonLikeness;
  /** What warns of it, each with the words that say so. */
  cautions: Caution[];
};

export type Caution = { reason: string; quote: string; documentId: string };

/** A candidate as it is weighed. */
export type Opportunity = {
  record: CompanyRecord;
  /** 0 to 100. */
  score: number;
  /** 0 to 1: how sure the signals are. */
  confidence: number;
  /** Those that count most first. */
  signals: (CompanySignal & { /** 0 to 1. */ weight: number })[];
  mostLike: { id: string; name: string; similarity: number | null; shared: string[] } | null;
  cautions: Caution[];
};

/** Signals say that something happens now; likeness that it could be for us. */
const SIGNALS_SHARE = 0.65;
/** What is left of a score with something that warns. */
const CAUTION_SHARE = 0.6;
/** Of a company without any signal, however like it is: likeness is no reason to act now. */
const SILENT_MAX = 0.25;

/** Weighs a candidate: its signals, together and by age, and its likeness to a company that buys. */
export function weigh(candidate: Candidate, won: WonCompanies, now: Date): Opportunity {
  const signals = candidate.signals
    .map((signal) => ({ ...signal, weight: Number(signalWeight(signal, now).toFixed(3)) }))
    .sort((left, right) => right.weight - left.weight || (left.id < right.id ? -1 : 1));
  const stirred = combined(signals.map(({ weight }) => weight));
  const alike = alikeness(candidate, won);
  const plain = SIGNALS_SHARE * stirred + (1 - SIGNALS_SHARE) * alike.value;
  const bounded = Math.min(plain, SILENT_MAX + stirred);
  const share = candidate.cautions.length > 0 ? CAUTION_SHARE : 1;
  return {
    record: candidate.record,
    score: Math.round(100 * bounded * share),
    confidence: Number(confidenceOf(signals).toFixed(2)),
    signals,
    mostLike: alike.mostLike,
    cautions: candidate.cautions,
  };
}

/** Best first; of equal ones that with the newest signal, then by id. */
export function ranked(opportunities: readonly Opportunity[]): Opportunity[] {
  const newest = ({ signals }: Opportunity) => signals.reduce((last, { at }) => (at > last ? at : last), '');
  return opportunities.toSorted(
    (left, right) =>
      right.score - left.score ||
      newest(right).localeCompare(newest(left)) ||
      (left.record.id < right.record.id ? -1 : 1),
  );
}

/** Whole days since the newest signal; null: there is none. */
export function daysSinceNewest({ signals }: Opportunity, now: Date): number | null {
  const days = signals.map(({ at }) => Math.floor(daysBetween(at, now)));
  return days.length === 0 ? null : Math.min(...days);
}

/** By its description where that is known, else by its fields; what they share is told of the one it is most like. */
function alikeness(
  { record, likeness: { value, nearest } }: Candidate,
  { companies }: WonCompanies,
): { value: number; mostLike: Opportunity['mostLike'] } {
  if (nearest !== null) {
    const fields = likeness(record, nearest.record);
    const { id, name } = nearest.record;
    const mostLike = { id, name, similarity: nearest.score, shared: fields.shared };
    return { value: value ?? fields.value ?? 0, mostLike };
  }
  const byFields = mostAlike(record, companies);
  if (byFields === null || byFields.likeness.shared.length === 0) return { value: 0, mostLike: null };
  const { id, name } = byFields.other;
  // By fields alone it is known roughly.
  const { value: alike, shared } = byFields.likeness;
  return { value: (alike ?? 0) / 2, mostLike: { id, name, similarity: null, shared } };
}

function confidenceOf(signals: readonly { weight: number; confidence: number }[]): number {
  const weight = signals.reduce((sum, signal) => sum + signal.weight, 0);
  if (weight === 0) return 0.3;
  return signals.reduce((sum, signal) => sum + signal.weight * (signal.confidence / 100), 0) / weight;
}
