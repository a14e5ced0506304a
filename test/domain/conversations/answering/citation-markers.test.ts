import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CitationMarkers } from '../../../../src/domain/conversations/answering/citation-markers.ts';

/** Passages 1 to 3 exist; they are numbered in the order in which they are cited. */
function numbering(): (passage: number) => number | null {
  const ordinals = new Map<number, number>();
  return (passage) => {
    if (passage < 1 || passage > 3) return null;
    const ordinal = ordinals.get(passage) ?? ordinals.size + 1;
    ordinals.set(passage, ordinal);
    return ordinal;
  };
}

function shown(...pieces: string[]): string {
  const markers = new CitationMarkers(numbering());
  return pieces.map((piece) => markers.push(piece)).join('') + markers.flush();
}

test.each([
  ['a marker gets the number of its citation', 'Ships left [3]. Then [1].', 'Ships left [1]. Then [2].'],
  ['a marker that comes again keeps its number', 'A [2] b [1] c [2].', 'A [1] b [2] c [1].'],
  ['one of a passage that does not exist goes, with the space before it', 'Ships left [9]. Then.', 'Ships left. Then.'],
  ['of several in one bracket those stay that exist', 'Ships left [2, 9,3].', 'Ships left [1][2].'],
  ['side by side they are told apart', 'Ships left [1][9][2].', 'Ships left [1][2].'],
  ['at the very beginning none leaves a space', '[9] Ships left.', 'Ships left.'],
  ['other brackets stay', 'A [note], a [ ] box, [1990s], [2020] and [', 'A [note], a [ ] box, [1990s], [2020] and ['],
  ['what never ends stays', 'Ships [12', 'Ships [12'],
  [
    'code stays',
    'Use `list[9]` or\n```\nlist[0] = 1\n```\nas said [9].',
    'Use `list[9]` or\n```\nlist[0] = 1\n```\nas said.',
  ],
  ['a lone backtick is no code after its line', 'It`s so [9].\nAnd so [9].', 'It`s so [9].\nAnd so.'],
])('%s', (_rule, written, expected) => {
  expect(shown(written)).toBe(expected);
});

test('the pieces that an answer comes in make no difference, and 42 characters at the most are held back', () => {
  const sign = fc.constantFrom(...'ab .,[]0123489`\n', ' [1]', ' [9]', '[2, 3]', '```', '🚢');
  const answer = fc.array(sign, { maxLength: 80 }).map((signs) => signs.join(''));
  fc.assert(
    fc.property(answer, fc.array(fc.nat(), { maxLength: 12 }), (text, cuts) => {
      const places = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].toSorted((a, b) => a - b);
      const pieces = places.slice(1).map((end, i) => text.slice(places[i], end));
      expect(shown(...pieces)).toBe(shown(text));
      const plain = new CitationMarkers((passage) => passage);
      let seen = 0;
      for (const piece of text) {
        seen += piece.length;
        plain.push(piece);
      }
      expect(plain.flush().length).toBeLessThanOrEqual(42);
      expect(seen).toBe(text.length);
    }),
  );
});
