import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { createClient } from 'graphql-sse';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { FileStore } from '../../../src/db/file-store.ts';
import { LocalFileStore } from '../../../src/db/local-file-store.ts';
import { deleteExpiredFiles } from '../../../src/domain/imports/import-files.ts';
import { ImportService } from '../../../src/domain/imports/import-service.ts';
import { cutOff } from '../../../src/jobs/turn-store.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace } from '../workspace-client.ts';
import { ImportClient } from './import-client.ts';

const NEVER = new AbortController().signal;

let server: TestServer;
let client: ImportClient;

beforeAll(async () => {
  server = await startTestServer();
  client = new ImportClient(server, await openWorkspace(server));
});

afterAll(() => server?.close());

async function openClient(): Promise<ImportClient> {
  return new ImportClient(server, await openWorkspace(server));
}

/** Files that are kept for a workspace. */
async function filesOf({ workspace }: ImportClient): Promise<string[]> {
  const folder = join(server.app.config.filesDir, workspace.id);
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

async function upkeep(): Promise<void> {
  const files = await LocalFileStore.open(server.app.config.filesDir);
  await deleteExpiredFiles(server.app.database, files, NEVER);
}

const rowsOf = (count: number) => `text\n${Array.from({ length: count }, (_, i) => `This is row ${i}.\n`).join('')}`;

describe('a file that is refused', () => {
  test('leaves nothing behind, and names the reason', async () => {
    const refusing = await openClient();
    const collectionId = await refusing.collection();
    const gzip = Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    expect(await refusing.send(gzip, { collectionId })).toMatchObject({
      code: 'BAD_INPUT',
      message: 'file: is a gzip file: export it as CSV in UTF-8',
    });
    const wide = `${'c,'.repeat(9_999)}c\n`;
    expect(await refusing.send(wide, { collectionId })).toMatchObject({
      message: 'file: has 10000 columns; it may have 1000',
    });
    expect(await refusing.send('', { collectionId })).toMatchObject({ message: 'file: is empty' });
    expect(await filesOf(refusing)).toEqual([]);
  });

  test('that breaks off on its way is no import, and is not kept', async () => {
    const leaving = await openClient();
    const collectionId = await leaving.collection();
    const boundary = 'the-boundary';
    const part = (name: string, value: string, more = '') =>
      `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
    const query = 'mutation ($input: ImportDocumentsInput!) { importDocuments(input: $input) { __typename } }';
    const post = request(`${server.url}/graphql`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${leaving.workspace.ownerKey}`,
        'content-type': `multipart/form-data; boundary=${boundary}`,
        'apollo-require-preflight': '1',
      },
    });
    post.on('error', () => undefined);
    post.write(part('operations', JSON.stringify({ query, variables: { input: { collectionId, file: null } } })));
    post.write(part('map', JSON.stringify({ file: ['variables.input.file'] })));
    post.write(part('file', rowsOf(50_000).trimEnd(), '; filename="rows.csv"').slice(0, -2));
    const noted = () =>
      server.app.database.withWorkspace(leaving.workspace.id, ({ sql }) => sql`select file_key from import_files`);
    await waitFor('the upload to begin', async () => (await noted()).length === 1);
    post.destroy();
    const unfinished = join(server.app.config.filesDir, '.unfinished');
    await waitFor('what came of it to be gone', async () => (await readdir(unfinished)).length === 0);
    expect(await filesOf(leaving)).toEqual([]);
    const { jobs } = await leaving.workspace.read<{ jobs: { nodes: object[] } }>('{ jobs { nodes { id } } }');
    expect(jobs.nodes).toEqual([]);
  });
});

describe('a file in another encoding', () => {
  test('is found out though its first megabyte is ASCII', async () => {
    const collectionId = await client.collection();
    const ascii = `text\n${`${'x'.repeat(20_000)}\n`.repeat(60)}`;
    const content = Uint8Array.from(Buffer.concat([Buffer.from(ascii), Buffer.from('sch\xf6n und gut\n', 'latin1')]));
    const done = await client.import(content, { collectionId });
    expect(done).toMatchObject({ processedRecords: 61, failedRecords: 0 });
    const stored = await client.documents(collectionId);
    expect(stored.map(({ text }) => text)).toContain('schön und gut');
    const report = await fetch(new URL(done.reportUrl.replace('.csv', '.json'), server.url));
    expect(await report.json()).toMatchObject({ notes: ['The file was read as windows-1252.'] });
  });

  test('of which a few bytes are broken keeps the rest, and says how many', async () => {
    const collectionId = await client.collection();
    const content = Uint8Array.from(
      Buffer.concat([Buffer.from('text\nschön größer häßlich'), Buffer.from([0xff]), Buffer.from('\n')]),
    );
    const done = await client.import(content, { collectionId });
    expect((await client.documents(collectionId)).map(({ text }) => text)).toEqual(['schön größer häßlich�']);
    const report = await fetch(new URL(done.reportUrl.replace('.csv', '.json'), server.url));
    expect(await report.json()).toMatchObject({ notes: [expect.stringMatching(/^1 bytes are not UTF-8/)] });
  });
});

describe('a record that the database refuses', () => {
  test('fails alone: the others of its batch are stored', async () => {
    const collectionId = await client.collection();
    await server.app.database.sql`alter table documents add constraint refuses_poison check (text <> 'poison')`;
    const rows = rowsOf(250).replace('This is row 120.', 'poison');
    const done = await client
      .import(rows, { collectionId })
      .finally(() => server.app.database.sql`alter table documents drop constraint refuses_poison`);
    expect(done).toMatchObject({ processedRecords: 250, failedRecords: 1, job: { result: { created: 249 } } });
    expect(done.errors.nodes).toMatchObject([
      { line: 122, message: expect.stringMatching(/^the database does not take it/) },
    ]);
    expect(await client.documents(collectionId)).toHaveLength(249);
  });
});

describe('the file of an import', () => {
  test('is deleted when its time is over, not before', async () => {
    const keeping = await openClient();
    const collectionId = await keeping.collection();
    await keeping.import(rowsOf(3), { collectionId });
    await upkeep();
    expect(await filesOf(keeping)).toEqual(['source']);
    await server.app.database.withWorkspace(
      keeping.workspace.id,
      ({ sql }) => sql`update import_files set expires_at = now() - interval '1 minute'`,
    );
    await upkeep();
    expect(await filesOf(keeping)).toEqual([]);
  });

  test('that cannot be deleted keeps no other, and says so', async () => {
    const [stuck, going] = [await openClient(), await openClient()];
    for (const keeping of [stuck, going]) {
      await keeping.import(rowsOf(3), { collectionId: await keeping.collection() });
      await server.app.database.withWorkspace(
        keeping.workspace.id,
        ({ sql }) => sql`update import_files set expires_at = now() - interval '1 minute'`,
      );
    }
    const files = await LocalFileStore.open(server.app.config.filesDir);
    const refusing: FileStore = Object.assign(Object.create(files), {
      delete: async (key: string) => {
        if (key.startsWith(stuck.workspace.id)) throw new Error('not now');
        await files.delete(key);
      },
    });
    await expect(deleteExpiredFiles(server.app.database, refusing, NEVER)).rejects.toThrow(/1 files could not/);
    expect([await filesOf(stuck), await filesOf(going)]).toEqual([['source'], []]);
    await upkeep();
    expect(await filesOf(stuck)).toEqual([]);
  });

  test('is kept where the connection was lost at the commit: there may be an import of it', async () => {
    const keeping = await openClient();
    const collectionId = await keeping.collection();
    await keeping.import(rowsOf(1), { collectionId });
    const { database } = server.app;
    const caller = await server.app.authenticator.authenticate({
      authorization: `Bearer ${keeping.workspace.ownerKey}`,
      workspaceId: null,
    });
    let isCommit = false;
    const withWorkspace: Database['withWorkspace'] = async (id, work) => {
      const result = await database.withWorkspace(id, work);
      if (isCommit) throw new Error('the connection is lost');
      return result;
    };
    const imports = new ImportService({
      database: new Proxy(database, {
        get: (target, name) => (name === 'withWorkspace' ? withWorkspace : Reflect.get(target, name)),
      }),
      files: await LocalFileStore.open(server.app.config.filesDir),
      enqueue: async ({ sql }) => {
        isCommit = true;
        // The job of an import that is over, as good as any: none is to run.
        const [job] = await sql<{ id: string }[]>`select id from jobs limit 1`;
        return job?.id ?? '';
      },
    });
    const file = {
      ...{ fileName: 'a.csv', mimeType: 'text/csv', begun: async () => undefined },
      open: () => Readable.from([Buffer.from(rowsOf(3))]),
    };
    const input = { collectionId, file, format: 'CSV', mapping: null, tasks: [], idempotencyKey: null } as const;
    await expect(imports.start(caller, { ...input, tasks: [] })).rejects.toThrow('the connection is lost');
    expect(await filesOf(keeping)).toEqual(['source', 'source']);
  });

  test('is deleted with its workspace', async () => {
    const leaving = await openClient();
    const { id, slug } = leaving.workspace;
    await leaving.import(rowsOf(3), { collectionId: await leaving.collection() });
    await leaving.workspace.read(
      'mutation ($input: DeleteWorkspaceInput!) { deleteWorkspace(input: $input) { __typename } }',
      { input: { id, confirmSlug: slug } },
    );
    await upkeep();
    expect(await filesOf(leaving)).toEqual([]);
  });
});

describe('an import whose process dies', () => {
  test('goes on, tells no less than before, and has lost no attempt', async () => {
    const collectionId = await client.collection();
    const sent = await client.send(rowsOf(20_000), { collectionId });
    const { database } = server.app;
    await waitFor('the job to have come somewhere', async () => {
      const [row] = await database.sql`
        select from jobs join job_steps on job_id = id where id = ${sent.job.id} and done > 0`;
      return row !== undefined;
    });
    // As if its worker was gone: whatever it still writes is nobody's.
    await database.withSystem((scope) => scope.sql`update jobs set ${cutOff(scope.sql)} where id = ${sent.job.id}`);
    const ended = await client.finished(sent.id);
    expect(ended).toMatchObject({ processedRecords: 20_000, failedRecords: 0, job: { result: { created: 20_000 } } });
    const events = await eventsOf(sent.job.id);
    expect(events.at(-1)).toMatchObject({ status: 'COMPLETED', progress: { done: 20_000 }, job: { attempt: 1 } });
    expect(events.filter(({ status }) => status === 'RETRYING')).toHaveLength(1);
    const told = events.map(({ progress }) => progress.done);
    expect(told).toEqual(told.toSorted((left, right) => left - right));
  });
});

interface Told {
  status: string;
  progress: { done: number };
  job: { attempt: number };
}

/** All that was told of a job that is over. */
async function eventsOf(id: string): Promise<Told[]> {
  const headers = { authorization: `Bearer ${client.workspace.ownerKey}` };
  const following = createClient({ url: `${server.url}/graphql`, retryAttempts: 0, headers });
  const query = 'subscription ($id: ID!) { job(id: $id) { status progress { done } job { attempt } } }';
  const events: Told[] = [];
  for await (const { data } of following.iterate<{ job: Told }>({ query, variables: { id } })) {
    if (data != null) events.push(data.job);
  }
  following.dispose();
  return events;
}

describe('an import that is ended', () => {
  test('by the loss of its file is given up at once, and says so', async () => {
    const collectionId = await client.collection();
    const sent = await client.send(rowsOf(20_000), { collectionId });
    await waitFor('the first records', async () => (await client.look(sent.id)).processedRecords >= 100);
    const files = await LocalFileStore.open(server.app.config.filesDir);
    await files.delete(`${client.workspace.id}/imports/${sent.id}/source`);
    // What an attempt has opened it reads on: the next one finds nothing.
    await server.app.database.sql`
      update jobs set status = 'RETRYING', claim = claim + 1, next_attempt_at = now() where id = ${sent.job.id}`;
    const ended = await client.finished(sent.id);
    expect(ended.job).toMatchObject({ status: 'DEAD', error: expect.stringContaining('not in the store any more') });
    expect(ended.processedRecords).toBeLessThan(20_000);
  });

  test('by a cancel keeps what it has stored, and tells how much that is', async () => {
    const collectionId = await client.collection();
    const sent = await client.send(rowsOf(20_000), { collectionId });
    await waitFor('the first records', async () => (await client.look(sent.id)).processedRecords >= 100);
    const { cancelJob } = await client.workspace.read<{ cancelJob: { __typename: string } }>(
      'mutation ($input: CancelJobInput!) { cancelJob(input: $input) { __typename } }',
      { input: { id: sent.job.id } },
    );
    expect(cancelJob.__typename).toBe('Job');
    const count = 'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }';
    const still = await waitFor('the batches under way to end, and what it tells to be what is stored', async () => {
      const before = (await client.look(sent.id)).processedRecords;
      await new Promise((resolve) => setTimeout(resolve, 300));
      const { documents } = await client.workspace.read<{ documents: { totalCount: number } }>(count, {
        filter: { collectionIds: [collectionId] },
      });
      const after = await client.look(sent.id);
      return after.processedRecords === before && documents.totalCount === before && after;
    });
    expect(still.job.status).toBe('CANCELLED');
    expect(still.processedRecords).toBeLessThan(20_000);
  });

  test('by the deletion of its collection ends in peace', async () => {
    const collectionId = await client.collection();
    const sent = await client.send(rowsOf(5_000), { collectionId });
    await waitFor('the first records', async () => (await client.look(sent.id)).processedRecords >= 100);
    await server.app.database.sql`delete from collections where id = ${collectionId}`;
    const look = 'query ($id: ID!) { node(id: $id) { ... on Job { status result } } }';
    const ended = await waitFor('the job to end', async () => {
      const { node } = await client.workspace.read<{ node: { status: string; result: object | null } }>(look, {
        id: sent.job.id,
      });
      return node.status !== 'RUNNING' && node.status !== 'QUEUED' && node;
    });
    expect(ended).toMatchObject({ status: 'COMPLETED', result: { gone: true } });
  });
});
