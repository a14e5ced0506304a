import { setTimeout as sleep } from 'node:timers/promises';
import { isDatabaseUnavailable } from '../../db/failures.ts';
import { storableText } from '../../shared/text.ts';
import type { LogEntry } from './generation.ts';

/** From one writing of text to the next; the first one is not waited for. */
const COALESCE_MS = 45;
/** Of one entry, so that a follower's page is bounded. */
const ENTRY_CHARACTERS = 4_000;
/** That wait for the database before the answer is held up. */
const WAITING_CHARACTERS = 64_000;
const AWAY_PAUSE_MS = 500;
const AWAY_MAX_MS = 30_000;

/** Writes entries behind the number of those that are written; asked again where nobody knows whether it did. */
export type WriteEntries = (entries: readonly LogEntry[], writtenSeq: number) => Promise<void>;

/**
 * Writes the log of an answer as it comes: what comes within some 45 ms in one statement, its words in one entry. It
 * holds a few pages of text at most; whoever adds more waits for the database.
 */
export class GenerationLog {
  readonly #write: WriteEntries;
  readonly #onFailure: (error: unknown) => void;
  #waiting: LogEntry[] = [];
  #waitingCharacters = 0;
  /** The first half of a character of which the second one is still to come. */
  #half = '';
  #text: string;
  #seq: number;
  #writing: Promise<void> | null = null;
  #textWrittenAt = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  /** @param begun what an earlier maker has written */
  constructor(write: WriteEntries, begun: { seq: number; text: string }, onFailure: (error: unknown) => void) {
    this.#write = write;
    this.#seq = begun.seq;
    this.#text = begun.text;
    this.#onFailure = onFailure;
  }

  /** All of the text since the last restart, also what is not written yet. */
  get text(): string {
    return this.#text;
  }

  /** Number of the last entry that is written. */
  get seq(): number {
    return this.#seq;
  }

  /** Resolves when there is room for more. */
  async add(entry: LogEntry): Promise<void> {
    if (entry.kind === 'TEXT') this.#addText(entry.data.text);
    else this.#addOther(entry);
    this.#writing ??= this.#writeAll();
    while (this.#waitingCharacters > WAITING_CHARACTERS && this.#writing !== null) await this.#writing;
  }

  /** Nothing follows that what came last could be a part of. */
  endText(): void {
    this.#flushHalf();
  }

  /** Ends the writing. @returns what is not written yet, to be written with the end */
  async close(): Promise<LogEntry[]> {
    this.#isClosed = true;
    await this.#writing;
    this.#flushHalf();
    return this.#waiting.splice(0);
  }

  #addText(text: string): void {
    const joined = this.#half + text;
    const isCut = joined !== '' && isFirstHalf(joined, joined.length - 1);
    this.#half = isCut ? joined.slice(-1) : '';
    this.#put(storableText(isCut ? joined.slice(0, -1) : joined));
  }

  #addOther(entry: LogEntry): void {
    if (entry.kind === 'RESTARTED') {
      this.#half = '';
      this.#text = '';
    } else {
      this.#flushHalf();
    }
    this.#waiting.push(entry);
  }

  #flushHalf(): void {
    const half = this.#half;
    this.#half = '';
    this.#put(storableText(half));
  }

  #put(text: string): void {
    this.#text += text;
    this.#waitingCharacters += text.length;
    for (let rest = text; rest !== ''; ) {
      const last = this.#waiting.at(-1);
      const room = last?.kind === 'TEXT' ? ENTRY_CHARACTERS - last.data.text.length : 0;
      const piece = rest.slice(0, cutAt(rest, room < 2 ? ENTRY_CHARACTERS : room));
      if (last?.kind === 'TEXT' && room >= 2) last.data = { text: last.data.text + piece };
      else this.#waiting.push({ kind: 'TEXT', data: { text: piece } });
      rest = rest.slice(piece.length);
    }
  }

  /** Never throws. */
  async #writeAll(): Promise<void> {
    try {
      // What is told at once, such as the model and its first word, goes together.
      await new Promise(setImmediate);
      while (this.#waiting.length > 0 && !this.#isClosed) {
        const restMs = this.#textWrittenAt + COALESCE_MS - performance.now();
        if (restMs > 0) await sleep(restMs);
        if (this.#isClosed) return;
        const entries = this.#waiting.splice(0);
        this.#waitingCharacters = 0;
        if (entries.some(({ kind }) => kind === 'TEXT')) this.#textWrittenAt = performance.now();
        await whileAway(() => this.#write(entries, this.#seq)).catch((error: unknown) => {
          this.#waiting.unshift(...entries);
          throw error;
        });
        this.#seq += entries.length;
      }
    } catch (error) {
      this.#isClosed = true;
      this.#onFailure(error);
    } finally {
      this.#writing = null;
    }
  }
}

/** Does work on the database again while that is away for less than half a minute. */
export async function whileAway<Result>(work: () => Promise<Result>): Promise<Result> {
  const awayUntil = performance.now() + AWAY_MAX_MS;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isDatabaseUnavailable(error) || performance.now() >= awayUntil) throw error;
    }
    await sleep(AWAY_PAUSE_MS);
  }
}

function isFirstHalf(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  return code >= 0xd800 && code <= 0xdbff;
}

/** Where a piece of so many characters ends that halves none. */
function cutAt(text: string, characters: number): number {
  return text.length > characters && isFirstHalf(text, characters - 1) ? characters - 1 : characters;
}
