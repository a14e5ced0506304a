import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Caller } from '../../../src/domain/access/caller.ts';
import type { JobEvent } from '../../../src/domain/queues/job.ts';
import type { JobKind } from '../../../src/jobs/define-job.ts';
import { ringJobs } from '../../../src/jobs/job-events.ts';
import { insertJobs, type NewJob } from '../../../src/jobs/job-store.ts';
import { newId } from '../../../src/shared/ids.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { ScriptedJob } from './scripted-job.ts';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());

const enqueue = (kind?: JobKind, id = workspace.id) => ScriptedJob.enqueue(server.app.database, id, kind);

function callerOf({ id, slug }: TestWorkspace): Caller {
  const theirs = { id, slug, name: 'W', tier: 'ENTERPRISE', createdAt: new Date() } as const;
  return { kind: 'apiKey', workspace: theirs, role: 'OWNER', apiKeyId: 'key_1', userId: null };
}

async function followAll(kinds: JobKind[] | null = null, of = workspace) {
  const left = new AbortController();
  const events = await server.app.services.jobs.followAll(callerOf(of), kinds, left.signal);
  return {
    next: async () => (await events.next()).value as JobEvent,
    /** As many as come until one is what is wanted. */
    until: async (wanted: (event: JobEvent) => boolean) => {
      const told: JobEvent[] = [];
      for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => events.next() }) }) {
        told.push(event);
        if (wanted(event)) break;
      }
      return told;
    },
    leave: () => left.abort(),
  };
}

const shown = ({ job, seq, status }: JobEvent) => [job.id, seq, status];

describe('following the jobs of a workspace', () => {
  test('tells over WebSocket what happens to each from now on', async () => {
    await enqueue();
    const { bus } = server.app.database;
    const listenersBefore = bus.listenerCount;
    const client = createClient({
      url: server.wsUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${workspace.ownerKey}` },
    });
    const events = client.iterate<{ jobs: { seq: number; status: string; job: { id: string; kind: string } } }>({
      query: 'subscription { jobs(kinds: [IMPORT]) { seq status job { id kind } } }',
    });
    const first = events.next();
    await waitFor('the subscription', () => bus.listenerCount > listenersBefore);
    await enqueue('EMBED');
    const job = await enqueue('IMPORT');
    const told = { seq: 1, status: 'QUEUED', job: { id: job.id, kind: 'IMPORT' } };
    expect((await first).value).toMatchObject({ data: { jobs: told } });
    await client.dispose();
    await waitFor('the listener to be gone', () => bus.listenerCount === listenersBefore);
  });

  test('tells each change of a status, in the order of each job', async () => {
    const follower = await followAll();
    const jobs = [await enqueue(), await enqueue('EMBED'), await enqueue()];
    for (const job of jobs) await job.start();
    for (const job of jobs) await job.complete();
    let ended = 0;
    const told = await follower.until(({ status }) => {
      if (status === 'COMPLETED') ended += 1;
      return ended === 3;
    });
    for (const job of jobs) {
      expect(told.filter((event) => event.job.id === job.id).map(shown)).toEqual([
        [job.id, 1, 'QUEUED'],
        [job.id, 2, 'RUNNING'],
        [job.id, 3, 'COMPLETED'],
      ]);
    }
    follower.leave();
  });

  test('tells the newest progress alone, and every change of a status, to one that was slow', async () => {
    const follower = await followAll();
    const job = await enqueue();
    await job.start();
    for (let done = 1; done <= 50; done += 1) await job.progress(done);
    const told = await follower.until(({ progress }) => progress.done === 50);
    expect(told.map(shown)).toEqual([
      [job.id, 1, 'QUEUED'],
      [job.id, 2, 'RUNNING'],
      [job.id, 52, 'RUNNING'],
    ]);
    follower.leave();
  });

  test('tells every change of a status where a transaction brings more than the row of the job holds', async () => {
    const follower = await followAll();
    const job = await enqueue();
    await server.app.database.withWorkspace(workspace.id, async (scope) => {
      for (let attempt = 1; attempt <= 20; attempt += 1) {
        await scope.sql`update jobs set status = 'RUNNING', attempt = ${attempt} where id = ${job.id}`;
      }
      await scope.sql`update jobs set status = 'CANCELLED' where id = ${job.id}`;
      ringJobs(scope, [job.id]);
    });
    const told = await follower.until(({ status }) => status === 'CANCELLED');
    expect(told.map(({ seq }) => seq)).toEqual(Array.from({ length: 22 }, (_, index) => index + 1));
    follower.leave();
  });

  test('is of the kinds that were asked for', async () => {
    const follower = await followAll(['EMBED', 'CLASSIFY']);
    await enqueue('IMPORT');
    const wanted = await enqueue('CLASSIFY');
    expect(shown(await follower.next())).toEqual([wanted.id, 1, 'QUEUED']);
    follower.leave();
  });

  test('is of one workspace', async () => {
    const other = await server.createWorkspace();
    const follower = await followAll(null, other);
    await enqueue();
    const theirs = await enqueue('IMPORT', other.id);
    expect(shown(await follower.next())).toEqual([theirs.id, 1, 'QUEUED']);
    follower.leave();
  });

  test('of more than is told in one go, each job is told once, as it is by then', async () => {
    const follower = await followAll();
    const rows: NewJob[] = Array.from({ length: 1_700 }, () => ({
      ...{ id: newId('Job'), kind: 'IMPORT', queue: 'standard', priority: 5, maxAttempts: 4, payload: {} },
    }));
    await server.app.database.withWorkspace(workspace.id, async (scope) => {
      await insertJobs(scope, rows, 1);
      await scope.sql`update jobs set status = 'CANCELLED', finished_at = now() where id = any(${rows.map(({ id }) => id)})`;
    });
    const told = new Map<string, JobEvent[]>();
    while (told.size < rows.length) {
      const event = await follower.next();
      told.set(event.job.id, [...(told.get(event.job.id) ?? []), event]);
    }
    expect([...told.keys()].sort()).toEqual(rows.map(({ id }) => id).sort());
    expect([...told.values()].every((events) => events.length === 1 && events[0]?.status === 'CANCELLED')).toBe(true);
    const after = await enqueue();
    expect(shown(await follower.next())).toEqual([after.id, 1, 'QUEUED']);
    follower.leave();
  });

  test('misses nothing that is committed after what was written later', async (context) => {
    const { database } = server.app;
    if (database.kind === 'embedded') context.skip('the embedded database runs one transaction at a time');
    const follower = await followAll();
    const late = newId('Job');
    const written = Promise.withResolvers<void>();
    const mayCommit = Promise.withResolvers<void>();
    const slow = database.withWorkspace(workspace.id, async (scope) => {
      const row = { kind: 'IMPORT', queue: 'standard', priority: 5, maxAttempts: 4, payload: {} } as const;
      await insertJobs(scope, [{ id: late, ...row }], 1);
      written.resolve();
      await mayCommit.promise;
    });
    await written.promise;
    const quick = [await enqueue(), await enqueue()];
    for (const { id } of quick) expect(shown(await follower.next())).toEqual([id, 1, 'QUEUED']);
    mayCommit.resolve();
    await slow;
    expect(shown(await follower.next())).toEqual([late, 1, 'QUEUED']);
    const after = await enqueue();
    expect(shown(await follower.next())).toEqual([after.id, 1, 'QUEUED']);
    follower.leave();
  });
});
