import { expect, test } from 'vitest';
import { combined, decay, signalWeight, upTo } from '../../../../src/domain/agents/companies/company-signal.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString();
const funding = { type: 'FUNDING_ROUND', strength: 'STRONG', confidence: 80, at: daysAgo(0) } as const;

test('half of something is gone after its half-life, and what is to come counts whole', () => {
  expect(decay(daysAgo(0), NOW, 30)).toBe(1);
  expect(decay(daysAgo(30), NOW, 30)).toBeCloseTo(0.5);
  expect(decay(daysAgo(60), NOW, 30)).toBeCloseTo(0.25);
  expect(decay(daysAgo(-10), NOW, 30)).toBe(1);
});

test('a signal weighs more the stronger, surer and newer it is', () => {
  const weight = signalWeight(funding, NOW);
  expect(weight).toBeCloseTo(0.6);
  expect(signalWeight({ ...funding, strength: 'VERY_STRONG' }, NOW)).toBeGreaterThan(weight);
  expect(signalWeight({ ...funding, confidence: 40 }, NOW)).toBeCloseTo(weight / 2);
  expect(signalWeight({ ...funding, at: daysAgo(180) }, NOW)).toBeCloseTo(weight / 2);
});

test('a visit to a page is forgotten sooner than money', () => {
  const visit = { ...funding, type: 'WEBSITE_ACTIVITY' } as const;
  const left = (days: number, signal: typeof funding | typeof visit) =>
    signalWeight({ ...signal, at: daysAgo(days) }, NOW) / signalWeight(signal, NOW);
  expect(left(90, visit)).toBeLessThan(left(90, funding) / 4);
});

test('signals add to each other, and many weak ones never outdo a sure one', () => {
  expect(combined([])).toBe(0);
  expect(combined([0.5, 0.5])).toBeCloseTo(0.75);
  expect(combined(Array.from({ length: 50 }, () => 0.1))).toBeLessThan(1);
  expect(combined([1, 0.2])).toBe(1);
});

test('a signal that is found while a run goes on is left to the next one', () => {
  const signals = [{ id: 'sig_3' }, { id: 'sig_2' }, { id: 'sig_1' }];
  expect(upTo(signals, 'sig_2')).toEqual([{ id: 'sig_2' }, { id: 'sig_1' }]);
  expect(upTo(signals, null)).toEqual([]);
});
