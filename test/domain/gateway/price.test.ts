import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isFree, tokenCostUsd, usageCostUsd } from '../../../src/domain/gateway/price.ts';
import type { ModelInfo, TokenUsage } from '../../../src/plugins/contract.ts';
import { addDecimals, multiplyDecimals } from '../../../src/shared/decimal.ts';

const PRICED: ModelInfo = {
  name: 'm',
  capabilities: ['GENERATE'],
  inputUsdPerMillion: '3',
  outputUsdPerMillion: '15',
  cachedInputUsdPerMillion: '0.3',
  cacheWriteUsdPerMillion: '3.75',
};
const SOUND: ModelInfo = { name: 's', capabilities: ['TRANSCRIBE'], usdPerAudioSecond: '0.0001' };
const NOTHING: TokenUsage = { inputTokens: 0, outputTokens: 0 };

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

test('cached tokens are paid at their own price, once', () => {
  const usage = { inputTokens: 1_000_000, cachedInputTokens: 600_000, cacheWriteTokens: 100_000, outputTokens: 0 };
  // 300,000 at 3, 600,000 at 0.3 and 100,000 at 3.75 USD a million.
  expect(usageCostUsd(usage, PRICED)).toBe('1.455');
});

test('what the vendor says it cost is what it cost', () => {
  expect(usageCostUsd({ ...NOTHING, costUsd: '0.0042' }, PRICED)).toBe('0.0042');
});

test('two calls cost what one of both together costs, to the last digit and never in an exponent', () => {
  const tokens = fc.nat(3_000_000_000);
  const part = fc.record({ inputTokens: tokens, outputTokens: tokens, cachedInputTokens: tokens });
  const price = fc.tuple(fc.nat(999), fc.nat(999_999_999)).map(([whole, billionths]) => {
    return `${whole}.${String(billionths).padStart(9, '0')}`;
  });
  fc.assert(
    fc.property(part, part, price, price, price, (first, second, input, output, cached) => {
      const info = {
        ...{ ...PRICED, inputUsdPerMillion: input },
        ...{ outputUsdPerMillion: output, cachedInputUsdPerMillion: cached },
      };
      // Cached tokens are among those that were read.
      const whole = (given: typeof first) => ({ ...given, inputTokens: given.inputTokens + given.cachedInputTokens });
      const both = {
        inputTokens: first.inputTokens + second.inputTokens,
        outputTokens: first.outputTokens + second.outputTokens,
        cachedInputTokens: first.cachedInputTokens + second.cachedInputTokens,
      };
      const costs = [first, second].map((given) => usageCostUsd(whole(given), info) as string);
      const together = usageCostUsd(whole(both), info);
      expect(costs.reduce(addDecimals)).toBe(together);
      expect(together).toMatch(/^\d+(\.\d+)?$/);
      expect(multiplyDecimals(together as string, '1000000000000000')).not.toContain('.');
    }),
  );
});

test.each([
  ['a minute of sound', { audioSeconds: 60 }, '0.006'],
  ['a twentieth of a second', { audioSeconds: 0.05 }, '0.000005'],
  ['a length that nobody has told', { audioSeconds: null }, null],
  ['a length that is none', { audioSeconds: Number.NaN }, null],
])('%s costs by the second', (_what, media, cost) => {
  expect(usageCostUsd(NOTHING, SOUND, media)).toBe(cost);
});

test('tokens of a model that is paid by the second cost nothing beside it', () => {
  expect(usageCostUsd({ inputTokens: 500, outputTokens: 90 }, SOUND, { audioSeconds: 10 })).toBe('0.001');
});

test('images cost what they cost beside their tokens, where they have a price', () => {
  const usage = { inputTokens: 1_000, outputTokens: 0 };
  expect(usageCostUsd(usage, { ...PRICED, usdPerImage: '0.002' }, { images: 3 })).toBe('0.009');
  expect(usageCostUsd(usage, PRICED, { images: 3 })).toBe('0.003');
});

test('a model is free where every price that it has is zero, and its input has one', () => {
  expect(isFree({ name: 'm', capabilities: [], inputUsdPerMillion: '0' })).toBe(true);
  expect(isFree({ name: 'm', capabilities: [], inputUsdPerMillion: '0', usdPerImage: '0.01' })).toBe(false);
  expect(isFree({ name: 'm', capabilities: [] })).toBe(false);
});
