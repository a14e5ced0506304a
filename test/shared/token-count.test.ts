import { describe, expect, test } from 'vitest';
import { readTokens, tokenCount, tokenSum } from '../../src/shared/token-count.ts';
import { withoutTrailingSlash } from '../../src/shared/trailing-slash.ts';
import { usdAmount } from '../../src/shared/usd-amount.ts';

const NO_COUNTS = [-5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 3e9, '1200', null, undefined, {}];

describe('a count of tokens', () => {
  test.each([0, 1, 2_147_483_647])('may be %d', (count) => {
    expect(tokenCount(count)).toBe(count);
  });

  test.each(NO_COUNTS)('is not %j', (value) => {
    expect(tokenCount(value)).toBeUndefined();
    expect(tokenSum(value, 3)).toBe(3);
    expect(readTokens({ inputTokens: value, outputTokens: 2, cachedInputTokens: value })).toEqual({
      ...{ inputTokens: 0, outputTokens: 2 },
    });
  });

  test('of two that are the largest is no larger', () => {
    expect(tokenSum(2_147_483_647, 2_147_483_647)).toBe(2_147_483_647);
  });
});

test.each([
  ['0.000123', '0.000123'],
  [`${'9'.repeat(15)}.${'9'.repeat(18)}`, `${'9'.repeat(15)}.${'9'.repeat(18)}`],
  ['9'.repeat(16), undefined],
  [`0.${'1'.repeat(19)}`, undefined],
  ['-1', undefined],
  ['1e3', undefined],
  [1, undefined],
])('%j as an amount of money is %j', (given, expected) => {
  expect(usdAmount(given)).toBe(expected);
});

test('a url loses its slashes at the end, however many there are and wherever else there are some', () => {
  expect(withoutTrailingSlash('https://a.example/v1//')).toBe('https://a.example/v1');
  const hostile = `https://a.example${'/'.repeat(5_000_000)}x`;
  expect(withoutTrailingSlash(hostile)).toBe(hostile);
});
