import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turns } from '../../../src/domain/embeddings/turns.ts';

test('no more work runs at once than there are turns, in the order it came, also after failures', async () => {
  const turns = new Turns(2);
  const started: number[] = [];
  let running = 0;
  let most = 0;
  const work = Array.from({ length: 10 }, (_, i) =>
    turns.run({ line: 'one', owner: 'anybody' }, async () => {
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

/** Work that goes on until it is told to end. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { work: () => promise, end: resolve };
}

test('the owners in a line take turns, however much one of them has waiting', async () => {
  const turns = new Turns(1);
  const first = held();
  const started: string[] = [];
  const run = (owner: string) => turns.run({ line: 'one', owner }, async () => void started.push(owner));
  const all = [turns.run({ line: 'one', owner: 'many' }, first.work)];
  for (let i = 0; i < 50; i++) all.push(run('many'));
  all.push(run('few'), run('few'), run('other'));
  first.end();
  await Promise.all(all);
  expect(started.slice(0, 6)).toEqual(['many', 'few', 'other', 'many', 'few', 'many']);
  expect(started).toHaveLength(53);
});

test('a line that does not move holds up no other, and a failure ends a turn', async () => {
  const turns = new Turns(2);
  const stuck = [held(), held()];
  const waiting = stuck.map(({ work }) => turns.run({ line: 'stuck', owner: 'one' }, work));
  const behind = turns.run({ line: 'stuck', owner: 'two' }, async () => 'late');
  for (let i = 0; i < 4; i++) {
    const failing = turns.run({ line: 'moving', owner: 'two' }, () => Promise.reject(new Error(`failure ${i}`)));
    await expect(failing).rejects.toThrow(`failure ${i}`);
  }
  expect(await turns.run({ line: 'moving', owner: 'two' }, async () => 'done')).toBe('done');
  for (const { end } of stuck) end();
  await Promise.all(waiting);
  expect(await behind).toBe('late');
});
