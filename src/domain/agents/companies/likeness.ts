import { STOP_WORDS } from '../../../shared/stop-words.ts';
import { listed } from '../evidence/citation.ts';
import type { CompanyRecord } from './company-record.ts';

/** How two companies are alike by their fields. */
export interface Likeness {
  /** 0 to 1 over the fields that both have; null: they have none in common to compare. */
  value: number | null;
  /** What they share, as a person would say it; none where nothing. */
  shared: string[];
}

const WEIGHTS = { categories: 0.4, industry: 0.3, size: 0.2, region: 0.1 } as const;
/** Of two sizes; one that is so many times the other is not alike at all. */
const SIZE_RATIO_MAX = 10;
/** Sizes that a person would call similar. */
const SIMILAR_SIZE_RATIO = 2.5;

/** Compares categories, industry, size and region. */
export function likeness(left: CompanyRecord, right: CompanyRecord): Likeness {
  const parts = [categories(left, right), industry(left, right), size(left, right), region(left, right)];
  const known = parts.filter((part) => part !== null);
  const weight = known.reduce((sum, part) => sum + part.weight, 0);
  const value = weight === 0 ? null : known.reduce((sum, part) => sum + part.weight * part.value, 0) / weight;
  return { value, shared: known.flatMap(({ said }) => (said === null ? [] : [said])) };
}

/** The company of some that one is most like by its fields; of equal ones the first. */
export function mostAlike(
  company: CompanyRecord,
  others: readonly CompanyRecord[],
): { other: CompanyRecord; likeness: Likeness } | null {
  let best: { other: CompanyRecord; likeness: Likeness } | null = null;
  for (const other of others) {
    if (other.id === company.id) continue;
    const found = likeness(company, other);
    if (found.value !== null && found.value > (best?.likeness.value ?? -1)) best = { other, likeness: found };
  }
  return best;
}

interface Part {
  weight: number;
  value: number;
  said: string | null;
}

function categories(left: CompanyRecord, right: CompanyRecord): Part | null {
  if (left.categories.length === 0 || right.categories.length === 0) return null;
  const others = new Set(right.categories.map((category) => category.toLowerCase()));
  const shared = left.categories.filter((category) => others.has(category.toLowerCase()));
  const fewer = Math.min(left.categories.length, right.categories.length);
  const said = shared.length === 0 ? null : `both are filed under ${listed(shared.map((each) => `“${each}”`))}`;
  return { weight: WEIGHTS.categories, value: shared.length / fewer, said };
}

function industry(left: CompanyRecord, right: CompanyRecord): Part | null {
  if (left.industry === null || right.industry === null) return null;
  if (left.industry.toLowerCase() === right.industry.toLowerCase()) {
    return { weight: WEIGHTS.industry, value: 1, said: `both are in ${left.industry.toLowerCase()}` };
  }
  const words = wordsOf(left.industry);
  const others = wordsOf(right.industry);
  const shared = [...words].filter((word) => others.has(word));
  const said = shared.length === 0 ? null : `both have to do with ${listed(shared)}`;
  return { weight: WEIGHTS.industry, value: shared.length / Math.max(words.size, others.size, 1), said };
}

function size(left: CompanyRecord, right: CompanyRecord): Part | null {
  if (left.employees === null || right.employees === null) return null;
  const ratio = Math.max(left.employees, right.employees) / Math.min(left.employees, right.employees);
  const value = Math.max(0, 1 - Math.log(ratio) / Math.log(SIZE_RATIO_MAX));
  const [own, other] = [left.employees, right.employees].map((count) => count.toLocaleString('en-US'));
  const said = ratio <= SIMILAR_SIZE_RATIO ? `they are of similar size (${own} and ${other} people)` : null;
  return { weight: WEIGHTS.size, value, said };
}

function region(left: CompanyRecord, right: CompanyRecord): Part | null {
  if (left.region === null || right.region === null) return null;
  const isSame = left.region.toLowerCase() === right.region.toLowerCase();
  return { weight: WEIGHTS.region, value: isSame ? 1 : 0, said: isSame ? `both are in ${left.region}` : null };
}

function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]{3,}/gu) ?? [];
  return new Set(words.filter((word) => !STOP_WORDS.has(word)));
}
