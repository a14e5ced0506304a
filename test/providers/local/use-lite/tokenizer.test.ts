import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnigramTokenizer } from '../../../../src/providers/local/use-lite/tokenizer.ts';
import { readVocabulary } from '../../../../src/providers/local/use-lite/weights.ts';

const vocabulary = readVocabulary();
const tokenizer = new UnigramTokenizer(vocabulary, 128);

function pieces(text: string): string[] {
  return tokenizer.encode(text).map((id) => vocabulary[id]?.[0] ?? '');
}

describe('the unigram tokenizer', () => {
  it('takes the most probable way to cut, not the longest first piece', () => {
    const small = new UnigramTokenizer(
      [
        ...Array.from({ length: 6 }, () => ['', 0] as const),
        ['\u2581', -1],
        ['\u2581ab', -9],
        ['a', -2],
        ['bc', -1],
        ['c', -4],
      ],
      16,
    );
    expect(small.encode('abc')).toEqual([6, 8, 9]);
  });

  it('gives a common sentence one token a word', () => {
    expect(pieces('This is not the end of the world')).toEqual([
      '▁This',
      '▁is',
      '▁not',
      '▁the',
      '▁end',
      '▁of',
      '▁the',
      '▁world',
    ]);
  });

  it('gives all the text back where every character is known', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 8 }), (words) => {
        expect(pieces(words.join('  ')).join('')).toBe(`▁${words.join('▁')}`);
      }),
    );
  });

  it('reads 1 to 128 tokens of any string, broken UTF-16 included', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 400 }), (units) => {
        const ids = tokenizer.encode(String.fromCharCode(...units));
        expect(ids.length).toBeGreaterThanOrEqual(1);
        expect(ids.length).toBeLessThanOrEqual(128);
      }),
    );
    expect(tokenizer.encode('')).toEqual([0]);
    expect(tokenizer.encode('word '.repeat(500))).toHaveLength(128);
  });

  it('counts a run of unknown characters as one token', () => {
    expect(tokenizer.encode('漢字漢字漢字')).toEqual(tokenizer.encode('漢'));
  });
});
