import { expect, test } from 'vitest';
import { SharedReads } from '../../src/db/shared-reads.ts';

/** A log of one number, and how often it was read. */
function counting() {
  const log = { written: 0, reads: 0 };
  const shared = new SharedReads<number>();
  const read = (key = 'log') =>
    shared.read(key, async () => {
      log.reads += 1;
      return log.written;
    });
  return { log, read };
}

test('reads of the same that begin at the same moment are one', async () => {
  const { log, read } = counting();
  const pages = Promise.all(Array.from({ length: 1_000 }, () => read()));
  log.written = 7;
  expect(new Set(await pages)).toEqual(new Set([7]));
  expect(log.reads).toBe(1);
});

test('a read joins none that has begun before it: it sees all that was written when it was asked for', async () => {
  const { log, read } = counting();
  const begun = Promise.withResolvers<void>();
  const mayEnd = Promise.withResolvers<void>();
  const shared = new SharedReads<number>();
  const slow = shared.read('log', async () => {
    const seen = log.written;
    begun.resolve();
    await mayEnd.promise;
    return seen;
  });
  await begun.promise;
  log.written = 1;
  const next = shared.read('log', async () => log.written);
  mayEnd.resolve();
  expect(await Promise.all([slow, next])).toEqual([0, 1]);
  expect(await read()).toBe(1);
});

test('reads of different things are not one', async () => {
  const { log, read } = counting();
  await Promise.all([read('one'), read('another'), read('one')]);
  expect(log.reads).toBe(2);
});

test('one that fails fails for those who share it, and not for the next', async () => {
  const shared = new SharedReads<number>();
  const failing = () => Promise.reject(new Error('away'));
  const both = await Promise.allSettled([shared.read('log', failing), shared.read('log', failing)]);
  expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await shared.read('log', async () => 3)).toBe(3);
});
