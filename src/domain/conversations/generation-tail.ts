import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import { type GenerationEvent, generationTopic } from './generation.ts';
import { type EventSource, GenerationFollower, type NextEvents } from './generation-follower.ts';
import { type LogRead, readLog } from './generation-log-store.ts';

/** Events of one reading of the table. */
const PAGE_EVENTS = 64;
/** The latest events that followers share; who is further behind reads the table. */
const SHARED_EVENTS = 500;
const SHARED_CHARACTERS = 500_000;
/** Followers that are told before others have their turn: telling one takes some 20 µs. */
const WOKEN_AT_ONCE = 500;
const GONE: LogRead = { events: [], lastSeq: 0, isOver: true };

/**
 * The end of one generation's log, as all of its followers in this process share it: one reading of the table a ring,
 * however many follow. A follower holds a page at most, and comes for the next one when that is taken.
 */
export class GenerationTail implements EventSource {
  readonly #database: Database;
  readonly #workspaceId: string;
  readonly #id: string;
  readonly #onEmpty: () => void;
  readonly #ended = new AbortController();
  /** Without a gap, up to the last that is known. */
  #events: GenerationEvent[] = [];
  #characters = 0;
  #position: number;
  #isOver = false;
  #failure: unknown = null;
  #followers = 0;
  #waiting = new Set<GenerationFollower>();

  /**
   * @param position number of an event that is there; what comes behind it is shared
   * @param onEmpty called when the last follower has left
   */
  constructor(
    database: Database,
    generation: { workspaceId: string; id: string },
    position: number,
    onEmpty: () => void,
  ) {
    this.#database = database;
    this.#workspaceId = generation.workspaceId;
    this.#id = generation.id;
    this.#position = position;
    this.#onEmpty = onEmpty;
    this.#read().catch((error: unknown) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** Each event behind `after` once and in order, up to the last; ends where the signal is aborted. */
  follow(after: number, signal: AbortSignal): GenerationFollower {
    this.#followers += 1;
    return new GenerationFollower(this, after, signal);
  }

  next(position: number): NextEvents | Promise<NextEvents> | null {
    const from = this.#position - this.#events.length;
    if (position < from) return this.#page(position);
    if (position < this.#position) {
      const events = this.#events.slice(position - from, position - from + PAGE_EVENTS);
      return { events, isOver: this.#isOver && events.at(-1) === this.#events.at(-1) };
    }
    if (this.#failure !== null) throw this.#failure;
    return this.#isOver ? { events: [], isOver: true } : null;
  }

  wait(follower: GenerationFollower): void {
    this.#waiting.add(follower);
  }

  left(follower: GenerationFollower): void {
    this.#waiting.delete(follower);
    this.#followers -= 1;
    if (this.#followers > 0) return;
    this.#ended.abort();
    this.#onEmpty();
  }

  async #page(position: number): Promise<NextEvents> {
    const read = await readPage(this.#database, this.#workspaceId, this.#id, position);
    return { events: read?.events ?? [], isOver: read === null || isAllOf(read) };
  }

  /** Reads what is new as long as somebody follows. */
  async #read(): Promise<void> {
    const workspaceId = this.#workspaceId;
    const reads = followLog<LogRead, number>({
      bus: this.#database.bus,
      topic: generationTopic(workspaceId, this.#id),
      position: this.#position,
      signal: this.#ended.signal,
      read: async (position) => {
        const read = await readPage(this.#database, workspaceId, this.#id, position);
        // With its workspace.
        if (read === null) return { entries: [GONE], position, hasMore: false, isOver: true };
        const last = read.events.at(-1)?.seq ?? position;
        return { entries: [read], position: last, hasMore: read.events.length === PAGE_EVENTS, isOver: isAllOf(read) };
      },
    });
    for await (const read of reads) this.#share(read);
  }

  #share(read: LogRead): void {
    const isOver = isAllOf(read);
    if (read.events.length === 0 && !isOver) return;
    for (const event of read.events) {
      this.#events.push(event);
      this.#characters += charactersOf(event);
      this.#position = event.seq;
    }
    while (this.#events.length > SHARED_EVENTS || (this.#characters > SHARED_CHARACTERS && this.#events.length > 1)) {
      const oldest = this.#events.shift();
      if (oldest !== undefined) this.#characters -= charactersOf(oldest);
    }
    this.#isOver = isOver;
    this.#wake();
  }

  /** Who waits now; those who come meanwhile have seen what there is. */
  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    const wakeSome = (from: number) => {
      for (const follower of waiting.slice(from, from + WOKEN_AT_ONCE)) follower.wake();
      if (from + WOKEN_AT_ONCE < waiting.length) setImmediate(wakeSome, from + WOKEN_AT_ONCE);
    };
    wakeSome(0);
  }
}

/** Events behind a number from the table; null where the generation is gone. */
export function readPage(
  database: Database,
  workspaceId: string,
  id: string,
  position: number,
): Promise<LogRead | null> {
  return database.withWorkspace(workspaceId, (scope) => readLog(scope, id, position, PAGE_EVENTS));
}

/** Whether nothing follows what was read. */
export function isAllOf({ events, isOver }: LogRead): boolean {
  return isOver && events.length < PAGE_EVENTS;
}

function charactersOf(event: GenerationEvent): number {
  return event.kind === 'TEXT' ? event.data.text.length : 100;
}
