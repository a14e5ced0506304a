import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { workInHalves } from '../../../src/domain/documents/record-failure.ts';
import { ProviderFailedError } from '../../../src/domain/gateway/errors.ts';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';
import { UnavailableError } from '../../../src/shared/errors.ts';

const failed = (kind: ProviderErrorKind, message: string = kind) =>
  new ProviderFailedError([], new ProviderError(kind, message));

/** Works on numbers, of which some are bad: no call with one of them does anything. */
function worker(bad: ReadonlySet<number>, errorOf: (item: number) => unknown = () => failed('content_filter')) {
  const done: number[] = [];
  const work = async (items: readonly number[]) => {
    const spoiling = items.find((item) => bad.has(item));
    if (spoiling !== undefined) throw errorOf(spoiling);
    done.push(...items);
  };
  return { done, work };
}

const items = (count: number) => Array.from({ length: count }, (_, i) => i);
const live = () => new AbortController().signal;

describe('items that are worked on together', () => {
  test('are all done, each once, but for the bad ones, wherever these are', async () => {
    const rule = fc.asyncProperty(fc.integer({ min: 1, max: 80 }), fc.array(fc.nat(79)), async (count, given) => {
      const bad = new Set(given.filter((item) => item < count));
      const { done, work } = worker(bad);
      const failures = await workInHalves(items(count), live(), work);
      expect(failures.map(({ item }) => item).toSorted((left, right) => left - right)).toEqual(
        [...bad].toSorted((left, right) => left - right),
      );
      expect(done.toSorted((left, right) => left - right)).toEqual(items(count).filter((item) => !bad.has(item)));
    });
    await fc.assert(rule, { numRuns: 50 });
  });

  test('fail with their reason', async () => {
    const { work } = worker(new Set([3]), () => failed('too_large', 'it is too long'));
    expect(await workInHalves(items(8), live(), work)).toEqual([{ item: 3, message: 'it is too long' }]);
  });

  test.each([
    ['a provider that is down', failed('unavailable')],
    ['a provider that takes no key', failed('authentication')],
    ['something of ours that does not answer', new UnavailableError('away')],
    ['a database that is away', Object.assign(new Error('closed'), { code: 'ECONNREFUSED' })],
  ])('are not to blame for %s', async (_what, error) => {
    const { work } = worker(new Set([3]), () => error);
    await expect(workInHalves(items(8), live(), work)).rejects.toBe(error);
  });

  test('may spoil the work by an unforeseen error, if the others go through', async () => {
    const { done, work } = worker(new Set([3]), () => new TypeError('unforeseen'));
    expect(await workInHalves(items(8), live(), work)).toEqual([{ item: 3, message: 'unforeseen' }]);
    expect(done).toHaveLength(7);
  });

  test.each([1, 8])('are not to blame for an unforeseen error that befalls all %s of them', async (count) => {
    const { work } = worker(new Set(items(count)), () => new TypeError('a fault of the program'));
    await expect(workInHalves(items(count), live(), work)).rejects.toThrow('a fault of the program');
  });

  test('may all be refused', async () => {
    const { work } = worker(new Set(items(8)), () => failed('bad_request'));
    expect(await workInHalves(items(8), live(), work)).toHaveLength(8);
  });

  test('are left alone once the work was aborted, and nobody is blamed', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const work = async (some: readonly number[]) => {
      seen.push(some.length);
      controller.abort(new Error('cancelled'));
      throw failed('content_filter');
    };
    await expect(workInHalves(items(8), controller.signal, work)).rejects.toThrow('cancelled');
    expect(seen).toEqual([8]);
  });
});
