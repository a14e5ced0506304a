import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { openWebhook, sealWebhook } from '../../../src/domain/alerts/alert-webhook.ts';
import { readWebhook, writeWebhook } from '../../../src/domain/alerts/alert-webhook-store.ts';
import { rewrapCredentials } from '../../../src/domain/integrations/credential-rotation.ts';
import { CredentialVault } from '../../../src/domain/integrations/credential-vault.ts';
import {
  findIntegrations,
  insertIntegration,
  listIntegrations,
} from '../../../src/domain/integrations/integration-store.ts';
import { readSecretKeys, secretKeyOf } from '../../../src/domain/integrations/secret-key.ts';
import { ConfigError } from '../../../src/shared/config-error.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { copyPreparedFolder } from '../../support/prepared-folder.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';

const OLD = 'the old key of more than thirty-two characters';
const NEW = 'the new key of more than thirty-two characters';
const WORKSPACES = ['ws_a', 'ws_b'];
const SCRIPT = fileURLToPath(new URL('../../../scripts/rotate-secret-key.ts', import.meta.url));

const vaultOf = (current: string, previous: string | null = null) =>
  new CredentialVault({ current: secretKeyOf(current), previous: previous === null ? null : secretKeyOf(previous) });

const credentialsOf = (workspaceId: string, id: string) => ({ apiKey: `secret of ${workspaceId} ${id}` });

async function store(database: Database, vault: CredentialVault, workspaceId: string, id: string): Promise<void> {
  const credentials = vault.seal({ workspaceId, id }, credentialsOf(workspaceId, id));
  await database.withWorkspace(workspaceId, (scope) =>
    insertIntegration(scope, {
      ...{ id, name: id.replace('_', '-'), pluginId: 'local', config: {}, credentials },
      ...{ fallbackId: null, isActive: true },
    }),
  );
}

/** How many of all stored credentials open with a vault. */
async function countOpening(database: Database, vault: CredentialVault): Promise<number> {
  let count = 0;
  for (const workspaceId of WORKSPACES) {
    for (const stored of await database.withWorkspace(workspaceId, listIntegrations)) {
      try {
        const opened = vault.open(stored, stored.credentials as Uint8Array);
        expect(opened).toEqual(credentialsOf(workspaceId, stored.id));
        count += 1;
      } catch {
        // Sealed under another key.
      }
    }
  }
  return count;
}

describe('sealing everything anew', () => {
  let opened: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    opened = await testDatabase();
    database = opened.database;
    for (const workspaceId of WORKSPACES) {
      await insertWorkspace(database, workspaceId);
      for (const number of [1, 2, 3]) await store(database, vaultOf(OLD), workspaceId, `int_${number}`);
    }
  });
  afterEach(() => opened.close());

  test('leaves every credential openable with the new key alone, in all workspaces', async () => {
    const report = await rewrapCredentials(database, vaultOf(NEW, OLD), { batchRows: 2 });
    expect(report).toEqual({ rewrapped: 6, unopened: [] });
    expect(await countOpening(database, vaultOf(NEW))).toBe(6);
    expect(await countOpening(database, vaultOf(OLD))).toBe(0);
  });

  test('goes on where it was cut off, and servers with both keys open everything meanwhile', async () => {
    const cut = rewrapCredentials(database, vaultOf(NEW, OLD), {
      batchRows: 2,
      onBatch: ({ rewrapped }) => {
        if (rewrapped === 4) throw new Error('the process dies here');
      },
    });
    await expect(cut).rejects.toThrow('dies here');
    expect(await countOpening(database, vaultOf(NEW))).toBe(4);
    expect(await countOpening(database, vaultOf(NEW, OLD))).toBe(6);
    expect(await rewrapCredentials(database, vaultOf(NEW, OLD))).toEqual({ rewrapped: 2, unopened: [] });
    expect(await rewrapCredentials(database, vaultOf(NEW, OLD))).toEqual({ rewrapped: 0, unopened: [] });
    expect(await countOpening(database, vaultOf(NEW))).toBe(6);
  });

  test('seals the webhooks of all workspaces anew as well, and names one that opens with neither key', async () => {
    const webhookOf = (workspaceId: string) => ({
      url: `https://example.com/${workspaceId}`,
      secret: 'whsec_c2VjcmV0',
    });
    const sealedUnder = { ws_a: vaultOf(OLD), ws_b: vaultOf('a key that nobody has kept, of 32 characters') };
    for (const [id, vault] of Object.entries(sealedUnder)) {
      await database.withWorkspace(id, (scope) => writeWebhook(scope, sealWebhook(vault, id, webhookOf(id))));
    }
    const report = await rewrapCredentials(database, vaultOf(NEW, OLD), { batchRows: 1 });
    expect(report).toEqual({ rewrapped: 7, unopened: ['alert-webhook of ws_b'] });
    const sealed = await database.withWorkspace('ws_a', readWebhook);
    expect(openWebhook(vaultOf(NEW), 'ws_a', sealed as Uint8Array)).toEqual(webhookOf('ws_a'));
    expect(() => openWebhook(vaultOf(NEW), 'ws_b', sealed as Uint8Array)).toThrow('setAlertWebhook');
  });

  test('passes over what opens with neither key, names it and leaves it as it is', async () => {
    await store(database, vaultOf('a key that nobody has kept, of 32 characters'), 'ws_a', 'int_9');
    const before = await database.withWorkspace('ws_a', (scope) => findIntegrations(scope, ['int_9']));
    const report = await rewrapCredentials(database, vaultOf(NEW, OLD), { batchRows: 1 });
    expect(report).toEqual({ rewrapped: 6, unopened: ['int_9'] });
    expect(await database.withWorkspace('ws_a', (scope) => findIntegrations(scope, ['int_9']))).toEqual(before);
  });
});

describe.runIf(inject('testServer') === null)('npm run rotate-secret-key', () => {
  let folder: TempFolder;
  beforeEach(() => {
    folder = makeTempFolder('rotate');
  });
  afterEach(() => folder.remove());

  const given = (secretKey?: string) => ({ secretKey, previousSecretKey: undefined, dataDir: folder.path });

  async function run(options: string[], settings: Record<string, string> = {}) {
    const child = spawn(process.execPath, [SCRIPT, ...options], {
      env: { PATH: process.env.PATH, SIGNALBOX_DATA_DIR: folder.path, ...settings },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await ended, stdout, stderr };
  }

  async function inDatabase<Result>(work: (database: Database) => Promise<Result>): Promise<Result> {
    const database = await openDatabase({ databaseUrl: undefined, poolSize: 2, dataDir: folder.path });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  }

  test('--new makes another key in the data folder, moves everything to it and forgets the one before', async () => {
    const old = readSecretKeys(given()).current;
    await copyPreparedFolder(folder.path);
    await inDatabase(async (database) => {
      for (const workspaceId of WORKSPACES) await insertWorkspace(database, workspaceId);
      await store(database, new CredentialVault({ current: old, previous: null }), 'ws_a', 'int_1');
      const refused = await run(['--new']);
      expect(refused.code).toBe(1);
      expect(refused.stderr).toContain('another Signalbox process is using the data folder');
    });
    // As where the process was killed right after it had written the key before: the same key is in both files.
    writeFileSync(join(folder.path, 'secret-key.previous'), readFileSync(join(folder.path, 'secret-key')));
    const done = await run(['--new']);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(done.stdout).toContain('1 sealed anew, 0 open with neither key');
    expect(readdirSync(folder.path)).not.toContain('secret-key.previous');
    const keys = readSecretKeys(given());
    expect(keys.current.id).not.toEqual(old.id);
    expect(await inDatabase((database) => countOpening(database, new CredentialVault(keys)))).toBe(1);
  }, 120_000);

  test('a change that was begun is taken up, not begun again', async () => {
    const old = readFileSync(keyFile(), 'utf8');
    writeFileSync(join(folder.path, 'secret-key.previous'), old);
    writeFileSync(join(folder.path, 'secret-key'), NEW);
    await copyPreparedFolder(folder.path);
    await inDatabase(async (database) => {
      for (const workspaceId of WORKSPACES) await insertWorkspace(database, workspaceId);
      await store(database, vaultOf(old.trim()), 'ws_b', 'int_1');
    });
    expect((await run(['--new'])).code).toBe(0);
    expect(readFileSync(join(folder.path, 'secret-key'), 'utf8')).toBe(NEW);
    expect(await inDatabase((database) => countOpening(database, vaultOf(NEW)))).toBe(1);
  }, 120_000);

  test('a key that is given is not made anew, and the message says what to set', async () => {
    const { code, stderr } = await run(['--new'], { SIGNALBOX_SECRET_KEY: NEW });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^signalbox: .*SIGNALBOX_SECRET_KEY_PREVIOUS/);
  });

  test('--new is refused beside a shared Postgres, where nobody can tell whether a server runs, and says what to do', async () => {
    const before = readFileSync(keyFile(), 'utf8');
    const { code, stderr } = await run(['--new'], { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^signalbox: --new is for the embedded database.*SIGNALBOX_SECRET_KEY_PREVIOUS/);
    expect(readFileSync(keyFile(), 'utf8')).toBe(before);
  });

  test('an empty file in place of the key is an error, not the key of an empty text', () => {
    writeFileSync(keyFile(), '\n');
    expect(() => readSecretKeys(given())).toThrow(ConfigError);
    expect(() => readSecretKeys(given())).toThrow(/secret-key is empty/);
  });

  test('the key in the data folder is made once, for its owner’s eyes alone', () => {
    const first = readSecretKeys(given()).current;
    expect(readSecretKeys(given()).current).toEqual(first);
    expect(statSync(join(folder.path, 'secret-key')).mode & 0o777).toBe(0o600);
    expect(readSecretKeys(given(NEW)).current).toEqual(secretKeyOf(NEW));
  });

  function keyFile(): string {
    readSecretKeys(given());
    return join(folder.path, 'secret-key');
  }
});
