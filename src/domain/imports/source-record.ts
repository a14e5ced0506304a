import { pipeline, type Readable } from 'node:stream';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import type { Dialect, Position } from './dialect.ts';
import { Utf8Transcoder } from './encoding.ts';

/** One record of a file, as it was read. */
export interface SourceRecord {
  /** Where it begins. */
  line: number;
  /** Where the next one begins. */
  next: Position;
  bytes: number;
  /** Cells of CSV in the order of the columns, or an object of JSONL; null where there is a `problem`. */
  content: readonly string[] | JsonObject | null;
  /** Why it is no record. */
  problem: string | null;
  /** What of it can be shown, where there is a problem. */
  shown: JsonValue;
}

/** Opens a stored file from one of its bytes on. */
export type OpenFile = (fromByte: number) => Promise<Readable>;

/** Opens a file as UTF-8 without its mark, from a byte of that on. */
export async function openText(
  open: OpenFile,
  { encoding, markBytes }: Pick<Dialect, 'encoding' | 'markBytes'>,
  fromByte: number,
): Promise<Readable> {
  if (encoding === 'utf-8') return open(markBytes + fromByte);
  const transcoder = new Utf8Transcoder(encoding, fromByte);
  // An error of either reaches whoever reads; leaving off early closes the file.
  return pipeline(await open(markBytes), transcoder, () => undefined);
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export function lineEndByte({ lineEnd }: Pick<Dialect, 'lineEnd'>): number {
  return lineEnd === 'LF' ? LINE_FEED : CARRIAGE_RETURN;
}

/** Says on which line a byte is. Bytes are asked for in their order, and only what lies before the last is kept. */
export class LineTracker {
  readonly #lineEnd: number;
  readonly #chunks: { start: number; bytes: Buffer }[] = [];
  #end: number;
  #at: Position;

  constructor(start: Position, lineEnd: number) {
    this.#at = { ...start };
    this.#end = start.byte;
    this.#lineEnd = lineEnd;
  }

  push(bytes: Buffer): void {
    this.#chunks.push({ start: this.#end, bytes });
    this.#end += bytes.length;
  }

  /** Of bytes that no line was asked of yet. */
  textBetween(from: number, to: number): Buffer {
    const parts = this.#chunks.map(({ start, bytes }) =>
      bytes.subarray(Math.max(0, from - start), Math.max(0, to - start)),
    );
    return Buffer.concat(parts);
  }

  lineAt(byte: number): number {
    while (this.#at.byte < byte) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) break;
      const chunkEnd = chunk.start + chunk.bytes.length;
      const until = Math.min(byte, chunkEnd);
      this.#at.line += countBytes(
        chunk.bytes.subarray(this.#at.byte - chunk.start, until - chunk.start),
        this.#lineEnd,
      );
      this.#at.byte = until;
      if (until === chunkEnd) this.#chunks.shift();
    }
    return this.#at.line;
  }
}

/** How often a byte stands in some. */
export function countBytes(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at !== -1; at = bytes.indexOf(byte, at + 1)) count += 1;
  return count;
}
