import { describe, expect, test } from 'vitest';
import { RECORD_MAX_BYTES } from '../../../src/domain/imports/dialect.ts';
import { fileOf, read, readAll, told } from './import-fixtures.ts';

const HEADER = 'title,text\n';

describe('a CSV file', () => {
  test.each<[string, string, unknown[]]>([
    ['commas and quotes in quotes', 'title,text\n"a, b","she said ""no"""\n', [['a, b', 'she said "no"']]],
    [
      'line ends in quotes',
      'title,text\na,"one\ntwo\r\nthree"\nb,c',
      [
        ['a', 'one\ntwo\r\nthree'],
        ['b', 'c'],
      ],
    ],
    [
      'Windows line ends',
      'title,text\r\na,b\r\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'line ends of both kinds',
      'title,text\r\na,b\nc,d\r\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    [
      'line ends of an old Mac',
      'title,text\ra,b\rc,d\r',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['no line end at its end', 'title,text\na,b', [['a', 'b']]],
    [
      'blank lines and rows of nothing',
      'title,text\n\n\na,b\n,\n  , \n\nc,d\n',
      [
        ['a', 'b'],
        ['c', 'd'],
      ],
    ],
    ['too few cells', 'title,text\na\nb,c\n', [['a'], ['b', 'c']]],
    ['separators that name nothing', 'title,text\na,b,,,\n', [['a', 'b', '', '', '']]],
    ['a quote amid a cell', 'title,text\nscreen,5" wide\n', [['screen', '5" wide']]],
    ['an empty quoted cell', 'title,text\n"",b\n', [['', 'b']]],
    ['a cell with a quote at its beginning', 'title,text\na,"""so"" she\nsaid"\n', [['a', '"so" she\nsaid']]],
  ])('with %s is read', async (_what, content, expected) => {
    expect(told((await read(content)).records)).toEqual(expected);
  });

  test('may be cut anywhere on its way', async () => {
    const content = '\ufefftitle;text\r\n"é;\r\n""x""";öß\r\n\r\n日本;"🙂\n"\r\n';
    const expected = [
      ['é;\r\n"x"', 'öß'],
      ['日本', '🙂\n'],
    ];
    for (const pieceBytes of [1, 2, 3, 5, 7]) {
      const { records } = await read(content, { pieceBytes });
      expect(told(records), `pieces of ${pieceBytes} bytes`).toEqual(expected);
      expect(records.map(({ line }) => line)).toEqual([2, 5]);
    }
  });

  test.each([
    ['commas', ','],
    ['semicolons', ';'],
    ['tabs', '\t'],
    ['bars', '|'],
  ])('separated by %s is recognised', async (_name, delimiter) => {
    const rows = ['title,text,plan', 'hello,"some, text; here",pro', 'bye,"1,5; 2,5",free'];
    const content = rows.map((row) => row.split(/,(?=\w|")/).join(delimiter)).join('\n');
    const { dialect, records } = await read(content);
    expect(dialect.delimiter).toBe(delimiter);
    expect(told(records)[0]?.length).toBe(3);
  });

  test('names its delimiter in a first line, as Excel writes it', async () => {
    const { dialect, records } = await read('sep=;\r\ntitle;text\r\na,1;b,2\r\n');
    expect(dialect).toMatchObject({ delimiter: ';', columns: ['title', 'text'] });
    expect(told(records)).toEqual([['a,1', 'b,2']]);
    expect(records[0]?.line).toBe(3);
  });

  test('has a record that is told by the line on which it begins', async () => {
    const content = 'title,text\r\n"a\r\nb\r\nc",d\r\n\r\n\r\ne,f,g\r\n"h\ni",j\r\nk,l,m\r\n';
    const { records } = await read(content);
    expect(records.map(({ line, problem }) => [line, problem])).toEqual([
      [2, null],
      [7, 'has 3 cells, and the header names 2'],
      [8, null],
      [10, 'has 3 cells, and the header names 2'],
    ]);
  });

  test('is read from any of its records on as from its beginning', async () => {
    const content = Buffer.from(`title,text\n${Array.from({ length: 40 }, (_, i) => `t${i},"é\n${i}"\n\n`).join('')}`);
    for (const encoding of ['utf8', 'utf16le'] as const) {
      const stored = encoding === 'utf8' ? content : Buffer.from(`\ufeff${content.toString()}`, 'utf16le');
      const { dialect, records } = await read(stored);
      const [, , third] = records;
      if (third === undefined) throw new Error('there are forty records');
      expect(await readAll(fileOf(stored, 11), dialect, third.next)).toEqual(records.slice(3));
    }
  });

  test('with a cell of 50 MB loses that record alone, and nobody holds it', async () => {
    const huge = Buffer.concat([
      Buffer.from(`${HEADER}a,b\nc,"`),
      Buffer.alloc(50_000_000, 'x,\n'),
      Buffer.from('"\nd,e\n'),
    ]);
    const before = process.memoryUsage().arrayBuffers;
    const { records } = await read(huge);
    expect(told(records)).toEqual([['a', 'b'], '! has 50.0 MB; a record may have 4 MB', ['d', 'e']]);
    expect(records.map(({ line }) => line)).toEqual([2, 3, 16_666_670]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40_000_000);
  });

  test('takes a record of the greatest size', async () => {
    const cell = 'x'.repeat(RECORD_MAX_BYTES - 10);
    const { records } = await read(`${HEADER}a,b\nc,${cell}\nd,e\n`);
    expect(told(records)).toEqual([
      ['a', 'b'],
      ['c', cell],
      ['d', 'e'],
    ]);
  });

  test('with a quote that is never closed loses that line alone', async () => {
    const { records } = await read(`${HEADER}a,b\nc,"d\ne,f\ng,h\n`);
    expect(told(records)).toEqual([
      ['a', 'b'],
      expect.stringMatching(/^! has a quote that is never closed/),
      ['e', 'f'],
      ['g', 'h'],
    ]);
    expect(records.map(({ line }) => line)).toEqual([2, 3, 4, 5]);
  });

  test('with hundreds of quotes that are never closed is given up: each is looked for to the end of the file', async () => {
    const content = `x,y,z\n${'a,"b"c,"\n'.repeat(3_000)}`;
    await expect(read(content, { mapping: { text: 'x' } })).rejects.toThrow(
      'more than 200 quotes that are never closed',
    );
  });

  test('with a quote that swallows the next records says so', async () => {
    const { records } = await read(`${HEADER}a,b\nc,"d\ne,"f"\ng,h\n`);
    expect(told(records)).toContainEqual(expect.stringMatching(/^! has a quote that is closed in another record/));
    expect(told(records)).toContainEqual(['g', 'h']);
  });
});
