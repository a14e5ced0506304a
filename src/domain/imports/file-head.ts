import { Readable } from 'node:stream';
import { InvalidInputError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { DocumentKind } from '../documents/document.ts';
import { csvRecords } from './csv-records.ts';
import { isAmbiguousDate, readDate } from './dates.ts';
import { type Dialect, type FileEncoding, type ImportFormat, MAX_COLUMNS } from './dialect.ts';
import { markedEncoding } from './encoding.ts';
import { foreignKind } from './file-kind.ts';
import { guessMapping } from './guess-mapping.ts';
import { jsonlRecords } from './jsonl-records.ts';
import { checkedMapping, type GivenMapping, hasText, listed, type Mapping } from './mapping.ts';
import { areDocumentLines, cellText } from './record-document.ts';
import { type OpenFile, openText, type SourceRecord } from './source-record.ts';

/** What is looked at before a file is taken. */
export const HEAD_BYTES = 1_000_000;
/** Records that a mapping is guessed from. */
const SAMPLE_RECORDS = 100;
/** Records by which a delimiter is told. */
const DELIMITER_RECORDS = 25;
const DELIMITERS = [',', ';', '\t', '|'];
/** A column's name that is longer is no name. */
const COLUMN_NAME_MAX_CHARACTERS = 200;
const DATA_LIKE = /^(?:[\s\d.,%€$£+-]*\d[\s\d.,%€$£+-]*|\S+@\S+\.\S+|https?:\/\/\S+)$/;

/** How a file is to be read, and which of its columns is which field. */
export interface FilePlan {
  dialect: Dialect;
  mapping: Mapping;
  /** What somebody should know who reads the report. */
  notes: string[];
}

export interface FileHead {
  bytes: Buffer;
  /** Whether it is all of the file. */
  isWhole: boolean;
  format: ImportFormat;
  mapping: GivenMapping | null;
  kind: DocumentKind;
  /** Of a file without a mark of its own. */
  encoding: 'utf-8' | 'windows-1252';
}

/**
 * Plans the reading of a file by its beginning.
 * @throws InvalidInputError where it is no file that can be read, or has no column that the mapping names
 */
export async function planFile(head: FileHead): Promise<FilePlan> {
  const { encoding, markBytes } = encodingOf(head);
  const text = await readAll(headFile(head.bytes), { encoding, markBytes });
  if (text.toString('utf8').trim() === '') throw refused('is empty');
  const lineEnd = text.includes(10) || !text.includes(13) ? 'LF' : 'CR';
  const blank: Dialect = {
    ...{ format: head.format, encoding, markBytes, lineEnd },
    ...{ delimiter: ',', columns: [], start: { byte: 0, line: 1 } },
  };
  const notes = encoding === 'utf-8' ? [] : [`The file was read as ${encoding}.`];
  const reader = new HeadReader(head, text);
  const planned = head.format === 'CSV' ? await planCsv(reader, blank) : await planJsonl(reader, blank);
  return { ...planned, notes: [...notes, ...planned.notes] };
}

function encodingOf(head: FileHead): { encoding: FileEncoding; markBytes: number } {
  if (head.bytes.length === 0) throw refused('is empty');
  const kind = foreignKind(head.bytes);
  const marked = markedEncoding(head.bytes);
  if (kind !== null || marked === 'binary') {
    throw refused(`is ${kind ?? 'a binary file'}: export it as ${head.format} in UTF-8`);
  }
  if (marked === 'utf-32') throw refused('is in UTF-32: save it in UTF-8');
  return marked ?? { encoding: head.encoding, markBytes: 0 };
}

const refused = (message: string) => InvalidInputError.at('file', message);

const headFile =
  (bytes: Buffer): OpenFile =>
  async (fromByte) =>
    Readable.from([bytes.subarray(fromByte)]);

async function readAll(open: OpenFile, dialect: Pick<Dialect, 'encoding' | 'markBytes'>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await openText(open, dialect, 0)) as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Reads records of a file's beginning. */
class HeadReader {
  readonly head: FileHead;
  readonly text: Buffer;

  constructor(head: FileHead, text: Buffer) {
    this.head = head;
    this.text = text;
  }

  /** Records that end before the beginning does, so that none is cut off. */
  async sample(dialect: Dialect, count: number): Promise<SourceRecord[]> {
    const asUtf8: Dialect = { ...dialect, encoding: 'utf-8', markBytes: 0 };
    const records = dialect.format === 'CSV' ? csvRecords : jsonlRecords;
    const sample: SourceRecord[] = [];
    for await (const record of records(headFile(this.text), asUtf8, dialect.start)) {
      const isCutOff = !this.head.isWhole && (record.next.byte >= this.text.length || record.bytes === 0);
      if (isCutOff || sample.length === count) break;
      sample.push(record);
    }
    return sample;
  }
}

async function planCsv(reader: HeadReader, blank: Dialect): Promise<FilePlan> {
  const { mapping: given, kind, isWhole } = reader.head;
  refuseJson(reader.text);
  const dialect = await findDelimiter(reader, blank);
  const [first] = await reader.sample(dialect, 1);
  if (first === undefined) throw refused('has no record that ends within its first megabyte: is it CSV?');
  if (first.content === null) throw refused(`has a first record that cannot be read: it ${first.problem}`);
  const cells = first.content as readonly string[];
  if (cells.length > MAX_COLUMNS) throw refused(`has ${cells.length} columns; it may have ${MAX_COLUMNS}`);
  const header = given?.header ?? isHeader(cells);
  const columns = columnNames(header ? cells : cells.map(() => ''));
  const planned: Dialect = { ...dialect, columns, start: header ? first.next : dialect.start };
  const rows = (await reader.sample(planned, SAMPLE_RECORDS)).flatMap(({ content }) =>
    content === null ? [] : [content as readonly string[]],
  );
  const mapping =
    given === null
      ? { ...guessMapping(columns, rows, kind), documents: false, header }
      : { ...checkedMapping(given, columns, rows, true), header };
  const notes = noteDates({ mapping, isGiven: given?.dateOrder !== undefined }, columns, rows);
  if (!header) notes.push('The first record was read as data: the file has no header.');
  if (rows.length === 0 && isWhole) notes.push('The file has a header and no records.');
  const isSeen = rows.length > 0 || !isWhole;
  if (!hasText(mapping) && isSeen) throw noText(columns);
  if (dialect.delimiter !== ',') notes.push(`Cells are separated by ${JSON.stringify(dialect.delimiter)}.`);
  return { dialect: planned, mapping, notes };
}

/** Read as CSV, it would come out as cells torn at the commas between its keys. */
function refuseJson(text: Buffer): void {
  if (/^\s*\[\s*\{/.test(text.toString('utf8', 0, 200))) throw jsonArray();
  const [line = ''] = text
    .toString('utf8')
    .trimStart()
    .split(/[\r\n]/, 1);
  if (line.startsWith('{') && isJson(line)) {
    throw refused('holds JSON objects, one a line: send it with the format JSONL');
  }
}

const jsonArray = () => refused('is one JSON array: write one object a line (JSONL)');

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const noText = (columns: readonly string[]) =>
  InvalidInputError.at('mapping', `is needed: no column looks like a text; the file has ${listed(columns)}`);

/** The delimiter that cuts the first records into the most cells, as long as they have equally many. */
async function findDelimiter(reader: HeadReader, blank: Dialect): Promise<Dialect> {
  const [, named, lineEnd = ''] = /^sep=([,;\t|])(\r?\n|\r)/i.exec(reader.text.toString('utf8', 0, 8)) ?? [];
  if (named !== undefined) {
    return { ...blank, delimiter: named, start: { byte: 5 + Buffer.byteLength(lineEnd), line: 2 } };
  }
  let best = { dialect: blank, score: 0 };
  for (const delimiter of DELIMITERS) {
    const dialect = { ...blank, delimiter };
    const lengths = (await reader.sample(dialect, DELIMITER_RECORDS)).map(({ content }) => content?.length as number);
    const [columns = 1] = lengths;
    const alike = lengths.filter((length) => length === columns).length / Math.max(1, lengths.length);
    // One column more is worth little where the records do not agree on it.
    const score = columns > 1 ? alike * alike * (1 + Math.log(columns)) : 0;
    if (score > best.score) best = { dialect, score };
  }
  return best.dialect;
}

/** Names are short words; a first record of numbers, addresses and long texts names nothing. */
function isHeader(cells: readonly string[]): boolean {
  const filled = cells.map((cell) => cell.trim()).filter((cell) => cell !== '');
  if (filled.some((cell) => cell.length > COLUMN_NAME_MAX_CHARACTERS || cell.includes('\n'))) return false;
  const dataLike = filled.filter((cell) => DATA_LIKE.test(cell) || readDate(cell, 'MDY') !== null).length;
  return dataLike * 2 <= filled.length;
}

/** Each once: a name that stands twice gets a number, and a column without one is called by its place. */
function columnNames(cells: readonly string[]): string[] {
  const names = new Set<string>();
  for (const [i, cell] of cells.entries()) {
    const name = cell.trim().slice(0, COLUMN_NAME_MAX_CHARACTERS) || `column ${i + 1}`;
    let unique = name;
    for (let copy = 2; names.has(unique); copy++) unique = `${name} (${copy})`;
    names.add(unique);
  }
  return [...names];
}

async function planJsonl(reader: HeadReader, blank: Dialect): Promise<FilePlan> {
  const { mapping: given, kind } = reader.head;
  const sample = await reader.sample(blank, SAMPLE_RECORDS);
  const objects = sample.flatMap(({ content }) => (content === null ? [] : [content as JsonObject]));
  if (objects.length === 0) {
    if (reader.text.toString('utf8', 0, 100).trimStart().startsWith('[')) {
      throw jsonArray();
    }
    throw refused(
      `has no line that is a JSON object at its beginning${sample[0] ? `: line ${sample[0].line} ${sample[0].problem}` : ''}`,
    );
  }
  const columns = [...new Set(objects.flatMap((object) => Object.keys(object)))].slice(0, MAX_COLUMNS);
  const dialect = { ...blank, columns };
  const rows = objects.map((object) => columns.map((column) => cellText(object[column])));
  if (given !== null) {
    const mapping = checkedMapping(given, columns, rows, false);
    return { dialect, mapping, notes: noteDates({ mapping, isGiven: given.dateOrder !== undefined }, columns, rows) };
  }
  if (areDocumentLines(objects)) {
    const mapping: Mapping = { metadata: [], source: false, documents: true, header: false, dateOrder: 'MDY' };
    return { dialect, mapping, notes: ['Each line was read as a document with the fields of DocumentInput.'] };
  }
  const mapping = { ...guessMapping(columns, rows, kind), documents: false, header: false };
  if (!hasText(mapping)) throw noText(columns);
  return { dialect, mapping, notes: noteDates({ mapping, isGiven: false }, columns, rows) };
}

/** Says how dates were read that could be read in two ways, unless the mapping says it. */
function noteDates(
  { mapping, isGiven }: { mapping: Mapping; isGiven: boolean },
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): string[] {
  const place = mapping.createdAt === undefined ? -1 : columns.indexOf(mapping.createdAt);
  if (isGiven || place === -1) return [];
  const dates = rows.map((row) => row[place] ?? '');
  const ambiguous = dates.find(isAmbiguousDate);
  if (ambiguous === undefined) return [];
  const read = mapping.dateOrder === 'DMY' ? 'day before month' : 'month before day';
  return [
    `Dates such as ${ambiguous.trim()} were read with the ${read}; say otherwise with "dateOrder" in the mapping.`,
  ];
}
