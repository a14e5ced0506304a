import { Readable } from 'node:stream';
import type { DocumentKind } from '../../../src/domain/documents/document.ts';
import { csvRecords } from '../../../src/domain/imports/csv-records.ts';
import type { Dialect, ImportFormat } from '../../../src/domain/imports/dialect.ts';
import { type FilePlan, HEAD_BYTES, planFile } from '../../../src/domain/imports/file-head.ts';
import { jsonlRecords } from '../../../src/domain/imports/jsonl-records.ts';
import { type GivenMapping, readGivenMapping } from '../../../src/domain/imports/mapping.ts';
import type { OpenFile, SourceRecord } from '../../../src/domain/imports/source-record.ts';
import type { JsonObject } from '../../../src/shared/json.ts';

export interface PlanOptions {
  format?: ImportFormat;
  kind?: DocumentKind;
  mapping?: JsonObject;
  encoding?: 'utf-8' | 'windows-1252';
}

export const bytesOf = (content: string | Buffer) => (typeof content === 'string' ? Buffer.from(content) : content);

/** Plans a whole file, as an upload does. */
export function plan(content: string | Buffer, options: PlanOptions = {}): Promise<FilePlan> {
  const { format = 'CSV', kind = 'TEXT', encoding = 'utf-8' } = options;
  const mapping: GivenMapping | null = readGivenMapping(options.mapping ?? null);
  const bytes = bytesOf(content);
  const head = bytes.subarray(0, HEAD_BYTES);
  return planFile({ bytes: head, isWhole: head.length === bytes.length, format, mapping, kind, encoding });
}

/** A file that comes in pieces of this size. */
export function fileOf(content: Buffer, pieceBytes = 64 * 1_024): OpenFile {
  return async (fromByte) => {
    function* pieces() {
      for (let at = fromByte; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes);
    }
    return Readable.from(pieces());
  };
}

export async function readAll(open: OpenFile, dialect: Dialect, from = dialect.start): Promise<SourceRecord[]> {
  const records = dialect.format === 'CSV' ? csvRecords(open, dialect, from) : jsonlRecords(open, dialect, from);
  const all: SourceRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

/** Plans and reads a file. */
export async function read(content: string | Buffer, options: PlanOptions & { pieceBytes?: number } = {}) {
  const planned = await plan(content, options);
  const records = await readAll(fileOf(bytesOf(content), options.pieceBytes), planned.dialect);
  return { ...planned, records };
}

/** The cells of records that could be read, and the problems of the others. */
export function told(records: readonly SourceRecord[]): (readonly string[] | JsonObject | string)[] {
  return records.map(({ content, problem }) => content ?? `! ${problem}`);
}
