import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { DataFolderInUseError } from '../../src/db/data-folder-lock.ts';
import { readPreparedFolder } from '../support/prepared-folder.ts';
import { insertDocument, insertWorkspace } from '../support/rows.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-for.ts';

const PROCESS_FILE = fileURLToPath(new URL('./data-folder-process.ts', import.meta.url));
const START_TIMEOUT_MS = 30_000;

/** Each of these tests starts several embedded databases, one after the other, with their files on disk. */
const TEST_TIMEOUT_MS = 60_000;

interface DataFolderProcess {
  process: ChildProcessByStdio<null, Readable, Readable>;
  stdout(): string;
  stderr(): string;
  ended: Promise<unknown>;
}

let folder: TempFolder;
let open: Database[];
let processes: DataFolderProcess[];

beforeEach(() => {
  folder = makeTempFolder('data');
  open = [];
  processes = [];
});

afterEach(async () => {
  for (const { process, ended } of processes) {
    process.kill('SIGKILL');
    await ended;
  }
  for (const database of open) await database.close();
  await folder.remove();
});

async function openFolder(preparedFolder?: Uint8Array): Promise<Database> {
  const database = await openDatabase({ databaseUrl: undefined, poolSize: 1, dataDir: folder.path, preparedFolder });
  open.push(database);
  return database;
}

function startProcess(): DataFolderProcess {
  const child = spawn(process.execPath, [PROCESS_FILE, folder.path], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (bytes: Buffer) => {
    said.stdout += bytes;
  });
  child.stderr.on('data', (bytes: Buffer) => {
    said.stderr += bytes;
  });
  const started = {
    process: child,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    ended: once(child, 'close'),
  };
  processes.push(started);
  return started;
}

/** Ids whose line is complete: a kill may cut the last one. */
function acknowledged(stdout: string): string[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .filter((line) => line !== 'ready');
}

async function makeFolderWithWorkspace(): Promise<void> {
  const database = await openFolder(await readPreparedFolder());
  await insertWorkspace(database, 'ws_1');
  await database.close();
}

describe('the data folder of the embedded database', { timeout: TEST_TIMEOUT_MS }, () => {
  test('is refused to a second process while the first one lives, and the first one goes on unharmed', async () => {
    const database = await openFolder(await readPreparedFolder());
    await insertWorkspace(database, 'ws_1');

    const second = startProcess();
    await second.ended;

    expect(second.process.exitCode).toBe(1);
    expect(second.stderr()).toMatch(/^DataFolderInUseError: another Signalbox process is using the data folder/);
    expect(second.stderr()).toContain(folder.path);
    expect(second.stdout()).toBe('');
    await database.withWorkspace('ws_1', (scope) => insertDocument(scope, { id: 'doc_1', text: 'still here' }));
  });

  test('opens again after kill -9 in the middle of writing, not before, with every acknowledged row', async () => {
    await makeFolderWithWorkspace();
    const writer = startProcess();
    await waitFor('150 acknowledged documents', () => acknowledged(writer.stdout()).length >= 150, START_TIMEOUT_MS);
    await expect(openFolder()).rejects.toBeInstanceOf(DataFolderInUseError);
    writer.process.kill('SIGKILL');
    await writer.ended;
    const promised = acknowledged(writer.stdout());

    const database = await openFolder();
    const rows = await database.withWorkspace(
      'ws_1',
      ({ sql }) => sql<{ id: string; length: number }[]>`select id, length(text) as length from documents`,
    );

    expect(writer.process.signalCode).toBe('SIGKILL');
    const found = new Set(rows.map((row) => row.id));
    expect(promised.filter((id) => !found.has(id))).toEqual([]);
    // The kill may have come between a commit and its line.
    expect(rows.length - promised.length).toBeLessThanOrEqual(1);
    expect(rows.every((row) => row.length > 2_000)).toBe(true);
    await database.withWorkspace('ws_1', (scope) => insertDocument(scope, { id: 'doc_after', text: 'writes go on' }));
  });
});

describe('a stopped embedded database', () => {
  test('refuses a query at once instead of keeping it waiting', async () => {
    const database = await openFolder(await readPreparedFolder());
    const embedded = await database.withSystem(async (scope) => scope.embedded);
    await database.close();
    await expect(embedded?.query('select 1', [], [])).rejects.toThrow('the embedded database has stopped');
    await database.close();
  });
});
