import { once } from 'node:events';
import { statSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { graphiqlOptions } from '../../src/server/graphiql.ts';
import { ask, type EndedProcess, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const DEMO_START_TIMEOUT_MS = 240_000;

let data: ReturnType<typeof makeDataDir>;
let first: ServerProcess;
let origin: string;
let rootKey: string;
let demoKey: string;

beforeAll(async () => {
  data = makeDataDir();
  first = startProcess({ SIGNALBOX_DATA_DIR: data.path });
  origin = await first.ready();
  rootKey = /Root key +(\S+)/.exec(first.stdout())?.[1] ?? '';
  demoKey = /Demo key +(\S+)/.exec(first.stdout())?.[1] ?? '';
}, DEMO_START_TIMEOUT_MS);
afterAll(async () => {
  if (first.child.exitCode === null) await first.end('SIGTERM');
  await data.remove();
});

async function countDocuments(at: string): Promise<number> {
  const { documents } = await ask<{ documents: { totalCount: number } }>(at, demoKey, '{ documents { totalCount } }');
  return documents.totalCount;
}

/** A start that is refused says why in one line, and nothing else, and ends with code 1. */
function expectRefusal({ code, stderr }: EndedProcess, reason: RegExp): void {
  expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(/^signalbox: /)]);
  expect(stderr).toMatch(reason);
  expect(code).toBe(1);
}

test('the first start says where it listens, fills the demo with progress and shows both keys', async () => {
  expect(first.stdout()).toMatch(/filling the demo workspace: (\d+) of \1 documents embedded/);
  expect(rootKey).toMatch(/^sbx_root_\S{40,}$/);
  expect(demoKey).toMatch(/^sbx_\S{20,}$/);
  for (const path of ['/healthz', '/readyz', '/metrics']) {
    expect(first.stdout()).toContain(`${origin}${path}`);
    expect((await fetch(`${origin}${path}`)).status).toBe(200);
  }
  expect(await countDocuments(origin)).toBeGreaterThanOrEqual(250);
});

test('the browser is led to GraphiQL, which has the demo key filled in', async () => {
  const page = await fetch(origin, { headers: { accept: 'text/html' } });
  expect(page.url).toBe(`${origin}/graphql`);
  expect(await page.text()).toContain(demoKey);
});

test('the first queries of GraphiQL work as they are with the demo key', async () => {
  const { collections } = await ask<{ collections: { nodes: { id: string }[] } }>(
    origin,
    demoKey,
    '{ collections { nodes { id } } }',
  );
  const tabs = graphiqlOptions({ key: demoKey, collectionId: collections.nodes[0]?.id ?? null }).defaultTabs ?? [];
  expect(tabs.length).toBeGreaterThanOrEqual(4);
  const answers = await Promise.all(
    tabs.map(({ query, variables }) =>
      ask<Record<string, unknown>>(
        origin,
        demoKey,
        query ?? '',
        JSON.parse(variables ?? '{}') as Record<string, unknown>,
      ),
    ),
  );
  const found = answers[0]?.search as { nodes: { document: { title: string } }[] };
  expect(found.nodes).toHaveLength(5);
  expect(answers[2]?.upsertDocuments).toMatchObject({ __typename: 'UpsertedDocuments', created: 1 });
});

test('the keys are kept for their owner’s eyes alone', () => {
  for (const file of ['root-key', 'demo-key']) expect(statSync(join(data.path, file)).mode & 0o777).toBe(0o600);
});

test('a second process on the same data folder is refused', async () => {
  const second = startProcess({ SIGNALBOX_DATA_DIR: data.path });
  expectRefusal(await second.ended, /another Signalbox process is using the data folder/);
  expect(await countDocuments(origin)).toBeGreaterThan(0);
});

test('SIGTERM lets running requests finish, and what they used is there after the next start, without seeding again', async () => {
  const before = await countDocuments(origin);
  const texts = (call: number) => Array.from({ length: 100 }, (_, i) => `Text ${i} of the running call ${call}.`);
  const calls = [1, 2, 3, 4].map((call) =>
    ask<{ embed: { dimensions: number }[] }>(
      origin,
      demoKey,
      'query ($texts: [String!]!) { embed(texts: $texts) { dimensions } }',
      { texts: texts(call) },
    ),
  );
  // Once this was answered, the calls before it have arrived.
  await ask(origin, demoKey, '{ viewer { role } }');
  const stopped = await first.end('SIGTERM');
  for (const { embed } of await Promise.all(calls)) expect(embed).toHaveLength(100);
  expect(stopped).toMatchObject({ code: 0, stderr: '' });
  expect(stopped.stdout).toContain('stopped');

  const second = startProcess({ SIGNALBOX_DATA_DIR: data.path });
  try {
    const at = await second.ready();
    expect(second.stdout()).not.toContain('filling');
    expect(second.stdout()).toContain(rootKey);
    expect(second.stdout()).toContain(demoKey);
    expect(await countDocuments(at)).toBe(before);
    const { usage } = await ask<{
      usage: { groups: { key: { operation: string }; totals: { embeddings: number } }[] };
    }>(at, demoKey, '{ usage { groups(by: [OPERATION]) { key totals { embeddings } } } }');
    const embedded = usage.groups.find(({ key }) => key.operation === 'embed')?.totals.embeddings ?? 0;
    expect(embedded).toBeGreaterThanOrEqual(before + 400);
  } finally {
    expect(await second.end('SIGINT')).toMatchObject({ code: 0 });
  }
});

const UNREACHABLE = 'postgres://nobody:a-secret@127.0.0.1:1/nothing';

test.each<[Record<string, string>, RegExp]>([
  [{ PORT: 'abc' }, /PORT must be/],
  [{ DATABASE_URL: 'nonsense' }, /DATABASE_URL must look like/],
  [{ SIGNALBOX_ROOT_KEY: 'short' }, /SIGNALBOX_ROOT_KEY must have/],
  [{ DATABASE_URL: UNREACHABLE }, /database .*does not answer/],
  [{ SIGNALBOX_EMBEDDING_MODEL: 'local/none' }, /names no model of the server; there are: local\/use-lite-768/],
])('the setting %j is refused in one line', async (setting, reason) => {
  const refused = await startProcess({ SIGNALBOX_DATA_DIR: data.path, ...setting }).ended;
  expectRefusal(refused, reason);
  expect(refused.stderr).not.toContain('a-secret');
});

test('a port that is in use is refused in one line', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  try {
    const settings = { SIGNALBOX_DATA_DIR: data.path, PORT: String(port) };
    expectRefusal(await startProcess(settings).ended, /the port is in use/);
  } finally {
    taken.close();
  }
});
