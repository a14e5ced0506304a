import { expect, test } from 'vitest';
import { withoutFieldLines } from '../../src/shared/field-lines.ts';

const lines = (text: string) =>
  withoutFieldLines(text)
    .split('\n')
    .filter((line) => line.trim() !== '');

test('a few words behind their label are a field', () => {
  expect(lines('Author: Jo Field\nChannel: sales\nIn progress since: last week')).toEqual([]);
});

test('a sentence behind a name is what somebody says', () => {
  const said = ['Jo: We saw it yesterday.', 'Ann: how many of the doors on the north side were booked twice'];
  expect(lines(said.join('\n'))).toEqual(said);
});

test('what is no label with a value stays', () => {
  const text = 'see https://example.com: it is there\n10:30 was too late\nnote: small letters';
  expect(lines(text)).toEqual(text.split('\n'));
});
