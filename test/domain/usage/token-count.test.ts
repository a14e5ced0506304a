import fc from 'fast-check';
import { countTokens as countDirectly } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, describe, expect, test } from 'vitest';
import {
  COUNTED_CHARACTERS,
  closeTokenCounting,
  countTokens,
  sampleOf,
} from '../../../src/domain/usage/token-count.ts';

afterAll(() => closeTokenCounting());

const PROSE =
  'The export to CSV breaks at 10,000 rows. “Größe” is cut off; 数据导出失败。 See https://example.test/a?b=c for the log.\n\n';

describe('the tokens of texts', () => {
  test.each([
    ['hello world', 2],
    ['', 0],
    ['   ', 1],
  ])('%j has %i', async (text, tokens) => {
    expect(await countTokens([text])).toBe(tokens);
  });

  test('are those of the encoding, whatever is between the words', async () => {
    const text = PROSE.repeat(200);
    expect(await countTokens([text])).toBe(countDirectly(text));
  });

  test('of several texts are those of each', async () => {
    expect(await countTokens([PROSE, 'hello world', PROSE])).toBe(2 * countDirectly(PROSE) + 2);
  });

  test('of a special token’s name are those of its letters', async () => {
    expect(await countTokens(['<|endoftext|>'])).toBeGreaterThan(1);
  });

  test('of a run without a space are counted piece by piece: two tokens more at a cut, at the most', async () => {
    const run = 'abcdefghij'.repeat(300);
    const tokens = await countTokens([run]);
    expect(Math.abs(tokens - countDirectly(run))).toBeLessThanOrEqual(2 * Math.ceil(run.length / 256));
    expect(await countTokens(['x'.repeat(COUNTED_CHARACTERS)])).toBeGreaterThan(1_000);
  });

  test('of very long texts are estimated from a sample, within two percent where they are alike', async () => {
    const text = PROSE.repeat(Math.ceil((5 * COUNTED_CHARACTERS) / PROSE.length));
    const exact = countDirectly(PROSE) * (text.length / PROSE.length);
    expect(Math.abs((await countTokens([text])) / exact - 1)).toBeLessThan(0.02);
  });

  test('are counted again after the thread was ended', async () => {
    await closeTokenCounting();
    expect(await countTokens(['hello world'])).toBe(2);
  });

  test('that are being counted when the server stops are counted to the end', async () => {
    const counting = countTokens([PROSE.repeat(500)]);
    await closeTokenCounting();
    expect(await counting).toBe(countDirectly(PROSE.repeat(500)));
  });
});

describe('a sample', () => {
  test('has as many characters as are counted, from the first to the last, however they are cut into texts', () => {
    const lengths = fc.array(fc.nat(90_000), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lengths, (given) => {
        const texts = given.map((length, i) => String.fromCharCode(97 + i).repeat(length));
        const characters = given.reduce((sum, length) => sum + length, 0);
        const sample = sampleOf(texts);
        const sampled = sample.texts.join('');
        expect(sample.characters).toBe(characters);
        expect(sampled.length).toBe(Math.min(characters, COUNTED_CHARACTERS));
        expect(sampled.length * sample.scale).toBeCloseTo(characters);
        expect(sampled.at(0)).toBe(texts.join('').at(0));
        expect(sampled.at(-1)).toBe(texts.join('').at(-1));
      }),
    );
  });
});
