import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { postgres } from '../../src/db/postgres-driver.ts';
import { readPreparedFolder } from '../support/prepared-folder.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const PROCESS_FILE = fileURLToPath(new URL('./dying-connection-process.ts', import.meta.url));

describe('a process whose connection dies in the middle of a transaction', () => {
  let folder: TempFolder;
  let database: EmbeddedPostgres;
  beforeAll(async () => {
    folder = makeTempFolder('driver');
    const preparedFolder = await readPreparedFolder();
    database = await EmbeddedPostgres.start(folder.path, { inMemory: true, preparedFolder });
  });
  afterAll(async () => {
    await database?.close();
    await folder?.remove();
  });

  const run = (kind: 'mended' | 'plain') =>
    promisify(execFile)(process.execPath, [PROCESS_FILE, database.socket, kind], { timeout: 50_000 });

  test('lives on, is told, and connects again', async () => {
    const { stdout } = await run('mended');
    expect(JSON.parse(stdout)).toEqual({
      outcome: 'CONNECTION_CLOSED',
      statement: 'CONNECTION_CLOSED',
      next: 3,
    });
  });

  test('would be ended by the driver as it is published: where this fails, the mend is to be dropped', async () => {
    await expect(run('plain')).rejects.toMatchObject({ stderr: expect.stringContaining("(reading 'write')") });
  });
});

const server = inject('testServer');

describe.skipIf(server === null)('a transaction whose backend was killed, on Postgres', () => {
  test('runs none of its later statements on the connection that took its place', async () => {
    const sql = postgres(server?.url ?? '', { max: 1 });
    const admin = postgres(server?.url ?? '', { max: 1 });
    const later: string[] = [];
    try {
      const transaction = sql.begin(async (inside) => {
        const [own] = await inside<{ pid: number }[]>`select pg_backend_pid() as pid`;
        await admin`select pg_terminate_backend(${own?.pid ?? 0})`;
        await sleep(100);
        // Brings the pool's connection back, with another backend.
        await sql`select 1`;
        later.push(
          await inside`select 1`.then(
            () => 'ran',
            (error: { code: string }) => error.code,
          ),
        );
      });
      await expect(transaction).rejects.toMatchObject({ code: expect.stringMatching(/^(CONNECTION_CLOSED|57P01)$/) });
      await sleep(200);
      expect(later).toEqual(['CONNECTION_CLOSED']);
    } finally {
      await sql.end();
      await admin.end();
    }
  });
});
