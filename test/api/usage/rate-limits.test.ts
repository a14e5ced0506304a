import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const models = new ScriptedModels();
let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  models.play('writer', says('Yes.'));
});
afterAll(() => server.close());

const EMBED = 'query ($texts: [String!]!) { embed(texts: $texts) { cached } }';
const UPDATE = /* GraphQL */ `
  mutation ($policies: JSON!) {
    updateSettings(input: { policies: $policies }) {
      ... on Settings { policies }
      ... on InvalidInputError { issues { path message } }
    }
  }
`;

interface Updated {
  updateSettings: { policies?: object; issues?: { path: string[]; message: string }[] };
}

async function setPolicies(policies: object): Promise<Updated['updateSettings']> {
  return (await workspace.read<Updated>(UPDATE, { policies })).updateSettings;
}

/** As if so much time had passed since the calls that are counted. */
async function pass(seconds: number): Promise<void> {
  await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`update rate_limit_calls set at = at - ${seconds} * interval '1 second'`,
  );
}

const embed = (key = workspace.ownerKey, texts = ['one']) => server.query(EMBED, { texts }, { key });

const chat = (fields: object = {}, key = workspace.ownerKey) =>
  fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'local/writer', messages: [{ role: 'user', content: 'Well?' }], ...fields }),
    signal: AbortSignal.timeout(50_000),
  });

test('a call over the limit is an error that says when to come again, in its extensions and in the header', async () => {
  await setPolicies({ requestsPerMinute: 2 });
  // The third goes the short way, which queries take that have come before.
  for (const _ of [1, 2]) expect((await embed()).body.errors).toBeUndefined();
  for (const path of ['the short way', 'the general way']) {
    const { status, headers, body } =
      path === 'the short way'
        ? await embed()
        : await server.query(`${EMBED} # ${path}`, { texts: ['one'] }, { key: workspace.ownerKey });
    expect(status, path).toBe(200);
    const { extensions, message } = body.errors?.[0] ?? {};
    expect(extensions, path).toEqual({ code: 'RATE_LIMITED', retryAfterMs: expect.any(Number) });
    expect(message).toContain('the workspace may make 2 model calls a minute');
    const retryAfterMs = Number(extensions?.retryAfterMs);
    expect(retryAfterMs).toBeGreaterThan(30_000);
    expect(Math.abs(Number(headers.get('retry-after')) * 1_000 - retryAfterMs)).toBeLessThanOrEqual(1_000);
  }
  await pass(61);
  expect((await embed()).body.errors).toBeUndefined();
});

test('the OpenAI door refuses with 429 and Retry-After, streamed or not, and asks no provider', async () => {
  await setPolicies({ requestsPerMinute: 1 });
  expect((await chat()).status).toBe(200);
  const asked = models.requests.length;
  for (const fields of [{}, { stream: true }]) {
    const refused = await chat(fields);
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(61);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect((await refused.json()) as object).toMatchObject({
      error: { type: 'rate_limit_error', code: 'rate_limit_exceeded', signalbox_code: 'RATE_LIMITED' },
    });
  }
  expect(models.requests).toHaveLength(asked);
});

test('what a cache answers counts too: a client cannot ask more often than it may', async () => {
  await setPolicies({ requestsPerMinute: 2 });
  await embed();
  const { body } = await embed();
  expect(body.data).toEqual({ embed: [{ cached: true }] });
  expect((await embed()).body.errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
});

test('a limit per key leaves the other keys of the workspace alone', async () => {
  await setPolicies({ requestsPerMinutePerKey: 1 });
  const other = await server.createKey(workspace.ownerKey, 'MEMBER');
  expect((await embed()).body.errors).toBeUndefined();
  const { errors } = (await embed()).body;
  expect(errors?.[0]?.message).toContain('each API key may make 1 model calls a minute');
  expect((await embed(other.secret)).body.errors).toBeUndefined();
});

test('a page of documents is one call, and so is a search', async () => {
  const collectionId = await workspace.createCollection();
  await workspace.store(
    collectionId,
    ['A ferry.', 'A train.', 'A bus.'].map((text) => ({ text })),
  );
  await setPolicies({ requestsPerMinute: 2 });
  await workspace.read('{ documents { nodes { sentiment { score } } } }');
  await workspace.read('{ search(query: "what floats?") { nodes { score } } }');
  expect(await workspace.errorCode('{ search(query: "what flies?") { nodes { score } } }')).toBe('RATE_LIMITED');
});

describe('the limits of a workspace', () => {
  test('are whole numbers from 1 to 100,000', async () => {
    for (const limit of [0, -1, 1.5, 100_001, '60', true]) {
      for (const name of ['requestsPerMinute', 'requestsPerMinutePerKey']) {
        const { issues } = await setPolicies({ [name]: limit });
        expect(issues, `${name} ${limit}`).toEqual([
          { path: ['policies', name], message: 'must be a whole number from 1 to 100000, or null for none' },
        ]);
      }
    }
    const { policies } = await setPolicies({ requestsPerMinute: 100_000, requestsPerMinutePerKey: 1 });
    expect(policies).toEqual({ requestsPerMinute: 100_000, requestsPerMinutePerKey: 1 });
  });

  test('go with null, and then nothing is refused', async () => {
    await setPolicies({ requestsPerMinute: 1 });
    await embed();
    expect((await embed()).body.errors?.[0]?.extensions.code).toBe('RATE_LIMITED');
    await setPolicies({ requestsPerMinute: null });
    for (const _ of [1, 2, 3]) expect((await embed()).body.errors).toBeUndefined();
  });

  test('hold another workspace up by nothing', async () => {
    await setPolicies({ requestsPerMinute: 1 });
    await embed();
    const other = await openWorkspace(server);
    for (const _ of [1, 2, 3]) expect((await embed(other.ownerKey)).body.errors).toBeUndefined();
  });
});

interface Job {
  status: string;
  attempt: number;
  error: string | null;
  nextAttemptAt: string | null;
}

test('a job over the limit waits, goes on where it was, and is done though the limit is smaller than it', async () => {
  await setPolicies({ requestsPerMinute: 2 });
  // 64 texts are one call.
  const texts = Array.from({ length: 300 }, (_, i) => `question ${i} of ${workspace.id}`);
  const { warmCache: job } = await workspace.read<{ warmCache: { id: string } }>(
    'mutation ($texts: [String!]!) { warmCache(input: { texts: $texts }) { ... on Job { id } } }',
    { texts },
  );
  const readJob = async () =>
    (
      await workspace.read<{ node: Job }>(
        'query ($id: ID!) { node(id: $id) { ... on Job { status attempt error nextAttemptAt } } }',
        { id: job.id },
      )
    ).node;
  for (const round of ['first', 'second']) {
    const waiting = await waitFor(`the job to wait the ${round} time`, async () => {
      const seen = await readJob();
      return seen.status === 'RETRYING' && Date.parse(seen.nextAttemptAt ?? '') > Date.now() + 10_000 && seen;
    });
    expect(waiting.error).toContain('the workspace may make 2 model calls a minute');
    // No attempt is used up.
    expect(waiting.attempt).toBe(0);
    // As if the wait were over.
    await pass(61);
    await server.app.database.withSystem(async ({ sql }) => {
      await sql`update jobs set next_attempt_at = now() where id = ${job.id}`;
      await sql`update pgboss.job set start_after = now() where data ->> 'jobId' = ${job.id}`;
    });
  }
  await waitFor('the job to be done', async () => (await readJob()).status === 'COMPLETED');
});
