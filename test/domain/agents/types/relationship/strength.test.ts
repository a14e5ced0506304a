import { expect, test } from 'vitest';
import { directionOf, strengthOf, warmthOf } from '../../../../../src/domain/agents/types/relationship/strength.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString();
const tie = { inbound: 2, outbound: 2, together: 0, lastAt: daysAgo(10) };

test('a tie is stronger with more contacts, newer ones, and both ways', () => {
  const strength = strengthOf(tie, NOW);
  expect(strengthOf({ ...tie, inbound: 4 }, NOW)).toBeGreaterThan(strength);
  expect(strengthOf({ ...tie, lastAt: daysAgo(70) }, NOW)).toBeCloseTo(strength / 2);
  expect(strengthOf({ ...tie, inbound: 4, outbound: 0 }, NOW)).toBeCloseTo(0.7 * strength);
  expect(strengthOf({ ...tie, inbound: 0, outbound: 4 }, NOW)).toBeCloseTo(0.4 * strength);
});

test('a meeting is both ways', () => {
  expect(directionOf({ inbound: 0, outbound: 0, together: 1, lastAt: daysAgo(1) })).toBe('mutual');
});

test('warmth is between 0 and 100, and moved a little by what they write', () => {
  expect(warmthOf([], null)).toBe(0);
  expect(warmthOf([1, 1, 1], 1)).toBe(100);
  expect(warmthOf([0.4], -1)).toBeLessThan(warmthOf([0.4], null));
  expect(warmthOf([0.4], 1)).toBeGreaterThan(warmthOf([0.4], null));
  expect(warmthOf([0.4, 0.4, 0.4, 0.4, 0.4], null)).toBe(warmthOf([0.4, 0.4, 0.4], null));
});
