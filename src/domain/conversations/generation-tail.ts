import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import { type GenerationEvent, generationTopic } from './generation.ts';
import { type LogRead, readLog } from './generation-log-store.ts';

/** Events of one reading of the table. */
const PAGE_EVENTS = 200;
/** The latest events that followers share; who is further behind reads the table. */
const SHARED_EVENTS = 500;
const SHARED_CHARACTERS = 500_000;
const GONE: LogRead = { events: [], lastSeq: 0, isOver: true };

/**
 * The end of one generation's log, as all of its followers in this process share it: one reading of the table a ring,
 * however many follow. A follower holds a page at most, and comes for the next one when that is taken.
 */
export class GenerationTail {
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
  #wakes = new Set<() => void>();

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
  follow(after: number, signal: AbortSignal): AsyncGenerator<GenerationEvent, void> {
    this.#followers += 1;
    const left = new AbortController();
    let isIn = true;
    const leave = () => {
      left.abort();
      if (!isIn) return;
      isIn = false;
      this.#followers -= 1;
      if (this.#followers > 0) return;
      this.#ended.abort();
      this.#onEmpty();
    };
    if (signal.aborted) leave();
    signal.addEventListener('abort', leave, { once: true });
    const done = () => {
      signal.removeEventListener('abort', leave);
      leave();
    };
    const events = this.#follow(after, left.signal, done);
    const close = events.return.bind(events);
    // A generator hears that its consumer has left only where it yields, or, never begun, not at all.
    events.return = (value) => {
      done();
      return close(value);
    };
    return events;
  }

  async *#follow(after: number, left: AbortSignal, done: () => void): AsyncGenerator<GenerationEvent, void> {
    let position = after;
    try {
      while (!left.aborted) {
        const { events, isOver } = await this.#behind(position, left);
        for (const event of events) {
          yield event;
          if (left.aborted) return;
        }
        position = events.at(-1)?.seq ?? position;
        if (isOver) return;
      }
    } finally {
      done();
    }
  }

  /** The next events; none where the follower has left or there are no more. */
  async #behind(position: number, left: AbortSignal): Promise<{ events: GenerationEvent[]; isOver: boolean }> {
    for (;;) {
      if (left.aborted) return { events: [], isOver: true };
      const from = this.#position - this.#events.length;
      if (position < from) return this.#page(position);
      if (position < this.#position) {
        const events = this.#events.slice(position - from, position - from + PAGE_EVENTS);
        return { events, isOver: this.#isOver && events.at(-1) === this.#events.at(-1) };
      }
      if (this.#failure !== null) throw this.#failure;
      if (this.#isOver) return { events: [], isOver: true };
      await this.#change(left);
    }
  }

  async #page(position: number): Promise<{ events: GenerationEvent[]; isOver: boolean }> {
    const read = await readPage(this.#database, this.#workspaceId, this.#id, position);
    return { events: read?.events ?? [], isOver: read === null || isAllOf(read) };
  }

  /** Resolves when there is more, or the follower has left. */
  #change(left: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#wakes.delete(wake);
        left.removeEventListener('abort', wake);
        resolve();
      };
      this.#wakes.add(wake);
      left.addEventListener('abort', wake, { once: true });
    });
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

  #wake(): void {
    for (const wake of [...this.#wakes]) wake();
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
