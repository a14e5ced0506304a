import { readFile } from 'node:fs/promises';
import { eld } from 'eld/small';
import { expect, test } from 'vitest';
import { detectLanguage } from '../../../src/domain/documents/language.ts';
import { readTables, scoresByNgram } from '../../../src/domain/documents/language-tables.ts';

const TEXTS = [
  'The report cannot be downloaded since this morning',
  'Der Bericht lässt sich seit heute Morgen nicht herunterladen',
  'Le rapport ne peut plus être téléchargé depuis ce matin',
  'El informe no se puede descargar desde esta mañana',
  'Отчёт не скачивается с сегодняшнего утра',
  'レポートをダウンロードできません',
  '从今天早上开始无法下载报告',
  'لا يمكن تنزيل التقرير منذ هذا الصباح',
  'Rapor bu sabahtan beri indirilemiyor',
  'Raporten kan ikke lastes ned siden i morges',
  'constructor toString __proto__ hasOwnProperty',
  'xq zzkw prtl',
  'CSV 500',
];

test.each(TEXTS)('packed tables tell of %j what those of the package tell', async (text) => {
  const result = eld.detect(text);
  expect(await detectLanguage(text)).toBe(result.language !== '' && result.isReliable() ? result.language : null);
});

test('every score of the package is read', async () => {
  const url = new URL('../ngrams/small.js', import.meta.resolve('eld/small'));
  const { ngramsData } = (await import(url.href)) as {
    ngramsData: { type: string; languages: object; ngrams: Record<string, object> };
  };
  const tables = readTables(await readFile(url, 'utf8'));
  const { type, languages } = ngramsData;
  expect(tables).toMatchObject({ type, languages });
  expect(tables.starts.size).toBe(Object.keys(ngramsData.ngrams).length);
  const scores = scoresByNgram(tables);
  const differing = Object.entries(ngramsData.ngrams).filter(
    ([ngram, expected]) => JSON.stringify(scores[ngram]) !== JSON.stringify(expected),
  );
  expect(differing).toEqual([]);
});

const HEAD = "export const ngramsData = {type:'S60',languages:{9:'de',11:'en'},isSubset:false,ngrams:{";

test('names come with quotes of both kinds and without any', () => {
  const scores = scoresByNgram(readTables(`${HEAD}' der':{9:90,11:0},"l'o":{11:7},'d\\'a':{9:1},DER:{9:207}}};`));
  expect([scores[' der'], scores["l'o"], scores["d'a"], scores.DER]).toEqual([
    { 9: 90, 11: 0 },
    { 11: 7 },
    { 9: 1 },
    { 9: 207 },
  ]);
  expect([scores.xyz, scores.constructor, scores.toString]).toEqual([undefined, undefined, undefined]);
});

test.each([
  'export default [];',
  `${HEAD}}};`,
  `${HEAD}der:{9:90}`,
  `${HEAD}der:{9:90},die:[1]}};`,
  `${HEAD}der:{9:.5}}};`,
  `${HEAD}der:{9:256}}};`,
])('another format is told, not guessed at: %s', (source) => {
  expect(() => readTables(source)).toThrow('the tables of the language detector cannot be read');
});
