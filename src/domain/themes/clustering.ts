import { communitiesOf, modularity } from './communities.ts';
import { type Graph, neighbourGraph } from './neighbour-graph.ts';
import { onPrincipalAxes } from './principal-axes.ts';
import { seededRandom } from './seeded-random.ts';
import { add, directionsFrom, dot, emptyRows, meanOf, normalise, type VectorRows } from './vector-rows.ts';

/** Fewer documents than this have no themes: whatever one found would be chance. */
export const MIN_DOCUMENTS = 8;
/** More themes of one set than this are kept by nobody's head; the largest stay. */
export const MAX_CLUSTERS = 200;

const MAX_NEIGHBOURS = 15;
const MIN_NEIGHBOURS = 5;
/** Up to here all dimensions are compared, above it those that tell most. */
const UNTURNED_ROWS = 1_500;
const AXES = 96;
/** The resolution of few rows and of many, between which it rises: few have few topics, which a higher one would split. */
const FEW = { rows: 30, resolution: 0.8 };
const MANY = { rows: 500, resolution: 1.5 };
/** By how much better (in modularity) a partition from scratch has to be than one that goes on from the last. */
const FRESH_START_GAIN = 0.02;
const MIN_SIZE = 3;
/** Mean cosine of a cluster's members with one another, seen from the mean of all; of rows taken at random about 0. */
const MIN_COHERENCE = 0.05;
/** A small cluster has to be so many times as coherent as the cosines of unrelated rows differ, over the root of its size. */
const CHANCE_FACTOR = 4;
/** Pairs that tell how much the cosines of unrelated rows differ. */
const CHANCE_PAIRS = 2_000;
/** Of a normal distribution, from the median distance to its middle. */
const DEVIATION_OF_MEDIAN = 1.4826;
/** Below this cosine a document has no more to do with a cluster than with many others. */
const MIN_THRESHOLD = 0.2;
/** A cluster's threshold lets this share of its members go at the most, */
const MEMBERS_LOST = 0.1;
/** and keeps out this share of all others, as far as that allows. */
const OTHERS_KEPT_OUT = 0.95;
const ROUNDS = 4;
const SEED = 0x5e_ed;

/** Vectors to find clusters in. */
export interface ClusteringProblem {
  /** With norm 1. */
  rows: VectorRows;
  /** Number of the cluster that each row was in before, from 0; -1: it was in none. Null: there were none. */
  previous: Int32Array | null;
}

/** What tells whether a vector belongs to a cluster. */
export interface Clusters {
  /** Of all vectors: what is seen from here is compared. */
  mean: Float32Array;
  centroids: VectorRows;
  /** Cosine that a vector needs to belong to each. */
  thresholds: Float64Array;
}

/** The cluster of each row, from 0, and the cosine of both; -1 and 0: it belongs to none. */
export interface Assignments {
  clusters: Int32Array;
  similarities: Float32Array;
}

export type Clustering = Clusters & Assignments;

/**
 * Finds what many vectors are about: communities of the graph of nearest neighbours, each then described by its
 * centroid and a threshold, so that further vectors can be told to belong to it or not. How many there are follows from
 * the vectors. The same rows give the same clusters.
 */
export function clusterRows({ rows, previous }: ClusteringProblem): Clustering {
  const mean = meanOf(rows);
  const nothing = { clusters: new Int32Array(rows.count).fill(-1), similarities: new Float32Array(rows.count) };
  const none = { ...nothing, mean, centroids: emptyRows(0, rows.dimensions), thresholds: new Float64Array(0) };
  if (rows.count < MIN_DOCUMENTS) return none;
  const directions = directionsFrom(mean, rows);
  const neighbours = Math.min(MAX_NEIGHBOURS, Math.max(MIN_NEIGHBOURS, Math.round(Math.sqrt(rows.count))));
  const compared = rows.count > UNTURNED_ROWS ? onPrincipalAxes(directions, AXES) : directions;
  const communities = partition(neighbourGraph(compared, neighbours), previous);
  const chance = chanceOf(directions, communities);
  let found = keep(directions, communities, chance);
  // What leaves a cluster changes what is left of it.
  for (let round = 0; round < ROUNDS && found !== null; round++) {
    const next = keep(directions, found.clusters, chance);
    if (next === null || next.clusters.every((cluster, row) => cluster === found?.clusters[row])) break;
    found = next;
  }
  return found === null ? none : { mean, ...found };
}

/**
 * The cluster that each of some further vectors belongs to.
 * @param rows with norm 1
 */
export function assignRows({ mean, centroids, thresholds }: Clusters, rows: VectorRows): Assignments {
  const directions = directionsFrom(mean, rows);
  const assigned: Assignments = {
    clusters: new Int32Array(rows.count).fill(-1),
    similarities: new Float32Array(rows.count),
  };
  const { dimensions } = rows;
  for (let row = 0; row < rows.count; row++) {
    let nearest = -1;
    let similarity = Number.NEGATIVE_INFINITY;
    for (let cluster = 0; cluster < centroids.count; cluster++) {
      const cosine = dot(directions.values, row * dimensions, centroids.values, cluster * dimensions, dimensions);
      if (cosine > similarity) {
        nearest = cluster;
        similarity = cosine;
      }
    }
    if (nearest < 0 || similarity < (thresholds[nearest] as number)) continue;
    assigned.clusters[row] = nearest;
    assigned.similarities[row] = similarity;
  }
  return assigned;
}

/** Goes on from the partition before, so that clusters stay what they were, unless a fresh start finds clearly better ones. */
function partition(graph: Graph, previous: Int32Array | null): Int32Array {
  const resolution = resolutionOf(graph.nodeCount);
  const fresh = communitiesOf(graph, resolution);
  if (previous === null) return fresh;
  const knownCount = previous.reduce((most, cluster) => Math.max(most, cluster), -1) + 1;
  const labels = previous.map((cluster, row) => (cluster >= 0 ? cluster : knownCount + row));
  const continued = communitiesOf(graph, resolution, { labels, knownCount });
  const gain = modularity(graph, fresh, resolution) - modularity(graph, continued, resolution);
  return gain > FRESH_START_GAIN ? fresh : continued;
}

function resolutionOf(rowCount: number): number {
  const way = Math.log(rowCount / FEW.rows) / Math.log(MANY.rows / FEW.rows);
  return FEW.resolution + (MANY.resolution - FEW.resolution) * Math.min(1, Math.max(0, way));
}

/**
 * Describes the clusters that are large and coherent enough, the largest first, and puts each row into the nearest one
 * whose threshold it reaches. Null where there is none.
 */
function keep(rows: VectorRows, clusters: Int32Array, chance: number): (Omit<Clusters, 'mean'> & Assignments) | null {
  const { count, dimensions, values } = rows;
  const { sums, sizes } = coherentClusters(rows, clusters, chance);
  const clusterCount = sizes.length;
  if (clusterCount === 0) return null;
  const centroids = emptyRows(clusterCount, dimensions);
  centroids.values.set(sums.values);
  for (let cluster = 0; cluster < clusterCount; cluster++)
    normalise(centroids.values, cluster * dimensions, dimensions);
  const own = renumbered(clusters, sums.numbers);
  const nearest = new Int32Array(count).fill(-1);
  const nearestSimilarities = new Float32Array(count);
  const similarities = Array.from({ length: clusterCount }, () => ({
    members: [] as number[],
    others: [] as number[],
  }));
  for (let row = 0; row < count; row++) {
    const cosines = Array.from({ length: clusterCount }, (_, cluster) => {
      const cosine = dot(values, row * dimensions, centroids.values, cluster * dimensions, dimensions);
      return own[row] === cluster ? withoutItself(cosine, sums, cluster) : cosine;
    });
    const best = cosines.reduce((most, cosine, cluster) => (cosine > (cosines[most] as number) ? cluster : most), 0);
    nearest[row] = best;
    nearestSimilarities[row] = cosines[best] as number;
    for (const [cluster, cosine] of cosines.entries()) {
      similarities[cluster]?.[cluster === best ? 'members' : 'others'].push(cosine);
    }
  }
  const thresholds = Float64Array.from(similarities, thresholdOf);
  const assigned = { clusters: new Int32Array(count).fill(-1), similarities: new Float32Array(count) };
  for (let row = 0; row < count; row++) {
    const cluster = nearest[row] as number;
    if ((nearestSimilarities[row] as number) < (thresholds[cluster] as number)) continue;
    assigned.clusters[row] = cluster;
    assigned.similarities[row] = nearestSimilarities[row] as number;
  }
  return { centroids, thresholds, ...assigned };
}

interface ClusterSums {
  values: Float32Array;
  /** Norm of each sum. */
  lengths: number[];
  /** New number of each cluster that is kept, by its old one. */
  numbers: Map<number, number>;
}

function coherentClusters(
  { dimensions, values }: VectorRows,
  clusters: Int32Array,
  chance: number,
): { sums: ClusterSums; sizes: number[] } {
  const members = Map.groupBy(clusters.keys(), (row) => clusters[row] as number);
  members.delete(-1);
  const minSize = Math.max(MIN_SIZE, Math.round(Math.sqrt(clusters.length) / 4));
  const kept = [...members]
    .filter(([, rows]) => rows.length >= minSize)
    .map(([cluster, rows]) => {
      const sum = new Float32Array(dimensions);
      for (const row of rows) add(sum, 0, values, row * dimensions, dimensions);
      const length = Math.sqrt(dot(sum, 0, sum, 0, dimensions));
      const coherence = (length ** 2 - rows.length) / (rows.length * (rows.length - 1));
      return { cluster, size: rows.length, first: rows[0] as number, sum, length, coherence };
    })
    .filter(({ coherence, size }) => coherence >= Math.max(MIN_COHERENCE, (CHANCE_FACTOR * chance) / Math.sqrt(size)))
    .sort((left, right) => right.size - left.size || left.first - right.first)
    .slice(0, MAX_CLUSTERS);
  const sums: ClusterSums = {
    values: new Float32Array(kept.length * dimensions),
    lengths: kept.map(({ length }) => length),
    numbers: new Map(kept.map(({ cluster }, number) => [cluster, number])),
  };
  for (const [number, { sum }] of kept.entries()) sums.values.set(sum, number * dimensions);
  return { sums, sizes: kept.map(({ size }) => size) };
}

/**
 * By how much the cosines of rows differ that have nothing to do with one another: of pairs from two communities, as of
 * few topics half of all pairs are of the same one. Of any pairs where all rows are one community.
 */
function chanceOf({ count, dimensions, values }: VectorRows, communities: Int32Array): number {
  const random = seededRandom(SEED);
  const pairs = Array.from({ length: CHANCE_PAIRS }, () => {
    const left = Math.floor(random() * count);
    return { left, right: (left + 1 + Math.floor(random() * (count - 1))) % count };
  });
  const apart = pairs.filter(({ left, right }) => communities[left] !== communities[right]);
  const cosines = Float64Array.from(apart.length > 0 ? apart : pairs, ({ left, right }) =>
    dot(values, left * dimensions, values, right * dimensions, dimensions),
  );
  const middle = quantile(cosines, 0.5);
  return (
    DEVIATION_OF_MEDIAN *
    quantile(
      cosines.map((cosine) => Math.abs(cosine - middle)),
      0.5,
    )
  );
}

/** A row's cosine with the sum of the others of its cluster: with itself, each row of a small one would seem at home. */
function withoutItself(cosine: number, { lengths }: ClusterSums, cluster: number): number {
  const length = lengths[cluster] as number;
  const along = length * cosine - 1;
  const rest = Math.sqrt(Math.max(0, length ** 2 - 2 * length * cosine + 1));
  return rest === 0 ? 0 : along / rest;
}

function thresholdOf({ members, others }: { members: number[]; others: number[] }): number {
  const reached = Math.min(quantile(others, OTHERS_KEPT_OUT), quantile(members, MEMBERS_LOST));
  return Math.max(MIN_THRESHOLD, reached);
}

/** Nothing's is the lowest cosine. */
function quantile(numbers: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? -1;
}

function renumbered(clusters: Int32Array, numbers: ReadonlyMap<number, number>): Int32Array {
  return clusters.map((cluster) => numbers.get(cluster) ?? -1);
}
