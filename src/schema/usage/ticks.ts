import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A value at once and then one every interval, until the consumer leaves or the signal is aborted. The next one is read
 * when the last one was taken: a slow consumer gets fewer.
 */
export async function* ticks<Value>(
  intervalMs: number,
  signal: AbortSignal,
  read: () => Promise<Value>,
): AsyncGenerator<Value> {
  while (!signal.aborted) {
    yield await read();
    try {
      await sleep(intervalMs, undefined, { signal });
    } catch {
      return;
    }
  }
}
