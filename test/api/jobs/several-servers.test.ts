import { createClient } from 'graphql-ws';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import { type TestDatabaseTarget, testDatabaseTarget } from '../../support/database.ts';
import { hasRedisServer, startTestRedis, type TestRedis } from '../../support/redis-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { ScriptedJob } from './scripted-job.ts';

/** A follower that hears nothing looks every 5 seconds: so many events would take it 50. */
const EVENTS = 10;
const TOLD_WITHIN_MS = 25_000;

interface Told {
  seq: number;
  status: string;
}

const KINDS = [
  { name: 'Postgres', isThere: true, startRedis: async () => null },
  { name: 'Redis', isThere: hasRedisServer(), startRedis: startTestRedis },
].filter(({ isThere }) => isThere);

describe.runIf(inject('testServer') !== null).each(KINDS)(
  'two servers that tell each other by $name',
  ({ startRedis }) => {
    let target: TestDatabaseTarget;
    let redis: TestRedis | null;
    let working: TestServer;
    let watching: TestServer;

    beforeEach(async () => {
      target = await testDatabaseTarget();
      redis = await startRedis();
      const { remove: _remove, ...shared } = target;
      const common = { SIGNALBOX_WORKER: '0' };
      const environment = redis === null ? common : { ...common, REDIS_URL: redis.url };
      working = await startTestServer({ target: shared, environment });
      watching = await startTestServer({ target: shared, environment });
    });
    afterEach(async () => {
      await watching?.close();
      await working?.close();
      await redis?.close();
      await target?.remove();
    });

    function follow(server: TestServer, key: string, id: string, after = 0) {
      const client = createClient({
        url: server.wsUrl,
        webSocketImpl: WebSocket,
        retryAttempts: 0,
        connectionParams: { authorization: `Bearer ${key}` },
      });
      const results = client.iterate<{ job: Told }>({
        query: 'subscription ($id: ID!, $after: Int) { job(id: $id, after: $after) { seq status } }',
        variables: { id, after },
      });
      const next = async (): Promise<Told | null> => {
        const { value, done } = await results.next();
        return done ? null : (value?.data?.job ?? null);
      };
      return { next, leave: () => client.dispose() };
    }

    test('a subscriber at one sees at once what a job does at the other, and goes on there where it was', async () => {
      const workspace = await working.createWorkspace();
      const job = await ScriptedJob.enqueue(working.app.database, workspace.id);
      const far = follow(watching, workspace.ownerKey, job.id);
      expect(await far.next()).toMatchObject({ seq: 1 });
      // Rings are heard from then on.
      await waitFor('the watching server to be connected', async () => heardFrom(working, watching));
      const beganAt = performance.now();
      await job.start();
      expect(await far.next()).toMatchObject({ seq: 2, status: 'RUNNING' });
      for (let done = 1; done <= EVENTS; done += 1) {
        await job.progress(done);
        expect(await far.next()).toMatchObject({ seq: 2 + done });
      }
      expect(performance.now() - beganAt).toBeLessThan(TOLD_WITHIN_MS);
      await far.leave();

      const here = follow(working, workspace.ownerKey, job.id, 1 + EVENTS);
      expect(await here.next()).toMatchObject({ seq: 2 + EVENTS });
      await job.complete();
      expect([await here.next(), await here.next()]).toMatchObject([{ seq: 3 + EVENTS, status: 'COMPLETED' }, null]);
      await here.leave();
    });

    test('a subscriber at each sees the same', async () => {
      const workspace = await working.createWorkspace();
      const job = await ScriptedJob.enqueue(working.app.database, workspace.id);
      const viewers = [follow(working, workspace.ownerKey, job.id), follow(watching, workspace.ownerKey, job.id)];
      const seen = viewers.map(async ({ next }) => {
        const seqs: number[] = [];
        for (let event = await next(); event !== null; event = await next()) seqs.push(event.seq);
        return seqs;
      });
      await job.start();
      for (let done = 1; done <= 100; done += 1) await job.progress(done);
      await job.complete();
      const all = Array.from({ length: 103 }, (_, index) => index + 1);
      expect(await Promise.all(seen)).toEqual([all, all]);
      for (const { leave } of viewers) await leave();
    });
  },
);

async function heardFrom(from: TestServer, to: TestServer): Promise<boolean> {
  const topic = `hello ${Math.random()}`;
  let heard = false;
  const leave = to.app.database.bus.listen(topic, () => {
    heard = true;
  });
  // Being connected wakes every listener too: only what comes after that tells of a ring.
  await new Promise((resolve) => setTimeout(resolve, 100));
  heard = false;
  from.app.database.bus.ring(topic);
  await new Promise((resolve) => setTimeout(resolve, 100));
  leave();
  return heard;
}
