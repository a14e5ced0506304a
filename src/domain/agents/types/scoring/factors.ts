import type { SignalType } from '../../../insights/signal.ts';
import type { CompanyRecord } from '../../companies/company-record.ts';
import {
  type CompanySignal,
  combined,
  daysBetween,
  decay,
  SIGNAL_LABELS,
  signalWeight,
} from '../../companies/company-signal.ts';
import { mostAlike } from '../../companies/likeness.ts';
import type { WonCompanies } from '../../companies/won-companies.ts';
import type { WonLikeness } from '../../companies/won-likeness.ts';
import { counted, dayOf, listed } from '../../evidence/citation.ts';
import type { FoundFactor } from './score.ts';

/** A document that has to do with a company, as far as scoring reads it. */
export type Contact = {
  id: string;
  at: string;
  /** 0 to 1: how much it says about the two talking to each other. */
  weight: number;
};

/** What people's texts feel like. */
export type Mood = {
  positive: number;
  negative: number;
  others: number /** -1 to 1, newer ones count more. */;
  mean: number;
};

/** What is known of a company before it is scored. */
export type CompanyFacts = {
  record: CompanyRecord;
  signals: CompanySignal[];
  likeness: WonLikeness;
  contacts: Contact[];
  /** Null: nobody of them has written anything. */
  mood: (Mood & { evidenceIds: string[] }) | null;
};

const EVIDENCE = 5;
/** Days after which a contact counts for half. */
const CONTACT_HALF_LIFE_DAYS = 60;
/** Fresh contacts that make a company as engaged as one can well be (95 %). */
const MANY_CONTACTS = 10;

/** How like the companies that buy its documents are. */
export function fitFactor({ likeness: { value, nearest } }: CompanyFacts, won: WonCompanies): FoundFactor {
  const name = 'fit';
  if (won.companies.length === 0) {
    return { name, value: null, reason: 'It is not known which companies buy.', evidenceIds: [] };
  }
  if (nearest === null) {
    return { name, value: null, reason: 'No company that buys is among those nearest to it.', evidenceIds: [] };
  }
  const degree =
    value === null ? null : ['little', 'somewhat', 'much', 'very much'][Math.min(3, Math.floor(value * 4))];
  const reason =
    degree == null
      ? `Nearest to ${nearest.record.name}; too few companies buy to say how near that is.`
      : `By its description it is ${degree} like those that buy, most of all ${nearest.record.name} (similarity ${nearest.score.toFixed(2)}).`;
  return { name, value, reason, evidenceIds: [nearest.record.id] };
}

/** What it does, by kind, strength and age. @param options.hasSignals whether any company of the workspace has one */
export function signalsFactor(
  { signals }: CompanyFacts,
  now: Date,
  { hasSignals, kindWeights }: { hasSignals: boolean; kindWeights: Readonly<Record<SignalType, number>> },
): FoundFactor {
  const name = 'signals';
  if (!hasSignals) {
    const reason = 'No company of the workspace has signals yet; an agent of the type SCOUT finds them.';
    return { name, value: null, reason, evidenceIds: [] };
  }
  if (signals.length === 0) return { name, value: 0, reason: 'No active signals.', evidenceIds: [] };
  const weighed = signals
    .map((signal) => ({ signal, weight: signalWeight(signal, now, kindWeights) }))
    .sort((left, right) => right.weight - left.weight || (left.signal.id < right.signal.id ? -1 : 1));
  const kinds = [...new Set(weighed.map(({ signal }) => SIGNAL_LABELS[signal.type]))];
  const [first] = weighed;
  const newest = first === undefined ? '' : `; the one that counts most is of ${dayOf(first.signal.at)}`;
  return {
    name,
    value: combined(weighed.map(({ weight }) => weight)),
    reason: `${counted(signals.length, 'active signal')}: ${listed(kinds)}${newest}.`,
    evidenceIds: [...new Set(weighed.flatMap(({ signal }) => signal.evidenceIds))].slice(0, EVIDENCE),
  };
}

/** How much and how lately the two have to do with each other. */
export function engagementFactor({ contacts }: CompanyFacts, now: Date, days: number): FoundFactor {
  const name = 'engagement';
  const newest = contacts.toSorted((left, right) => right.at.localeCompare(left.at) || (left.id < right.id ? -1 : 1));
  const [last] = newest;
  if (last === undefined) {
    return { name, value: 0, reason: `No document of the last ${days} days speaks of it.`, evidenceIds: [] };
  }
  const fresh = newest.reduce((sum, { at, weight }) => sum + weight * decay(at, now, CONTACT_HALF_LIFE_DAYS), 0);
  const ago = Math.floor(daysBetween(last.at, now));
  return {
    name,
    value: 1 - Math.exp((-3 * fresh) / MANY_CONTACTS),
    reason: `${counted(contacts.length, 'document')} in ${days} days, the last one ${ago === 0 ? 'today' : `${counted(ago, 'day')} ago`}.`,
    evidenceIds: newest.slice(0, EVIDENCE).map(({ id }) => id),
  };
}

/** What its people's texts feel like. */
export function sentimentFactor({ mood }: CompanyFacts): FoundFactor {
  const name = 'sentiment';
  if (mood === null) return { name, value: null, reason: 'Nobody of them has written anything.', evidenceIds: [] };
  const { positive, negative, others, mean, evidenceIds } = mood;
  const kinds = [
    ['positive', positive],
    ['negative', negative],
    ['neutral', others],
  ] as const;
  const told = kinds.filter(([, count]) => count > 0);
  const noun = told.at(-1)?.[1] === 1 ? 'text' : 'texts';
  const reason = `Its people wrote ${listed(told.map(([kind, count]) => `${count} ${kind}`))} ${noun}.`;
  return { name, value: (mean + 1) / 2, reason, evidenceIds };
}

/** How its size, industry, categories and region compare with those that buy. */
export function profileFactor({ record }: CompanyFacts, won: WonCompanies): FoundFactor {
  const name = 'profile';
  const best = mostAlike(record, won.companies);
  if (best === null) {
    const reason = 'Its size, industry, categories and region are not given, or those of no company that buys are.';
    return { name, value: null, reason, evidenceIds: [] };
  }
  const { shared, value } = best.likeness;
  const reason =
    shared.length === 0
      ? 'In size, industry, categories and region it is unlike every company that buys.'
      : `Like ${best.other.name}: ${listed(shared)}.`;
  return { name, value, reason, evidenceIds: [best.other.id] };
}

/** What several texts feel like together, newer ones counting more. */
export function moodOf(texts: readonly { label: string; at: string }[], now: Date): Mood | null {
  if (texts.length === 0) return null;
  const feelings = texts.map(({ label, at }) => ({ felt: FELT[label.toLowerCase()] ?? 0, weight: decay(at, now, 90) }));
  const weight = feelings.reduce((sum, feeling) => sum + feeling.weight, 0);
  const mean = feelings.reduce((sum, feeling) => sum + feeling.weight * feeling.felt, 0) / weight;
  const positive = feelings.filter(({ felt }) => felt > 0).length;
  const negative = feelings.filter(({ felt }) => felt < 0).length;
  return { positive, negative, others: feelings.length - positive - negative, mean };
}

const FELT: Readonly<Record<string, number>> = { positive: 1, negative: -1 };
