import { afterEach, expect, inject, test } from 'vitest';
import { testDatabaseTarget } from '../support/database.ts';
import { copyPreparedFolder } from '../support/prepared-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const DOCUMENTS = 600;
/** On a server each takes half a minute to be noticed. */
const KILLS = inject('testServer') === null ? 2 : 1;
/** Documents of the batches that are under way at a time: what a kill takes may be paid again. */
const UNDER_WAY = 3 * 64;
const ROOT_KEY = 'a-root-key-of-the-processing-tests';
const TIMEOUT_MS = 180_000;

const removals: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const remove of removals.splice(0).reverse()) await remove();
});

interface Job {
  status: string;
  attempt: number;
  progress: { done: number; failed: number; total: number | null };
  result: object | null;
}

test(
  'work on 600 documents goes on after each kill -9 of its server: every one done, the counts exact',
  async () => {
    const data = makeDataDir();
    removals.push(data.remove);
    const settings: Record<string, string> = { SIGNALBOX_DATA_DIR: data.path };
    if (inject('testServer') !== null) {
      const target = await testDatabaseTarget();
      removals.push(target.remove);
      settings.DATABASE_URL = target.databaseUrl ?? '';
    } else await copyPreparedFolder(data.path);
    let server: ServerProcess | undefined;
    let origin = '';
    const start = async () => {
      server = startProcess({ SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, ...settings });
      origin = await server.ready();
    };
    removals.push(async () => server?.child.exitCode === null && server.end('SIGKILL'));
    await start();

    const made = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
      origin,
      ROOT_KEY,
      'mutation { createWorkspace(input: { name: "Work", tier: ENTERPRISE }) { ... on CreatedWorkspace { ownerKey { secret } } } }',
    );
    const key = made.createWorkspace.ownerKey.secret;
    const { createCollection } = await ask<{ createCollection: { id: string } }>(
      origin,
      key,
      'mutation { createCollection(input: { name: "Notes" }) { ... on Collection { id } } }',
    );
    const documents = Array.from({ length: DOCUMENTS }, (_, i) => ({ text: `Note ${i} of the harbour.` }));
    await ask(
      origin,
      key,
      'mutation ($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { ... on UpsertedDocuments { created } } }',
      { input: { collectionId: createCollection.id, documents, tasks: [] } },
    );
    const { processDocuments } = await ask<{ processDocuments: { id: string } }>(
      origin,
      key,
      'mutation { processDocuments(input: { filter: {}, tasks: [EMBED, SUMMARISE] }) { ... on Job { id } } }',
    );
    const job = async () => {
      const query =
        'query ($id: ID!) { node(id: $id) { ... on Job { status attempt progress { done failed total } result } } }';
      return (await ask<{ node: Job }>(origin, key, query, { id: processDocuments.id })).node;
    };
    for (let kill = 1; kill <= KILLS; kill++) {
      const share = (kill / (KILLS + 1)) * 2 * DOCUMENTS;
      const seen = await waitFor(
        'some progress',
        async () => {
          const { progress, status } = await job();
          return status === 'RUNNING' && progress.done > share ? progress : null;
        },
        TIMEOUT_MS,
      );
      expect(seen.total).toBe(2 * DOCUMENTS);
      await server?.end('SIGKILL');
      await start();
    }
    const ended = await waitFor(
      'the end of the work',
      async () => {
        const seen = await job();
        return seen.status === 'COMPLETED' ? seen : null;
      },
      TIMEOUT_MS,
    );
    expect(ended.progress).toEqual({ done: 2 * DOCUMENTS, failed: 0, total: 2 * DOCUMENTS });
    expect(ended.result).toEqual({ done: 2 * DOCUMENTS, failed: 0 });
    const answer = await ask<{
      documents: { totalCount: number };
      usage: { total: { embeddings: number } };
    }>(origin, key, '{ documents(filter: { embedding: [READY] }) { totalCount } usage { total { embeddings } } }');
    expect(answer.documents.totalCount).toBe(DOCUMENTS);
    expect(answer.usage.total.embeddings).toBeLessThanOrEqual(DOCUMENTS + KILLS * UNDER_WAY);
  },
  2 * TIMEOUT_MS,
);
