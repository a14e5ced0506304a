import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LocalVendor, startVendor } from '../../support/vendor-plugin.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import { change, startVendorServer } from './integration-client.ts';

let server: TestServer;
let open: TestServer;
let vendor: LocalVendor;
let client: WorkspaceClient;
beforeAll(async () => {
  [server, open, vendor] = await Promise.all([
    startVendorServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '0' } }),
    startVendorServer(),
    startVendor(),
  ]);
  client = await openWorkspace(server);
});
afterAll(() => Promise.all([server?.close(), open?.close(), vendor?.close()]));

const input = (baseUrl: string) => ({ pluginId: 'vendor', config: { baseUrl } });

describe('the url of an integration', () => {
  test.each([
    ...[
      'http://127.0.0.1:11434/v1',
      'http://localhost:11434',
      'http://10.1.2.3',
      'http://192.168.1.1',
      'http://[::1]/',
    ],
    ...[
      'http://169.254.169.254/latest/meta-data',
      'http://0x7f.1/',
      'http://2130706433/',
      'http://[::ffff:127.0.0.1]/',
    ],
    ...['http://0.0.0.0/', 'http://[fd00::1]/', 'http://100.64.0.1/'],
  ])('may not be %s where private addresses are not allowed', async (url) => {
    for (const mutation of ['createIntegration', 'testIntegration'] as const) {
      const name = mutation === 'createIntegration' ? { name: 'private' } : {};
      const refused = await change(client, mutation, { ...name, ...input(url) });
      expect(refused.issues).toEqual([
        { path: ['config', 'baseUrl'], message: expect.stringContaining('SIGNALBOX_ALLOW_PRIVATE_URLS') },
      ]);
    }
    expect(vendor.requests).toEqual([]);
  });

  test.each([
    ...['ftp://example.com', 'file:///etc/passwd', 'example.com', 'javascript:alert(1)', ''],
    ...[
      'https://user:password@example.com',
      'https://user@example.com',
      'https://example.com/#part',
      'https://example.com/#',
    ],
  ])('may not be %j anywhere', async (url) => {
    const wide = await openWorkspace(open);
    for (const each of [client, wide]) {
      const refused = await change(each, 'createIntegration', { name: 'wrong', ...input(url) });
      expect(refused.issues).toMatchObject([{ path: ['config', 'baseUrl'] }]);
      expect(refused.message).not.toContain('password@');
    }
  });

  test('is https where credentials go to a public address, and may be http where none do, or to a private one', async () => {
    const wide = await openWorkspace(open);
    const credentials = { apiKey: 'sk-plain-text' };
    const plain = { pluginId: 'vendor', config: { baseUrl: 'http://93.184.215.14/v1' } };
    const refused = { issues: [{ path: ['config', 'baseUrl'], message: 'must be https: credentials are sent there' }] };
    for (const each of [client, wide]) {
      expect(await change(each, 'createIntegration', { name: 'plain', ...plain, credentials })).toMatchObject(refused);
      expect(await change(each, 'testIntegration', { ...plain, credentials })).toMatchObject(refused);
      const { id } = await change(each, 'createIntegration', { name: 'plain', ...plain });
      expect(await change(each, 'updateIntegration', { id, credentials })).toMatchObject(refused);
      const secure = { id, config: { baseUrl: 'https://93.184.215.14/v1' }, credentials };
      expect(await change(each, 'updateIntegration', secure)).toMatchObject({ hasCredentials: true });
      expect(await change(each, 'updateIntegration', { id, config: plain.config })).toMatchObject(refused);
    }
    const inside = { name: 'inside', ...input(vendor.url), credentials };
    expect(await change(wide, 'createIntegration', inside)).toMatchObject({ hasCredentials: true });
  });

  test('has 2,048 characters at the most', async () => {
    const url = (length: number) => 'https://93.184.215.14/'.padEnd(length, '/');
    expect(await change(client, 'createIntegration', { name: 'long', ...input(url(2_049)) })).toMatchObject({
      issues: [{ path: ['config', 'baseUrl'], message: expect.stringContaining('2048') }],
    });
    expect(await change(client, 'createIntegration', { name: 'long', ...input(url(2_048)) })).toMatchObject({
      name: 'long',
    });
  });

  test('may be a public address, and a name that cannot be looked up now', async () => {
    for (const [name, url] of [
      ['public', 'https://93.184.215.14/v1'],
      ['unknown', 'https://no-such-name.invalid'],
    ]) {
      expect(await change(client, 'createIntegration', { name, ...input(url as string) })).toMatchObject({ name });
    }
  });

  test('is checked again at each connection: what was stored before leads nowhere private either', async () => {
    const { id } = await change(client, 'createIntegration', { name: 'stored', ...input('https://93.184.215.14') });
    await server.app.database.withWorkspace(
      client.id,
      ({ sql }) => sql`update integrations set config = ${sql.json({ baseUrl: vendor.url })} where id = ${id}`,
    );
    const tried = await change(client, 'testIntegration', { id });
    expect(tried).toMatchObject({ ok: false, error: expect.stringContaining('SIGNALBOX_ALLOW_PRIVATE_URLS') });
    expect(vendor.requests).toEqual([]);
  });

  test('may be private where the server says so', async () => {
    const wide = await openWorkspace(open);
    expect(await change(wide, 'testIntegration', input(vendor.url))).toMatchObject({ ok: true });
    expect(vendor.requests.length).toBeGreaterThan(0);
  });
});
