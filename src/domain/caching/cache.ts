import type { CacheKind } from '../usage/usage-event.ts';
import type { CacheUse } from '../usage/usage-store.ts';

export const CACHE_KINDS: readonly CacheKind[] = ['EMBEDDING', 'RESPONSE'];

/** What one cache does for a workspace. */
export interface CacheStats extends CacheUse {
  kind: CacheKind;
  /** Entries that would be given now. */
  entries: number;
  /** Share of the lookups that were hits, 0..1; 0 where there were none. */
  hitRate: number;
}

export function cacheStats(kind: CacheKind, entries: number, use: CacheUse | undefined): CacheStats {
  const { hits, misses, savedUsd } = use ?? { hits: 0, misses: 0, savedUsd: '0' };
  const lookups = hits + misses;
  return { kind, entries, hits, misses, hitRate: lookups === 0 ? 0 : hits / lookups, savedUsd };
}
