import { afterEach, describe, expect, it } from 'vitest';
import { EmbeddingWorkerPool } from '../../../src/providers/local/worker-pool.ts';

const workerModule = new URL('./obedient-worker.ts', import.meta.url);
const never = new AbortController().signal;
const pools: EmbeddingWorkerPool[] = [];

function open(size: number): EmbeddingWorkerPool {
  const pool = new EmbeddingWorkerPool({ kind: 'use-lite', cacheDir: '/nowhere' }, size, workerModule);
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

describe('the pool of embedding workers', () => {
  it('answers in the order of the texts, however they were batched', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => 'x'.repeat((index * 37) % 101));
    const { vectors, tokenCounts } = await open(2).run(texts, never);
    expect(vectors.map((vector) => vector[0])).toEqual(texts.map((text) => text.length));
    expect(Math.max(...tokenCounts)).toBeLessThanOrEqual(32);
    expect(Math.min(...tokenCounts)).toBeGreaterThan(20);
  });

  it('splits a call of middle size over its workers, and keeps very long texts in small batches', async () => {
    const pool = open(2);
    const { tokenCounts } = await pool.run(Array(30).fill('short'), never);
    expect(new Set(tokenCounts)).toEqual(new Set([15]));
    const long = await pool.run(Array(30).fill('x'.repeat(10_000)), never);
    expect(Math.max(...long.tokenCounts)).toBe(2);
  });

  it('ends a call at its abort, while its worker is still at it, and goes on serving others', async () => {
    const pool = open(1);
    await pool.run(['warm'], never);
    const controller = new AbortController();
    const order: string[] = [];
    const stopped = pool.run(['wait'], controller.signal).finally(() => order.push('stopped'));
    const other = pool.run(['other'], never).finally(() => order.push('other'));
    controller.abort();
    await expect(stopped).rejects.toMatchObject({ name: 'ProviderError', kind: 'cancelled' });
    await other;
    expect(order).toEqual(['stopped', 'other']);
    await expect(pool.run(['next'], controller.signal)).rejects.toMatchObject({ kind: 'cancelled' });
    expect((await pool.run(['next'], never)).vectors[0]?.[0]).toBe(4);
  });

  it('lets a single query pass a bulk call that came before it', async () => {
    const pool = open(1);
    const finished: string[] = [];
    const bulk = pool.run([...Array(255).fill('a'), 'wait'], never).then(() => finished.push('bulk'));
    const query = pool.run(['query'], never).then(() => finished.push('query'));
    await Promise.all([bulk, query]);
    expect(finished).toEqual(['query', 'bulk']);
  });

  it('lets a single query pass any number of bulk calls, and none of those wait for all queries', async () => {
    const pool = open(1);
    const finished: string[] = [];
    const run = (name: string, texts: string[]) => pool.run(texts, never).then(() => finished.push(name));
    const bulk = Array.from({ length: 20 }, (_, i) => run(`bulk ${i}`, Array(32).fill('a')));
    const queries = Array.from({ length: 20 }, (_, i) => run(`query ${i}`, ['q']));
    await Promise.all([...bulk, ...queries]);
    expect(finished.slice(0, 6)).toEqual(['bulk 0', 'query 0', 'bulk 1', 'query 1', 'bulk 2', 'query 2']);
    expect(finished).toHaveLength(40);
  });

  it('rejects only the call that failed', async () => {
    const pool = open(1);
    const [failed, fine] = await Promise.allSettled([pool.run(['fail'], never), pool.run(['fine'], never)]);
    expect(failed).toMatchObject({ status: 'rejected', reason: { kind: 'unavailable', message: 'asked to fail' } });
    expect(fine.status).toBe('fulfilled');
  });

  it('rejects the call of a worker that dies, and gives the next call a new worker', async () => {
    const pool = open(1);
    await expect(pool.run(['die'], never)).rejects.toMatchObject({ name: 'ProviderError', kind: 'unavailable' });
    expect((await pool.run(['alive'], never)).vectors[0]?.[0]).toBe(5);
  });

  it('rejects calls under way and later ones once it is closed, as often as that is done', async () => {
    const pool = open(2);
    const underWay = pool.run(['wait'], never);
    const closing = Promise.all([pool.close(), pool.close()]);
    await expect(underWay).rejects.toMatchObject({ kind: 'unavailable' });
    await closing;
    await pool.close();
    await expect(pool.run(['late'], never)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
