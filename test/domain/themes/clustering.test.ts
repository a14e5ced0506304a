import { describe, expect, test } from 'vitest';
import { assignRows, clusterRows, MIN_DOCUMENTS } from '../../../src/domain/themes/clustering.ts';
import { plantedRows } from './theme-fixtures.ts';

/** Which topic most rows of each cluster have, and whether all have. */
function topicsOf(clusters: Int32Array, topics: readonly number[]) {
  const found = Map.groupBy(
    [...clusters.keys()].filter((row) => clusters[row] !== -1),
    (row) => clusters[row] as number,
  );
  return [...found.values()].map((rows) => new Set(rows.map((row) => topics[row]))).map((own) => [...own]);
}

describe('clusters', () => {
  test.each([
    ['10 vectors of two topics', 10, 2],
    ['24 vectors of two topics', 24, 2],
    ['60 vectors of two topics', 60, 2],
    ['30 vectors', 30, 3],
    ['300 vectors', 300, 6],
    ['3,000 vectors, which are turned onto fewer axes first', 3_000, 12],
  ])('of %s are the topics that were planted, and no row of one is in another’s', (_what, count, topicCount) => {
    const { rows, topics } = plantedRows(count, topicCount);
    const { clusters, centroids } = clusterRows({ rows, previous: null });
    expect(centroids.count).toBe(topicCount);
    const found = topicsOf(clusters, topics);
    expect(found.every((own) => own.length === 1)).toBe(true);
    expect(new Set(found.flat()).size).toBe(topicCount);
    expect([...clusters].filter((cluster) => cluster === -1).length).toBeLessThan(count * 0.15);
  });

  test('are the same for the same rows', () => {
    const { rows } = plantedRows(400, 7);
    expect(clusterRows({ rows, previous: null })).toEqual(clusterRows({ rows, previous: null }));
  });

  test('are not found where there is nothing in common', () => {
    const { rows } = plantedRows(300, 300);
    expect(clusterRows({ rows, previous: null }).centroids.count).toBe(0);
  });

  test.each([0, 1, MIN_DOCUMENTS - 1])('are not found in %i vectors', (count) => {
    const { rows } = plantedRows(count, 1);
    const { centroids, clusters } = clusterRows({ rows, previous: null });
    expect({ clusters: centroids.count, rows: [...clusters] }).toEqual({ clusters: 0, rows: Array(count).fill(-1) });
  });

  test('leave out rows that have nothing to do with any of them', () => {
    const { rows, topics } = plantedRows(120, 4, { strangers: 6 });
    const { clusters } = clusterRows({ rows, previous: null });
    const strangers = [...clusters].filter((_, row) => topics[row] === -1);
    expect(strangers).toEqual([-1, -1, -1, -1, -1, -1]);
  });

  test('of equal vectors do not divide by nothing', () => {
    const rows = { count: 20, dimensions: 4, values: new Float32Array(80).fill(0.5) };
    const { clusters, similarities } = clusterRows({ rows, previous: null });
    expect([...clusters, ...similarities].every(Number.isFinite)).toBe(true);
  });
});

describe('clusters that go on from others', () => {
  test('are none that were joined or split, and keep their rows, where a tenth more come', () => {
    const { rows, topics } = plantedRows(440, 8, { spread: 1.4 });
    const first = { ...rows, count: 400, values: rows.values.slice(0, 400 * rows.dimensions) };
    const before = clusterRows({ rows: first, previous: null });
    const previous = new Int32Array(440).fill(-1);
    previous.set(before.clusters);
    const after = clusterRows({ rows, previous });
    expect(after.centroids.count).toBe(before.centroids.count);
    const moved = [...before.clusters.keys()].filter(
      (row) => topics[row] !== -1 && before.clusters[row] !== -1 && after.clusters[row] !== -1,
    );
    const goesTo = new Map(moved.map((row) => [before.clusters[row], after.clusters[row]]));
    const kept = moved.filter((row) => goesTo.get(before.clusters[row]) === after.clusters[row]);
    expect(kept.length / moved.length).toBeGreaterThan(0.97);
  });

  test('are given up for a fresh start that is clearly better', () => {
    const { rows } = plantedRows(200, 5);
    const previous = new Int32Array(200).fill(0);
    expect(clusterRows({ rows, previous }).centroids.count).toBe(5);
  });
});

describe('further rows', () => {
  test('belong to the cluster of their topic, and strangers to none', () => {
    const { rows, topics } = plantedRows(300, 5, { strangers: 5 });
    const known = 200;
    const first = { ...rows, count: known, values: rows.values.slice(0, known * rows.dimensions) };
    const found = clusterRows({ rows: first, previous: null });
    const rest = { ...rows, count: 100, values: rows.values.slice(known * rows.dimensions) };
    const { clusters } = assignRows(found, rest);
    const topicOf = new Map([...found.clusters.entries()].map(([row, cluster]) => [cluster, topics[row]]));
    const right = [...clusters].filter((cluster, i) => cluster !== -1 && topicOf.get(cluster) === topics[known + i]);
    const wrong = [...clusters].filter((cluster, i) => cluster !== -1 && topicOf.get(cluster) !== topics[known + i]);
    expect(wrong).toEqual([]);
    expect(right.length).toBeGreaterThan(80);
    expect([...clusters].filter((_, i) => topics[known + i] === -1)).toEqual([-1, -1, -1, -1, -1]);
  });

  test('belong to nothing where there are no clusters', () => {
    const { rows } = plantedRows(5, 1);
    const none = clusterRows({ rows, previous: null });
    expect([...assignRows(none, rows).clusters]).toEqual([-1, -1, -1, -1, -1]);
  });
});
