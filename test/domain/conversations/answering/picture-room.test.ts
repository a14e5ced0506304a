import { expect, test } from 'vitest';
import { PictureRoom } from '../../../../src/domain/conversations/answering/picture-room.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** Answers that have their pictures until they are ended. */
function open() {
  const room = new PictureRoom({ bytes: 10, ofWorkspaceBytes: 6 });
  const shown: string[] = [];
  const ends = new Map<string, () => void>();
  const answer = async (name: string, bytes: number, signal = new AbortController().signal) => {
    const [workspaceId = ''] = name.split(' ');
    const parts = room.during({ workspaceId, bytes, signal }, async function* () {
      shown.push(name);
      yield 'begun';
      await new Promise<void>((resolve) => ends.set(name, resolve));
      yield 'ended';
    });
    const told: string[] = [];
    for await (const part of parts) told.push(part);
    return told;
  };
  const end = async (name: string) => {
    await waitFor(name, () => ends.has(name));
    ends.get(name)?.();
  };
  return { room, answer, end, shown };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test('answers have as many bytes of pictures at once as there is room for, the next ones in their order', async () => {
  const { answer, end, shown } = open();
  const all = [answer('a 1', 5), answer('b 1', 4), answer('c large', 5), answer('d small', 1)];
  await settle();
  expect(shown, 'a small one does not pass a large one').toEqual(['a 1', 'b 1']);
  await end('a 1');
  await waitFor('the large one', () => shown.length === 4);
  expect(shown).toEqual(['a 1', 'b 1', 'c large', 'd small']);
  for (const name of ['b 1', 'c large', 'd small']) await end(name);
  expect(await Promise.all(all)).toEqual(Array.from({ length: 4 }, () => ['begun', 'ended']));
});

test('a workspace that has its share holds up itself alone, and answers without pictures wait for nobody', async () => {
  const { answer, end, shown } = open();
  const all = [answer('a 1', 4), answer('a 2', 4), answer('a 3', 1), answer('b 1', 3), answer('a none', 0)];
  await settle();
  expect(new Set(shown)).toEqual(new Set(['a 1', 'b 1', 'a none']));
  await end('a 1');
  await waitFor('the rest', () => shown.length === 5);
  for (const name of ['a 2', 'a 3', 'b 1', 'a none']) await end(name);
  await Promise.all(all);
});

test('one that is larger than all the room has it alone', async () => {
  const { answer, end, shown } = open();
  const all = [answer('a', 25), answer('b', 1)];
  await settle();
  expect(shown).toEqual(['a']);
  await end('a');
  await end('b');
  await Promise.all(all);
});

test('one that is stopped while it waits takes no room, and lets the next one by', async () => {
  const { answer, end, shown } = open();
  const stopping = new AbortController();
  const first = answer('a', 6);
  const stopped = answer('b', 6, stopping.signal);
  const next = answer('c', 4);
  stopping.abort(new Error('stopped'));
  await expect(stopped).rejects.toThrow('stopped');
  await expect(answer('d', 1, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  await waitFor('the next one', () => shown.includes('c'));
  for (const name of ['a', 'c']) await end(name);
  await Promise.all([first, next]);
  expect(shown).toEqual(['a', 'c']);
});

test('room is given back where an answer fails, and where nobody reads it to its end', async () => {
  const { room } = open();
  const { signal } = new AbortController();
  for (let times = 0; times < 10; times++) {
    const failing = room.during({ workspaceId: 'a', bytes: 6, signal }, async function* () {
      yield times;
      throw new Error('the provider is away');
    });
    await failing.next();
    if (times % 2 === 0) await expect(failing.next()).rejects.toThrow('away');
    else await failing.return();
  }
});
