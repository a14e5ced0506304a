import { describe, expect, test } from 'vitest';
import { chunkInput, chunkText } from '../../../src/domain/documents/chunking.ts';

const passages = (text: string, words: number, title?: string) =>
  chunkText(text, { words, title }).map(({ start, end }) => text.slice(start, end));

describe('chunking', () => {
  test('a short text is one chunk', () => {
    expect(chunkText('  The export is slow. ', { words: 90 })).toEqual([{ ordinal: 0, start: 2, end: 21 }]);
  });

  test('a text without content is one empty chunk where there is a title, and none otherwise', () => {
    expect(chunkText('', { words: 90, title: 'Slow export' })).toEqual([{ ordinal: 0, start: 0, end: 0 }]);
    expect(chunkText(' \n ', { words: 90 })).toEqual([]);
  });

  test('a chunk ends with a sentence and the next begins with that sentence', () => {
    expect(passages('One two three. Four five six. Seven eight nine.', 6)).toEqual([
      'One two three. Four five six.',
      'Four five six. Seven eight nine.',
    ]);
  });

  test('an abbreviation ends no sentence', () => {
    expect(passages('We met Dr. Lane there. Then we left the office again.', 6)).toEqual([
      'We met Dr. Lane there.',
      'Then we left the office again.',
    ]);
  });

  test.each([
    ['letters without spaces', 'x'.repeat(20_000)],
    ['Chinese without spaces', '漢字'.repeat(10_000)],
    ['pictographs of two code units', '😀'.repeat(10_000)],
    ['words without a full stop', 'word '.repeat(5_000)],
  ])('%s are cut into bounded chunks that lose nothing and split no character', (_name, text) => {
    const parts = passages(text, 50);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThanOrEqual(50 * 12);
    expect(parts.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    expect(parts.every((part) => part.isWellFormed())).toBe(true);
  });

  test('the title is put in front of a passage once', () => {
    expect(chunkInput('Slow export', 'It takes hours.')).toBe('Slow export\nIt takes hours.');
    expect(chunkInput('Slow export', 'Slow export\n\nIt takes hours.')).toBe('Slow export\n\nIt takes hours.');
    expect(chunkInput('Slow export', '')).toBe('Slow export');
    expect(chunkInput(null, 'It takes hours.')).toBe('It takes hours.');
  });
});
