import { expect, test } from 'vitest';
import { BatchWindow } from '../../../src/domain/imports/batch-window.ts';

const at = (index: number, ...keys: string[]) => ({
  index,
  start: { byte: index * 10, line: index, records: index * 100 },
  keys: new Set(keys),
});

/** Works that are over when they are told to be. */
function works() {
  const running = new Map<number, PromiseWithResolvers<void>>();
  const work = (index: number) => () => {
    const ended = Promise.withResolvers<void>();
    running.set(index, ended);
    return ended.promise;
  };
  return { running, work };
}

test('five batches run at once, and the sixth begins when one of them has ended', async () => {
  const window = new BatchWindow();
  const { running, work } = works();
  for (let index = 0; index < 5; index++) await window.add(at(index), work(index));
  const sixth = window.add(at(5), work(5));
  expect([...running.keys()]).toEqual([0, 1, 2, 3, 4]);
  running.get(3)?.resolve();
  await sixth;
  expect([...running.keys()]).toEqual([0, 1, 2, 3, 4, 5]);
});

test('a batch with a key of an earlier one waits for it, so that the later record wins', async () => {
  const window = new BatchWindow();
  const { running, work } = works();
  await window.add(at(0, 'a', 'b'), work(0));
  await window.add(at(1, 'c'), work(1));
  const third = window.add(at(2, 'b'), work(2));
  running.get(1)?.resolve();
  await Promise.resolve();
  expect(running.has(2)).toBe(false);
  running.get(0)?.resolve();
  await third;
  expect(running.has(2)).toBe(true);
});

test('what comes behind a batch that failed is never taken for all there is', async () => {
  const window = new BatchWindow();
  const { running, work } = works();
  for (const index of [0, 1, 2]) await window.add(at(index), work(index));
  expect(window.lowest()?.batch).toBe(0);
  running.get(0)?.resolve();
  running.get(1)?.reject(new Error('no connection'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(window.lowest()).toEqual({ batch: 1, start: at(1).start });
  await expect(window.add(at(3), work(3))).rejects.toThrow('no connection');
  running.get(2)?.resolve();
  await expect(window.drain()).rejects.toThrow('no connection');
});
