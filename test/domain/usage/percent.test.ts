import { expect, test } from 'vitest';
import { percentOf } from '../../../src/domain/usage/percent.ts';

test('a share of a limit is said in percent as a person would say it', () => {
  expect([percentOf(0.9576, 1.064), percentOf(7, 100), percentOf(0.21, 1_000)]).toEqual([90, 7, 0.021]);
});

test('a share that is not quite 80 percent is not said to be 80', () => {
  expect(percentOf(7_999_999, 10_000_000)).toBe(79.99999);
});
