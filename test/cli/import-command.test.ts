import { truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../api/workspace-client.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { startCli } from './cli-process.ts';

const TIMEOUT_MS = 60_000;

let server: TestServer;
let workspace: WorkspaceClient;
let folder: TempFolder;
beforeAll(async () => {
  folder = makeTempFolder('cli');
  server = await startTestServer();
  workspace = await openWorkspace(server);
});
afterAll(async () => {
  await server?.close();
  await folder?.remove();
});

function file(name: string, content: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, content);
  return path;
}

/** A new collection, empty. */
async function makeCollection(): Promise<{ id: string; slug: string }> {
  const id = await workspace.createCollection();
  const query = 'query ($id: ID!) { node(id: $id) { ... on Collection { id slug } } }';
  return (await workspace.read<{ node: { id: string; slug: string } }>(query, { id })).node;
}

async function documentsOf(collectionId: string) {
  const query = `query ($id: ID!) {
    node(id: $id) { ... on Collection { documents(first: 10) { totalCount nodes { title externalId metadata } } } }
  }`;
  const { node } = await workspace.read<{
    node: { documents: { totalCount: number; nodes: { title: string; externalId: string; metadata: object }[] } };
  }>(query, { id: collectionId });
  return node.documents;
}

/** With the key of the workspace's owner, and no embedding: that has tests of its own. */
const run = (args: string[], environment: Record<string, string> = {}) =>
  startCli([...args, '--url', server.url], { SIGNALBOX_API_KEY: workspace.ownerKey, ...environment });

const records = (count: number) =>
  `Subject;Body;Nr;Plan\n${Array.from({ length: count }, (_, index) => `Ticket ${index};The export is slow again.;T-${index};pro`).join('\n')}\n`;
const MAPPING = ['--map', 'title=Subject', '--map', 'text=Body', '--map', 'externalId=Nr', '--map', 'metadata=Plan'];

describe('signalbox import', () => {
  test(
    'imports a file into a collection that is named by its slug, tells what came of it and ends with 0',
    async () => {
      const { id, slug } = await makeCollection();
      const path = file('Grüße & mehr.csv', records(250));
      const { code, stdout, stderr } = await run(['import', path, '--collection', slug, ...MAPPING]).ended;
      expect(stderr).toMatch(/sent .+ of .+\n[\s\S]*completed, 250 of 250 records/);
      expect(stdout).toContain('Grüße & mehr.csv: 250 of 250 records imported, 0 failed');
      expect(code).toBe(0);
      const { totalCount, nodes } = await documentsOf(id);
      expect(totalCount).toBe(250);
      expect(nodes[0]).toMatchObject({ externalId: expect.stringMatching(/^T-/), metadata: { Plan: 'pro' } });
    },
    TIMEOUT_MS,
  );

  test(
    'says of a file without a header what is in which column, and how its dates are read',
    async () => {
      const { id } = await makeCollection();
      const path = file('bare.csv', 'first thing,03/04/2026\nsecond thing,05/04/2026\n');
      const mapping = ['header=false', 'text=column 1', 'createdAt=column 2', 'dateOrder=DMY'];
      const maps = mapping.flatMap((pair) => ['--map', pair]);
      expect(await run(['import', path, '--collection', id, ...maps]).ended).toMatchObject({ code: 0 });
      const query =
        'query ($id: ID!) { node(id: $id) { ... on Collection { documents { nodes { text createdAt } } } } }';
      const { node } = await workspace.read<{ node: { documents: { nodes: object[] } } }>(query, { id });
      expect(node.documents.nodes).toEqual([
        { text: 'second thing', createdAt: '2026-04-05T00:00:00.000Z' },
        { text: 'first thing', createdAt: '2026-04-03T00:00:00.000Z' },
      ]);
      const wrong = await run(['import', path, '--collection', id, '--map', 'header=perhaps']).ended;
      expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--map header must be true or false') });
    },
    TIMEOUT_MS,
  );

  test(
    'shows what failed, where the report is, and ends with 1',
    async () => {
      const { id } = await makeCollection();
      const lines = [{ text: 'good' }, { text: 'bad', createdAt: 'yesterday' }, { text: 'good too' }];
      const path = file('records.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));
      const { code, stdout } = await run(['import', path, '--collection', id]).ended;
      expect(code).toBe(1);
      expect(stdout).toContain('2 of 3 records imported, 1 failed');
      expect(stdout).toMatch(/line 2: createdAt/);
      const report = /Report, for an hour: (\S+)/.exec(stdout)?.[1] ?? '';
      expect(await (await fetch(report)).text()).toContain('yesterday');
      expect(stdout).not.toContain(workspace.ownerKey);
    },
    TIMEOUT_MS,
  );

  test(
    'goes on where it was when its connection is cut, and says so',
    async () => {
      const { id } = await makeCollection();
      const proxy = await startTcpProxy({ port: Number(new URL(server.url).port), host: '127.0.0.1' });
      const path = file('many.csv', records(4_000));
      const url = `http://127.0.0.1:${proxy.port}`;
      const cli = startCli(['import', path, '--collection', id, '--tasks', 'embed', ...MAPPING, '--url', url], {
        SIGNALBOX_API_KEY: workspace.ownerKey,
      });
      await waitFor('the import to run', () => /\d+ of 4000 records/.test(cli.stderr()), TIMEOUT_MS);
      await proxy.cut();
      await waitFor('the loss to be told', () => /does not answer.*; trying again/.test(cli.stderr()), TIMEOUT_MS);
      await proxy.mend();
      const { code, stdout } = await cli.ended;
      expect(stdout).toContain('4000 of 4000 records imported, 0 failed');
      expect(code).toBe(0);
      expect((await documentsOf(id)).totalCount).toBe(4_000);
      await proxy.close();
    },
    2 * TIMEOUT_MS,
  );

  test(
    'leaves the import running at Ctrl-C and says how to come back; that way leads to its end',
    async () => {
      const { id } = await makeCollection();
      const path = file('interrupted.csv', records(4_000));
      const cli = run(['import', path, '--collection', id, ...MAPPING]);
      await waitFor('the import to run', () => /running|queued/.test(cli.stderr()), TIMEOUT_MS);
      cli.child.kill('SIGINT');
      const { code, stdout } = await cli.ended;
      expect(code).toBe(130);
      const command = /To come back: npx signalbox (.+)/.exec(stdout)?.[1] ?? '';
      expect(command).not.toContain(workspace.ownerKey);
      const back = await startCli(command.split(' '), { SIGNALBOX_API_KEY: workspace.ownerKey }).ended;
      expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining('4000 of 4000 records imported') });
    },
    2 * TIMEOUT_MS,
  );

  test(
    'takes the key from a file too',
    async () => {
      const { id } = await makeCollection();
      const key = file('key', `${workspace.ownerKey}\n`);
      const path = file('one.csv', 'title,text\na,b\n');
      const args = ['import', path, '--collection', id, '--key-file', key];
      expect((await run(args, { SIGNALBOX_API_KEY: '' }).ended).code).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'says at once that a file is too large, and does not send it',
    async () => {
      const small = await startTestServer({ environment: { SIGNALBOX_UPLOAD_MAX_BYTES: '1000000' } });
      const { ownerKey } = await small.createWorkspace();
      const path = file('large.csv', '');
      truncateSync(path, 2 ** 31);
      const args = ['import', path, '--collection', 'col_00000000000000000000000000', '--url', small.url];
      const { code, stderr } = await startCli(args, { SIGNALBOX_API_KEY: ownerKey }).ended;
      expect(stderr).toContain('a file may have 1000000 bytes');
      expect(stderr).not.toMatch(/sent [12]\.\d+ GB/);
      expect(code).toBe(1);
      await small.close();
    },
    TIMEOUT_MS,
  );

  test(
    'imports nothing a second time under the same idempotency key',
    async () => {
      const { id } = await makeCollection();
      const path = file('twice.csv', 'title,text\na,b\n');
      const args = ['import', path, '--collection', id, '--idempotency-key', 'once'];
      for (let times = 0; times < 2; times++) expect((await run(args).ended).code).toBe(0);
      expect((await documentsOf(id)).totalCount).toBe(1);
    },
    TIMEOUT_MS,
  );
});

describe('signalbox import ends with one line and the right code', () => {
  const one = () => file('one.csv', 'title,text\na,b\n');
  const refusals: [string, () => string[], number, RegExp][] = [
    ['without a file', () => ['import', '--collection', 'x'], 2, /name the file/],
    ['without a collection', () => ['import', one()], 2, /--collection/],
    ['with an option that there is not', () => ['import', one(), '--collection', 'x', '--key', 'sbx_1'], 2, /--key/],
    ['with another format', () => ['import', one(), '--collection', 'x', '--format', 'xml'], 2, /csv or jsonl/],
    [
      'with a mapping of another form',
      () => ['import', one(), '--collection', 'x', '--map', 'title'],
      2,
      /field=Column/,
    ],
    [
      'with a field mapped twice',
      () => ['import', one(), '--collection', 'x', '--map', 'title=a', '--map', 'title=b'],
      2,
      /twice/,
    ],
    [
      'for a collection that there is not',
      () => ['import', one(), '--collection', 'nowhere'],
      1,
      /no collection nowhere/,
    ],
    [
      'for a file that there is not',
      () => ['import', '/none.csv', '--collection', 'col_00000000000000000000000000'],
      1,
      /cannot be read/,
    ],
    ['for a folder', () => ['import', folder.path, '--collection', 'col_00000000000000000000000000'], 1, /is no file/],
    [
      'for a collection of somebody else',
      () => ['import', one(), '--collection', 'col_00000000000000000000000000'],
      1,
      /no collection/,
    ],
    ['for a job that there is not', () => ['follow', 'job_00000000000000000000000000'], 1, /no job/],
  ];
  test.each(refusals)('%s', async (_, args, exitCode, reason) => {
    const { code, stderr } = await run(args()).ended;
    expect(stderr).toMatch(/^signalbox: /m);
    expect(stderr).toMatch(reason);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(code).toBe(exitCode);
  });

  test('with a key that is not good, or none', async () => {
    const { id } = await makeCollection();
    const args = ['import', one(), '--collection', id];
    expect(await run(args, { SIGNALBOX_API_KEY: '' }).ended).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('SIGNALBOX_API_KEY'),
    });
    const refused = await run(args, { SIGNALBOX_API_KEY: 'sbx_nobody' }).ended;
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('not known') });
    expect(refused.stderr).not.toContain('sbx_nobody');
  });

  test('where no server is, and where another one is', async () => {
    const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await waitFor('the other server', () => other.listening);
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const environment = { SIGNALBOX_API_KEY: workspace.ownerKey };
    const wrong = await startCli(['import', one(), '--collection', 'x', '--url', url], environment).ended;
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringMatching(/and not as Signalbox does/) });
    const follow = await startCli(['follow', 'job_1', '--url', url], environment).ended;
    expect(follow).toMatchObject({ code: 1, stderr: expect.stringMatching(/and not as Signalbox does/) });
    await new Promise((resolve) => other.close(resolve));
    const nobody = await startCli(['import', one(), '--collection', 'x', '--url', url], environment).ended;
    expect(nobody).toMatchObject({ code: 1, stderr: expect.stringMatching(/does not answer/) });
  });
});

describe('signalbox', () => {
  test.each([[['--help']], [[]], [['import', '--help']]])('%j shows what there is', async (args) => {
    const { code, stdout } = await startCli(args).ended;
    expect(code).toBe(0);
    for (const command of ['start', 'import', 'follow']) expect(stdout).toContain(`npx signalbox ${command}`);
  });

  test('shows it too where the command is not known, and ends with 2', async () => {
    const { code, stderr } = await startCli(['export']).ended;
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no command export[\s\S]*npx signalbox import/),
    });
  });

  test('start starts the server: a wrong setting is told as npm start tells it', async () => {
    const { code, stderr } = await startCli(['start'], { PORT: 'abc' }).ended;
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'signalbox: PORT must be a port number\n' });
  });
});
