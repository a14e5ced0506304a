import { expect, test } from 'vitest';
import {
  admittedChance,
  STRICTNESS,
} from '../../../../../src/domain/agents/types/dashboard-insights/false-discoveries.ts';

const { NORMAL } = STRICTNESS;
const nothingElse = (count: number) => new Array<number>(count).fill(1);

test('one series raises what is rarer than the chance it is given', () => {
  expect(admittedChance([NORMAL.chance], NORMAL)).toBe(NORMAL.chance);
  expect(admittedChance([0.05], NORMAL)).toBeLessThan(0.05);
});

test('among a hundred series, one must be a hundred times as sure', () => {
  expect(admittedChance([0.02, ...nothingElse(99)], NORMAL)).toBeLessThan(0.02);
  expect(admittedChance([0.0005, ...nothingElse(99)], NORMAL)).toBeGreaterThanOrEqual(0.0005);
});

test('where many raise something at once, each need not be so sure', () => {
  const chances = [...new Array<number>(30).fill(0.01), ...nothingElse(70)];
  expect(admittedChance(chances, NORMAL)).toBeGreaterThanOrEqual(0.01);
});
