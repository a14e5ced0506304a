import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, inject, test } from 'vitest';
import { testDatabaseTarget } from '../support/database.ts';
import { copyPreparedFolder } from '../support/prepared-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const DOCUMENTS = 1_000;
/** By then a call of 1,000 documents was answered, and their embedding is well under way. */
const LATEST_KILL_MS = 2_500;
const ROOT_KEY = 'a-root-key-of-the-crash-tests';
/** Half a minute until a dead worker is missed, and the time to embed. */
const TAKEOVER_TIMEOUT_MS = 120_000;

const started: ServerProcess[] = [];
const removals: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.child.exitCode ?? server.end('SIGKILL')));
  for (const remove of removals.splice(0)) await remove();
});

async function start(settings: Record<string, string>): Promise<{ server: ServerProcess; origin: string }> {
  const server = startProcess({ SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, ...settings });
  started.push(server);
  return { server, origin: await server.ready() };
}

interface Workspace {
  key: string;
  collectionId: string;
}

async function makeWorkspace(origin: string): Promise<Workspace> {
  const made = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
    origin,
    ROOT_KEY,
    `mutation {
      createWorkspace(input: { name: "Crash", tier: ENTERPRISE }) { ... on CreatedWorkspace { ownerKey { secret } } }
    }`,
  );
  const key = made.createWorkspace.ownerKey.secret;
  const { createCollection } = await ask<{ createCollection: { id: string } }>(
    origin,
    key,
    'mutation { createCollection(input: { name: "Notes" }) { ... on Collection { id } } }',
  );
  return { key, collectionId: createCollection.id };
}

/** Sends 1,000 documents. Returns whether they were acknowledged before the server died. */
async function upsert(origin: string, { key, collectionId }: Workspace, round: number): Promise<boolean> {
  const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({
    externalId: `round-${round}-${i}`,
    text: `Note ${i} of round ${round}.`,
    metadata: { round },
  }));
  try {
    const { upsertDocuments } = await ask<{ upsertDocuments: { created: number } }>(
      origin,
      key,
      'mutation ($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { ... on UpsertedDocuments { created } } }',
      { input: { collectionId, documents } },
    );
    expect(upsertDocuments.created).toBe(DOCUMENTS);
    return true;
  } catch (error) {
    // The connection was cut: the client knows nothing.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

async function count(origin: string, { key }: Workspace, filter: Record<string, unknown>): Promise<number> {
  const { documents } = await ask<{ documents: { totalCount: number } }>(
    origin,
    key,
    'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }',
    { filter },
  );
  return documents.totalCount;
}

/** Kills a server at any moment of an upsert. Returns whether the upsert was acknowledged, and when the kill came. */
async function killDuringUpsert(server: ServerProcess, origin: string, workspace: Workspace, round: number) {
  const killAfterMs = Math.round(Math.random() * LATEST_KILL_MS);
  const sent = upsert(origin, workspace, round);
  await sleep(killAfterMs);
  expect((await server.end('SIGKILL')).signal).toBe('SIGKILL');
  return { acknowledged: await sent, killAfterMs };
}

test.runIf(inject('testServer') === null)(
  'kill -9 during an upsert of 1,000 documents loses none that was acknowledged, and all are embedded in the end',
  async () => {
    const data = makeDataDir();
    removals.push(data.remove);
    await copyPreparedFolder(data.path);
    const settings = { SIGNALBOX_DATA_DIR: data.path };
    let { server, origin } = await start(settings);
    const workspace = await makeWorkspace(origin);
    let expected = 0;
    for (const round of [1, 2, 3]) {
      const { acknowledged, killAfterMs } = await killDuringUpsert(server, origin, workspace, round);
      ({ server, origin } = await start(settings));
      const stored = await count(origin, workspace, { metadata: { round } });
      const told = `killed after ${killAfterMs} ms, ${acknowledged ? '' : 'not '}acknowledged, ${stored} stored`;
      expect(acknowledged ? [DOCUMENTS] : [0, DOCUMENTS], told).toContain(stored);
      expected += stored;
    }
    const ready = () => count(origin, workspace, { embedding: ['READY'] });
    await waitFor(`${expected} READY documents`, async () => (await ready()) === expected, 120_000);
    expect(await count(origin, workspace, {})).toBe(expected);
  },
  240_000,
);

test.runIf(inject('testServer') !== null)(
  'where one of two servers on one database is killed, the other one finishes its work',
  async () => {
    const { databaseUrl = '', remove } = await testDatabaseTarget();
    removals.push(remove);
    const [first, second] = await Promise.all(
      [1, 2].map(() => {
        const data = makeDataDir();
        removals.push(data.remove);
        return start({ SIGNALBOX_DATA_DIR: data.path, DATABASE_URL: databaseUrl });
      }),
    );
    if (first === undefined || second === undefined) throw new Error('two servers were started');
    const workspace = await makeWorkspace(first.origin);
    const { acknowledged } = await killDuringUpsert(first.server, first.origin, workspace, 1);
    const stored = await count(second.origin, workspace, {});
    expect(acknowledged ? [DOCUMENTS] : [0, DOCUMENTS]).toContain(stored);
    const ready = () => count(second.origin, workspace, { embedding: ['READY'] });
    await waitFor(`${stored} READY documents`, async () => (await ready()) === stored, TAKEOVER_TIMEOUT_MS);
  },
  TAKEOVER_TIMEOUT_MS + 60_000,
);
