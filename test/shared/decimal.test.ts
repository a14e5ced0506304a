import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDecimals, multiplyDecimals, sumDecimals } from '../../src/shared/decimal.ts';

test.each([
  ['0.1', '0.2', '0.3'],
  ['0.00012300', '0', '0.000123'],
  ['12345678901234567890.1', '0.000000000000000000009', '12345678901234567890.100000000000000000009'],
  ['1', '-1.5', '-0.5'],
  ['-0.5', '0.5', '0'],
])('%s and %s make %s', (left, right, sum) => {
  expect(addDecimals(left, right)).toBe(sum);
});

test('many amounts add up to the last digit, in any order', () => {
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n })), (micros) => {
      const texts = micros.map((units) => addDecimals(asDecimal(units), '0'));
      const sum = texts.reduce(addDecimals, '0');
      expect(sum).toBe(texts.toReversed().reduce(addDecimals, '0'));
      expect(sumDecimals(texts)).toBe(sum);
      expect(sum).toBe(addDecimals(asDecimal(micros.reduce((left, right) => left + right, 0n)), '0'));
    }),
  );
});

test.each([
  ['0.1', '0.2', '0.02'],
  ['1500', '0.002', '3'],
  ['-0.5', '0.5', '-0.25'],
  ['0', '-7', '0'],
  ['123456789012345678901234567890', '0.000001', '123456789012345678901234.56789'],
])('%s times %s is %s', (left, right, product) => {
  expect(multiplyDecimals(left, right)).toBe(product);
});

test.each(['', '1e-7', '.5', '1.', 'NaN', ' 1', '1,5'])('%j is no amount of money', (text) => {
  expect(() => addDecimals(text, '0')).toThrow(RangeError);
});

function asDecimal(millionths: bigint): string {
  const digits = (millionths < 0n ? -millionths : millionths).toString().padStart(7, '0');
  return `${millionths < 0n ? '-' : ''}${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
