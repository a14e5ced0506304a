import { expect, test } from 'vitest';
import { WorkspaceMemory } from '../../../src/domain/caching/workspace-memory.ts';

interface Entry {
  bytes: number;
}

function memory(maxBytes: number) {
  const removed: string[] = [];
  const kept = new WorkspaceMemory<Entry>({
    maxBytes,
    maxEntryBytes: maxBytes / 2,
    timeToLiveMs: 60_000,
    bytesOf: (entry) => entry.bytes,
    onRemoved: (workspaceId, key) => removed.push(`${workspaceId} ${key}`),
  });
  return { kept, removed };
}

test('all workspaces together never hold more than the bound', () => {
  const { kept } = memory(1_000);
  for (let i = 0; i < 500; i++) {
    kept.set(`ws_${i % 7}`, `key ${i}`, { bytes: 1 + (i % 90) });
    expect(kept.bytes).toBeLessThanOrEqual(1_000);
  }
  const counted = Array.from({ length: 7 }, (_, i) => kept.count(`ws_${i}`)).reduce((sum, count) => sum + count);
  expect(counted).toBeGreaterThan(10);
});

test('a workspace that fills the memory pushes out its own oldest, and nothing of those that hold less', () => {
  const { kept } = memory(1_000);
  for (let i = 0; i < 3; i++) kept.set('quiet', `key ${i}`, { bytes: 100 });
  for (let i = 0; i < 200; i++) kept.set('busy', `key ${i}`, { bytes: 50 });
  expect(kept.count('quiet')).toBe(3);
  expect(kept.get('busy', 'key 0')).toBeUndefined();
  expect(kept.get('busy', 'key 199')).toEqual({ bytes: 50 });
});

test('a workspace that comes later gets as much as one that has filled the memory before', () => {
  const { kept } = memory(1_000);
  for (let i = 0; i < 20; i++) kept.set('early', `key ${i}`, { bytes: 50 });
  for (let i = 0; i < 200; i++) kept.set('late', `key ${i}`, { bytes: 50 });
  expect(kept.count('early')).toBeGreaterThanOrEqual(8);
  expect(kept.count('late')).toBeGreaterThanOrEqual(8);
});

test('what was used last stays longest', () => {
  const { kept } = memory(1_000);
  for (let i = 0; i < 10; i++) kept.set('ws', `key ${i}`, { bytes: 100 });
  kept.get('ws', 'key 0');
  kept.set('ws', 'another', { bytes: 100 });
  expect(kept.get('ws', 'key 0')).toBeDefined();
  expect(kept.get('ws', 'key 1')).toBeUndefined();
});

test('an entry that is too large is not kept, and takes the one that it would have replaced along', () => {
  const { kept, removed } = memory(1_000);
  kept.set('ws', 'key', { bytes: 10 });
  expect(kept.set('ws', 'key', { bytes: 501 })).toBe(false);
  expect(kept.get('ws', 'key')).toBeUndefined();
  expect([kept.bytes, removed]).toEqual([0, ['ws key']]);
});

test('an entry that is set again is counted once', () => {
  const { kept } = memory(1_000);
  const entry = { bytes: 100 };
  for (let i = 0; i < 5; i++) kept.set('ws', 'key', entry);
  kept.set('ws', 'key', { bytes: 200 });
  expect([kept.bytes, kept.count('ws')]).toEqual([200, 1]);
});

test('what is dropped frees its bytes, and says how much it was', () => {
  const { kept, removed } = memory(1_000);
  for (const key of ['a', 'b', 'c']) kept.set('ws', key, { bytes: 100 });
  kept.set('other', 'a', { bytes: 100 });
  expect(kept.delete('ws', ['a', 'none'])).toBe(1);
  expect(kept.clear('ws')).toBe(2);
  expect([kept.bytes, removed.sort()]).toEqual([100, ['ws a', 'ws b', 'ws c']]);
});
