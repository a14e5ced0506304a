import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mostAsked, questionsIn } from '../../../../src/domain/agents/evidence/asked-questions.ts';
import {
  bestSentences,
  documentSentences,
  isAlike,
} from '../../../../src/domain/agents/evidence/document-sentences.ts';

const texts = (text: string, title: string | null = null) =>
  documentSentences({ title, text }).map((each) => each.text);

test('fields, headings, code and the title again are no sentences', () => {
  const text =
    'Late trucks\n\nTrucks come late every Monday.\nAuthor: Petra Halloway\nTags: late, trucks\nconst a = {b: [1, 2]};';
  expect(texts(text, 'Late trucks')).toEqual(['Trucks come late every Monday.']);
});

test('a sentence that was broken to fit a page is one, and is quoted as it stands', () => {
  const text =
    'The planner shows the bookings of the whole week at once,\nwhich takes fourteen seconds. It should not.';
  const [first] = documentSentences({ title: null, text });
  expect(first?.text).toBe('The planner shows the bookings of the whole week at once, which takes fourteen seconds.');
  expect(text).toContain(first?.quote);
});

test('every quote stands in its document, whatever is written there', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('. ', '\n', 'Trucks come late every Monday', '? '))),
      (parts) => {
        const text = parts.join('');
        for (const { quote } of documentSentences({ title: null, text })) expect(text).toContain(quote);
      },
    ),
  );
});

test('the best sentences are given in the order of the text, those that are wanted among them', () => {
  const text =
    'Hello there all. The export stops at nine thousand lines. It was fine before. Frostvale wants it mended by Friday.';
  const best = bestSentences({ title: 'Export stops', text }, 2, (sentence) => sentence.includes('Frostvale'));
  expect(best.map((each) => each.text)).toEqual([
    'The export stops at nine thousand lines.',
    'Frostvale wants it mended by Friday.',
  ]);
});

test('sentences with most of their telling words in common are alike', () => {
  expect(isAlike('The scanner freezes in the cold.', 'In the cold the scanner is freezing!')).toBe(true);
  expect(isAlike('The scanner freezes in the cold.', 'The invoice is wrong.')).toBe(false);
});

test('what is asked most stands first, in its newest words; requests of somebody are no questions', () => {
  const asking = (id: string, at: string, text: string) =>
    questionsIn({ id, kind: 'MESSAGE', title: null, text, createdAt: new Date(at) } as never);
  const asked = [
    ...asking('a', '2026-01-01', 'Does the planner export bookings to SAP?'),
    ...asking('b', '2026-03-01', 'How many doors can one site have?'),
    ...asking('c', '2026-02-01', 'Can the planner export our bookings to SAP?'),
    ...asking('d', '2026-02-02', 'Could you please call the planner of our site tomorrow? Who wins?'),
  ];
  expect(mostAsked(asked).map(({ text, times }) => [text, times])).toEqual([
    ['Can the planner export our bookings to SAP?', 2],
    ['How many doors can one site have?', 1],
  ]);
});
