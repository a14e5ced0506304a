import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A value at once and then one every interval, until the consumer leaves or the signal is aborted. The next one is read
 * when the last one was taken: a slow consumer gets fewer.
 */
export function ticks<Value>(
  intervalMs: number,
  signal: AbortSignal,
  read: () => Promise<Value>,
): AsyncGenerator<Value, void> {
  const left = new AbortController();
  const values = generate(intervalMs, AbortSignal.any([signal, left.signal]), read);
  const leave = values.return.bind(values);
  // A generator is only told that its consumer has left when its pause is over, which may be an hour.
  values.return = (value) => {
    left.abort();
    return leave(value);
  };
  return values;
}

async function* generate<Value>(
  intervalMs: number,
  ended: AbortSignal,
  read: () => Promise<Value>,
): AsyncGenerator<Value, void> {
  while (!ended.aborted) {
    yield await read();
    try {
      await sleep(intervalMs, undefined, { signal: ended });
    } catch {
      return;
    }
  }
}
