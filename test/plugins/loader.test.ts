import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { PluginSource } from '../../src/plugins/plugin-source.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { MODULES, testLoader } from './plugin-harness.ts';

const MANIFEST = {
  ...{ id: 'sample', label: 'Sample', version: '1.0.0', specVersion: 1 },
  ...{ capabilities: ['EMBED'], configSchema: { type: 'object' } },
};
const PROVIDER = '{ embed() {}, async listModels() { return []; }, async check() {}, async close() {} }';

const moduleText = (manifest: object, provider = PROVIDER) =>
  `export default { manifest: ${JSON.stringify(manifest)}, create: () => (${provider}) };`;

let folder: TempFolder;
let pluginsDir: string;

beforeAll(() => {
  folder = makeTempFolder('plugins');
  pluginsDir = join(folder.path, 'plugins');
  mkdirSync(join(pluginsDir, 'inner'), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder.path, name), text);
  write('outside.mjs', moduleText(MANIFEST));
  write('plugins/good.mjs', moduleText(MANIFEST));
  write('plugins/inner/good.mjs', moduleText(MANIFEST));
  write('plugins/notes.txt', 'no module');
  write('plugins/no-syntax.mjs', 'export default {');
  write('plugins/no-syntax.ts', 'const one: number = 1;\nexport default {\n  one: ,\n};\n');
  write('plugins/broken-import.mjs', 'import broken from "./no-syntax.mjs";\nexport default broken;\n');
  write('plugins/types.ts', 'export type Shape = { side: number };\n');
  write('plugins/type-as-value.ts', "import { Shape } from './types.ts';\nexport default {} as Shape;\n");
  write('plugins/throws.mjs', 'throw new Error("not today")');
  write('plugins/exits.mjs', 'process.exit(0)');
  write('plugins/no-plugin.mjs', 'export const plugin = 1');
  write('plugins/old.mjs', moduleText({ ...MANIFEST, specVersion: 0 }));
  write('plugins/empty-promise.mjs', moduleText(MANIFEST, PROVIDER.replace('embed() {},', '')));
  write('plugins/no-check.mjs', moduleText(MANIFEST, PROVIDER.replace('async check() {},', '')));
  symlinkSync(join(folder.path, 'outside.mjs'), join(pluginsDir, 'link.mjs'));
  symlinkSync(folder.path, join(pluginsDir, 'way-out'), 'dir');
  symlinkSync(join(pluginsDir, 'good.mjs'), join(pluginsDir, 'link-within.mjs'));
});

afterAll(() => folder.remove());

async function load(source: PluginSource, allowPrivate = true): Promise<unknown> {
  const loaded = await testLoader({ pluginsDir, allowPrivate })
    .load(source)
    .catch((error: unknown) => error);
  if (loaded instanceof Error) return loaded;
  await (loaded as { close(): Promise<void> }).close();
  return loaded;
}

const path = (value: string) => load({ kind: 'path', value });

/** Starts a server for one test. Returns its origin. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a plugin of a path', () => {
  test.each([
    ['good.mjs', 'good.mjs'],
    ['./inner/../good.mjs', 'good.mjs'],
    ['inner/good.mjs', 'inner/good.mjs'],
    ['link-within.mjs', 'link-within.mjs'],
  ])('is loaded from below the folder: %s', async (given, source) => {
    expect(await path(given)).toMatchObject({
      ...{ plugin: { manifest: MANIFEST }, source: { kind: 'path', value: source } },
    });
  });

  test('may be TypeScript', async () => {
    const loaded = await testLoader({ pluginsDir: MODULES }).load({ kind: 'path', value: 'unruly.ts' });
    expect(loaded.plugin.manifest).toMatchObject({ id: 'unruly', version: '1.2.3' });
    await loaded.close();
  });

  test.each(['../outside.mjs', 'inner/../../outside.mjs', '/etc/passwd', 'link.mjs', 'way-out/outside.mjs', '.'])(
    'is refused where it leads out of the folder: %s',
    async (given) => {
      expect(await path(given)).toMatchObject({ reason: 'MODULE_OUTSIDE_FOLDER' });
    },
  );

  test('is refused where there is none, with a list of those there are', async () => {
    expect(await path('missing.mjs')).toMatchObject({
      ...{ reason: 'MODULE_NOT_FOUND', message: expect.stringMatching(/there are: .*good\.mjs, inner\/good\.mjs/) },
    });
    expect(await path('notes.txt')).toMatchObject({ reason: 'MODULE_NOT_FOUND' });
  });

  test.each([
    ['no-syntax.mjs', /plugins\/no-syntax\.mjs:1:17: Unexpected end of input$/],
    ['no-syntax.ts', /plugins\/no-syntax\.ts:3:8: Expression expected$/],
    ['broken-import.mjs', /Unexpected end of input$/],
    [
      'type-as-value.ts',
      /type-as-value\.ts:1:10: .*; if Shape is a type, write: import type \{ Shape \} from '\.\/types\.ts'$/,
    ],
    ['throws.mjs', /plugins\/throws\.mjs:1:7: not today$/],
    ['exits.mjs', /thread ended|exit code 0/],
    ['no-plugin.mjs', /default export must be a plugin/],
  ])('is refused where it cannot be loaded: %s', async (given, message) => {
    expect(await path(given)).toMatchObject({ reason: 'MODULE_FAILED', message: expect.stringMatching(message) });
  });

  test('is refused by its manifest before a provider of it is made', async () => {
    expect(await path('old.mjs')).toMatchObject({ reason: 'SPEC_VERSION_UNKNOWN' });
  });

  test.each([
    ['empty-promise.mjs', /promises EMBED, but the provider has no method `embed`/],
    ['no-check.mjs', /no method `check`/],
  ])('is refused where its providers are not what it says: %s', async (given, message) => {
    expect(await path(given)).toMatchObject({ reason: 'CONFORMANCE_FAILED', message: expect.stringMatching(message) });
  });
});

describe('a plugin of a package', () => {
  test('is found in the node_modules of the folder that the server was started in', async () => {
    const started = makeTempFolder('cwd');
    const before = process.cwd();
    onTestFinished(() => {
      process.chdir(before);
      return started.remove();
    });
    const home = join(started.path, 'node_modules', '@acme', 'sample-provider');
    mkdirSync(home, { recursive: true });
    const exported = { name: '@acme/sample-provider', type: 'module', exports: { import: './main.js' } };
    writeFileSync(join(home, 'package.json'), JSON.stringify(exported));
    writeFileSync(join(home, 'main.js'), moduleText(MANIFEST));
    process.chdir(started.path);
    expect(await load({ kind: 'package', value: '@acme/sample-provider' })).toMatchObject({
      ...{ plugin: { manifest: MANIFEST }, source: { kind: 'package', value: '@acme/sample-provider' } },
    });
  });

  test('is refused where it is not installed, or no package at all', async () => {
    for (const value of ['not-installed-anywhere', 'fs', 'node:fs', '../outside.mjs', '/etc/passwd', '']) {
      expect(await load({ kind: 'package', value }), value).toMatchObject({ reason: 'MODULE_NOT_FOUND' });
    }
  });

  test('is refused where it is a package of something else', async () => {
    expect(await load({ kind: 'package', value: 'zod' })).toMatchObject({ reason: 'MODULE_FAILED' });
  });
});

describe('a plugin of a url', () => {
  test('is loaded by its manifest', async () => {
    const origin = await serve((_request, response) => response.end(JSON.stringify(MANIFEST)));
    expect(await load({ kind: 'url', value: `${origin}/` })).toMatchObject({
      ...{ plugin: { manifest: MANIFEST }, source: { kind: 'url', value: origin } },
    });
  });

  test.each([
    'ftp://plugins.example.com',
    'no url',
    'file:///etc/passwd',
    'https://user:secret@127.0.0.1',
    'https://127.0.0.1/?key=secret',
  ])('is refused where it is no plain address: %s', async (value) => {
    const refused = (await load({ kind: 'url', value })) as Error;
    expect(refused).toMatchObject({ reason: 'URL_FORBIDDEN' });
    expect(refused.message).not.toContain('secret');
  });

  test.each([
    'http://127.0.0.1:9',
    'https://[::1]:9',
    'http://localhost:9',
    'http://169.254.169.254',
    'http://10.0.0.1',
  ])('is refused where it is private and the server forbids that: %s', async (value) => {
    expect(await load({ kind: 'url', value }, false)).toMatchObject({
      ...{ reason: 'URL_FORBIDDEN', message: expect.stringMatching(/SIGNALBOX_ALLOW_PRIVATE_URLS/) },
    });
  });

  test('is refused where credentials would cross the public internet in the clear', async () => {
    expect(await load({ kind: 'url', value: 'http://8.8.8.8' })).toMatchObject({
      ...{ reason: 'URL_FORBIDDEN', message: expect.stringMatching(/https/) },
    });
  });

  test('is refused where nothing answers, or not with a manifest', async () => {
    expect(await load({ kind: 'url', value: 'http://127.0.0.1:2' })).toMatchObject({ reason: 'URL_UNREACHABLE' });
    const missing = await serve((_request, response) => response.writeHead(404).end('{}'));
    expect(await load({ kind: 'url', value: missing })).toMatchObject({ reason: 'URL_UNREACHABLE' });
    const elsewhere = await serve((_request, response) => response.writeHead(302, { location: `${missing}/` }).end());
    expect(await load({ kind: 'url', value: elsewhere })).toMatchObject({ reason: 'URL_UNREACHABLE' });
    const noJson = await serve((_request, response) => response.end('<html>'));
    expect(await load({ kind: 'url', value: noJson })).toMatchObject({ reason: 'MANIFEST_INVALID' });
    const endless = await serve((_request, response) => response.end(`"${'x'.repeat(2_000_000)}"`));
    expect(await load({ kind: 'url', value: endless })).toMatchObject({ reason: 'MANIFEST_INVALID' });
  });
});
