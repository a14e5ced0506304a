import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/domain/embeddings/turns.ts';

test('no more work runs at once than there are turns, in the order it came, also after failures', async () => {
  const turns = new Turns(2);
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const work = Array.from({ length: 10 }, (_, i) =>
    turns.run(async () => {
      started.push(i);
      running += 1;
      most = Math.max(most, running);
      await sleep(2);
      running -= 1;
      if (i % 3 === 0) throw new Error('failed');
      return i;
    }),
  );
  const results = await Promise.allSettled(work);
  expect(most).toBe(2);
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(4);
});
