import type { Readable } from 'node:stream';
import { CsvError, Parser } from 'csv-parse';
import { parse as parseAll } from 'csv-parse/sync';
import { FinalJobError } from '../../jobs/define-job.ts';
import { type Dialect, type Position, RECORD_MAX_BYTES } from './dialect.ts';
import { type SkippedRecord, skipCsvRecord } from './skip-csv-record.ts';
import { LineTracker, lineEndByte, type OpenFile, openText, type SourceRecord } from './source-record.ts';

/** For each, the file is read to its end. There are more than the records by which a mapping is guessed. */
const UNCLOSED_MAX = 200;

interface ParsedRow {
  cells: string[];
  /** Of the run, where the row ends. */
  end: number;
  /** Blank lines since the run began. */
  blankLines: number;
}

/**
 * The records of a CSV file from `from` on, which is where a record begins. Rows without a single filled cell are passed
 * over. A record that is too large, or whose quote is never closed, is told as a problem and the reading goes on behind
 * it.
 * @throws FinalJobError after 200 quotes that are never closed
 */
export async function* csvRecords(open: OpenFile, dialect: Dialect, from: Position): AsyncGenerator<SourceRecord> {
  for (let at = from, unclosed = 0; ; ) {
    const run = new CsvRun(dialect, at);
    let tooLarge = false;
    try {
      yield* run.records(await openText(open, dialect, at.byte));
      return;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      tooLarge = error.code === 'CSV_MAX_RECORD_SIZE';
    }
    // Whatever the parser stumbled at: the record that begins there is left out.
    const skipped = await skipCsvRecord(await openText(open, dialect, run.at.byte), dialect, run.at);
    if (!skipped.closed && ++unclosed > UNCLOSED_MAX) {
      throw new FinalJobError(
        `the file has more than ${UNCLOSED_MAX} quotes that are never closed, the last on line ${skipped.line}: quote it as RFC 4180 says`,
      );
    }
    const next = skipped.closed ? skipped.end : skipped.nextLine;
    yield {
      line: skipped.line,
      next,
      bytes: 0,
      content: null,
      problem: problemOf(skipped, run.at, tooLarge),
      shown: { line: skipped.shown },
    };
    at = next;
  }
}

function problemOf({ closed, end }: SkippedRecord, start: Position, tooLarge: boolean): string {
  if (!closed) {
    return 'has a quote that is never closed: this line was left out, and the next one read as a record of its own';
  }
  if (!tooLarge) return 'has quotes that cannot be read';
  const size = ((end.byte - start.byte) / 1_000_000).toFixed(1);
  return `has ${size} MB; a record may have ${RECORD_MAX_BYTES / 1_000_000} MB`;
}

/** One pass of the parser, from a record on to the end or to what it cannot read. */
class CsvRun {
  /** Where the next record begins. */
  at: Position;
  readonly #start: Position;
  readonly #dialect: Dialect;
  readonly #lines: LineTracker;
  readonly #rows: ParsedRow[] = [];
  readonly #parser: Parser;
  #blankLines = 0;

  constructor(dialect: Dialect, start: Position) {
    this.at = start;
    this.#start = start;
    this.#dialect = dialect;
    this.#lines = new LineTracker(start, lineEndByte(dialect));
    this.#parser = new Parser({
      delimiter: dialect.delimiter,
      record_delimiter: dialect.lineEnd === 'LF' ? ['\r\n', '\n'] : ['\r'],
      max_record_size: RECORD_MAX_BYTES,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      // Taken here, where what was read before an error is not lost with the stream.
      on_record: (cells, info) => {
        this.#rows.push({ cells, end: info.bytes, blankLines: info.empty_lines });
        return null;
      },
    });
    this.#parser.on('error', () => undefined);
    this.#parser.resume();
  }

  async *records(text: Readable): AsyncGenerator<SourceRecord> {
    try {
      for await (const chunk of text as AsyncIterable<Buffer>) {
        this.#lines.push(chunk);
        const failed = await this.#parsed((done) => this.#parser.write(chunk, done));
        yield* this.#taken();
        if (failed !== null) throw failed;
      }
      const failed = await this.#parsed((done) => this.#parser.end(done));
      yield* this.#taken();
      if (failed !== null) throw failed;
    } finally {
      text.destroy();
      this.#parser.destroy();
    }
  }

  #parsed(work: (done: (error?: Error | null) => void) => void): Promise<Error | null> {
    return new Promise((resolve) => work((error) => resolve(error ?? null)));
  }

  *#taken(): Generator<SourceRecord> {
    for (const row of this.#rows.splice(0)) {
      const line = this.at.line + row.blankLines - this.#blankLines;
      const byte = this.#start.byte + row.end;
      const bytes = byte - this.at.byte;
      const problem = this.#problemOf(row.cells, byte);
      this.#blankLines = row.blankLines;
      this.at = { byte, line: this.#lines.lineAt(byte) };
      if (row.cells.every((cell) => cell.trim() === '')) continue;
      const content = problem === null ? row.cells : null;
      yield { line, next: this.at, bytes, content, problem, shown: problem === null ? null : row.cells };
    }
  }

  #problemOf(cells: readonly string[], endByte: number): string | null {
    const { columns } = this.#dialect;
    // Before the columns are known there is nothing to compare with.
    if (columns.length === 0) return null;
    // Cells that are only separators at the end of a line are nobody's.
    const filled = cells.findLastIndex((cell) => cell.trim() !== '') + 1;
    if (filled > columns.length) return `has ${filled} cells, and the header names ${columns.length}`;
    const isSuspect = cells.some((cell) => cell.startsWith('"') && /[\r\n]/.test(cell));
    return isSuspect && this.#isTorn(endByte)
      ? 'has a quote that is closed in another record: both were run together'
      : null;
  }

  /** Whether a record whose cell begins with a quote is one by the letter of the format. */
  #isTorn(endByte: number): boolean {
    try {
      const { delimiter, lineEnd } = this.#dialect;
      const row = this.#lines.textBetween(this.at.byte, endByte);
      const recordDelimiter = lineEnd === 'LF' ? ['\r\n', '\n'] : ['\r'];
      parseAll(row, { delimiter, record_delimiter: recordDelimiter, skip_empty_lines: true, relax_column_count: true });
      return false;
    } catch {
      return true;
    }
  }
}
