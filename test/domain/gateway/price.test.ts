import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tokenCostUsd } from '../../../src/domain/gateway/price.ts';

test.each([
  [1_000_000, '0.02', '0.02'],
  [1, '0.02', '0.00000002'],
  [1_234_567, '3', '3.703701'],
  [0, '15', '0'],
  [10, '0', '0'],
])('%i tokens at %s USD a million cost %s USD, exactly', (tokens, price, cost) => {
  expect(tokenCostUsd(tokens, price)).toBe(cost);
});

test('a price that is not known gives no cost, and never 0', () => {
  expect(tokenCostUsd(1_000, undefined)).toBeNull();
});

test('twice the tokens cost twice as much, to the last digit', () => {
  fc.assert(
    fc.property(fc.nat(2_000_000_000), fc.nat(9_999), (tokens, cents) => {
      const price = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
      const units = (cost: string | null) => {
        const [whole = '0', fraction = ''] = (cost ?? '').split('.');
        return BigInt(whole + fraction.padEnd(8, '0'));
      };
      expect(units(tokenCostUsd(tokens * 2, price))).toBe(units(tokenCostUsd(tokens, price)) * 2n);
    }),
  );
});
