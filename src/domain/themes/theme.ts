import { MAX_CLUSTERS } from './clustering.ts';

/** What several documents are about. */
export interface Theme {
  id: string;
  /** What it was found in: the id of a collection, or of the workspace. */
  scope: string;
  name: string;
  /** The most telling one first. */
  keywords: readonly string[];
  createdAt: Date;
}

/** What was found in a collection or in the workspace, and how documents are told to belong to it. */
export interface ThemeSet {
  /** How often themes were found here: 1 after the first time. */
  revision: number;
  /** The model of the vectors. */
  model: string;
  mean: Float32Array;
  /** How many documents had vectors then. */
  documentCount: number;
}

/** A theme with all that a later run wants to know. */
export interface StoredTheme extends Theme {
  /** The model that wrote the name; null: it is made of keywords. */
  namedBy: string | null;
  centroid: Float32Array;
  threshold: number;
  /** Since when it is not found any more; null: it is. */
  retiredAt: Date | null;
}

/** Themes of one set at the most. */
export const MAX_THEMES = MAX_CLUSTERS;
export const NAME_MAX_CHARACTERS = 60;
/** Documents that a model which names a theme is shown. */
export const EXAMPLES_OF_THEME = 5;

/** A set is out of date when so many documents, and this share of them, have come or gone since it was made. */
const STALE_DOCUMENTS = 5;
const STALE_SHARE = 0.2;

/** Whether documents of a set should be sorted anew, rather than into the themes that there are. */
export function isOutOfDate(
  set: Pick<ThemeSet, 'model' | 'documentCount'> | null,
  now: { model: string; documentCount: number },
): boolean {
  if (set === null || set.model !== now.model) return true;
  const changed = Math.abs(now.documentCount - set.documentCount);
  return changed >= Math.max(STALE_DOCUMENTS, set.documentCount * STALE_SHARE);
}
