import { dot, type VectorRows } from './vector-rows.ts';

/** A cluster is an old theme where at least this share of the documents of both (Dice's) is in both, */
const MIN_OVERLAP = 0.3;
/** or where, with hardly a document to tell, both point into the same direction. */
const MIN_COSINE = 0.8;

/** What a run found before. */
export interface KnownTheme {
  id: string;
  /** Null where it comes from another model's vectors. */
  centroid: Float32Array | null;
}

/**
 * Which theme each cluster goes on with: the pairs that have most in common first, each theme and each cluster once.
 * @param before the theme that each row was in; null: none that is known
 * @param now the cluster that each row is in; -1: none
 * @returns for each cluster the place of its theme in `themes`; -1: it is new
 */
export function matchThemes(
  themes: readonly KnownTheme[],
  centroids: VectorRows,
  before: readonly (string | null)[],
  now: Int32Array,
): Int32Array {
  const places = new Map(themes.map(({ id }, place) => [id, place]));
  const shared = Array.from({ length: centroids.count }, () => new Float64Array(themes.length));
  const themeSizes = new Float64Array(themes.length);
  const clusterSizes = new Float64Array(centroids.count);
  for (const [row, id] of before.entries()) {
    const place = id === null ? undefined : places.get(id);
    const cluster = now[row] as number;
    if (place !== undefined) themeSizes[place] = (themeSizes[place] as number) + 1;
    // A document that is new tells nothing: it could not have been in the theme before.
    if (cluster >= 0 && id !== null) clusterSizes[cluster] = (clusterSizes[cluster] as number) + 1;
    if (place === undefined || cluster < 0) continue;
    const counts = shared[cluster] as Float64Array;
    counts[place] = (counts[place] as number) + 1;
  }
  const pairs = [...shared.entries()].flatMap(([cluster, counts]) =>
    themes.map((theme, place) => {
      const both = (clusterSizes[cluster] as number) + (themeSizes[place] as number);
      const overlap = both === 0 ? 0 : (2 * (counts[place] as number)) / both;
      const cosine = cosineOf(theme.centroid, centroids, cluster);
      const likeness = Math.max(overlap >= MIN_OVERLAP ? overlap : 0, cosine >= MIN_COSINE ? cosine : 0);
      return { cluster, place, likeness };
    }),
  );
  const matched = new Int32Array(centroids.count).fill(-1);
  const taken = new Set<number>();
  pairs.sort(
    (left, right) => right.likeness - left.likeness || left.cluster - right.cluster || left.place - right.place,
  );
  for (const { cluster, place, likeness } of pairs) {
    if (likeness === 0 || matched[cluster] !== -1 || taken.has(place)) continue;
    matched[cluster] = place;
    taken.add(place);
  }
  return matched;
}

function cosineOf(centroid: Float32Array | null, { dimensions, values }: VectorRows, cluster: number): number {
  if (centroid === null || centroid.length !== dimensions) return 0;
  return dot(centroid, 0, values, cluster * dimensions, dimensions);
}
