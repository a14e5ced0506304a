import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findQuote, QUOTE_MAX_CHARACTERS, quotedWords } from '../../../../src/domain/conversations/answering/quote.ts';

const SOURCE =
  'The “harbour” was closed —\n  on Tuesday’s storm.  Ships\u00a0went to Porto. 🚢 Repairs take three weeks.';

describe('a quote is found', () => {
  test.each([
    ['letter by letter', 'Ships\u00a0went to Porto.', 'Ships\u00a0went to Porto.'],
    ['whatever white space it is written with', 'Ships went\n to Porto.', 'Ships\u00a0went to Porto.'],
    ['whatever quotation marks and dashes', 'The "harbour" was closed - on', 'The “harbour” was closed —\n  on'],
    ['whatever apostrophe', "Tuesday's storm", 'Tuesday’s storm'],
    ['whatever case', 'the “Harbour” WAS closed', 'The “harbour” was closed'],
    ['in quotation marks of its own', '"Repairs take three weeks."', 'Repairs take three weeks.'],
    ['between dots that say that it goes on', '… to Porto. 🚢 Repairs …', 'to Porto. 🚢 Repairs'],
  ])('%s', (_how, quote, words) => {
    expect(quotedWords(SOURCE, quote)).toBe(words);
  });
});

describe('a quote is not found', () => {
  test.each([
    ['that says something else', 'Ships went to Leeds.'],
    ['that leaves out a word', 'Ships to Porto.'],
    ['that adds one', 'Ships then went to Porto.'],
    ['that joins two places', 'The harbour … three weeks'],
    ['that is too short to say anything', 'to'],
    ['that is empty', ' "" '],
  ])('%s', (_how, quote) => {
    expect(findQuote(SOURCE, quote)).toBeNull();
  });
});

test('whatever stands in a text is found there, letter for letter', () => {
  const sign = fc.constantFrom(...'ab cdé“"’\'—-\n\t1 .', '🚢', 'ß', 'İ');
  const lettersOf = (words: string) =>
    words
      .toLowerCase()
      .match(/[\p{L}\p{N}]/gu)
      ?.join('') ?? '';
  fc.assert(
    fc.property(
      fc.array(sign, { minLength: 20, maxLength: 120 }),
      fc.nat(),
      fc.integer({ min: 5, max: 60 }),
      (signs, from, length) => {
        const start = from % signs.length;
        const quote = signs.slice(start, start + length).join('');
        const words = quotedWords(signs.join(''), quote);
        if (lettersOf(quote.normalize('NFC')).length >= 5) expect(words).not.toBeNull();
        if (words !== null) expect(lettersOf(words)).toBe(lettersOf(quote));
      },
    ),
  );
});

test('a long quote is cut at a word, and is still a part of its source', () => {
  const source = 'word and another one, '.repeat(100);
  const words = quotedWords(source, source) ?? '';
  expect(words.length).toBeLessThanOrEqual(QUOTE_MAX_CHARACTERS);
  expect(words.length).toBeGreaterThan(QUOTE_MAX_CHARACTERS / 2);
  expect(source.startsWith(`${words} `)).toBe(true);
});
