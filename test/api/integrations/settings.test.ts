import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type LocalVendor, startVendor } from '../../support/vendor-plugin.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';
import { change, makeIntegration, startVendorServer } from './integration-client.ts';

const CHOICE = 'primary { id } fallbacks { id } parameters';
const READ = `{ viewer { workspace { settings { preferences policies models { chat { ${CHOICE} } embed { ${CHOICE} } moderate { ${CHOICE} } } } } } }`;
const UPDATE = `mutation ($input: UpdateSettingsInput!) { updateSettings(input: $input) {
  __typename ... on Settings { preferences policies } ... on Error { code message } ... on InvalidInputError { issues { path message } } } }`;

interface SettingsResult {
  __typename: string;
  preferences: object;
  policies: object;
  code: string;
  message: string;
  issues: { path: string[]; message: string }[];
}

let server: TestServer;
let vendor: LocalVendor;
let client: WorkspaceClient;
beforeAll(async () => {
  [server, vendor] = await Promise.all([startVendorServer(), startVendor()]);
});
beforeEach(async () => {
  client = await openWorkspace(server);
});
afterAll(() => Promise.all([server?.close(), vendor?.close()]));

const update = async (input: object, as: WorkspaceClient = client) =>
  (await as.read<{ updateSettings: SettingsResult }>(UPDATE, { input })).updateSettings;

const read = async () => {
  const { viewer } = await client.read<{ viewer: { workspace: { settings: Record<string, unknown> } } }>(READ);
  return viewer.workspace.settings;
};

const make = (name: string) => makeIntegration(client, { name, config: { baseUrl: vendor.url } });

describe('settings', () => {
  test('are merged: null takes away, what is left out stays', async () => {
    await update({
      preferences: { colour: 'red', nested: { a: 1, b: { c: 2 } }, list: [1, 2] },
      policies: { answerCache: true },
    });
    await update({ preferences: { colour: null, nested: { b: { d: 3 } }, list: [3] } });
    const changed = await update({ policies: { custom: { any: 'thing' } } });
    expect(changed).toEqual({
      __typename: 'Settings',
      preferences: { nested: { a: 1, b: { c: 2, d: 3 } }, list: [3] },
      policies: { answerCache: true, custom: { any: 'thing' } },
    });
  });

  test('keep a key called __proto__ as any other', async () => {
    await update({ preferences: JSON.parse('{"__proto__": {"polluted": true}, "own": 1}') });
    const changed = await update({ preferences: { own: 2 } });
    expect(JSON.stringify(changed.preferences)).toContain('"own":2');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('lose nothing to a change of another key at the same time', async () => {
    const keys = Array.from({ length: 8 }, (_, i) => `key${i}`);
    await Promise.all(keys.map((key) => update({ preferences: { [key]: key } })));
    const changed = await update({});
    expect(changed.preferences).toEqual(Object.fromEntries(keys.map((key) => [key, key])));
  });

  test('are of one workspace', async () => {
    await update({ preferences: { colour: 'red' } });
    const stranger = await openWorkspace(server);
    expect(await update({}, stranger)).toMatchObject({ preferences: {}, policies: {} });
  });

  test('are changed only by who may manage settings, and read by every member', async () => {
    await make('chatty');
    const { secret } = await server.createKey(client.ownerKey, 'VIEWER');
    const viewer = workspaceClient(server, { ...client, ownerKey: secret });
    expect(await update({ preferences: { a: 1 } }, viewer)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await viewer.read(READ)).toMatchObject({ viewer: { workspace: { settings: { preferences: {} } } } });
  });

  test('have a known policy checked, and 64 KB in all', async () => {
    expect((await update({ policies: { answerCache: 'yes' } })).issues).toMatchObject([
      { path: ['policies', 'answerCache'] },
    ]);
    expect((await update({ preferences: { text: 'x'.repeat(66_000) } })).message).toContain('64 KB');
    expect(await update({})).toMatchObject({ preferences: {}, policies: {} });
  });
});

describe('the model of a kind of work', () => {
  test('is the first one that can where nothing is chosen, and what is chosen otherwise', async () => {
    await make('chatty');
    expect(await read()).toMatchObject({
      models: {
        chat: { primary: { id: 'chatty/parrot' }, fallbacks: [], parameters: {} },
        embed: { primary: { id: 'local/use-lite-768' } },
        moderate: null,
      },
    });
    await update({
      models: { chat: { primary: 'chatty/listed', fallbacks: ['chatty/parrot'], parameters: { temperature: 0.2 } } },
    });
    expect(await read()).toMatchObject({
      models: {
        chat: {
          primary: { id: 'chatty/listed' },
          fallbacks: [{ id: 'chatty/parrot' }],
          parameters: { temperature: 0.2 },
        },
      },
    });
    await update({ models: { chat: { primary: 'chatty/parrot', fallbacks: null } } });
    expect(await read()).toMatchObject({
      models: { chat: { primary: { id: 'chatty/parrot' }, fallbacks: [], parameters: { temperature: 0.2 } } },
    });
    await update({ models: { chat: null } });
    expect(await read()).toMatchObject({ models: { chat: { primary: { id: 'chatty/parrot' }, parameters: {} } } });
  });

  test('is an error at its place where there is none', async () => {
    const { errors } = await client.ask(READ);
    expect(errors).toMatchObject([
      { path: ['viewer', 'workspace', 'settings', 'models', 'chat'], extensions: { code: 'NO_PROVIDER' } },
    ]);
  });

  test('is stored by its id where it is named by an alias', async () => {
    await update({ models: { embed: { primary: 'local/Xenova/all-MiniLM-L6-v2' } } });
    const stored = await server.app.database.withWorkspace(
      client.id,
      ({ sql }) => sql<{ primary: string }[]>`select models->'embed'->>'primary' as primary from workspace_settings`,
    );
    expect(stored.map((row) => ({ ...row }))).toEqual([{ primary: 'local/all-MiniLM-L6-v2' }]);
  });

  test.each<[string, object, string[]]>([
    ['an unknown work', { dance: { primary: 'chatty/parrot' } }, ['models', 'dance']],
    ['a model that is not there', { chat: { primary: 'nobody/parrot' } }, ['models', 'chat', 'primary']],
    ['a model that cannot do it', { embed: { primary: 'chatty/parrot' } }, ['models', 'embed', 'primary']],
    ['one that only embeds', { chat: { primary: 'local/use-lite-768' } }, ['models', 'chat', 'primary']],
    ['an id without an integration', { chat: { primary: 'parrot' } }, ['models', 'chat', 'primary']],
    [
      'a fallback that is not there',
      { chat: { primary: 'chatty/parrot', fallbacks: ['chatty/listed', 'chatty/owl'] } },
      ['models', 'chat', 'fallbacks', '1'],
    ],
    [
      'six fallbacks',
      { chat: { primary: 'chatty/parrot', fallbacks: Array(6).fill('chatty/listed') } },
      ['models', 'chat', 'fallbacks'],
    ],
    [
      'an unknown parameter',
      { chat: { primary: 'chatty/parrot', parameters: { apiKey: 'x' } } },
      ['models', 'chat', 'parameters'],
    ],
    [
      'a parameter out of range',
      { chat: { primary: 'chatty/parrot', parameters: { temperature: 3 } } },
      ['models', 'chat', 'parameters', 'temperature'],
    ],
    ['no model at all', { chat: {} }, ['models', 'chat', 'primary']],
    [
      'vectors of another length',
      { embed: { primary: 'local/use-lite-768', parameters: { dimensions: 256 } } },
      ['models', 'embed', 'parameters'],
    ],
    [
      'a length of vectors, where none are made',
      { chat: { primary: 'chatty/parrot', parameters: { dimensions: 256 } } },
      ['models', 'chat', 'parameters'],
    ],
    [
      'another model to fall back to for vectors',
      { embed: { primary: 'local/use-lite-768', fallbacks: ['local/all-MiniLM-L6-v2'] } },
      ['models', 'embed', 'fallbacks', '0'],
    ],
    [
      'itself to fall back to for vectors',
      { embed: { primary: 'local/use-lite-768', fallbacks: ['local/use-lite-768'] } },
      ['models', 'embed', 'fallbacks', '0'],
    ],
  ])('is not %s', async (_what, models, path) => {
    await make('chatty');
    const refused = await update({ preferences: { changed: true }, models });
    expect(refused.issues.map((issue) => issue.path)).toEqual([path]);
    expect(await update({})).toMatchObject({ preferences: {} });
  });

  test('for vectors says why it takes no parameters', async () => {
    const parameters = { temperature: 0 };
    const { issues } = await update({ models: { embed: { primary: 'local/use-lite-768', parameters } } });
    expect(issues).toMatchObject([{ message: expect.stringContaining('cannot share an index') }]);
  });

  test('for vectors may fall back to the same model of another integration, also where aliases name both', async () => {
    await make('chatty');
    await makeIntegration(client, { name: 'mine', pluginId: 'local' });
    const alias = 'Xenova/all-MiniLM-L6-v2';
    await update({ models: { embed: { primary: `local/${alias}`, fallbacks: [`mine/${alias}`] } } });
    expect(await read()).toMatchObject({
      models: { embed: { primary: { id: 'local/all-MiniLM-L6-v2' }, fallbacks: [{ id: 'mine/all-MiniLM-L6-v2' }] } },
    });
  });

  test('of another workspace’s integration is not there', async () => {
    await make('chatty');
    const stranger = await openWorkspace(server);
    const refused = await update({ models: { chat: { primary: 'chatty/parrot' } } }, stranger);
    expect(refused.issues).toMatchObject([{ path: ['models', 'chat', 'primary'] }]);
  });

  test('keeps its integration: deleting that is refused, renaming it takes the choice along', async () => {
    const { id } = await make('chatty');
    await update({ models: { chat: { primary: 'chatty/parrot' }, agents: { primary: 'chatty/listed' } } });
    const refused = await change(client, 'deleteIntegration', { id });
    expect(refused).toMatchObject({ __typename: 'ConflictError' });
    expect(refused.message).toContain('the settings choose chatty/parrot to chat');
    await change(client, 'updateIntegration', { id, name: 'renamed' });
    expect(await read()).toMatchObject({ models: { chat: { primary: { id: 'renamed/parrot' } } } });
    await update({ models: { chat: null, agents: null } });
    expect(await change(client, 'deleteIntegration', { id })).toMatchObject({ count: 1 });
  });

  test('does not hinder other changes where it is not there any more', async () => {
    const models = [{ name: 'passing', capabilities: ['GENERATE'] }];
    const { id } = await makeIntegration(client, { name: 'chatty', config: { baseUrl: vendor.url, models } });
    await update({ models: { chat: { primary: 'chatty/passing' } } });
    await change(client, 'updateIntegration', { id, config: { baseUrl: vendor.url } });
    expect(await update({ models: { agents: { primary: 'chatty/parrot' } } })).toMatchObject({
      __typename: 'Settings',
    });
    expect((await client.ask(READ)).errors).toMatchObject([{ path: expect.arrayContaining(['chat', 'primary']) }]);
  });
});
