import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { waitFor } from '../../support/wait-for.ts';
import { callOf, question } from '../gateway/gateway-fixtures.ts';
import { type CountingProvider, cachingServer, countingProvider, ownerOf } from './cache-fixtures.ts';

let testing: TestDatabase;
let provider: CountingProvider;
let server: ReturnType<typeof cachingServer>;
let workspaceId: string;
beforeAll(async () => {
  testing = await testDatabase();
});
beforeEach(async () => {
  provider = countingProvider();
  server = cachingServer(testing.database, provider);
  workspaceId = `ws_${crypto.randomUUID()}`;
  await insertWorkspace(testing.database, workspaceId);
});
afterAll(() => testing?.close());

const NOTHING = { entries: 0, hits: 0, misses: 0, hitRate: 0, savedUsd: '0' };

describe('the figures of a cache', () => {
  test('are nothing where nothing was asked for', async () => {
    expect(await server.stats(workspaceId)).toEqual({
      embedding: { kind: 'EMBEDDING', ...NOTHING },
      response: { kind: 'RESPONSE', ...NOTHING },
    });
  });

  test('of vectors say what came from it, what had to be made, and what that has saved to the last digit', async () => {
    await server.embed(workspaceId, ['a', 'b', 'c']);
    await server.embed(workspaceId, ['a', 'b', 'd']);
    const { embedding, response } = await server.stats(workspaceId);
    // Two texts of 1,000 tokens at 2 USD a million.
    expect(embedding).toEqual({
      ...{ kind: 'EMBEDDING', entries: 4, hits: 2, misses: 4, savedUsd: '0.004' },
      hitRate: 2 / 6,
    });
    expect(response).toMatchObject(NOTHING);
  });

  test('of answers are told apart from those of vectors, whatever the operation was', async () => {
    await server.embed(workspaceId, ['a']);
    for (let i = 0; i < 4; i++) await server.answer(workspaceId, 'hello?');
    const { embedding, response } = await server.stats(workspaceId);
    // 1,000 tokens at 1 USD and 1,000 at 3 USD a million, three times.
    expect(response).toEqual({
      ...{ kind: 'RESPONSE', entries: 1, hits: 3, misses: 1, hitRate: 0.75, savedUsd: '0.012' },
    });
    expect(embedding).toMatchObject({ hits: 0, misses: 1, savedUsd: '0' });
  });

  test('count those that asked at the same moment and shared one answer', async () => {
    await Promise.all([server.answer(workspaceId, 'at once?'), server.answer(workspaceId, 'at once?')]);
    const { response } = await server.stats(workspaceId);
    expect(response).toMatchObject({ hits: 1, misses: 1, savedUsd: '0.004' });
    expect(provider.answered).toBe(1);
  });

  test('save nothing that is known where the price is not', async () => {
    await server.embed(workspaceId, ['a'], { model: 'p/free' });
    await server.embed(workspaceId, ['a'], { model: 'p/free' });
    expect((await server.stats(workspaceId)).embedding).toMatchObject({ hits: 1, savedUsd: '0' });
  });

  test('do not count an answer that the cache was not asked for', async () => {
    await server.gateway.generate(callOf(workspaceId), question({ model: 'p/w', cache: 'off' }));
    expect((await server.stats(workspaceId)).response).toMatchObject(NOTHING);
    expect(provider.answered).toBe(1);
  });

  test('are those of the workspace alone, and of all its servers', async () => {
    const other = `ws_${crypto.randomUUID()}`;
    await insertWorkspace(testing.database, other);
    const second = cachingServer(testing.database, provider);
    await server.embed(workspaceId, ['a']);
    await server.embeddingCache.drain();
    expect(await second.embed(workspaceId, ['a'])).toEqual([true]);
    await second.recorder.flush();
    await server.embed(other, ['a']);
    expect((await server.stats(workspaceId)).embedding).toMatchObject({ entries: 1, hits: 1, misses: 1 });
    expect((await server.stats(other)).embedding).toMatchObject({ entries: 1, hits: 0, misses: 1 });
  });
});

describe('invalidating', () => {
  test('vectors makes them void here at once, in memory too, and leaves the answers', async () => {
    await server.embed(workspaceId, ['a', 'b']);
    await server.embed(workspaceId, ['in memory alone'], { bulk: true });
    await server.answer(workspaceId, 'hello?');
    const dropped = await server.caches.invalidate(ownerOf(workspaceId), { kind: 'EMBEDDING', documentIds: null });
    expect(dropped).toBe(2);
    expect((await server.stats(workspaceId)).embedding?.entries).toBe(0);
    expect(await server.embed(workspaceId, ['a', 'in memory alone'])).toEqual([false, false]);
    expect((await server.answer(workspaceId, 'hello?')).cached).toBe(true);
  });

  test('answers makes them void here at once, and leaves the vectors', async () => {
    await server.embed(workspaceId, ['a']);
    await server.answer(workspaceId, 'hello?');
    await server.answer(workspaceId, 'and?');
    expect(await server.caches.invalidate(ownerOf(workspaceId), { kind: 'RESPONSE', documentIds: null })).toBe(2);
    expect((await server.answer(workspaceId, 'hello?')).cached).toBe(false);
    expect(await server.embed(workspaceId, ['a'])).toEqual([true]);
  });

  test('is followed by other servers, in memory too, within a few seconds', async () => {
    const other = cachingServer(testing.database, provider);
    await server.embed(workspaceId, ['a', 'kept']);
    await other.embed(workspaceId, ['a', 'kept']);
    await other.answer(workspaceId, 'hello?');
    expect((await other.answer(workspaceId, 'hello?')).cached).toBe(true);
    await server.caches.invalidate(ownerOf(workspaceId), { kind: null, documentIds: null });
    await waitFor('the answer to be void', async () => !(await other.answer(workspaceId, 'hello?')).cached);
    expect(await other.embed(workspaceId, ['a', 'kept'])).toEqual([false, false]);
  });

  test('does not let a server that has not heard of it store an old vector again', async () => {
    const other = cachingServer(testing.database, provider);
    await other.embed(workspaceId, ['known before']);
    await other.embeddingCache.drain();
    await server.caches.invalidate(ownerOf(workspaceId), { kind: 'EMBEDDING', documentIds: null });
    await other.embed(workspaceId, ['made by the old epoch']);
    await other.embeddingCache.drain();
    expect((await server.stats(workspaceId)).embedding?.entries).toBe(0);
  });

  test('another workspace keeps what it has', async () => {
    const neighbour = `ws_${crypto.randomUUID()}`;
    await insertWorkspace(testing.database, neighbour);
    await server.embed(neighbour, ['a']);
    await server.answer(neighbour, 'hello?');
    await server.caches.invalidate(ownerOf(workspaceId), { kind: null, documentIds: null });
    expect(await server.embed(neighbour, ['a'])).toEqual([true]);
    expect((await server.answer(neighbour, 'hello?')).cached).toBe(true);
  });

  test('the answers of some documents leaves all others', async () => {
    await server.answer(workspaceId, 'of one', ['doc_1']);
    await server.answer(workspaceId, 'of two', ['doc_2']);
    const which = { kind: 'RESPONSE', documentIds: ['doc_1', 'doc_3'] } as const;
    expect(await server.caches.invalidate(ownerOf(workspaceId), which)).toBe(1);
    expect((await server.answer(workspaceId, 'of one', ['doc_1'])).cached).toBe(false);
    expect((await server.answer(workspaceId, 'of two', ['doc_2'])).cached).toBe(true);
  });

  test('an answer that was under way is given, and not kept', async () => {
    const started = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    provider.beforeAnswer = () => {
      started.resolve();
      return gate.promise;
    };
    const answer = server.answer(workspaceId, 'of one', ['doc_1']);
    await started.promise;
    server.caches.documentsChanged(workspaceId, ['doc_1']);
    gate.resolve();
    expect((await answer).text).toBe('answer 1');
    expect((await server.answer(workspaceId, 'of one', ['doc_1'])).cached).toBe(false);
  });
});

test('a vector in memory does not hold on to the batch it came in', async () => {
  const texts = Array.from({ length: 90 }, (_, i) => `text ${i}`);
  await server.embed(workspaceId, texts, { bulk: true });
  const { embeddings } = await server.gateway.embed(callOf(workspaceId), {
    texts: ['text 7'],
    purpose: 'document',
    model: 'p/e',
    bulk: true,
  });
  expect(embeddings[0]?.cached).toBe(true);
  expect(embeddings[0]?.vector.buffer.byteLength).toBe(4 * 4);
});

test('a workspace that is gone leaves nothing in memory', async () => {
  await server.embed(workspaceId, ['a']);
  await server.answer(workspaceId, 'hello?');
  expect([server.embeddingCache.bytes > 0, server.answerCache.bytes > 0]).toEqual([true, true]);
  server.caches.workspaceDeleted(workspaceId);
  expect([server.embeddingCache.bytes, server.answerCache.bytes]).toEqual([0, 0]);
});
