import { waitFor } from '../shared/wait-for.ts';
import type { EventBus } from './event-bus.ts';
import { isDatabaseUnavailable } from './failures.ts';

/** How long a follower waits for the doorbell before it looks by itself: a ring can get lost where a bus is broken. */
const SLOW_LOOK_MS = 5_000;
/** Pause between the looks at a database that is away, and how long it is put up with. */
const AWAY_PAUSE_MS = 500;
const AWAY_MAX_MS = 30_000;

/** What one look at a log found. */
export interface LogPage<Entry, Position> {
  /** In their order; as many as a page may hold at most. */
  entries: readonly Entry[];
  /** Where the next look begins. */
  position: Position;
  /** Whether the page was full, so that the next look comes at once. */
  hasMore: boolean;
  /** Whether nothing will follow these entries: the follower ends after them. */
  isOver: boolean;
}

export interface FollowedLog<Entry, Position> {
  bus: EventBus;
  /** Rung after the commit of each entry. */
  topic: string;
  /** Before the first entry that is wanted. */
  position: Position;
  /**
   * Reads what is behind a position. The doorbell is listened to before the first look, and a ring during a look
   * brings another one: what is committed before its ring is never missed.
   */
  read(position: Position): Promise<LogPage<Entry, Position>>;
  /** Ends the following at once, wherever it stands. */
  signal: AbortSignal;
  /** Least time from one look to the next, for logs that many write; 0 where left out. */
  pauseMs?: number;
  /** Longest time without a look; 5 seconds where left out. */
  slowLookMs?: number;
}

/**
 * The entries of a log as they are written: what is there already, then what comes, until the log is over, the consumer
 * leaves or the signal is aborted. It holds one page at most: the next one is read when the last entry was taken, so that
 * the table is the buffer of a slow consumer. A database that is away for less than half a minute is waited for.
 */
export function followLog<Entry, Position>(log: FollowedLog<Entry, Position>): AsyncGenerator<Entry, void> {
  const left = new AbortController();
  const ended = AbortSignal.any([log.signal, left.signal]);
  const entries = follow(log, ended);
  const leave = entries.return.bind(entries);
  // A generator hears that its consumer has left only where it yields, and a follower may wait for long before that.
  entries.return = (value) => {
    left.abort();
    return leave(value);
  };
  return entries;
}

async function* follow<Entry, Position>(
  log: FollowedLog<Entry, Position>,
  ended: AbortSignal,
): AsyncGenerator<Entry, void> {
  if (ended.aborted) return;
  const doorbell = new Doorbell(log, ended);
  let { position } = log;
  try {
    for (;;) {
      doorbell.lookBegins();
      const page = await lookFrom(log, position, ended);
      if (page === null) return;
      for (const entry of page.entries) {
        yield entry;
        if (ended.aborted) return;
      }
      if (page.isOver) return;
      position = page.position;
      if (!page.hasMore) await doorbell.wait();
      if (ended.aborted) return;
    }
  } finally {
    doorbell.close();
  }
}

/** Null where the consumer has left meanwhile. */
async function lookFrom<Entry, Position>(
  log: FollowedLog<Entry, Position>,
  position: Position,
  ended: AbortSignal,
): Promise<LogPage<Entry, Position> | null> {
  const awayUntil = performance.now() + AWAY_MAX_MS;
  for (;;) {
    try {
      return await waitFor(log.read(position), ended);
    } catch (error) {
      if (ended.aborted) return null;
      if (!isDatabaseUnavailable(error) || performance.now() >= awayUntil) throw error;
    }
    await pause(AWAY_PAUSE_MS, ended);
    if (ended.aborted) return null;
  }
}

/** @param onBegin is given what ends the pause early */
function pause(milliseconds: number, ended: AbortSignal, onBegin?: (over: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      ended.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, milliseconds);
    if (ended.aborted) over();
    else ended.addEventListener('abort', over, { once: true });
    onBegin?.(over);
  });
}

/** Listens from its making until its close or the end, whichever is first. */
class Doorbell {
  readonly #pauseMs: number;
  readonly #slowLookMs: number;
  readonly #ended: AbortSignal;
  readonly #stopListening: () => void;
  #lookBeganAt = 0;
  #isRung = false;
  #wake: (() => void) | null = null;

  constructor(
    log: Pick<FollowedLog<unknown, unknown>, 'bus' | 'topic' | 'pauseMs' | 'slowLookMs'>,
    ended: AbortSignal,
  ) {
    this.#pauseMs = log.pauseMs ?? 0;
    this.#slowLookMs = log.slowLookMs ?? SLOW_LOOK_MS;
    this.#ended = ended;
    this.#stopListening = log.bus.listen(log.topic, () => {
      this.#isRung = true;
      this.#wake?.();
    });
    // A consumer that never comes back for the next entry would otherwise be listened for until it does.
    ended.addEventListener('abort', this.#stopListening, { once: true });
  }

  /** From here on a ring may be about something that the look does not see. */
  lookBegins(): void {
    this.#isRung = false;
    this.#lookBeganAt = performance.now();
  }

  /** Resolves when it is time for the next look, or at the end. */
  async wait(): Promise<void> {
    if (!this.#isRung) {
      await pause(this.#slowLookMs, this.#ended, (over) => {
        this.#wake = over;
      });
      this.#wake = null;
    }
    const restMs = this.#pauseMs - (performance.now() - this.#lookBeganAt);
    if (restMs > 0) await pause(restMs, this.#ended);
  }

  close(): void {
    this.#ended.removeEventListener('abort', this.#stopListening);
    this.#stopListening();
  }
}
