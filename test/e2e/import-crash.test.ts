import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, inject, test } from 'vitest';
import { testDatabaseTarget } from '../support/database.ts';
import { copyPreparedFolder } from '../support/prepared-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const ROWS = Number(process.env.SIGNALBOX_TEST_IMPORT_ROWS ?? 6_000);
/** Of a worker apart each takes the half minute until it is missed. */
const WORKER_KILLS = Number(process.env.SIGNALBOX_TEST_IMPORT_WORKER_KILLS ?? 1);
/** After the look that found it amid its work: of the last piece, as much is left. */
const KILL_WITHIN_MS = 60;
const ROOT_KEY = 'a-root-key-of-the-import-tests';
/** One row in so many has a cell too many. */
const BAD_EVERY = 200;
const BAD_ROWS = Math.floor(ROWS / BAD_EVERY);
const IMPORT_TIMEOUT_MS = 60_000 + ROWS * 6;
const TAKEOVER_TIMEOUT_MS = 120_000;

const started: ServerProcess[] = [];
const removals: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.child.exitCode ?? server.end('SIGKILL')));
  for (const remove of removals.splice(0)) await remove();
});

function start(settings: Record<string, string>, entry?: string): ServerProcess {
  const process = startProcess({ SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, ...settings }, entry);
  started.push(process);
  return process;
}

interface Sent {
  key: string;
  collectionId: string;
  importId: string;
}

/** Every second row has an id; some have line breaks, and some a cell too many. */
function csvOf(rows: number): string {
  const lines = ['id,row,text'];
  for (let row = 0; row < rows; row++) {
    const bad = row % BAD_EVERY === BAD_EVERY - 1 ? ',surplus' : '';
    const text = row % 7 === 0 ? `"Row ${row} says ""yes"",\nand goes on."` : `Row ${row} is about carriers and docks.`;
    lines.push(`${row % 2 === 0 ? `id-${row}` : ''},${row},${text}${bad}`);
  }
  return `${lines.join('\n')}\n`;
}

async function send(origin: string): Promise<Sent> {
  const { createWorkspace } = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
    origin,
    ROOT_KEY,
    'mutation { createWorkspace(input: { name: "Crash", tier: ENTERPRISE }) { ... on CreatedWorkspace { ownerKey { secret } } } }',
  );
  const key = createWorkspace.ownerKey.secret;
  const { createCollection } = await ask<{ createCollection: { id: string } }>(
    origin,
    key,
    'mutation { createCollection(input: { name: "Rows" }) { ... on Collection { id } } }',
  );
  const collectionId = createCollection.id;
  const mapping = { externalId: 'id', text: 'text', metadata: ['row'] };
  const query = `mutation ($input: ImportDocumentsInput!) {
    importDocuments(input: $input) { ... on Import { id } ... on Error { message } }
  }`;
  const form = new FormData();
  const input = { collectionId, mapping, tasks: [], file: null };
  form.set('operations', JSON.stringify({ query, variables: { input } }));
  form.set('map', JSON.stringify({ file: ['variables.input.file'] }));
  form.set('file', new Blob([csvOf(ROWS)]), 'rows.csv');
  const headers = { authorization: `Bearer ${key}`, 'apollo-require-preflight': '1' };
  const response = await fetch(`${origin}/graphql`, { method: 'POST', headers, body: form });
  const { data } = (await response.json()) as { data: { importDocuments: { id: string; message?: string } } };
  expect(data.importDocuments.message).toBeUndefined();
  return { key, collectionId, importId: data.importDocuments.id };
}

interface Look {
  totalRecords: number;
  processedRecords: number;
  failedRecords: number;
  job: { status: string; attempt: number; result: Record<string, number> | null };
}

async function look(origin: string, { key, importId }: Sent): Promise<Look> {
  const query = `query ($id: ID!) {
    node(id: $id) { ... on Import { totalRecords processedRecords failedRecords job { status attempt result } } }
  }`;
  return (await ask<{ node: Look }>(origin, key, query, { id: importId })).node;
}

/** Waits until so many records are processed; whether the import goes on then. */
async function reaches(origin: string, sent: Sent, records: number): Promise<boolean> {
  return waitFor(
    `${records} records`,
    async () => {
      const { processedRecords, job } = await look(origin, sent);
      if (job.status === 'COMPLETED') return { goesOn: false };
      return processedRecords >= records && { goesOn: true };
    },
    IMPORT_TIMEOUT_MS + TAKEOVER_TIMEOUT_MS,
  ).then(({ goesOn }) => goesOn);
}

/** A moment in this third, fourth … of what there is to do. */
const somewhereIn = (piece: number, pieces: number) => Math.floor(((piece + Math.random() * 0.4) / pieces) * ROWS);

/** How often each row is there. */
async function storedRows(origin: string, { key, collectionId }: Sent): Promise<Map<number, number>> {
  const query = `query ($filter: DocumentFilter, $after: String) {
    documents(first: 100, filter: $filter, after: $after) { nodes { metadata } pageInfo { hasNextPage endCursor } }
  }`;
  const counts = new Map<number, number>();
  for (let after: string | null = null; ; ) {
    const {
      documents,
    }: {
      documents: { nodes: { metadata: { row: string } }[]; pageInfo: { hasNextPage: boolean; endCursor: string } };
    } = await ask(origin, key, query, { filter: { collectionIds: [collectionId] }, after });
    for (const { metadata } of documents.nodes)
      counts.set(Number(metadata.row), (counts.get(Number(metadata.row)) ?? 0) + 1);
    if (!documents.pageInfo.hasNextPage) return counts;
    after = documents.pageInfo.endCursor;
  }
}

async function expectEveryRowOnce(origin: string, sent: Sent): Promise<Look> {
  const done = await look(origin, sent);
  const good = ROWS - BAD_ROWS;
  expect(done).toMatchObject({
    totalRecords: ROWS,
    processedRecords: ROWS,
    failedRecords: BAD_ROWS,
    job: {
      status: 'COMPLETED',
      result: { imported: good, failed: BAD_ROWS, created: good, updated: 0, unchanged: 0, notImported: 0 },
    },
  });
  const stored = await storedRows(origin, sent);
  expect([...stored].filter(([, times]) => times !== 1)).toEqual([]);
  expect(stored.size).toBe(good);
  return done;
}

test.runIf(inject('testServer') === null)(
  `kill -9 of the server amid an import of ${ROWS} rows, three times, leaves every row there once`,
  async () => {
    const data = makeDataDir();
    removals.push(data.remove);
    await copyPreparedFolder(data.path);
    const settings = { SIGNALBOX_DATA_DIR: data.path };
    let server = start(settings);
    let origin = await server.ready();
    const sent = await send(origin);
    let kills = 0;
    for (const piece of [0, 1, 2]) {
      if (!(await reaches(origin, sent, somewhereIn(piece, 3)))) break;
      await sleep(Math.random() * KILL_WITHIN_MS);
      await server.end('SIGKILL');
      kills += 1;
      server = start(settings);
      origin = await server.ready();
    }
    await reaches(origin, sent, Number.POSITIVE_INFINITY);
    const { job } = await expectEveryRowOnce(origin, sent);
    expect(kills).toBe(3);
    // Those that came further do not count: the first may have been killed before it stored anything.
    expect(job.attempt).toBeLessThanOrEqual(2);
  },
  IMPORT_TIMEOUT_MS + 120_000,
);

test.runIf(inject('testServer') !== null)(
  `kill -9 of a worker apart amid an import of ${ROWS} rows leaves every row there once`,
  async () => {
    const { databaseUrl = '', remove } = await testDatabaseTarget();
    removals.push(remove);
    const data = makeDataDir();
    removals.push(data.remove);
    const shared = { DATABASE_URL: databaseUrl, SIGNALBOX_DATA_DIR: data.path };
    const origin = await start({ ...shared, SIGNALBOX_WORKER: '0' }).ready();
    let worker = start(shared, 'src/worker.ts');
    const sent = await send(origin);
    for (let piece = 0; piece < WORKER_KILLS; piece++) {
      expect(await reaches(origin, sent, somewhereIn(piece, WORKER_KILLS + 1))).toBe(true);
      await sleep(Math.random() * KILL_WITHIN_MS);
      await worker.end('SIGKILL');
      worker = start(shared, 'src/worker.ts');
    }
    await reaches(origin, sent, Number.POSITIVE_INFINITY);
    await expectEveryRowOnce(origin, sent);
  },
  IMPORT_TIMEOUT_MS + (WORKER_KILLS + 1) * TAKEOVER_TIMEOUT_MS,
);
