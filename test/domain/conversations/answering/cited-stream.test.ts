import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitedStream } from '../../../../src/domain/conversations/answering/cited-stream.ts';
import type { Passage } from '../../../../src/domain/conversations/answering/passage.ts';

const passage = (documentId: string, text: string): Passage => ({
  ...{ documentId, text, title: null, similarity: 0.5, score: 1, coverage: 1 },
});
const PASSAGES = [
  passage('doc_ships', 'The harbour is old. Ships leave at nine every day. It rains.'),
  passage('doc_rooms', 'Rooms have a view. Breakfast is served until ten o’clock. Dogs are welcome.'),
];
const ANSWER = 'Breakfast is served until ten [2]. Ships leave at nine [1][7]. Dogs may come too [2].';

function streamed(pieces: readonly string[]) {
  const stream = new CitedStream(PASSAGES);
  const shown = pieces.map((piece) => stream.push(piece)).join('') + stream.flush();
  return { shown, text: stream.text, citations: stream.citations };
}

test('a cited passage is quoted by the sentence that says what stands before its first marker', () => {
  const { shown, text, citations } = streamed([ANSWER]);
  expect(shown).toBe('Breakfast is served until ten [1]. Ships leave at nine [2]. Dogs may come too [1].');
  expect(text).toBe(shown);
  expect(citations).toEqual([
    { documentId: 'doc_rooms', quote: 'Breakfast is served until ten o’clock.', similarity: 0.5 },
    { documentId: 'doc_ships', quote: 'Ships leave at nine every day.', similarity: 0.5 },
  ]);
});

test('pieces make no difference to text or citations', () => {
  const whole = streamed([ANSWER]);
  fc.assert(
    fc.property(fc.array(fc.nat({ max: ANSWER.length }), { maxLength: 20 }), (cuts) => {
      const places = [0, ...cuts, ANSWER.length].toSorted((a, b) => a - b);
      expect(streamed(places.slice(1).map((end, i) => ANSWER.slice(places[i], end)))).toEqual(whole);
    }),
  );
});

test('without passages nothing is changed or held back', () => {
  const stream = new CitedStream([]);
  expect(stream.push('a list[9] and [')).toBe('a list[9] and [');
  expect([stream.flush(), stream.citations]).toEqual(['', []]);
});
