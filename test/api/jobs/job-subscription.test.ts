import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { WorkspaceScope } from '../../../src/db/workspace-scope.ts';
import type { Caller } from '../../../src/domain/access/caller.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ScriptedJob } from './scripted-job.ts';

let server: TestServer;
let workspace: TestWorkspace;
let other: TestWorkspace;
/** Of the server's own parts. */
let ownListeners: number;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  ownListeners = server.app.database.bus.listenerCount;
  workspace = await server.createWorkspace();
  other = await server.createWorkspace();
});
afterAll(() => server?.close());

interface Told {
  seq: number;
  status: string;
  at: string;
  progress: { done: number; total: number | null; ratePerSecond: number | null; message: string | null };
}

const FOLLOW = /* GraphQL */ `
  subscription ($id: ID!, $after: Int) {
    job(id: $id, after: $after) { seq status at progress { done total ratePerSecond message } }
  }
`;

type Results = AsyncIterableIterator<{ data?: unknown; errors?: readonly unknown[] }>;

interface Follower {
  next(): Promise<Told | null>;
  rest(): Promise<Told[]>;
  leave(): Promise<void>;
}

/** Each follower has a connection of its own. */
const CLIENTS: Record<string, (key: string) => { iterate(query: object): Results; dispose(): unknown }> = {
  WebSocket: (key) =>
    createWsClient({
      url: server.wsUrl,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { authorization: `Bearer ${key}` },
    }) as never,
  SSE: (key) =>
    createSseClient({
      url: `${server.url}/graphql`,
      retryAttempts: 0,
      headers: { authorization: `Bearer ${key}` },
    }) as never,
};

function follow(id: string, { after = 0, key = workspace.ownerKey, over = 'WebSocket' } = {}): Follower {
  const client = CLIENTS[over]?.(key);
  if (client === undefined) throw new Error(`no client speaks ${over}`);
  const results = client.iterate({ query: FOLLOW, variables: { id, after } });
  const next = async () => {
    const { value, done } = await results.next();
    if (done) return null;
    if (value.errors !== undefined) throw Object.assign(new Error('refused'), { errors: value.errors });
    return (value.data as { job: Told }).job;
  };
  return {
    next,
    rest: async () => {
      const told: Told[] = [];
      for (let event = await next(); event !== null; event = await next()) told.push(event);
      client.dispose();
      return told;
    },
    leave: async () => {
      await results.return?.();
      await client.dispose();
    },
  };
}

const listeners = () => server.app.database.bus.listenerCount - ownListeners;
const enqueue = (kind?: 'IMPORT' | 'EMBED') => ScriptedJob.enqueue(server.app.database, workspace.id, kind);

/** A job with the events 1 to `events`. */
async function finishedJob(events: number): Promise<ScriptedJob> {
  const job = await enqueue();
  await job.start();
  for (let done = 1; done <= events - 3; done += 1) await job.progress(done, { total: events });
  await job.complete();
  return job;
}

/** Of the jobs' indexes, in the transaction so far: versions of a row that are gone count as well. */
async function entriesReadOf(sql: WorkspaceScope['sql']): Promise<number> {
  const [row] = await sql<{ count: number }[]>`
    select sum(pg_stat_get_xact_tuples_returned(indexrelid))::int as count from pg_index
    where indrelid = 'jobs'::regclass`;
  return row?.count ?? 0;
}

describe.each(Object.keys(CLIENTS))('following a job over %s', (over) => {
  test('tells every event once and in order, as it happens, and ends after the last', async () => {
    const job = await enqueue();
    const follower = follow(job.id, { over });
    expect(await follower.next()).toMatchObject({ seq: 1, status: 'QUEUED', progress: { done: 0 } });
    await job.start();
    expect(await follower.next()).toMatchObject({ seq: 2, status: 'RUNNING' });
    await job.progress(3, { total: 10, ratePerSecond: 1.5 });
    const progress = { done: 3, total: 10, ratePerSecond: 1.5, message: null };
    expect(await follower.next()).toMatchObject({ seq: 3, status: 'RUNNING', progress });
    await job.fail('the provider is away', 'retry');
    expect(await follower.next()).toMatchObject({
      seq: 4,
      status: 'RETRYING',
      progress: { message: 'the provider is away' },
    });
    await job.start();
    expect(await follower.next()).toMatchObject({ seq: 5, status: 'RUNNING', progress: { message: null } });
    await job.complete();
    expect((await follower.rest()).map(({ seq, status }) => [seq, status])).toEqual([[6, 'COMPLETED']]);
  });

  test('goes on from any number with the same that the others saw', async () => {
    const job = await finishedJob(12);
    const all = await follow(job.id, { over }).rest();
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for (let after = 1; after <= 12; after += 1) {
      expect(await follow(job.id, { after, over }).rest()).toEqual(all.slice(after));
    }
  });

  test('frees the server of it when the client leaves', async () => {
    const before = listeners();
    const job = await enqueue();
    const followers = [1, 2, 3].map(() => follow(job.id, { over }));
    for (const follower of followers) expect(await follower.next()).toMatchObject({ seq: 1 });
    await waitFor('the followers to listen', () => listeners() === before + 3);
    for (const follower of followers) await follower.leave();
    await waitFor('the listeners to be gone', () => listeners() === before);
  });

  test('is refused for a job that is not there, or is another workspace’s', async () => {
    const job = await enqueue();
    for (const [id, key] of [
      ['job_01h455vb4pex5vsknk084sn02q', workspace.ownerKey],
      [job.id, other.ownerKey],
    ] as const) {
      const refused = follow(id, { key, over }).next();
      await expect(refused).rejects.toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    }
  });
});

describe('following a job', () => {
  test('two who begin at different times see the same', async () => {
    const job = await enqueue();
    const first = follow(job.id);
    const all = first.rest();
    await job.start();
    for (let done = 1; done <= 20; done += 1) await job.progress(done);
    const late = follow(job.id, { over: 'SSE' }).rest();
    await job.progress(21);
    await job.complete();
    const told = await all;
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
    expect(await late).toEqual(told);
  });

  test('of a hundred who follow one job each sees every event', async () => {
    const job = await enqueue();
    const followers = Array.from({ length: 100 }, () => follow(job.id));
    const told = Promise.all(followers.map((follower) => follower.rest()));
    await waitFor('the followers', () => listeners() === 100);
    await job.start();
    for (let done = 1; done <= 5; done += 1) await job.progress(done);
    await job.complete();
    for (const events of await told) expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('goes over the end of an earlier life to the present one', async () => {
    const job = await enqueue();
    await job.start();
    await job.fail('broken input');
    await job.redrive();
    const follower = follow(job.id);
    const seen = [await follower.next(), await follower.next(), await follower.next(), await follower.next()];
    expect(seen.map((event) => event?.status)).toEqual(['QUEUED', 'RUNNING', 'DEAD', 'QUEUED']);
    await job.start();
    await job.complete();
    expect((await follower.rest()).map(({ status }) => status)).toEqual(['RUNNING', 'COMPLETED']);
  });

  test('from beyond the end goes on from where the job is, and tells a finished one’s end', async () => {
    const running = await enqueue();
    const follower = follow(running.id, { after: 1_000 });
    await waitFor('the follower', () => listeners() > 0);
    await running.start();
    expect(await follower.next()).toMatchObject({ seq: 2 });
    await follower.leave();
    const done = await finishedJob(5);
    expect((await follow(done.id, { after: 1_000 }).rest()).map(({ seq }) => seq)).toEqual([5]);
    expect(await follow(done.id, { after: 5 }).rest()).toEqual([]);
  });

  test('from a negative number is refused', async () => {
    const refused = follow((await enqueue()).id, { after: -1 }).next();
    await expect(refused).rejects.toMatchObject({ errors: [{ extensions: { code: 'BAD_INPUT' } }] });
  });

  test('ends where the job is deleted', async () => {
    const job = await enqueue();
    const follower = follow(job.id);
    await follower.next();
    const rest = follower.rest();
    await job.remove();
    expect(await rest).toEqual([]);
  });

  test('tells of a long job its changes of status, and of progress the latest 500 or so', async () => {
    const job = await enqueue();
    await job.start();
    await job.fail('once', 'retry');
    await job.start();
    for (let done = 1; done <= 1_200; done += 1) await job.progress(done);
    await job.complete();
    const told = await follow(job.id).rest();
    expect(told.slice(0, 4).map(({ status }) => status)).toEqual(['QUEUED', 'RUNNING', 'RETRYING', 'RUNNING']);
    expect(told.at(-1)).toMatchObject({ seq: 1_205, status: 'COMPLETED', progress: { done: 1_200 } });
    const progress = told.slice(4, -1).map(({ seq }) => seq);
    expect(progress.length).toBeGreaterThanOrEqual(500);
    expect(progress.length).toBeLessThanOrEqual(550);
    expect(progress).toEqual(progress.map((_, index) => 1_205 - progress.length + index));
  });

  test('of a job with a long story every change is told, wherever it is kept, and from each of them on', async () => {
    const job = await enqueue();
    for (let attempt = 1; attempt <= 10; attempt += 1) {
      await job.start();
      if (attempt % 3 === 0) await job.progress(attempt);
      await job.fail(`attempt ${attempt}`, 'retry');
    }
    await job.start();
    await job.complete();
    const told = await follow(job.id).rest();
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 26 }, (_, index) => index + 1));
    const messages = told.filter(({ status }) => status === 'RETRYING').map(({ progress }) => progress.message);
    expect(messages).toEqual(Array.from({ length: 10 }, (_, index) => `attempt ${index + 1}`));
    expect(told.map(({ at }) => at)).toEqual(told.map(({ at }) => at).toSorted());
    for (const after of [7, 8, 9, 15, 16, 17, 18, 25]) {
      const seqs = (await follow(job.id, { after }).rest()).map(({ seq }) => seq);
      expect(seqs).toEqual(told.map(({ seq }) => seq).slice(after));
    }
  });

  test('a job that an earlier version has told of goes on from its number', async () => {
    const job = await enqueue();
    await job.start();
    await server.app.database.withWorkspace(workspace.id, async ({ sql }) => {
      await sql`
        insert into job_events (workspace_id, job_id, seq, at, status, is_progress, done, failed)
        select workspace_id, id, e.seq, e.at, e.status, false, 0, 0
        from jobs cross join lateral unnest(state_events) e where id = ${job.id}`;
      await sql`update jobs set state_events = '{}' where id = ${job.id}`;
    });
    await job.complete();
    const told = (await follow(job.id).rest()).map(({ seq, status }) => [seq, status]);
    expect(told).toEqual([
      [1, 'QUEUED'],
      [2, 'RUNNING'],
      [3, 'COMPLETED'],
    ]);
  });

  test('a job that is put off time and again keeps its latest 1,000 changes of status, and what its row holds', async () => {
    const job = await enqueue();
    await server.app.database.withWorkspace(workspace.id, async ({ sql }) => {
      await sql`
        insert into job_events (workspace_id, job_id, seq, status, is_progress, done, failed)
        select ${workspace.id}, ${job.id}, seq, 'RETRYING', false, 0, 0 from generate_series(2, 1347) as seq`;
      await sql`update jobs set event_seq = 1347 where id = ${job.id}`;
      for (const status of ['RUNNING', 'RETRYING', 'CANCELLED']) {
        await sql`update jobs set status = ${status} where id = ${job.id}`;
      }
      const [row] = await sql<{ events: number; first: number; last: number }[]>`
        select count(*)::int as events, min(seq) as first, max(seq) as last from job_events where job_id = ${job.id}`;
      expect(row).toEqual({ events: 1_000, first: 348, last: 1_347 });
    });
    const seqs = (await follow(job.id, { after: 1_340 }).rest()).map(({ seq }) => seq);
    expect(seqs).toEqual([1_341, 1_342, 1_343, 1_344, 1_345, 1_346, 1_347, 1_348, 1_349, 1_350]);
  });

  test('a thousand jobs that change at once have an event each, and none is looked for among all the others', async () => {
    const { told, entriesRead } = await server.app.database.withWorkspace(other.id, async ({ sql }) => {
      const insertJobs = (first: number, last: number) => sql`
        insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts, payload)
        select ${other.id}, 'job_' || place, 'IMPORT', 'standard', 'QUEUED', 5, 4, '{}'
        from generate_series(${first}::int, ${last}::int) place`;
      await insertJobs(0, 0);
      for (let done = 1; done <= 10; done += 1) await sql`update jobs set done = ${done}`;
      await sql`delete from jobs`;
      await insertJobs(1, 1_000);
      await sql`update jobs set status = 'RUNNING', attempt = 1`;
      const before = await entriesReadOf(sql);
      await sql`update jobs set done = 1`;
      const told = await sql<{ seq: number; status: string; count: number }[]>`
        select seq, status, count(*)::int from (
          select seq, status from job_events
          union all
          select event.seq, event.status from jobs cross join lateral unnest(state_events) event
        ) told group by 1, 2 order by 1`;
      return { told, entriesRead: (await entriesReadOf(sql)) - before };
    });
    expect([...told]).toEqual([
      { seq: 1, status: 'QUEUED', count: 1_000 },
      { seq: 2, status: 'RUNNING', count: 1_000 },
      { seq: 3, status: 'RUNNING', count: 1_000 },
    ]);
    expect(entriesRead).toBeLessThan(100 * 1_000);
  });

  test('the last event always comes, whenever the client subscribes while the job ends', {
    timeout: 60_000,
  }, async () => {
    const { jobs } = server.app.services;
    const caller: Caller = {
      kind: 'apiKey',
      workspace: { id: workspace.id, name: 'W', slug: workspace.slug, tier: 'ENTERPRISE', createdAt: new Date() },
      role: 'OWNER',
      apiKeyId: 'key_1',
      userId: null,
    };
    for (let round = 0; round < 200; round += 1) {
      const job = await enqueue();
      await job.start();
      const subscribe = async () => {
        // Between none and some tens of turns of the event loop: before, within and after the other's transactions.
        for (let turn = 0; turn < (round * 7) % 60; turn += 1) await new Promise(setImmediate);
        const seqs: number[] = [];
        for await (const { seq } of await jobs.follow(caller, job.id, 0, AbortSignal.timeout(50_000))) seqs.push(seq);
        return seqs;
      };
      const end = async () => {
        for (let turn = 0; turn < (round * 11) % 40; turn += 1) await new Promise(setImmediate);
        await job.progress(1);
        await job.complete();
      };
      const [seqs] = await Promise.all([subscribe(), end()]);
      expect(seqs, `round ${round}`).toEqual([1, 2, 3, 4]);
    }
    expect(listeners()).toBe(0);
  });
});
