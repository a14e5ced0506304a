import { expect, test } from 'vitest';
import { saysMore, unsaidNames } from '../../../../src/domain/agents/companies/fact-writer.ts';

const FACTS = [
  'Company: Norrmark Frys',
  'Greta Norrmarken wrote on 6 October 2026 about 4,100 labels',
  'Owner: Ines Tolvaneer',
];

test.each([
  'Norrmark Frys is hiring. Ines should write to Greta Norrmarken about the 4,100 labels.',
  'Yesterday is long ago: write to Greta.',
  'Greta’s people read 4,100 labels in October 2026.',
])('“%s” says no more than the facts', (text) => {
  expect(saysMore(text, FACTS)).toBe(false);
});

test.each([
  ['Write to Greta Norrmarken and to Lars Holm.', 'a name'],
  ['They read 4,200 labels.', 'a figure'],
  ['Write to greta@norrmark.example.', 'an address'],
])('“%s” is refused for %s that no fact has', (text) => {
  expect(saysMore(text, FACTS)).toBe(true);
});

test('the first word of a sentence may have its capital', () => {
  expect(unsaidNames('Call them. Then wait: Perhaps they call.', FACTS)).toEqual([]);
  expect(unsaidNames('Then call Perkins.', FACTS)).toEqual(['Perkins']);
});
