export const IMPORT_FORMATS = ['CSV', 'JSONL'] as const;
export type ImportFormat = (typeof IMPORT_FORMATS)[number];

/** What files are read in; everything behind the reading sees UTF-8. */
export type FileEncoding = 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252';

/** A place in a file. */
export interface Position {
  /** Of the file as UTF-8, without its byte order mark. */
  byte: number;
  /** 1 for the first line. */
  line: number;
}

/** How a file is to be read: found once, when it comes in, and the same whenever it is read again. */
export interface Dialect {
  format: ImportFormat;
  encoding: FileEncoding;
  /** Length of the byte order mark. */
  markBytes: number;
  /** Of CSV: what stands between two cells. */
  delimiter: string;
  /** What ends a line. `LF` also where a CR stands before it. */
  lineEnd: 'LF' | 'CR';
  /** Names of the columns of CSV, each once; the keys that the first records of JSONL have. */
  columns: string[];
  /** Where the first record begins. */
  start: Position;
}

/** A record larger than this is an error of its own, and is never held as a whole. */
export const RECORD_MAX_BYTES = 4_000_000;
export const MAX_COLUMNS = 1_000;
