import { describe, expect, test } from 'vitest';
import { ticks } from '../../../src/schema/usage/ticks.ts';

const HOUR_MS = 3_600_000;

function counter(): () => Promise<number> {
  let count = 0;
  return () => Promise.resolve(++count);
}

describe('ticks', () => {
  test('the first value comes at once, the next ones after the interval', async () => {
    const values = ticks(20, new AbortController().signal, counter());
    const startedAt = performance.now();
    expect(await values.next()).toEqual({ value: 1, done: false });
    expect(await values.next()).toEqual({ value: 2, done: false });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(19);
    await values.return();
  });

  test('a consumer that leaves during a pause does not wait for its end', async () => {
    const values = ticks(HOUR_MS, new AbortController().signal, counter());
    await values.next();
    const waiting = values.next();
    await values.return();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  test('an aborted signal ends them during a pause', async () => {
    const request = new AbortController();
    const values = ticks(HOUR_MS, request.signal, counter());
    await values.next();
    const waiting = values.next();
    request.abort();
    expect(await waiting).toEqual({ value: undefined, done: true });
  });

  test('what cannot be read is told to the consumer and ends them', async () => {
    const values = ticks(HOUR_MS, new AbortController().signal, () => Promise.reject(new Error('nothing to read')));
    await expect(values.next()).rejects.toThrow('nothing to read');
    expect(await values.next()).toEqual({ value: undefined, done: true });
  });
});
