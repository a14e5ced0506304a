import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ThinkingText } from '../../../src/providers/cloudflare/thinking.ts';

/** What comes out of a text that comes in these pieces. */
function split(pieces: readonly string[]): { reasoning: string; text: string } {
  const thinking = new ThinkingText();
  const out = { reasoning: '', text: '' };
  for (const { kind, text } of [...pieces.flatMap((piece) => thinking.take(piece)), ...thinking.end()]) {
    out[kind] += text;
  }
  return out;
}

const words = fc
  .string({ unit: fc.constantFrom('a', ' ', '<', '/', '>', 'think') })
  .filter((text) => !/<\/?think>/.test(text));

function cut(text: string, places: readonly number[]): string[] {
  const ends = [...places.map((place) => place % (text.length + 1)), text.length].sort((left, right) => left - right);
  return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
}

test('what a model thinks and what it says are told apart, however the stream cuts them', () => {
  fc.assert(
    fc.property(words, words, fc.array(fc.nat()), (thought, said, places) => {
      // A thought that ends in the beginning of a mark would make another mark of it.
      fc.pre(!`${thought}</think>`.slice(0, -1).includes('</think>'));
      const pieces = cut(`<think>${thought}</think>${said}`, places);
      const { reasoning, text } = split(pieces);
      expect(reasoning).toBe(thought);
      expect(text.trimStart()).toBe(said.trimStart());
    }),
  );
});

test('a text without marks is all said', () => {
  fc.assert(
    fc.property(words, fc.array(fc.nat()), (said, places) => {
      fc.pre(!said.trimStart().startsWith('<think>'));
      expect(split(cut(said, places))).toEqual({ reasoning: '', text: said });
    }),
  );
});

test('a thought that never ends is reasoning', () => {
  expect(split(['<thi', 'nk>Hm', 'm</thi'])).toEqual({ reasoning: 'Hmm</thi', text: '' });
});
