import type { Tier } from '../access/caller.ts';

/** What is counted by day and workspace; values of the API's `Meter`. */
export const METERS = ['EMBEDDINGS', 'LLM_CALLS', 'VECTOR_QUERIES'] as const;
export type Meter = (typeof METERS)[number];

/** The meters that a tier may limit. */
export type LimitedMeter = Exclude<Meter, 'VECTOR_QUERIES'>;

/** A limit holds over so many UTC days, today among them. */
export const LIMIT_WINDOW_DAYS = 30;

/** What each tier includes in `LIMIT_WINDOW_DAYS`; null is without a limit. */
const TIER_LIMITS: Readonly<Record<Tier, Readonly<Record<LimitedMeter, number | null>>>> = {
  FREE: { EMBEDDINGS: 1_000, LLM_CALLS: 100 },
  PRO: { EMBEDDINGS: 50_000, LLM_CALLS: 5_000 },
  ENTERPRISE: { EMBEDDINGS: null, LLM_CALLS: null },
};

/** How much of a meter a tier includes, or null where it has no limit. */
export function limitOf(tier: Tier, meter: Meter): number | null {
  return meter === 'VECTOR_QUERIES' ? null : TIER_LIMITS[tier][meter];
}

/** The smallest tier that includes more of a meter than this one, or null. */
export function tierWithMore(tier: Tier, meter: LimitedMeter): Tier | null {
  const tiers: readonly Tier[] = ['FREE', 'PRO', 'ENTERPRISE'];
  return tiers.slice(tiers.indexOf(tier) + 1).find((larger) => limitOf(larger, meter) !== limitOf(tier, meter)) ?? null;
}
