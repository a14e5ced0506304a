import type { Tier } from '../access/caller.ts';

/** The meters that a tier may limit. */
export const LIMITED_METERS = ['EMBEDDINGS', 'LLM_CALLS'] as const;
export type LimitedMeter = (typeof LIMITED_METERS)[number];

/** What is counted of a workspace; values of the API's `Meter`. */
export const METERS = [...LIMITED_METERS, 'VECTOR_QUERIES', 'TOKENS', 'IMAGES', 'AUDIO_SECONDS'] as const;
export type Meter = (typeof METERS)[number];

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
  const limits: Readonly<Partial<Record<Meter, number | null>>> = TIER_LIMITS[tier];
  return limits[meter] ?? null;
}

/** The smallest tier that includes more of a meter than this one, or null. */
export function tierWithMore(tier: Tier, meter: LimitedMeter): Tier | null {
  const tiers: readonly Tier[] = ['FREE', 'PRO', 'ENTERPRISE'];
  return tiers.slice(tiers.indexOf(tier) + 1).find((larger) => limitOf(larger, meter) !== limitOf(tier, meter)) ?? null;
}
