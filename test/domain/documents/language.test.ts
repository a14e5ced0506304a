import { expect, test } from 'vitest';
import { detectLanguage } from '../../../src/domain/documents/language.ts';

test.each([
  ['en', 'The report cannot be downloaded since this morning'],
  ['de', 'Der Bericht lässt sich seit heute Morgen nicht herunterladen'],
  ['ja', 'レポートをダウンロードできません'],
])('a sentence in %s is recognised', async (language, text) => {
  expect(await detectLanguage(text)).toBe(language);
});

test.each(['', 'ok', '12345 67', '😀😀'])('no language is claimed for %j', async (text) => {
  expect(await detectLanguage(text)).toBeNull();
});
