import { expect, test } from 'vitest';
import { languageCode } from '../../../src/domain/media/spoken-language.ts';

test.each<[string | undefined, string | null]>([
  ['german', 'de'],
  ['German', 'de'],
  ['de', 'de'],
  ['pt-BR', 'pt'],
  ['zh_Hant', 'zh'],
  ['iw', 'he'],
  ['yue', 'yue'],
  ['cantonese', 'yue'],
  ['maori', 'mi'],
  ['haitian creole', 'ht'],
  ['klingonese', null],
  ['unknown', null],
  ['', null],
  [undefined, null],
])('a vendor that says %s was spoken means %s', (said, code) => {
  expect(languageCode(said)).toBe(code);
});
