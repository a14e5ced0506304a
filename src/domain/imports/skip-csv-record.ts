import type { Readable } from 'node:stream';
import type { Dialect, Position } from './dialect.ts';
import { countBytes, lineEndByte } from './source-record.ts';

const QUOTE = 34;
/** Characters of a record that an error shows. */
const SHOWN_BYTES = 300;

export interface SkippedRecord {
  /** Where it begins, behind blank lines. */
  line: number;
  /** Where the next one begins; the end of the file where its quote is not closed. */
  end: Position;
  closed: boolean;
  /** Where the line ends that it begins on. */
  nextLine: Position;
  /** The first characters. */
  shown: string;
}

/** Finds the end of a record that is too large to be held, by its quotes alone. */
export async function skipCsvRecord(text: Readable, dialect: Dialect, start: Position): Promise<SkippedRecord> {
  const scan = new RecordScan(dialect, start);
  for await (const chunk of text as AsyncIterable<Buffer>) if (scan.push(chunk)) break;
  text.destroy();
  return scan.result();
}

class RecordScan {
  readonly #lineEnd: number;
  readonly #delimiter: number;
  readonly #at: Position;
  #firstLine: number;
  #nextLine: Position | null = null;
  #state: 'start' | 'cell' | 'quoted' | 'after quote' = 'start';
  #isBlank = true;
  #shown = Buffer.alloc(0);

  constructor(dialect: Dialect, start: Position) {
    this.#lineEnd = lineEndByte(dialect);
    this.#delimiter = dialect.delimiter.charCodeAt(0);
    this.#at = { ...start };
    this.#firstLine = start.line;
  }

  /** @returns whether the record has ended */
  push(chunk: Buffer): boolean {
    if (this.#shown.length < SHOWN_BYTES) this.#shown = Buffer.concat([this.#shown, chunk.subarray(0, SHOWN_BYTES)]);
    const startByte = this.#at.byte;
    for (let i = 0; i < chunk.length; i++) {
      if (this.#state === 'quoted' && this.#nextLine !== null) {
        // Most of what is too large is in quotes: only the next one counts.
        const quote = chunk.indexOf(QUOTE, i);
        const until = quote === -1 ? chunk.length : quote;
        this.#at.line += countBytes(chunk.subarray(i, until), this.#lineEnd);
        i = until;
        if (quote === -1) break;
      }
      const byte = chunk[i] as number;
      this.#at.byte = startByte + i + 1;
      if (byte !== this.#lineEnd) this.#step(byte);
      else if (this.#endLine()) return true;
    }
    this.#at.byte = startByte + chunk.length;
    return false;
  }

  result(): SkippedRecord {
    const closed = this.#state !== 'quoted';
    const shown = this.#shown.toString('utf8', 0, SHOWN_BYTES).trimStart();
    return { line: this.#firstLine, end: this.#at, closed, nextLine: this.#nextLine ?? this.#at, shown };
  }

  #endLine(): boolean {
    this.#at.line += 1;
    if (this.#isBlank) {
      this.#firstLine = this.#at.line;
      return false;
    }
    this.#nextLine ??= { ...this.#at };
    if (this.#state === 'quoted') return false;
    this.#state = 'cell';
    return true;
  }

  #step(byte: number): void {
    if (byte === 13) return;
    this.#isBlank = false;
    switch (this.#state) {
      case 'start':
        this.#state = byte === QUOTE ? 'quoted' : byte === this.#delimiter ? 'start' : 'cell';
        return;
      case 'cell':
        if (byte === this.#delimiter) this.#state = 'start';
        return;
      case 'quoted':
        if (byte === QUOTE) this.#state = 'after quote';
        return;
      case 'after quote':
        this.#state = byte === QUOTE ? 'quoted' : byte === this.#delimiter ? 'start' : 'cell';
    }
  }
}
