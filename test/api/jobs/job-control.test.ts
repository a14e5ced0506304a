import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { CallContext, Provider } from '../../../src/plugins/contract.ts';
import { newId } from '../../../src/shared/ids.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

/** What the built-in provider does in this test with the next texts. */
let embedding: 'works' | 'hangs' = 'works';
/** Calls that hang, with what became of them. */
let hanging: { call: CallContext; isCut: boolean }[] = [];

const scripted = (provider: Provider): Provider => ({
  embed: (request, call) =>
    embedding === 'works' ? (provider.embed as NonNullable<Provider['embed']>)(request, call) : hang(call),
  listModels: (call) => provider.listModels(call),
  check: (call) => provider.check(call),
  close: () => provider.close(),
});

function hang(call: CallContext): Promise<never> {
  const seen = { call, isCut: false };
  hanging.push(seen);
  return new Promise((_resolve, reject) => {
    call.signal.addEventListener('abort', () => {
      seen.isCut = true;
      reject(call.signal.reason);
    });
  });
}

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: scripted });
});
beforeEach(async () => {
  embedding = 'works';
  hanging = [];
  workspace = await openWorkspace(server);
});
afterAll(() => server?.close());

const FIELDS = 'id status attempt maxAttempts error finishedAt attempts { number startedAt finishedAt error }';

interface Job {
  __typename: string;
  code: string;
  message: string;
  id: string;
  status: string;
  attempt: number;
  error: string | null;
  attempts: { number: number; finishedAt: string | null; error: string | null }[];
}

async function mutate(name: 'cancelJob' | 'retryJob', id: string, of = workspace): Promise<Job> {
  const type = name === 'cancelJob' ? 'CancelJobInput' : 'RetryJobInput';
  const answer = await of.read<Record<string, Job>>(
    `mutation ($input: ${type}!) { ${name}(input: $input) { __typename ... on Job { ${FIELDS} } ... on Error { code message } } }`,
    { input: { id } },
  );
  return answer[name] as Job;
}

async function redrive(kinds?: string[], of = workspace): Promise<number> {
  const { redriveDeadLetters } = await of.read<{ redriveDeadLetters: { count: number } }>(
    'mutation ($input: RedriveDeadLettersInput!) { redriveDeadLetters(input: $input) { ... on Redriven { count } } }',
    { input: { kinds } },
  );
  return redriveDeadLetters.count;
}

async function queues(of = workspace) {
  const { queues: list } = await of.read<{ queues: Record<string, unknown>[] }>(
    '{ queues { name depth running oldestAgeSeconds deadLetters } }',
  );
  return new Map(list.map(({ name, ...rest }) => [name, rest]));
}

async function job(id: string): Promise<Job> {
  return (
    await workspace.read<{ node: Job }>(`query ($id: ID!) { node(id: $id) { ... on Job { ${FIELDS} } } }`, { id })
  ).node;
}

function until(id: string, status: string): Promise<Job> {
  return waitFor(`the job to be ${status}`, async () => {
    const found = await job(id);
    return found.status === status ? found : null;
  });
}

let texts = 0;
/** Documents whose embedding is a job. Returns its id. */
async function enqueue(): Promise<string> {
  const collectionId = await workspace.createCollection();
  const { job: made } = await workspace.upsert({ collectionId, documents: [{ text: `Note number ${texts++}.` }] });
  return made?.id ?? '';
}

/** Writes jobs as they are after their last attempt; none of them has a turn. */
async function insertJobs(count: number, state: { status: string; kind?: string }): Promise<string[]> {
  const { status, kind = 'EMBED' } = state;
  const ids = Array.from({ length: count }, () => newId('Job'));
  await server.app.database.sql`
    insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts, attempt, error, payload, created_at,
      started_at, finished_at)
    select ${workspace.id}, id, ${kind},
      'STANDARD', ${status}, 5, 4, 4, 'poison', '{"documentIds":[],"tasks":[],"apiKeyId":null,"userId":null}',
      now() - interval '2 minutes', now() - interval '1 minute', now() - interval '30 seconds'
    from unnest(${ids}::text[]) as ids (id)`;
  return ids;
}

describe('cancelJob', () => {
  test('of a job that runs cuts off its call to the provider, and it ends CANCELLED', async () => {
    embedding = 'hangs';
    const id = await enqueue();
    await until(id, 'RUNNING');
    await waitFor('the provider to be called', () => hanging.length === 1);
    const cancelled = await mutate('cancelJob', id);
    expect(cancelled).toMatchObject({ __typename: 'Job', status: 'CANCELLED', attempt: 1 });
    await waitFor('the call to be cut off', () => hanging[0]?.isCut);
    embedding = 'works';
    const again = await mutate('cancelJob', id);
    expect(again).toEqual(cancelled);
    expect(again.attempts).toMatchObject([{ number: 1, error: null }]);
  });

  test('of a job that waits ends it at once, and it is never run', async () => {
    const [id = ''] = await insertJobs(1, { status: 'RETRYING' });
    expect(await mutate('cancelJob', id)).toMatchObject({ status: 'CANCELLED' });
    expect((await queues()).get('STANDARD')).toMatchObject({ depth: 0, running: 0 });
  });

  test('of a finished job is a conflict, and of another workspace’s there is none', async () => {
    const id = await enqueue();
    await until(id, 'COMPLETED');
    expect(await mutate('cancelJob', id)).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
    const other = await openWorkspace(server);
    expect(await mutate('cancelJob', id, other)).toMatchObject({ code: 'NOT_FOUND' });
    expect(await mutate('retryJob', id, other)).toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('retryJob', () => {
  test('runs a cancelled job again, with all its attempts', async () => {
    embedding = 'hangs';
    const id = await enqueue();
    await until(id, 'RUNNING');
    await mutate('cancelJob', id);
    embedding = 'works';
    expect(await mutate('retryJob', id)).toMatchObject({ status: 'QUEUED', attempt: 0, error: null });
    expect(await until(id, 'COMPLETED')).toMatchObject({ attempt: 1 });
  });

  test('of a job that was not given up is a conflict', async () => {
    const id = await enqueue();
    await until(id, 'COMPLETED');
    expect(await mutate('retryJob', id)).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
  });
});

describe('redriveDeadLetters', () => {
  test('puts each job back once, also where two ask at the same time, and tells how many', async () => {
    const dead = await insertJobs(510, { status: 'DEAD' });
    expect((await queues()).get('DEAD_LETTER')).toMatchObject({ depth: 510, deadLetters: 510 });
    const counts = await Promise.all([redrive(), redrive()]);
    expect(counts[0] + counts[1]).toBe(510);
    const looked = [dead[0] ?? '', dead[509] ?? ''];
    // Of those that wait two are enough to be run.
    await server.app.database.sql`
      delete from jobs where workspace_id = ${workspace.id} and status = 'QUEUED' and id <> all(${looked}::text[])`;
    for (const id of looked) await until(id, 'COMPLETED');
  });

  test('takes the kinds that are asked for alone, and none of another workspace', async () => {
    await insertJobs(2, { status: 'DEAD', kind: 'IMPORT' });
    expect(await redrive(['EMBED'])).toBe(0);
    expect(await redrive([], await openWorkspace(server))).toBe(0);
    expect((await queues()).get('STANDARD')).toMatchObject({ deadLetters: 2 });
    expect(await redrive(['IMPORT'])).toBe(2);
  });
});

describe('queues', () => {
  test('show what is this workspace’s, and nothing of another one', async () => {
    await insertJobs(3, { status: 'DEAD' });
    embedding = 'hangs';
    const id = await enqueue();
    await until(id, 'RUNNING');
    const mine = await queues();
    expect([...mine.keys()]).toEqual(['HIGH', 'STANDARD', 'BATCH', 'DEAD_LETTER']);
    expect(mine.get('STANDARD')).toEqual({ depth: 0, running: 1, oldestAgeSeconds: null, deadLetters: 3 });
    expect(mine.get('DEAD_LETTER')).toMatchObject({ depth: 3, running: 0, deadLetters: 3 });
    expect(mine.get('DEAD_LETTER')?.oldestAgeSeconds).toBeGreaterThan(29);
    const theirs = await queues(await openWorkspace(server));
    for (const queue of theirs.values()) {
      expect(queue).toEqual({ depth: 0, running: 0, oldestAgeSeconds: null, deadLetters: 0 });
    }
    await mutate('cancelJob', id);
  });
});
