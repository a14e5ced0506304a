import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type FollowedLog, followLog } from '../../src/db/follow-log.ts';
import { InProcessEventBus } from '../../src/db/in-process-event-bus.ts';
import { waitFor } from '../support/wait-for.ts';

/** A numbered log as a table is one: to be read behind a number, and rung after each entry. */
class NumberedLog {
  readonly bus = new InProcessEventBus();
  last = 0;
  looks = 0;
  end: number | null = null;
  /** Taken before a look sees anything, as by the way to a database and back. */
  onLook: () => Promise<unknown> = async () => undefined;

  append(entries = 1): void {
    this.last += entries;
    this.bus.ring('log');
  }

  follow(more: Partial<FollowedLog<number, number>> = {}): AsyncGenerator<number, void> {
    const { signal = new AbortController().signal } = more;
    return followLog<number, number>({
      ...{ bus: this.bus, topic: 'log', position: 0, signal, slowLookMs: 60_000 },
      read: async (after) => {
        this.looks += 1;
        await this.onLook();
        const until = Math.min(this.last, after + 5);
        const entries = Array.from({ length: until - after }, (_, index) => after + index + 1);
        return { entries, position: until, hasMore: entries.length === 5, isOver: until === this.end };
      },
      ...more,
    });
  }
}

let log: NumberedLog;
beforeEach(() => {
  log = new NumberedLog();
});

async function take(entries: AsyncGenerator<number, void>, count: number): Promise<number[]> {
  const taken: number[] = [];
  while (taken.length < count) {
    const { value, done } = await entries.next();
    if (done) break;
    taken.push(value as number);
  }
  return taken;
}

describe('a follower of a log', () => {
  test('is given what is there, page by page, and then what comes', async () => {
    log.append(12);
    const entries = log.follow();
    expect(await take(entries, 12)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    const next = entries.next();
    log.append();
    expect(await next).toEqual({ value: 13, done: false });
    await entries.return();
  });

  test('ends with the log', async () => {
    log.append(7);
    log.end = 7;
    expect(await take(log.follow(), 100)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(log.bus.listenerCount).toBe(0);
  });

  test('misses no entry, whenever it is written: before, within and after each look', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(pauses, pauses, async (writerTurns, readerTurns) => {
        const written = new NumberedLog();
        let look = 0;
        written.onLook = async () => {
          look += 1;
          for (let turn = readerTurns[look % readerTurns.length] ?? 0; turn > 0; turn -= 1) {
            await new Promise(setImmediate);
          }
        };
        written.end = writerTurns.length;
        const reading = take(written.follow({ signal: AbortSignal.timeout(40_000) }), 1_000);
        for (const turns of writerTurns) {
          for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
          written.append();
        }
        expect(await reading).toEqual(writerTurns.map((_, index) => index + 1));
      }),
      { numRuns: 200 },
    );
  });

  test('finds by itself what no ring told of', async () => {
    const entries = log.follow({ slowLookMs: 50 });
    const next = entries.next();
    await waitFor('the first look', () => log.looks === 1);
    log.last = 1;
    expect(await next).toEqual({ value: 1, done: false });
    await entries.return();
  });

  test('looks no more often than it is allowed to, however often it is rung', async () => {
    const entries = log.follow({ pauseMs: 100 });
    const beganAt = performance.now();
    const reading = take(entries, 40);
    for (let entry = 0; entry < 40; entry += 1) {
      log.append();
      await sleep(10);
    }
    expect(await reading).toHaveLength(40);
    // A look that follows a full page comes at once.
    expect(log.looks).toBeLessThanOrEqual((performance.now() - beganAt) / 100 + 1 + 40 / 5);
    await entries.return();
  });

  test('holds one page, and looks again when its consumer has taken it', async () => {
    log.append(5);
    const entries = log.follow();
    await entries.next();
    for (let more = 0; more < 1_000; more += 1) log.append();
    await sleep(20);
    expect(log.looks).toBe(1);
    expect(await take(entries, 1_004)).toHaveLength(1_004);
    await entries.return();
  });
});

describe('the end of following', () => {
  test('comes at once while it waits for the doorbell, and nothing stays behind', async () => {
    const left = new AbortController();
    const entries = log.follow({ signal: left.signal });
    const next = entries.next();
    await waitFor('the look', () => log.looks === 1);
    expect(log.bus.listenerCount).toBe(1);
    left.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(log.bus.listenerCount).toBe(0);
  });

  test('comes at once when the consumer leaves while it waits', async () => {
    const entries = log.follow();
    const next = entries.next();
    await waitFor('the look', () => log.looks === 1);
    await entries.return();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(log.bus.listenerCount).toBe(0);
  });

  test('comes at once during a look that never comes back', async () => {
    log.onLook = () => new Promise(() => undefined);
    const left = new AbortController();
    const next = log.follow({ signal: left.signal }).next();
    await waitFor('the look', () => log.looks === 1);
    left.abort();
    expect(await next).toEqual({ value: undefined, done: true });
    expect(log.bus.listenerCount).toBe(0);
  });

  test('frees the bus though the consumer never asks again', async () => {
    log.append();
    const left = new AbortController();
    const entries = log.follow({ signal: left.signal });
    await entries.next();
    left.abort();
    expect(log.bus.listenerCount).toBe(0);
    expect(await entries.next()).toEqual({ value: undefined, done: true });
  });

  test('before the beginning: nothing is read, and nobody listens', async () => {
    expect(await log.follow({ signal: AbortSignal.abort() }).next()).toEqual({ value: undefined, done: true });
    const unread = log.follow();
    await unread.return();
    expect(await unread.next()).toEqual({ value: undefined, done: true });
    expect([log.looks, log.bus.listenerCount]).toEqual([0, 0]);
  });

  test('comes with an error of the reading, and nothing stays behind', async () => {
    log.onLook = async () => {
      throw new Error('a mistake in the statement');
    };
    await expect(log.follow().next()).rejects.toThrow('a mistake');
    expect(log.bus.listenerCount).toBe(0);
  });

  test('does not come with a database that is away for a moment', async () => {
    log.append();
    log.onLook = async () => {
      if (log.looks < 3) throw Object.assign(new Error('away'), { code: 'CONNECTION_CLOSED' });
    };
    const entries = log.follow();
    expect(await entries.next()).toEqual({ value: 1, done: false });
    expect(log.looks).toBe(3);
    await entries.return();
  });
});
