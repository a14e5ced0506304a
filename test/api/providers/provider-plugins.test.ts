import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { CallContext } from '../../../src/plugins/contract.ts';
import { testDatabaseTarget } from '../../support/database.ts';
import { testHost } from '../../support/plugin-host.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace } from '../workspace-client.ts';
import { findPlugin, installModule, listPlugins, registerPlugin, unregisterPlugin } from './plugin-client.ts';

const CALL: CallContext = { signal: new AbortController().signal, requestId: 'req_test' };
const ECHO = 'examples/plugin-module/echo.ts';

let server: TestServer;
let pluginsDir: string;
let logged = '';

beforeAll(async () => {
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logged += String(chunk);
      done();
    },
  });
  const logger = pino({ level: 'trace' }, sink);
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' }, logger });
  pluginsDir = server.app.config.pluginsDir;
  installModule(pluginsDir, ECHO, 'echo.ts');
});

afterAll(() => server?.close());

/** A plugin module of this id and version, which says the version in its answers. */
function writeModule(name: string, id: string, version: string, folder = pluginsDir): void {
  const manifest = {
    id,
    label: id,
    version,
    specVersion: 1,
    capabilities: ['GENERATE'],
    configSchema: { type: 'object' },
  };
  const usage = { inputTokens: 1, outputTokens: 1 };
  const answer = { text: `from ${version}`, toolCalls: [], finishReason: 'stop', usage, model: 'm' };
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, name),
    `export default { manifest: ${JSON.stringify(manifest)}, create: () => ({
      generate: async () => (${JSON.stringify(answer)}),
      listModels: async () => [], check: async () => {}, close: async () => {} }) };`,
  );
}

async function answerOf(id: string, from: TestServer = server): Promise<string | undefined> {
  const { plugin } = from.app.services.plugins.get(id);
  const provider = plugin.create({}, testHost(from.app.config.dataDir));
  return (await provider.generate?.({ model: 'm', messages: [] }, CALL))?.text;
}

describe('registering a provider plugin', () => {
  test('is the root key’s alone, and so is unregistering', async () => {
    const { ownerKey } = await server.createWorkspace();
    expect(await registerPlugin(server, { path: 'echo.ts' }, ownerKey)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await unregisterPlugin(server, 'local', ownerKey)).toMatchObject({ code: 'FORBIDDEN' });
    await expect(registerPlugin(server, { path: 'echo.ts' }, 'sbx_nobody')).rejects.toThrow('UNAUTHENTICATED');
    expect(await findPlugin(server, 'echo')).toBeUndefined();
  });

  test('takes exactly one of package, path and url', async () => {
    for (const input of [{}, { path: 'echo.ts', url: 'http://127.0.0.1:2' }, { path: ' ' }]) {
      expect(await registerPlugin(server, input)).toMatchObject({ code: 'BAD_INPUT' });
    }
  });

  test('needs no restart: it is listed with all that its manifest says, and answers', async () => {
    const registered = await registerPlugin(server, { path: 'echo.ts' });
    expect(registered).toMatchObject({ __typename: 'ProviderPlugin', id: 'echo', source: 'echo.ts', error: null });
    expect(await listPlugins(server, 'STREAM')).toContainEqual({
      ...{ id: 'echo', label: 'Echo', version: '1.0.0', source: 'echo.ts', error: null, docsUrl: null },
      capabilities: ['EMBED', 'GENERATE', 'STREAM'],
      configSchema: expect.objectContaining({ type: 'object' }),
    });
    expect(await listPlugins(server, 'SPEAK')).not.toContainEqual(expect.objectContaining({ id: 'echo' }));
  });

  test('is refused with the reason, at the field that it is about', async () => {
    writeModule('bad.mjs', 'Bad Id', '1.0.0');
    const refused = await registerPlugin(server, { path: 'bad.mjs' });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(refused.issues).toEqual([
      { path: ['path'], message: expect.stringMatching(/^manifest\.id must have/), reason: 'ID_INVALID' },
    ]);
    const expected: [object, string][] = [
      [{ package: 'not-installed' }, 'MODULE_NOT_FOUND'],
      [{ path: '../root-key' }, 'MODULE_OUTSIDE_FOLDER'],
      [{ url: 'http://127.0.0.1:2' }, 'URL_UNREACHABLE'],
    ];
    for (const [input, reason] of expected) {
      expect((await registerPlugin(server, input)).issues).toMatchObject([{ path: Object.keys(input), reason }]);
    }
    writeModule('shipped.mjs', 'local', '9.0.0');
    expect((await registerPlugin(server, { path: 'shipped.mjs' })).issues).toMatchObject([{ reason: 'ID_TAKEN' }]);
    expect(await findPlugin(server, 'local')).toMatchObject({ source: 'shipped' });
  });

  test('is refused without a word of its source in the log: a url may hold a password', async () => {
    const refused = await registerPlugin(server, { url: 'https://somebody:hunter-2@plugins.example.com' });
    expect(refused.issues).toMatchObject([{ reason: 'URL_FORBIDDEN' }]);
    await waitFor('the line of the log', () => logged.includes('"kind":"url","reason":"URL_FORBIDDEN"'));
    expect(logged).not.toContain('hunter-2');
    expect(logged).not.toContain('plugins.example.com');
  });

  test('again from the same source brings its new version, which answers from then on', async () => {
    writeModule('versions.mjs', 'versions', '1.0.0');
    await registerPlugin(server, { path: 'versions.mjs' });
    expect(await answerOf('versions')).toBe('from 1.0.0');
    writeModule('versions.mjs', 'versions', '1.1.0');
    expect(await registerPlugin(server, { path: './versions.mjs' })).toMatchObject({ version: '1.1.0' });
    expect(await answerOf('versions')).toBe('from 1.1.0');
    expect((await listPlugins(server)).filter(({ id }) => id === 'versions')).toHaveLength(1);
  });

  test('from another source under a taken id is a conflict, and changes nothing', async () => {
    writeModule('one.mjs', 'contested', '1.0.0');
    writeModule('two.mjs', 'contested', '2.0.0');
    await registerPlugin(server, { path: 'one.mjs' });
    expect(await registerPlugin(server, { path: 'two.mjs' })).toMatchObject({ code: 'CONFLICT' });
    expect(await findPlugin(server, 'contested')).toMatchObject({ version: '1.0.0', source: 'one.mjs' });
  });
});

describe('unregistering a provider plugin', () => {
  test('takes it out, and its id is free again', async () => {
    writeModule('leaving.mjs', 'leaving', '1.0.0');
    writeModule('arriving.mjs', 'leaving', '2.0.0');
    await registerPlugin(server, { path: 'leaving.mjs' });
    expect(await unregisterPlugin(server, 'leaving')).toEqual({ __typename: 'Deleted', count: 1 });
    expect(await findPlugin(server, 'leaving')).toBeUndefined();
    expect(await registerPlugin(server, { path: 'arriving.mjs' })).toMatchObject({ version: '2.0.0' });
  });

  test('is refused for what is not there, and for what is part of the server', async () => {
    expect(await unregisterPlugin(server, 'missing')).toMatchObject({
      ...{ code: 'NOT_FOUND', message: expect.stringMatching(/"missing".*; there are: .*echo/) },
    });
    expect(await unregisterPlugin(server, 'local')).toMatchObject({ code: 'CONFLICT' });
  });

  test('is refused while an integration of any workspace uses it, without naming which', async () => {
    writeModule('used.mjs', 'used', '1.0.0');
    await registerPlugin(server, { path: 'used.mjs' });
    const { id } = await server.createWorkspace();
    await server.app.database.withWorkspace(
      id,
      ({ sql }) => sql`
      insert into integrations (workspace_id, id, name, plugin_id, config, is_active)
      values (${id}, 'int_1', 'a name of its own', 'used', '{}', true)`,
    );
    const refused = await unregisterPlugin(server, 'used');
    expect(refused).toMatchObject({
      code: 'CONFLICT',
      message: expect.stringMatching(/there are 1 in all workspaces/),
    });
    expect(refused.message).not.toContain('a name of its own');
    await server.app.database.withWorkspace(id, ({ sql }) => sql`delete from integrations`);
    expect(await unregisterPlugin(server, 'used')).toMatchObject({ count: 1 });
  });
});

describe('a registered plugin', () => {
  test('is there after a restart; one that does not load stops nothing, says why, and is tried again', async () => {
    const { remove, ...target } = await testDatabaseTarget();
    const onDisk = { ...target, inMemory: false };
    const folder = join(target.dataDir, 'plugins');
    const first = await startTestServer({ target: onDisk });
    writeModule('kept.mjs', 'kept', '1.0.0', folder);
    writeModule('lost.mjs', 'lost', '1.0.0', folder);
    await registerPlugin(first, { path: 'kept.mjs' });
    await registerPlugin(first, { path: 'lost.mjs' });
    await first.close();
    rmSync(join(folder, 'lost.mjs'));
    const second = await startTestServer({ target: { ...onDisk, preparedFolder: undefined } });
    try {
      expect(await answerOf('kept', second)).toBe('from 1.0.0');
      expect(await findPlugin(second, 'lost')).toMatchObject({
        ...{ version: '1.0.0', source: 'lost.mjs', error: expect.stringMatching(/there is no "lost.mjs"/) },
      });
      const tenant = await openWorkspace(second);
      const { providerPlugins } = await tenant.read<{ providerPlugins: { id: string; error: string | null }[] }>(
        '{ providerPlugins { id error } }',
      );
      expect(providerPlugins.filter(({ error }) => error !== null)).toEqual([
        { id: 'lost', error: 'it could not be loaded' },
      ]);
      writeModule('lost.mjs', 'lost', '1.0.0', folder);
      await waitFor('it to be loaded', async () => (await findPlugin(second, 'lost'))?.error === null);
      expect(await answerOf('lost', second)).toBe('from 1.0.0');
    } finally {
      await second.close();
      await remove();
    }
  });

  test('of a process is taken as long as the process is there', async () => {
    const manifest = { id: 'away', label: 'Away', version: '1.0.0', specVersion: 1, capabilities: ['EMBED'] };
    const listener = createServer((_request, response) =>
      response.end(JSON.stringify({ ...manifest, configSchema: { type: 'object' } })),
    );
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    expect(await registerPlugin(server, { url })).toMatchObject({ id: 'away', source: url });
    expect(await unregisterPlugin(server, 'away')).toMatchObject({ count: 1 });
    listener.closeAllConnections();
    listener.close();
    expect((await registerPlugin(server, { url })).issues).toMatchObject([
      { path: ['url'], reason: 'URL_UNREACHABLE' },
    ]);
  });

  // The embedded database belongs to one process.
  test.skipIf(inject('testServer') === null)('is taken and dropped by every server of the database', async () => {
    const { remove, ...target } = await testDatabaseTarget();
    const environment = { SIGNALBOX_ROOT_KEY: 'a-root-key-that-both-servers-share' };
    const one = await startTestServer({ target, environment });
    const two = await startTestServer({ target, environment });
    const folder = join(target.dataDir, 'plugins');
    try {
      writeModule('shared.mjs', 'shared', '1.0.0', folder);
      await registerPlugin(one, { path: 'shared.mjs' });
      const versionAtTwo = async () => (await findPlugin(two, 'shared'))?.version;
      await waitFor('the other server to have it', async () => (await versionAtTwo()) === '1.0.0');
      expect(await answerOf('shared', two)).toBe('from 1.0.0');
      writeModule('shared.mjs', 'shared', '1.1.0', folder);
      await registerPlugin(two, { path: 'shared.mjs' });
      await waitFor(
        'the first to have its new version',
        async () => (await findPlugin(one, 'shared'))?.version === '1.1.0',
      );
      await unregisterPlugin(one, 'shared');
      await waitFor('the other server to drop it', async () => (await versionAtTwo()) === undefined);
    } finally {
      await Promise.all([one.close(), two.close()]);
      await remove();
    }
  });
});
