import { expect, test } from 'vitest';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';

function keep(cache: AnswerCache, workspaceId: string, question: string, documentIds: string[] = []): string {
  const key = AnswerCache.key(workspaceId, 0, question);
  cache.set(workspaceId, key, { answer: { text: question }, documentIds, since: cache.moment });
  return key;
}

test('the same question of another workspace, or after the epoch was raised, has another key', () => {
  const keys = [AnswerCache.key('ws_1', 0, 'q'), AnswerCache.key('ws_2', 0, 'q'), AnswerCache.key('ws_1', 1, 'q')];
  expect(new Set(keys).size).toBe(3);
});

test('nobody can change what others get', () => {
  const cache = new AnswerCache();
  const key = keep(cache, 'ws', 'q');
  const first = cache.get<{ text: string }>('ws', key);
  if (first !== null) first.text = 'changed';
  expect(cache.get('ws', key)).toEqual({ text: 'q' });
});

test('the answers of a document go with it, and all others stay', () => {
  const cache = new AnswerCache();
  const both = keep(cache, 'ws', 'of both', ['doc_1', 'doc_2']);
  const other = keep(cache, 'ws', 'of the other', ['doc_2']);
  const foreign = keep(cache, 'ws_2', 'of both', ['doc_1']);
  expect(cache.drop('ws', ['doc_1'])).toBe(1);
  expect(cache.get('ws', both)).toBeNull();
  expect(cache.get('ws', other)).not.toBeNull();
  expect(cache.get('ws_2', foreign)).not.toBeNull();
  expect(cache.drop('ws', ['doc_1', 'doc_2'])).toBe(1);
  expect(cache.count('ws')).toBe(0);
});

test('an answer that was under way when its document changed is not kept', () => {
  const cache = new AnswerCache();
  const since = cache.moment;
  cache.drop('ws', ['doc_1']);
  const key = AnswerCache.key('ws', 0, 'q');
  cache.set('ws', key, { answer: 'late', documentIds: ['doc_1'], since });
  expect(cache.get('ws', key)).toBeNull();
  cache.set('ws', key, { answer: 'of another document', documentIds: ['doc_2'], since });
  expect(cache.get('ws', key)).toBe('of another document');
  cache.set('ws', key, { answer: 'asked for afterwards', documentIds: ['doc_1'], since: cache.moment });
  expect(cache.get('ws', key)).toBe('asked for afterwards');
});

test('an answer that was under way when everything was dropped is not kept', () => {
  const cache = new AnswerCache();
  const since = cache.moment;
  keep(cache, 'ws', 'q');
  expect(cache.drop('ws', null)).toBe(1);
  const key = AnswerCache.key('ws', 0, 'q');
  cache.set('ws', key, { answer: 'late', documentIds: [], since });
  expect(cache.get('ws', key)).toBeNull();
});

test('the memory is bounded, counting texts and the documents that an answer names', () => {
  const cache = new AnswerCache({ maxBytes: 100_000 });
  const documentIds = Array.from({ length: 20 }, (_, i) => `doc_${i}`);
  for (let i = 0; i < 100; i++) keep(cache, 'ws', `${i} ${'x'.repeat(500)}`, documentIds);
  expect(cache.bytes).toBeLessThanOrEqual(100_000);
  // 1,000 bytes of text, 600 of the entry and 400 for each document.
  expect(cache.count('ws')).toBeLessThanOrEqual(100_000 / (1_000 + 600 + 20 * 400));
  expect(cache.count('ws')).toBeGreaterThan(5);
});

test('an answer of more than a megabyte is not kept', () => {
  const cache = new AnswerCache();
  const key = keep(cache, 'ws', 'x'.repeat(600_000));
  expect(cache.get('ws', key)).toBeNull();
});
