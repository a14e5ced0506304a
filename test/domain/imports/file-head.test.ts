import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/shared/errors.ts';
import { plan, read, told } from './import-fixtures.ts';

const refusal = async (content: string | Buffer, options = {}) => {
  const error = await plan(content, options).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InvalidInputError);
  return (error as InvalidInputError).message;
};

describe('a file that is no table', () => {
  test.each<[string, Buffer | string, RegExp]>([
    ['empty', '', /is empty/],
    ['blank', ' \n\n  \n', /is empty/],
    ['a byte order mark alone', '\ufeff', /is empty/],
    ['gzip, whatever it would grow to', gzipSync(Buffer.alloc(10_000_000)), /a gzip file: export it as CSV/],
    ['a zip', Buffer.from('504b030414000000', 'hex'), /a zip file/],
    ['a workbook', Buffer.from('PK\u0003\u0004\u0014[Content_Types].xml', 'latin1'), /a spreadsheet or Office file/],
    ['an old workbook', Buffer.from('d0cf11e0a1b11ae10000', 'hex'), /an old Excel or Word file/],
    ['a PDF', '%PDF-1.7\n', /a PDF file/],
    ['a page of the web', '<!DOCTYPE html>\n<html>', /an HTML or XML file/],
    ['binary', Buffer.from([7, 0, 0, 0, 9, 0, 1, 0, 0, 0, 255, 3]), /a binary file/],
    ['in UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 65, 0, 0, 0]), /UTF-32/],
    ['of 10,000 columns', `${'c,'.repeat(9_999)}c\n`, /has 10000 columns; it may have 1000/],
    [
      'of one endless record',
      `title,text\n${'"'.padEnd(1_100_000, 'x')}`.replace('title,text\n', ''),
      /no record that ends within its first megabyte/,
    ],
  ])('(%s) is refused with the reason', async (_what, content, reason) => {
    expect(await refusal(content)).toMatch(reason);
  });

  test('of JSON is refused unless it has an object a line', async () => {
    expect(await refusal('[{"text":"a"},\n{"text":"b"}]', { format: 'JSONL' })).toMatch(
      /one JSON array: write one object a line/,
    );
    expect(await refusal('nothing\nof it\n', { format: 'JSONL' })).toMatch(/line 1 is not valid JSON/);
  });

  test('of JSON is not read as CSV: its lines would be torn at their commas', async () => {
    expect(await refusal('\n{"id":1,"text":"a b c"}\r\n{"id":2,"text":"d e f"}\r\n')).toMatch(
      /holds JSON objects, one a line: send it with the format JSONL/,
    );
    expect(await refusal(' [\n  {"id":1,"text":"a"}\n]')).toMatch(/one JSON array: write one object a line/);
    expect((await plan('{name},text\nx,A text of its own\n')).dialect.columns).toEqual(['{name}', 'text']);
    expect((await plan('[id],text\n1,A text of its own\n')).dialect.columns).toEqual(['[id]', 'text']);
  });
});

describe('the encoding of a file', () => {
  const rows = 'title,text\nMüller,"häßlich – €"\n';
  const expected = [['Müller', 'häßlich – €']];
  const swapped = Buffer.from(`\ufeff${rows}`, 'utf16le').swap16();

  test.each<[string, Buffer]>([
    ['UTF-8', Buffer.from(rows)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${rows}`)],
    ['UTF-16, little end first', Buffer.from(`\ufeff${rows}`, 'utf16le')],
    ['UTF-16, big end first', swapped],
    ['UTF-16 without a mark', Buffer.from(rows, 'utf16le')],
  ])('is recognised: %s', async (_name, content) => {
    for (const pieceBytes of [1, 3, 65_536])
      expect(told((await read(content, { pieceBytes })).records)).toEqual(expected);
  });

  test('is windows-1252 where it was found to be, which is noted', async () => {
    const content = Buffer.from('title,text\nM\xfcller,\x93nice\x94 \x80\n', 'latin1');
    const { records, notes } = await read(content, { encoding: 'windows-1252' });
    expect(told(records)).toEqual([['Müller', '“nice” €']]);
    expect(notes).toContain('The file was read as windows-1252.');
  });
});

describe('the first record', () => {
  test('names the columns, each once', async () => {
    const { dialect } = await plan('Text,Name,Name,,Name\na,b,c,d,e\n');
    expect(dialect.columns).toEqual(['Text', 'Name', 'Name (2)', 'column 4', 'Name (3)']);
  });

  test('is data where it looks like it, and where the mapping says so', async () => {
    const { dialect, records, notes } = await read('17,2026-01-03,"It does not start at all."\n18,2026-01-04,Good\n');
    expect(dialect.columns).toEqual(['column 1', 'column 2', 'column 3']);
    expect(records).toHaveLength(2);
    expect(notes).toContain('The first record was read as data: the file has no header.');
    const given = await read('good,bad\nnice,awful\n', { mapping: { header: false, text: 'column 2' } });
    expect(told(given.records)).toEqual([
      ['good', 'bad'],
      ['nice', 'awful'],
    ]);
  });

  test('needs a mapping where no name is a text, and what follows is too large to be looked at', async () => {
    expect(await refusal(`foo,bar\n1,"${'y z '.repeat(300_000)}"\n2,more\n`)).toMatch(/no column looks like a text/);
  });

  test('may be all there is', async () => {
    const { records, notes } = await read('title,text\n');
    expect(records).toEqual([]);
    expect(notes).toContain('The file has a header and no records.');
  });
});
