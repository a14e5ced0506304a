import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';
import {
  hurry,
  insertMany,
  isCompleted,
  jobsOf,
  process,
  redrive,
  scriptedEmbedding,
  statuses,
  untilJob,
} from './processing-client.ts';

const embedding = scriptedEmbedding();

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: embedding.wrap });
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection();
  embedding.texts.length = 0;
  embedding.calls = 0;
  embedding.before = () => undefined;
});
afterAll(() => server?.close());

const insert = (count: number, textOf?: string) => insertMany(server.app, workspace.id, collectionId, count, textOf);

describe('tasks over a filter', () => {
  test('of 2,500 documents go on where an attempt broke off: each is paid once, and the counts are exact', async () => {
    await insert(2_500);
    let broken = 0;
    embedding.before = () => {
      if (embedding.texts.length < 1_500 || broken > 0) return;
      broken += 1;
      throw new ProviderError('authentication', 'the key was revoked');
    };
    const input = { filter: { collectionIds: [collectionId] }, tasks: ['EMBED'], priority: 9 };
    const { id, queue } = await process(workspace, input);
    expect(queue).toBe('HIGH');
    const job = await untilJob(workspace, id, isCompleted);
    const broke = await server.app.database.withWorkspace(
      workspace.id,
      ({ sql }) => sql<{ message: string; done: number; total: number }[]>`
        select event.message, event.done, event.total from jobs cross join lateral unnest(state_events) event
        where jobs.id = ${id} and event.status = 'RETRYING'`,
    );
    expect([...broke]).toMatchObject([{ message: 'the key was revoked', total: 2_500 }]);
    expect(broke[0]?.done).toBeGreaterThanOrEqual(1_000);
    expect(job).toMatchObject({ attempt: 2, progress: { done: 2_500, failed: 0, total: 2_500 } });
    expect(job.result).toEqual({ done: 2_500, failed: 0 });
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 2_500 });
    expect(embedding.texts).toHaveLength(2_500);
    expect(new Set(embedding.texts).size).toBe(2_500);
  }, 120_000);

  test('leave out what is written after they were asked for, and what the filter does not match', async () => {
    await insert(30);
    const other = await workspace.createCollection();
    await insertMany(server.app, workspace.id, other, 5, 'other');
    const held = Promise.withResolvers<void>();
    embedding.before = () => held.promise;
    const { id } = await process(workspace, { filter: { collectionIds: [collectionId] }, tasks: ['EMBED'] });
    await waitFor('the first call', () => embedding.calls > 0);
    await insert(30, 'zlater');
    held.resolve();
    const job = await untilJob(workspace, id, isCompleted);
    expect(job.progress).toEqual({ done: 30, failed: 0, total: 30 });
    expect(await statuses(server.app, workspace.id)).toEqual({ MISSING: 35, READY: 30 });
  });

  test('work on every document that they matched, also where the work takes it out of the filter', async () => {
    await insert(700);
    const { id } = await process(workspace, { filter: { embedding: ['MISSING'] }, tasks: ['EMBED'] });
    const job = await untilJob(workspace, id, isCompleted);
    expect(job.progress).toEqual({ done: 700, failed: 0, total: 700 });
    const again = await process(workspace, { filter: { embedding: ['MISSING'] }, tasks: ['EMBED'] });
    const nothing = await untilJob(workspace, again.id, isCompleted);
    expect(nothing.progress).toEqual({ done: 0, failed: 0, total: 0 });
    expect(embedding.texts).toHaveLength(700);
  });

  test('count a task on a document as one item, and do none of them twice', async () => {
    await insert(120);
    const input = { filter: {}, tasks: ['SUMMARISE', 'EMBED', 'SENTIMENT', 'EMBED'] };
    const job = await untilJob(workspace, (await process(workspace, input)).id, isCompleted);
    expect(job.progress).toEqual({ done: 360, failed: 0, total: 360 });
    const paid = embedding.texts.length;
    const again = await untilJob(workspace, (await process(workspace, input)).id, isCompleted);
    expect(again.progress).toEqual({ done: 360, failed: 0, total: 360 });
    expect(embedding.texts).toHaveLength(paid);
  });
});

describe('a document that the provider refuses', () => {
  const refuse = (...poisons: string[]) => {
    embedding.before = ({ texts }) => {
      const poison = texts.find((text) => poisons.some((end) => text.endsWith(end)));
      if (poison !== undefined) throw new ProviderError('content_filter', `will not read "${poison}"`);
    };
  };

  test('is found among the others, counted as failed with its reason, and the others are paid once', async () => {
    await insert(130);
    refuse(' 64', ' 99');
    const { id } = await process(workspace, { filter: {}, tasks: ['EMBED'] });
    const job = await untilJob(workspace, id, isCompleted);
    expect(job.progress).toEqual({ done: 128, failed: 2, total: 130 });
    expect(job.result).toMatchObject({
      ...{ done: 128, failed: 2 },
      failures: expect.arrayContaining([
        { documentId: 'doc_note_0000064', task: 'EMBED', message: 'will not read "note 64"' },
        { documentId: 'doc_note_0000099', task: 'EMBED', message: 'will not read "note 99"' },
      ]),
    });
    expect(await statuses(server.app, workspace.id)).toEqual({ FAILED: 2, READY: 128 });
    expect(new Set(embedding.texts).size).toBe(embedding.texts.length);
  });

  test('ends in the dead letters with its reason, and is redriven after it was mended', async () => {
    refuse('poison');
    const documents = [
      { externalId: 'good', text: 'fine' },
      { externalId: 'bad', text: 'poison' },
    ];
    const { job } = await workspace.upsert({ collectionId, documents, tasks: ['EMBED'], wait: true });
    expect(job?.status).toBe('COMPLETED');
    expect(await statuses(server.app, workspace.id)).toEqual({ FAILED: 1, READY: 1 });
    const [followUp] = (await jobsOf(workspace, ['EMBED'])).filter(({ id }) => id !== job?.id);
    if (followUp === undefined) throw new Error('nothing follows the failure up');
    for (let attempt = 1; attempt <= 3; attempt++) {
      await untilJob(workspace, followUp.id, (seen) => seen.status === 'RETRYING' && seen.attempt === attempt);
      await hurry(server.app, workspace.id);
    }
    const dead = await untilJob(workspace, followUp.id, ({ status }) => status === 'DEAD');
    expect(dead.error).toMatch(/^1 of the documents failed again: doc_\w+: will not read "poison"$/);
    // Another job that fails at it makes no second dead letter.
    await untilJob(workspace, (await process(workspace, { filter: {}, tasks: ['EMBED'] })).id, isCompleted);
    expect(await jobsOf(workspace, ['EMBED'])).toHaveLength(2);

    const mended = [{ externalId: 'bad', text: 'harmless' }];
    await workspace.upsert({ collectionId, documents: mended, tasks: [] });
    expect(await redrive(workspace, ['EMBED'])).toEqual({ count: 1 });
    await untilJob(workspace, followUp.id, isCompleted);
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 2 });
  }, 120_000);

  test('is told apart from a provider that is down: no document is blamed, and the job tries again', async () => {
    await insert(80);
    let isDown = true;
    embedding.before = () => {
      if (isDown) throw new ProviderError('authentication', 'the provider is closed');
    };
    const { id } = await process(workspace, { filter: {}, tasks: ['EMBED'], priority: 8 });
    const waiting = await untilJob(workspace, id, ({ status }) => status === 'RETRYING');
    expect(waiting.error).toBe('the provider is closed');
    expect(await statuses(server.app, workspace.id)).toEqual({ MISSING: 80 });
    isDown = false;
    await hurry(server.app, workspace.id);
    const job = await untilJob(workspace, id, isCompleted);
    expect(job.result).toEqual({ done: 80, failed: 0 });
    expect(await jobsOf(workspace, ['EMBED'])).toEqual([]);
  });
});

describe('a provider that wants fewer calls', () => {
  test.each([
    ['when it says when to come again', 40_000, [40, 50]],
    ['when it does not', undefined, [30, 40]],
    ['when it asks for longer than a job waits for', 86_400_000, [3_600, 3_610]],
  ] as const)('delays a job, and uses up none of its attempts, %s', async (_when, retryAfterMs, [atLeast, atMost]) => {
    await insert(30);
    let isBusy = true;
    embedding.before = () => {
      if (isBusy) throw new ProviderError('rate_limited', 'slow down', { retryAfterMs });
    };
    const { id } = await process(workspace, { filter: {}, tasks: ['EMBED'] });
    for (let again = 0; again < 2; again++) {
      const waiting = await untilJob(workspace, id, ({ status }) => status === 'RETRYING');
      expect(waiting).toMatchObject({ attempt: 0, error: 'slow down' });
      if (again === 0) expect(await waitOf(id)).toSatisfy((seconds: number) => seconds >= atLeast && seconds <= atMost);
      const { calls } = embedding;
      await hurry(server.app, workspace.id);
      await waitFor('another call', () => embedding.calls > calls);
    }
    isBusy = false;
    await untilJob(workspace, id, ({ status }) => status !== 'RUNNING');
    await hurry(server.app, workspace.id);
    expect((await untilJob(workspace, id, isCompleted)).result).toEqual({ done: 30, failed: 0 });
    expect(await statuses(server.app, workspace.id)).toEqual({ READY: 30 });
  });
});

/** Seconds between the end of a job's attempt and the next one. */
async function waitOf(id: string): Promise<number> {
  const [row] = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql<{ seconds: number }[]>`
      select extract(epoch from next_attempt_at - finished_at)::float8 as seconds from (
        select next_attempt_at, (select max(at) from (
          select at from job_events where job_id = jobs.id
          union all select at from unnest(jobs.state_events)
        ) told) as finished_at
        from jobs where id = ${id}
      ) waiting`,
  );
  return row?.seconds ?? Number.NaN;
}

test('a job that is cancelled stops amid its call, and makes no further one', async () => {
  await insert(600);
  const aborted = Promise.withResolvers<void>();
  embedding.before = (_request, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted.resolve();
        reject(signal.reason);
      });
    });
  const { id } = await process(workspace, { filter: {}, tasks: ['EMBED'] });
  await waitFor('the first call', () => embedding.calls > 0);
  const { cancelJob } = await workspace.read<{ cancelJob: { status: string } }>(
    'mutation ($input: CancelJobInput!) { cancelJob(input: $input) { ... on Job { status } ... on Error { message } } }',
    { input: { id } },
  );
  expect(cancelJob).toEqual({ status: 'CANCELLED' });
  await aborted.promise;
  const { calls } = embedding;
  const job = await untilJob(workspace, id, ({ status }) => status === 'CANCELLED');
  expect(job.progress.done).toBe(0);
  expect(embedding.calls).toBe(calls);
  expect(await statuses(server.app, workspace.id)).toEqual({ MISSING: 600 });
});

describe('what is asked for', () => {
  test.each([
    ['neither ids nor a filter', { tasks: ['EMBED'] }, ['filter']],
    ['both ids and a filter', { documentIds: ['doc_1'], filter: {}, tasks: ['EMBED'] }, ['filter']],
    ['no task', { filter: {}, tasks: [] }, ['tasks']],
    ['a priority of 11', { filter: {}, tasks: ['EMBED'], priority: 11 }, ['priority']],
    [
      '1,001 ids',
      { documentIds: Array.from({ length: 1_001 }, (_, i) => `doc_${i}`), tasks: ['EMBED'] },
      ['documentIds'],
    ],
  ])('must not be %s', async (_what, input, path) => {
    expect(await process(workspace, input)).toMatchObject({
      ...{ __typename: 'InvalidInputError', code: 'BAD_INPUT', issues: [{ path }] },
    });
  });

  test('must be a caller’s own: documents of another workspace are passed over, unread', async () => {
    const neighbour = await openWorkspace(server);
    const theirs = await insertMany(server.app, neighbour.id, await neighbour.createCollection(), 3, 'secret');
    const { id } = await process(workspace, { documentIds: theirs, tasks: ['EMBED', 'SUMMARISE'] });
    await untilJob(workspace, id, isCompleted);
    expect(embedding.texts).toEqual([]);
    expect(await statuses(server.app, neighbour.id)).toEqual({ MISSING: 3 });
  });

  test('needs more than reading', async () => {
    const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
    const viewer = workspaceClient(server, { ...workspace, ownerKey: secret });
    expect(await process(viewer, { filter: {}, tasks: ['EMBED'] })).toMatchObject({ code: 'FORBIDDEN' });
  });

  test('is refused before it is queued where ids need more than is left of the allowance', async () => {
    const free = await openWorkspace(server, { tier: 'FREE' });
    const ids = await insertMany(server.app, free.id, await free.createCollection(), 1_000);
    await untilJob(free, (await process(free, { documentIds: ids.slice(0, 600), tasks: ['EMBED'] })).id, isCompleted);
    const paid = embedding.texts.length;
    const refused = await process(free, { documentIds: ids, tasks: ['EMBED'] });
    // 600 of 1,000 are taken, and 400 are left to embed: a text more than that is too much.
    expect(refused.__typename).toBe('Job');
    await untilJob(free, refused.id, isCompleted);
    expect(embedding.texts).toHaveLength(paid + 400);
    const [more] = await insertMany(server.app, free.id, await free.createCollection(), 1, 'more');
    expect(await process(free, { documentIds: [more], tasks: ['EMBED'] })).toMatchObject({ code: 'LIMIT_REACHED' });
    // Of a filter it is found out as it goes: the job waits, and loses no attempt.
    const waiting = await process(free, { filter: {}, tasks: ['EMBED'] });
    const job = await untilJob(free, waiting.id, ({ status }) => status === 'RETRYING');
    expect(job).toMatchObject({ attempt: 0, progress: { total: 1_001 } });
  }, 120_000);
});
