import { expect, test } from 'vitest';
import type { EvidenceDocument } from '../../../../src/domain/agents/evidence/evidence-document.ts';
import {
  addressesOf,
  checkedCitation,
  namedPassages,
  passagesOf,
  unsaidFigures,
} from '../../../../src/domain/agents/evidence/numbered-passages.ts';
import { properNames } from '../../../../src/domain/agents/evidence/proper-names.ts';

function document(id: string, ...sentences: string[]): EvidenceDocument {
  const kept = sentences.map((quote) => ({ quote, text: quote }));
  return { id, title: `Title of ${id}`, kind: 'TEXT', at: '2026-03-01T00:00:00.000Z', author: null, sentences: kept };
}

const passages = passagesOf([document('one', 'Trucks come late.', 'Doors are few.'), document('two', 'All is well.')], {
  characters: 1_000,
  perDocument: 500,
});

test('a quote is looked up in the passage that it is said to be of, and in no other', () => {
  expect(checkedCitation(passages, { passage: 1, quote: '“trucks  come late.”' })).toEqual({
    documentId: 'one',
    title: 'Title of one',
    quote: 'Trucks come late.',
    at: '2026-03-01T00:00:00.000Z',
  });
  expect(checkedCitation(passages, { passage: 2, quote: 'Trucks come late.' })).toBeNull();
  expect(checkedCitation(passages, { passage: 3, quote: 'All is well.' })).toBeNull();
  expect(checkedCitation(passages, { passage: 1.5, quote: 'All is well.' })).toBeNull();
});

test('a quote over two sentences that need not stand side by side in the document is none', () => {
  expect(checkedCitation(passages, { passage: 1, quote: 'late. Doors are' })).toBeNull();
});

test('passages are named by their numbers, and end where there is no more room', () => {
  expect(namedPassages(passages).map(({ name }) => name)).toEqual(['passage 1', 'passage 2']);
  expect(
    passagesOf([document('one', 'x'.repeat(90)), document('two', 'y'.repeat(90))], {
      characters: 100,
      perDocument: 90,
    }),
  ).toHaveLength(1);
});

test('figures and addresses that nobody has said are found, however they are written', () => {
  const told = ['It had 1,500 loads at 6:30, see https://dock.example/a.'];
  expect(unsaidFigures('1500 loads (https://dock.example/a).', told)).toEqual([]);
  expect(unsaidFigures('15 loads, see https://evil.example/a and jo@evil.example.', told)).toEqual([
    'https://evil.example/a',
    'jo@evil.example',
    '15',
  ]);
  expect(addressesOf('See (www.dock.example).')).toEqual(['www.dock.example']);
});

test('names are runs of words with capitals, but for what begins a sentence', () => {
  expect(
    properNames('Trucks at Osprey Quay wait. When does Petra Halloway come? The Mersey Vale Growth Fund led it.'),
  ).toEqual(['Osprey Quay', 'Petra Halloway', 'Mersey Vale Growth Fund']);
  expect(properNames('What was done about it?')).toEqual([]);
});
