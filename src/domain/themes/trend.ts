const DAY_MS = 86_400_000;

/** The days that are compared, and the ones before them that they are compared with. */
export const RECENT_DAYS = 7;
export const BEFORE_DAYS = 28;
/** Documents of the whole set that each of both needs: of fewer, a share says nothing. */
export const MIN_DOCUMENTS_OF_TREND = 10;

/** Documents that came to be in the days that are compared, and in those before. */
export interface TrendCounts {
  recent: number;
  before: number;
}

/** When the days before and the recent ones begin. */
export function trendDays(now: Date): { before: Date; recent: Date } {
  const recent = new Date(now.getTime() - RECENT_DAYS * DAY_MS);
  return { before: new Date(recent.getTime() - BEFORE_DAYS * DAY_MS), recent };
}

/**
 * By how much a theme's share of all documents has changed: 0.1 where it was 5 % and is 15 %. Null where there are too
 * few documents.
 */
export function trendOf(theme: TrendCounts, all: TrendCounts): number | null {
  if (Math.min(all.recent, all.before) < MIN_DOCUMENTS_OF_TREND) return null;
  return theme.recent / all.recent - theme.before / all.before;
}
