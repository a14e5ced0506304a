import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../../../src/shared/ids.ts';
import { type LocalVendor, startVendor } from '../../support/vendor-plugin.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';
import { change, makeIntegration, startVendorServer } from './integration-client.ts';

let server: TestServer;
let vendor: LocalVendor;
let client: WorkspaceClient;
let config: { baseUrl: string };
beforeAll(async () => {
  [server, vendor] = await Promise.all([startVendorServer(), startVendor()]);
  config = { baseUrl: vendor.url };
});
beforeEach(async () => {
  client = await openWorkspace(server);
});
afterAll(() => Promise.all([server?.close(), vendor?.close()]));

const ids = (names: string[]) =>
  names.reduce<Promise<Record<string, string>>>(async (made, name) => {
    const before = await made;
    return { ...before, [name]: (await makeIntegration(client, { name, config })).id };
  }, Promise.resolve({}));

describe('an integration', () => {
  test('is listed, found by its id, changed and deleted', async () => {
    const made = await makeIntegration(client, { name: 'first', config });
    expect(made).toMatchObject({ name: 'first', config, hasCredentials: false, isActive: true, fallback: null });
    const second = await makeIntegration(client, { name: 'second', config, fallbackId: made.id, isActive: false });
    expect(
      await client.read('{ integrations { name isActive fallback { name fallback { name } } plugin { id label } } }'),
    ).toEqual({
      integrations: [
        { name: 'first', isActive: true, fallback: null, plugin: { id: 'vendor', label: 'A vendor' } },
        {
          name: 'second',
          isActive: false,
          fallback: { name: 'first', fallback: null },
          plugin: { id: 'vendor', label: 'A vendor' },
        },
      ],
    });
    const renamed = await change(client, 'updateIntegration', { id: second.id, name: 'other', fallbackId: null });
    expect(renamed).toMatchObject({ name: 'other', isActive: false, fallback: null, config });
    expect(Date.parse(renamed.updatedAt)).toBeGreaterThan(Date.parse(second.updatedAt));
    const find = 'query ($id: ID!) { node(id: $id) { ... on Integration { name } } }';
    expect(await client.read(find, { id: second.id })).toEqual({ node: { name: 'other' } });
    expect(await change(client, 'deleteIntegration', { id: second.id })).toMatchObject({ count: 1 });
    expect(await client.errorCode(find, { id: second.id })).toBe('NOT_FOUND');
    expect(await change(client, 'deleteIntegration', { id: second.id })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('offers its models under its name, to the whole workspace', async () => {
    const models = [{ name: 'own', capabilities: ['GENERATE'], inputUsdPerMillion: 0.15, outputUsdPerMillion: '3.00' }];
    await makeIntegration(client, { name: 'offers', config: { ...config, models } });
    const asked = await client.read<{ integrations: { models: object[] }[]; models: { id: string }[] }>(
      '{ integrations { models { id provider inputUsdPerMillion } } models(capabilities: [GENERATE]) { id } }',
    );
    expect(asked.integrations[0]?.models).toEqual([
      { id: 'offers/parrot', provider: 'offers', inputUsdPerMillion: '1' },
      { id: 'offers/listed', provider: 'offers', inputUsdPerMillion: null },
      { id: 'offers/own', provider: 'offers', inputUsdPerMillion: '0.15' },
    ]);
    expect(asked.models.map(({ id }) => id).sort()).toEqual(['offers/listed', 'offers/own', 'offers/parrot']);
  });

  test('is healthy as long as nothing was asked of it, and is told what its vendor says was spent', async () => {
    const { id } = await makeIntegration(client, { name: 'spender', config });
    await change(client, 'testIntegration', { id, prompt: 'hello' });
    expect(
      await client.read(
        '{ integrations { health { circuit successRate p50Ms lastError lastCheckedAt } spend { reportedUsd ledgerUsd driftUsd } } }',
      ),
    ).toEqual({
      integrations: [
        {
          health: { circuit: 'CLOSED', successRate: null, p50Ms: null, lastError: null, lastCheckedAt: null },
          // 1,000 tokens in at 1 USD and 500 out at 2 USD for a million.
          spend: { reportedUsd: '1.5', ledgerUsd: '0.002', driftUsd: '1.498' },
        },
      ],
    });
  });

  test('whose vendor refuses to tell what was spent is a failure of the provider, and no fault of ours', async () => {
    await makeIntegration(client, { name: 'refused', config, credentials: { apiKey: 'sk-refused-by-the-vendor' } });
    const { body } = await server.query('{ integrations { spend { reportedUsd } } }', {}, { key: client.ownerKey });
    expect(body.errors).toMatchObject([{ message: 'the vendor refuses', extensions: { code: 'PROVIDER_FAILED' } }]);
  });

  test('of another workspace is not there: not by id, not as a fallback, not in the list', async () => {
    const { id } = await makeIntegration(client, { name: 'mine', config });
    const stranger = await openWorkspace(server);
    const own = await makeIntegration(stranger, { name: 'mine', config });
    const unknown = newId('Integration');
    for (const mutation of ['updateIntegration', 'deleteIntegration', 'testIntegration'] as const) {
      const foreign = await change(stranger, mutation, { id });
      expect(foreign).toMatchObject({ code: 'NOT_FOUND' });
      expect(foreign.message.replace(id, unknown)).toBe((await change(stranger, mutation, { id: unknown })).message);
    }
    expect(await change(stranger, 'updateIntegration', { id: own.id, fallbackId: id })).toMatchObject({
      issues: [{ path: ['fallbackId'] }],
    });
    expect(await stranger.errorCode('query ($id: ID!) { node(id: $id) { id } }', { id })).toBe('NOT_FOUND');
    expect(await stranger.read('{ integrations { id } }')).toEqual({ integrations: [{ id: own.id }] });
  });

  test('is seen by a viewer, and changed or tried only by who may manage integrations', async () => {
    const { id } = await makeIntegration(client, { name: 'seen', config });
    for (const role of ['VIEWER', 'MEMBER'] as const) {
      const { secret } = await server.createKey(client.ownerKey, role);
      const other = workspaceClient(server, { ...client, ownerKey: secret });
      expect(await other.read('{ integrations { id config } }')).toEqual({ integrations: [{ id, config }] });
      const inputs = {
        createIntegration: { name: 'new', pluginId: 'vendor', config },
        updateIntegration: { id },
        deleteIntegration: { id },
        testIntegration: { id },
      };
      for (const [mutation, input] of Object.entries(inputs)) {
        expect(await change(other, mutation as keyof typeof inputs, input)).toMatchObject({ code: 'FORBIDDEN' });
      }
    }
  });
});

describe('a name', () => {
  test.each(['', 'Upper', 'a b', '-dash', 'a/b', 'x'.repeat(41), 'local', 'signalbox'])('is not %j', async (name) => {
    const refused = await change(client, 'createIntegration', { name, pluginId: 'vendor', config });
    expect(refused.issues.map(({ path }) => path)).toEqual([['name']]);
  });

  test('is given once in a workspace, by making or by renaming', async () => {
    const { one } = await ids(['one', 'two']);
    expect(await change(client, 'createIntegration', { name: 'two', pluginId: 'vendor', config })).toMatchObject({
      __typename: 'ConflictError',
      message: expect.stringContaining('"two"'),
    });
    expect(await change(client, 'updateIntegration', { id: one, name: 'two' })).toMatchObject({ code: 'CONFLICT' });
    expect(await change(client, 'updateIntegration', { id: one, name: 'one' })).toMatchObject({ name: 'one' });
  });
});

describe('a configuration', () => {
  test('is of a plugin that there is', async () => {
    const refused = await change(client, 'createIntegration', { name: 'new', pluginId: 'nobody', config });
    expect(refused.issues).toEqual([
      { path: ['pluginId'], message: expect.stringMatching(/there are: .*local.*vendor/) },
    ]);
  });

  test('is told everything that is wrong with it, with its place', async () => {
    const wrong = {
      baseUrl: vendor.url,
      tone: 'loud',
      surprise: 1,
      retries: 11,
      batchSize: 0,
      timeouts: { connectMs: 99, idleMs: 600_001, unknownMs: 5 },
      models: [
        { name: 'x', inputUsdPerMillion: -1, dimensions: 16_001 },
        { name: 'x', colour: 'red' },
      ],
    };
    const refused = await change(client, 'createIntegration', { name: 'wrong', pluginId: 'vendor', config: wrong });
    expect(refused.issues.map(({ path }) => path.join('.')).sort()).toEqual(
      [
        ...[
          'config',
          'config.batchSize',
          'config.models',
          'config.models.0.dimensions',
          'config.models.0.inputUsdPerMillion',
        ],
        ...['config.models.1', 'config.retries', 'config.timeouts', 'config.timeouts.connectMs'],
        ...['config.timeouts.idleMs', 'config.tone'],
      ].sort(),
    );
  });

  test('keeps prices as exact decimals, whatever they were given as', async () => {
    const models = [
      { name: 'tiny', inputUsdPerMillion: 1e-7, outputUsdPerMillion: 12 },
      { name: 'text', inputUsdPerMillion: '0.10', outputUsdPerMillion: 0 },
    ];
    const { config: kept } = await makeIntegration(client, { name: 'priced', config: { ...config, models } });
    expect(kept.models).toEqual([
      { name: 'tiny', inputUsdPerMillion: '0.0000001', outputUsdPerMillion: '12' },
      { name: 'text', inputUsdPerMillion: '0.10', outputUsdPerMillion: '0' },
    ]);
  });

  test('may have 64 KB, and credentials 16 KB', async () => {
    const large = { ...config, models: Array.from({ length: 500 }, (_, i) => ({ name: `${'m'.repeat(150)}${i}` })) };
    expect(
      (await change(client, 'createIntegration', { name: 'large', pluginId: 'vendor', config: large })).issues,
    ).toEqual([{ path: ['config'], message: expect.stringContaining('64 KB') }]);
    const credentials = { apiKey: 'k'.repeat(16_400) };
    const refused = await change(client, 'createIntegration', {
      name: 'large',
      pluginId: 'vendor',
      config,
      credentials,
    });
    expect(refused.issues).toEqual([{ path: ['credentials'], message: expect.stringContaining('16 KB') }]);
  });

  test('is shown by the plugin’s schema together with what all integrations can set, secrets marked', async () => {
    const { providerPlugins } = await client.read<{
      providerPlugins: { id: string; configSchema: { properties: Record<string, object> } }[];
    }>('{ providerPlugins { id configSchema } }');
    const { properties } = providerPlugins.find(({ id }) => id === 'vendor')?.configSchema ?? { properties: {} };
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(['baseUrl', 'apiKey', 'defaultModel', 'models', 'timeouts', 'retries', 'batchSize']),
    );
    expect(properties.apiKey).toMatchObject({ secret: true });
    expect(properties.retries).toMatchObject({ minimum: 0, maximum: 10 });
  });

  test('of the local models shares those of the server: neither paths nor threads are a workspace’s to set', async () => {
    await makeIntegration(client, { name: 'own-name', pluginId: 'local', config: { retries: 1 } });
    expect(await client.read('{ integrations { models { id } } }')).toMatchObject({
      integrations: [{ models: expect.arrayContaining([{ id: 'own-name/use-lite-768' }]) }],
    });
    for (const config of [{ workers: 8 }, { models: [{ name: 'mine', source: '/etc', dimensions: 384 }] }]) {
      const refused = await change(client, 'createIntegration', { name: 'other', pluginId: 'local', config });
      expect(refused.code).toBe('BAD_INPUT');
    }
  });
});

describe('fallbacks', () => {
  test('never go in a circle, and the refusal shows it by names', async () => {
    const made = await ids(['a', 'b', 'c']);
    await change(client, 'updateIntegration', { id: made.a, fallbackId: made.b });
    await change(client, 'updateIntegration', { id: made.b, fallbackId: made.c });
    const refused = await change(client, 'updateIntegration', { id: made.c, fallbackId: made.a });
    expect(refused.issues).toEqual([{ path: ['fallbackId'], message: expect.stringContaining('c → a → b → c') }]);
    const itself = await change(client, 'updateIntegration', { id: made.c, fallbackId: made.c });
    expect(itself.message).toContain('c → c');
  });

  test('never go in a circle by changes at the same time', async () => {
    for (const round of [1, 2, 3]) {
      const names = ['x', 'y', 'z'].map((name) => `${name}${round}`);
      const made = await ids(names);
      const [x, y, z] = names.map((name) => made[name]);
      const results = await Promise.all(
        [
          [x, y],
          [y, z],
          [z, x],
        ].map(([id, fallbackId]) => change(client, 'updateIntegration', { id, fallbackId })),
      );
      expect(results.map(({ __typename }) => __typename).sort()).toEqual([
        'Integration',
        'Integration',
        'InvalidInputError',
      ]);
    }
  });

  test('keep what they fall back to: it is deleted after them', async () => {
    const made = await ids(['front', 'back']);
    await change(client, 'updateIntegration', { id: made.front, fallbackId: made.back });
    const refused = await change(client, 'deleteIntegration', { id: made.back });
    expect(refused).toMatchObject({
      __typename: 'ConflictError',
      message: expect.stringContaining('"front" falls back to it'),
    });
    await change(client, 'updateIntegration', { id: made.front, fallbackId: null });
    expect(await change(client, 'deleteIntegration', { id: made.back })).toMatchObject({ count: 1 });
  });
});

describe('a trial', () => {
  test('before anything is stored answers the prompt, lists the models and is spent like a call', async () => {
    const tried = await change(client, 'testIntegration', { pluginId: 'vendor', config, prompt: 'what is new?' });
    expect(tried).toMatchObject({
      ...{ __typename: 'IntegrationTest', ok: true, error: null, sample: 'you said what is new?' },
      models: [{ id: 'vendor/parrot' }, { id: 'vendor/listed' }],
    });
    expect(tried.latencyMs).toBeGreaterThan(0);
    expect(await client.read('{ integrations { id } }')).toEqual({ integrations: [] });
    const { usage } = await client.read<{ usage: { total: object } }>(
      '{ usage { total { llmCalls inputTokens costUsd } } }',
    );
    expect(usage.total).toEqual({ llmCalls: 1, inputTokens: 1_000, costUsd: '0.002' });
  });

  test('takes its answer from the allowance of LLM calls before it asks, and gives it back where there is none', async () => {
    const server = await startVendorServer();
    try {
      const free = await openWorkspace(server, { tier: 'FREE' });
      const usedCalls = () =>
        server.app.database.withSystem(async ({ sql }) => {
          const [row] = await sql`select sum(used)::int as used from meter_days where meter = 'LLM_CALLS'`;
          return row?.used as number;
        });
      await change(free, 'testIntegration', { pluginId: 'vendor', config });
      expect(await usedCalls()).toBe(1);
      const unanswered = { pluginId: 'vendor', config, credentials: { apiKey: 'sk-refused-by-the-vendor' } };
      expect(await change(free, 'testIntegration', unanswered)).toMatchObject({ ok: false });
      expect(await usedCalls()).toBe(1);
      await server.app.database.withSystem(
        ({ sql }) => sql`update meter_days set used = 100 where meter = 'LLM_CALLS'`,
      );
      const before = vendor.requests.length;
      expect(await change(free, 'testIntegration', { pluginId: 'vendor', config })).toMatchObject({
        ...{ ok: false, sample: null, error: expect.stringContaining('LLM calls') },
      });
      expect(vendor.requests.slice(before).map(({ path }) => path)).toEqual(['/check']);
    } finally {
      await server.close();
    }
  });

  test('whose tokens cannot be counted is an answer all the same, and is counted as a call', async () => {
    const tried = await change(client, 'testIntegration', { pluginId: 'vendor', config, prompt: 'count oddly' });
    expect(tried).toMatchObject({ ok: true, sample: 'you said count oddly' });
    const { usage } = await client.read<{ usage: { total: object } }>('{ usage { total { llmCalls inputTokens } } }');
    expect(usage.total).toEqual({ llmCalls: 1, inputTokens: 0 });
  });

  test('of a provider that only embeds makes a vector', async () => {
    const tried = await change(client, 'testIntegration', { pluginId: 'local', config: {} });
    expect(tried).toMatchObject({ ok: true, error: null, sample: 'a vector of 768 dimensions by use-lite-768' });
  });

  test('of a provider that is not there says so', async () => {
    const gone = await startVendor();
    await gone.close();
    const tried = await change(client, 'testIntegration', { pluginId: 'vendor', config: { baseUrl: gone.url } });
    expect(tried).toMatchObject({ ok: false, sample: null, error: expect.stringContaining('broke') });
  });

  test('needs a plugin or an integration', async () => {
    expect((await change(client, 'testIntegration', { config })).issues).toMatchObject([{ path: ['pluginId'] }]);
  });
});
