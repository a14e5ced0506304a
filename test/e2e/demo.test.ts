import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const DEMO_FOLDER = new URL('../../demo/', import.meta.url);
const START_TIMEOUT_MS = 240_000;

let data: ReturnType<typeof makeDataDir>;
let running: ServerProcess | null = null;

beforeAll(() => {
  data = makeDataDir();
  // What a process leaves that was killed while it wrote its root key in place.
  writeFileSync(join(data.path, 'root-key'), '');
});
afterAll(async () => {
  if (running?.child.exitCode === null) await running.end('SIGKILL');
  await data.remove();
});

function start(): ServerProcess {
  running = startProcess({ SIGNALBOX_DATA_DIR: data.path });
  return running;
}

/** How many documents the demo has, by collection. */
function expectedCounts(): Record<string, number> {
  const collections = JSON.parse(readFileSync(new URL('collections.json', DEMO_FOLDER), 'utf8')) as {
    slug: string;
    file: string;
  }[];
  return Object.fromEntries(
    collections.map(({ slug, file }) => [
      slug,
      readFileSync(new URL(file, DEMO_FOLDER), 'utf8')
        .split('\n')
        .filter((line) => line !== '').length,
    ]),
  );
}

const keyFile = () => join(data.path, 'demo-key');

test(
  'a start that is killed while it makes the demo leaves a root key and no ready demo',
  async () => {
    const server = start();
    await waitFor('the key of the demo', () => existsSync(keyFile()), START_TIMEOUT_MS);
    expect((await server.end('SIGKILL')).stdout).not.toContain('is ready');
    expect(readFileSync(join(data.path, 'root-key'), 'utf8')).toMatch(/^sbx_root_\S{40,}\n$/);
  },
  START_TIMEOUT_MS,
);

test(
  'Ctrl-C while the demo is being filled is a clean stop',
  async () => {
    const server = start();
    await waitFor('the filling', () => server.stdout().includes('filling the demo workspace'), START_TIMEOUT_MS);
    const { code, stdout, stderr } = await server.end('SIGINT');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('signalbox: stopped');
    expect(stdout).not.toContain('is ready');
  },
  START_TIMEOUT_MS,
);

test(
  'the next start finishes the demo, also where its key was never written',
  async () => {
    // As if the first start had been killed between the commit of the workspace and the writing of its key.
    rmSync(keyFile());
    const server = start();
    const origin = await server.ready();
    expect(server.stdout()).toMatch(/filling the demo workspace: (\d+) of \1 documents embedded/);
    const key = /Demo key +(\S+)/.exec(server.stdout())?.[1] ?? '';
    expect(readFileSync(keyFile(), 'utf8').trim()).toBe(key);
    const { collections } = await ask<{ collections: { nodes: { id: string; slug: string }[] } }>(
      origin,
      key,
      '{ collections { nodes { id slug } } }',
    );
    const counts = await Promise.all(
      collections.nodes.map(async ({ id, slug }) => {
        const { documents } = await ask<{ documents: { totalCount: number } }>(
          origin,
          key,
          'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }',
          { filter: { collectionIds: [id], embedding: ['READY'] } },
        );
        return [slug, documents.totalCount];
      }),
    );
    expect(Object.fromEntries(counts)).toEqual(expectedCounts());
    expect(counts).toHaveLength(Object.keys(expectedCounts()).length);
    expect(await server.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
  },
  START_TIMEOUT_MS,
);
