import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Reads of a log that several followers begin at the same moment, as a ring has them do, made once for all of them: a
 * thousand who watch one job are one query an event.
 */
export class SharedReads<Page> {
  readonly #beginning = new Map<string, Promise<Page>>();

  /** @param key what is read; whoever gives the same key may be answered with the same page, which nobody may change */
  read(key: string, read: () => Promise<Page>): Promise<Page> {
    const shared = this.#beginning.get(key) ?? this.#begin(key, read);
    this.#beginning.set(key, shared);
    return shared;
  }

  /** Joined until it begins and not after: it sees all that was committed before anybody asked. */
  async #begin(key: string, read: () => Promise<Page>): Promise<Page> {
    await nextTurn();
    this.#beginning.delete(key);
    return read();
  }
}
