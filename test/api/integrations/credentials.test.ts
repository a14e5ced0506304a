import { Writable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LocalVendor, startVendor } from '../../support/vendor-plugin.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import { change, makeIntegration, startVendorServer } from './integration-client.ts';

const SECRET = 'sk-secret-0123456789-abcdef';

let logged = '';
let server: TestServer;
let vendor: LocalVendor;
let elsewhere: LocalVendor;
let client: WorkspaceClient;
let config: { baseUrl: string };
beforeAll(async () => {
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      logged += String(chunk);
      done();
    },
  });
  [vendor, elsewhere] = await Promise.all([startVendor(), startVendor()]);
  server = await startVendorServer({ logger: pino({ level: 'trace' }, sink) });
  config = { baseUrl: `${vendor.url}/v1` };
});
beforeEach(async () => {
  client = await openWorkspace(server);
});
afterAll(async () => {
  await server?.close();
  await Promise.all([vendor?.close(), elsewhere?.close()]);
});

const everyRow = async () => {
  const rows = await server.app.database.withSystem(({ sql }) => sql`select to_jsonb(i) as row from integrations i`);
  return JSON.stringify(rows);
};

describe('credentials', () => {
  test('reach the vendor and are in no answer, no column and no line of the log', async () => {
    const made = await makeIntegration(client, { name: 'seen', config, credentials: { apiKey: SECRET } });
    const tried = await change(client, 'testIntegration', { id: made.id, prompt: 'hello' });
    expect(tried).toMatchObject({ ok: true, sample: 'you said hello', error: null });
    expect(vendor.requests.at(-1)?.headers.authorization).toBe(`Bearer ${SECRET}`);
    const listed = await client.ask(
      '{ integrations { id name config hasCredentials plugin { configSchema } models { id } } }',
    );
    expect(listed.data).toMatchObject({ integrations: [{ hasCredentials: true, config }] });
    const hex = Buffer.from(SECRET).toString('hex');
    const base64 = Buffer.from(SECRET).toString('base64');
    for (const place of [JSON.stringify([made, tried, listed]), logged, await everyRow()]) {
      expect(place.length).toBeGreaterThan(100);
      for (const form of [SECRET, hex, base64]) expect(place).not.toContain(form);
    }
  });

  test('are taken out of what a vendor’s refusal repeats', async () => {
    const apiKey = 'sk-refused-987654321';
    const tried = await change(client, 'testIntegration', { pluginId: 'vendor', config, credentials: { apiKey } });
    expect(tried).toMatchObject({ ok: false, sample: null, error: expect.stringContaining('[redacted]') });
    expect(JSON.stringify(tried)).not.toContain(apiKey);
    expect(logged).not.toContain(apiKey);
  });

  test('inside config are refused without being repeated, at any depth', async () => {
    const input = {
      name: 'wrong',
      pluginId: 'vendor',
      config: { ...config, apiKey: SECRET, organisation: { token: SECRET } },
    };
    const refused = await change(client, 'createIntegration', input);
    expect(refused.issues.map(({ path }) => path)).toEqual([
      ['config', 'apiKey'],
      ['config', 'organisation', 'token'],
    ]);
    expect(refused.message).toContain('belongs in credentials');
    expect(JSON.stringify(refused)).not.toContain(SECRET);
  });

  test('hold nothing that is not secret', async () => {
    const credentials = { apiKey: SECRET, tone: 'dry', organisation: { name: 'us', token: 'a-token' }, unheard: 'of' };
    const refused = await change(client, 'createIntegration', {
      name: 'wrong',
      pluginId: 'vendor',
      config,
      credentials,
    });
    expect(refused.issues.map(({ path }) => path)).toEqual([
      ['credentials', 'tone'],
      ['credentials', 'organisation', 'name'],
      ['credentials', 'unheard'],
    ]);
  });

  test('are checked by the plugin’s schema together with the configuration', async () => {
    const nested = { ...config, organisation: { name: 'us' } };
    const credentials = { apiKey: 'short', organisation: { token: 'a-token' } };
    const refused = await change(client, 'createIntegration', {
      name: 'wrong',
      pluginId: 'vendor',
      config: nested,
      credentials,
    });
    expect(refused.issues).toEqual([{ path: ['credentials', 'apiKey'], message: expect.stringContaining('8') }]);
    const made = await makeIntegration(client, {
      name: 'right',
      config: nested,
      credentials: { ...credentials, apiKey: SECRET },
    });
    expect(made.config).toEqual(nested);
  });

  test('stay where a change leaves them out, go where it sets null, and are replaced as a whole', async () => {
    const { id } = await makeIntegration(client, { name: 'kept', config, credentials: { apiKey: SECRET } });
    const sentKey = async () => {
      expect(await change(client, 'testIntegration', { id })).toMatchObject({ ok: true });
      return vendor.requests.at(-1)?.headers.authorization;
    };
    expect(await change(client, 'updateIntegration', { id, config: { ...config, tone: 'dry' } })).toMatchObject({
      hasCredentials: true,
      config: { ...config, tone: 'dry' },
    });
    expect(await sentKey()).toBe(`Bearer ${SECRET}`);
    await change(client, 'updateIntegration', { id, credentials: { apiKey: 'sk-another-1234' } });
    expect(await sentKey()).toBe('Bearer sk-another-1234');
    expect(await change(client, 'updateIntegration', { id, credentials: null })).toMatchObject({
      hasCredentials: false,
    });
    expect(await sentKey()).toBeUndefined();
  });
});

describe('stored credentials', () => {
  let id: string;
  beforeEach(async () => {
    ({ id } = await makeIntegration(client, { name: 'stored', config, credentials: { apiKey: SECRET } }));
  });

  test.each([
    ['another origin', () => ({ baseUrl: elsewhere.url })],
    ['another path of the same origin', () => ({ ...config, baseUrl: `${config.baseUrl}/of/somebody/else` })],
    ['another region', () => ({ ...config, region: 'attackers-1' })],
    ['no address any more', () => ({})],
  ])('go to %s neither by a change nor by a test', async (_what, other) => {
    const before = elsewhere.requests.length;
    for (const mutation of ['updateIntegration', 'testIntegration'] as const) {
      const refused = await change(client, mutation, { id, config: other() });
      expect(refused.__typename).toBe('InvalidInputError');
      expect(refused.message).toContain('give the credentials again');
    }
    expect(elsewhere.requests).toHaveLength(before);
    const { integrations } = await client.read<{ integrations: object[] }>('{ integrations { config } }');
    expect(integrations).toEqual([{ config }]);
  });

  test('are not needed to try another place with credentials of its own', async () => {
    const tried = await change(client, 'testIntegration', {
      ...{ id, config: { baseUrl: elsewhere.url }, credentials: { apiKey: 'sk-for-elsewhere' } },
    });
    expect(tried).toMatchObject({ ok: true });
    expect(elsewhere.requests.at(-1)?.headers.authorization).toBe('Bearer sk-for-elsewhere');
    expect(JSON.stringify(elsewhere.requests)).not.toContain(SECRET);
  });

  test('go to the same url in another spelling', async () => {
    const moved = await change(client, 'updateIntegration', {
      id,
      config: { ...config, baseUrl: `${config.baseUrl}//` },
    });
    expect(moved).toMatchObject({ __typename: 'Integration', hasCredentials: true });
    expect(await change(client, 'testIntegration', { id })).toMatchObject({ ok: true });
    expect(vendor.requests.at(-1)).toMatchObject({ headers: { authorization: `Bearer ${SECRET}` } });
  });

  test.each(['sk-a-key\n', 'sk-a\nkey', 'sk-a\u0001key', '\tsk-a-key', 'sk-a\u0085key'])(
    'with a line break or another control character are refused, and not repeated: %j',
    async (apiKey) => {
      for (const mutation of ['createIntegration', 'testIntegration'] as const) {
        const name = mutation === 'createIntegration' ? { name: 'broken' } : {};
        const refused = await change(client, mutation, {
          ...name,
          pluginId: 'vendor',
          config,
          credentials: { apiKey },
        });
        expect(refused.issues).toEqual([
          { path: ['credentials', 'apiKey'], message: expect.stringContaining('control character') },
        ]);
        expect(JSON.stringify(refused)).not.toContain('sk-a');
      }
    },
  );

  test('in PEM or JSON may have lines', async () => {
    const apiKey = '-----BEGIN KEY-----\nabc\n-----END KEY-----\n';
    const input = { name: 'pem', pluginId: 'vendor', config, credentials: { apiKey } };
    expect(await change(client, 'createIntegration', input)).toMatchObject({ hasCredentials: true });
  });

  test('of another shape than an object are refused, and not repeated', async () => {
    const { body } = await server.query(
      'mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename } }',
      { input: { name: 'mistyped', pluginId: 'vendor', credentials: 'sk-mistyped-secret' } },
      { key: client.ownerKey },
    );
    expect(JSON.stringify(body)).not.toContain('sk-mistyped-secret');
    expect(body.errors?.[0]).toMatchObject({
      extensions: { code: 'BAD_INPUT' },
      message: expect.stringContaining('credentials'),
    });
  });

  test('are not given to another plugin', async () => {
    const refused = await change(client, 'testIntegration', { id, pluginId: 'local', config: {} });
    expect(refused.issues).toEqual([{ path: ['pluginId'], message: expect.stringContaining('vendor') }]);
  });

  test('that do not open are an answer that says what to do, and everything else goes on', async () => {
    await server.app.database.withWorkspace(
      client.id,
      ({ sql }) =>
        sql`update integrations set credentials = set_byte(credentials, 3, 255 - get_byte(credentials, 3)) where id = ${id}`,
    );
    const tried = await change(client, 'testIntegration', { id });
    expect(tried).toMatchObject({ ok: false, error: expect.stringContaining('SIGNALBOX_SECRET_KEY') });
    expect(await client.ask('{ integrations { hasCredentials models { id } health { lastError } } }')).toEqual({
      data: {
        integrations: [
          { hasCredentials: true, models: [], health: { lastError: expect.stringContaining('SIGNALBOX_SECRET_KEY') } },
        ],
      },
    });
    await change(client, 'updateIntegration', { id, credentials: { apiKey: SECRET } });
    expect(await change(client, 'testIntegration', { id })).toMatchObject({ ok: true });
  });
});
