import { GraphQLError, parse } from 'graphql';
import { expect, test } from 'vitest';
import { KEPT_CHARACTERS, LONGEST_KEPT, openParserCaches } from '../../src/server/parsed-queries.ts';

const document = parse('{ viewer { role } }');

function textOf(length: number, number: number): string {
  return `{ viewer { role } } # ${number} `.padEnd(length, '.');
}

test('of texts that never come again the newest are kept, up to so many characters', () => {
  const { documentCache } = openParserCaches();
  for (let number = 0; number < 100; number++) documentCache.set(textOf(10_000, number), document);
  expect([...documentCache.keys()].join('').length).toBe(KEPT_CHARACTERS);
  expect(documentCache.get(textOf(10_000, 99))).toBe(document);
  expect(documentCache.get(textOf(10_000, 0))).toBeUndefined();
});

test('a text of megabytes is not kept, nor that it could not be parsed', () => {
  const { documentCache, errorCache } = openParserCaches();
  for (const length of [LONGEST_KEPT + 1, 4_000_000]) {
    documentCache.set(textOf(length, 1), document);
    errorCache.set(textOf(length, 1), new GraphQLError('Syntax Error'));
  }
  expect([documentCache.size, errorCache.size]).toEqual([0, 0]);
});

test('texts of nothing are bounded as well', () => {
  const { errorCache } = openParserCaches();
  for (let number = 0; number < 5_000; number++) errorCache.set(String(number), new GraphQLError('Syntax Error'));
  expect(errorCache.size).toBeLessThanOrEqual(1_000);
});
