import { isDeeperThan, isJsonObject, JSON_MAX_DEPTH, type JsonValue } from '../../shared/json.ts';
import { type Dialect, type Position, RECORD_MAX_BYTES } from './dialect.ts';
import { lineEndByte, type OpenFile, openText, type SourceRecord } from './source-record.ts';

/** Characters of a broken line that an error shows. */
const SHOWN_CHARACTERS = 300;

/** The objects of a file with one JSON object a line, from `from` on, which is where a line begins. */
export async function* jsonlRecords(open: OpenFile, dialect: Dialect, from: Position): AsyncGenerator<SourceRecord> {
  const lines = new LineCutter(from, lineEndByte(dialect));
  const text = await openText(open, dialect, from.byte);
  try {
    for await (const chunk of text as AsyncIterable<Buffer>) {
      for (const line of lines.push(chunk)) yield* recordOf(line);
    }
    for (const line of lines.end()) yield* recordOf(line);
  } finally {
    text.destroy();
  }
}

function* recordOf({ line, next, bytes, head, isWhole }: CutLine): Generator<SourceRecord> {
  const text = head.toString('utf8').trim();
  if (text === '') return;
  const at = { line, next, bytes };
  const failed = (problem: string): SourceRecord => {
    return { ...at, content: null, problem, shown: { line: text.slice(0, SHOWN_CHARACTERS) } };
  };
  if (!isWhole) {
    const size = (bytes / 1_000_000).toFixed(1);
    yield { ...failed(`has ${size} MB; a line may have ${RECORD_MAX_BYTES / 1_000_000} MB`), bytes: 0 };
    return;
  }
  const value = parseJson(text);
  if (value === undefined) yield failed('is not valid JSON');
  else if (!isJsonObject(value)) yield failed('is no JSON object: each line holds one');
  else if (isDeeperThan(value, JSON_MAX_DEPTH)) yield failed(`is nested more than ${JSON_MAX_DEPTH} levels deep`);
  else yield { ...at, content: value, problem: null, shown: null };
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

interface CutLine {
  line: number;
  next: Position;
  bytes: number;
  /** The line, or the beginning of one that is too long. */
  head: Buffer;
  isWhole: boolean;
}

/** Cuts bytes into lines; of one that is too long it keeps the beginning alone. */
class LineCutter {
  readonly #lineEnd: number;
  #at: Position;
  #parts: Buffer[] = [];
  #kept = 0;
  #bytes = 0;

  constructor(start: Position, lineEnd: number) {
    this.#at = start;
    this.#lineEnd = lineEnd;
  }

  *push(chunk: Buffer): Generator<CutLine> {
    let from = 0;
    for (let end = chunk.indexOf(this.#lineEnd); end !== -1; end = chunk.indexOf(this.#lineEnd, from)) {
      this.#keep(chunk.subarray(from, end + 1));
      from = end + 1;
      yield this.#cut();
    }
    this.#keep(chunk.subarray(from));
  }

  *end(): Generator<CutLine> {
    if (this.#bytes > 0) yield this.#cut();
  }

  #keep(part: Buffer): void {
    this.#bytes += part.length;
    if (this.#kept > RECORD_MAX_BYTES) return;
    this.#parts.push(part);
    this.#kept += part.length;
  }

  #cut(): CutLine {
    const isWhole = this.#bytes <= RECORD_MAX_BYTES;
    const head = Buffer.concat(this.#parts);
    const { line } = this.#at;
    const bytes = this.#bytes;
    this.#at = { byte: this.#at.byte + bytes, line: line + 1 };
    this.#parts = [];
    this.#kept = 0;
    this.#bytes = 0;
    return { line, next: this.#at, bytes, head: isWhole ? head : head.subarray(0, 2_000), isWhole };
  }
}
