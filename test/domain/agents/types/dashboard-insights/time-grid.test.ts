import { describe, expect, test } from 'vitest';
import { type Point, toTimeGrid } from '../../../../../src/domain/agents/types/dashboard-insights/time-grid.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2025, 0, 1);

function every(ms: number, count: number, offsetMs = 0): Point[] {
  return Array.from({ length: count }, (_none, index) => ({
    at: new Date(START + offsetMs + index * ms),
    value: index,
  }));
}

describe('points are put on steps of', () => {
  test.each([
    ['hour', HOUR_MS, 100],
    ['day', 24 * HOUR_MS, 40],
    ['week', 168 * HOUR_MS, 40],
    ['month', 730 * HOUR_MS, 24],
  ])('a %s where that is how far apart they are', (spacing, ms, count) => {
    expect(toTimeGrid(every(ms, count))).toMatchObject({ spacing, values: { length: count } });
  });

  test('a day, averaged, where they are hours of weeks; a last day that is not over is left out', () => {
    const { spacing, values } = toTimeGrid(every(HOUR_MS, 30 * 24 + 5));
    expect(spacing).toBe('day');
    expect(values).toHaveLength(30);
    expect(values[0]).toBe(11.5);
  });

  test('a day, where days begin in the evening and not always on the minute', () => {
    const points = every(24 * HOUR_MS, 40, 23.9 * HOUR_MS).map(({ at, value }, index) => ({
      at: new Date(at.getTime() + (index % 3) * 0.2 * HOUR_MS),
      value,
    }));
    expect(toTimeGrid(points).values).toEqual(points.map(({ value }) => value));
  });
});

test('days without a point are not known; of points of one moment the last counts', () => {
  const points = every(24 * HOUR_MS, 10).filter((_point, index) => index !== 4);
  const { values } = toTimeGrid([...points, { at: new Date(START), value: 99 }]);
  expect(values).toEqual([99, 1, 2, 3, Number.NaN, 5, 6, 7, 8, 9]);
});

test('a slip into another century costs no memory, and what is too old is counted', () => {
  const { values, leftOut } = toTimeGrid([{ at: new Date('1990-01-01'), value: 1 }, ...every(24 * HOUR_MS, 1_200)]);
  expect(values).toHaveLength(1_100);
  expect(leftOut).toBe(101);
});
