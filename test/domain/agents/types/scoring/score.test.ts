import { expect, test } from 'vitest';
import { SCORING_CONFIGURATION } from '../../../../../src/domain/agents/types/scoring/configuration.ts';
import { type FoundFactor, gradeOf, scoreOf } from '../../../../../src/domain/agents/types/scoring/score.ts';

const WEIGHTS = { fit: 3, signals: 3, engagement: 2, profile: 1, sentiment: 1 };
const LIMITS = { A: 65, B: 45, C: 25 };

function factors(values: Partial<Record<keyof typeof WEIGHTS, number | null>>): FoundFactor[] {
  return (Object.keys(WEIGHTS) as (keyof typeof WEIGHTS)[]).map((name) => ({
    name,
    value: values[name] === undefined ? 0 : values[name],
    reason: `${name}.`,
    evidenceIds: [],
  }));
}

test('the contributions of the factors add up to the score', () => {
  const { score, factors: told } = scoreOf(factors({ fit: 0.9, signals: 0.4, engagement: 0.7 }), WEIGHTS, LIMITS);
  expect(score).toBe(53);
  expect(Math.round(told.reduce((sum, { contribution }) => sum + contribution, 0))).toBe(score);
});

test('only the ratios of the weights matter', () => {
  const found = factors({ fit: 0.9, signals: 0.4, sentiment: 0.3 });
  const tenth = Object.fromEntries(Object.entries(WEIGHTS).map(([name, weight]) => [name, weight / 10]));
  expect(scoreOf(found, tenth as typeof WEIGHTS, LIMITS)).toEqual(scoreOf(found, WEIGHTS, LIMITS));
});

test('a factor of which nothing is known makes a score less sure, not lower, and is named', () => {
  const known = scoreOf(
    factors({ fit: 0.5, signals: 0.5, engagement: 0.5, profile: 0.5, sentiment: 0.5 }),
    WEIGHTS,
    LIMITS,
  );
  const unknown = scoreOf(
    factors({ fit: 0.5, signals: null, engagement: 0.5, profile: 0.5, sentiment: null }),
    WEIGHTS,
    LIMITS,
  );
  expect(known).toMatchObject({ score: 50, confidence: 1, missing: [] });
  expect(unknown).toMatchObject({ score: 50, confidence: 0.6, missing: ['signals', 'sentiment'] });
  expect(unknown.factors.find(({ name }) => name === 'signals')).toMatchObject({
    value: null,
    contribution: 0,
    weight: 0.3,
  });
});

test('where nothing at all is known the score is 0 and its confidence too', () => {
  const nothing = { fit: null, signals: null, engagement: null, profile: null, sentiment: null };
  expect(scoreOf(factors(nothing), WEIGHTS, LIMITS)).toMatchObject({ score: 0, grade: 'D', confidence: 0 });
});

test('a grade is given from its least score on', () => {
  expect([65, 64, 45, 44, 25, 24].map((score) => gradeOf(score, LIMITS))).toEqual(['A', 'B', 'B', 'C', 'C', 'D']);
});

test.each([
  [{ weights: { fit: 0, signals: 0, engagement: 0, profile: 0, sentiment: 0 } }, 'one weight at least'],
  [{ weights: { fit: -1 } }, '>=0'],
  [{ grades: { A: 40, B: 45 } }, 'A must be above B'],
  [{ signalWeights: { FUNDING_ROUND: 2 } }, '<=1'],
])('the configuration %j is refused', (given, why) => {
  const parsed = SCORING_CONFIGURATION.safeParse(given);
  expect(parsed.success).toBe(false);
  expect(parsed.error?.message).toContain(why);
});

test('every setting has a default', () => {
  const { weights, grades, signalWeights } = SCORING_CONFIGURATION.parse({});
  expect(Object.values(weights).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1);
  expect(grades).toEqual({ A: 65, B: 45, C: 25 });
  expect(Object.keys(signalWeights)).toHaveLength(8);
});
