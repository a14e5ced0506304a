import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
});
afterAll(() => server?.close());

const ESTIMATE = `query Estimate($operation: AiTask!, $texts: [String!], $filter: DocumentFilter, $model: ID) {
  costEstimate(operation: $operation, texts: $texts, filter: $filter, model: $model) { lowUsd highUsd tokens model fitsBudget }
}`;

test('work with the built-in model costs nothing, and fits every budget', async () => {
  const { costEstimate } = await workspace.read<{ costEstimate: unknown }>(ESTIMATE, {
    ...{ operation: 'SENTIMENT', texts: ['It crashes at every export.'], filter: {} },
  });
  expect(costEstimate).toEqual({
    ...{ lowUsd: '0', highUsd: '0', tokens: expect.any(Number), model: 'local/use-lite-768', fitsBudget: true },
  });
});

test.each([
  ['of nothing', { operation: 'EMBED' }, 'BAD_INPUT'],
  ['for a model that is not there', { operation: 'EMBED', texts: ['dock'], model: 'nobody/model' }, 'NO_PROVIDER'],
  [
    'of documents with labels that there are none of',
    { operation: 'EMBED', filter: { classification: { taxonomy: 'nowhere', labels: ['x'] } } },
    'NOT_FOUND',
  ],
])('an estimate %s is refused', async (_what, variables, code) => {
  expect(await workspace.errorCode(ESTIMATE, variables)).toBe(code);
});

test('the models of a plugin have prices of a day', async () => {
  const { providerPlugins } = await workspace.read<{ providerPlugins: { id: string; pricesAsOf: string | null }[] }>(
    '{ providerPlugins { id pricesAsOf } }',
  );
  const days = new Map(providerPlugins.map(({ id, pricesAsOf }) => [id, pricesAsOf]));
  for (const id of ['openai', 'anthropic', 'google', 'cloudflare']) expect(days.get(id)).toMatch(/^\d{4}-\d{2}-\d{2}$/);
});

test('prices of the workspace’s own contract go before those of the plugin, and are what an estimate is made with', async () => {
  const prices = { inputUsdPerMillion: '0.5', cachedInputUsdPerMillion: '0.05', cacheWriteUsdPerMillion: '0.6' };
  const models = [{ name: 'use-lite-768', ...prices, usdPerAudioSecond: 0.0001, usdPerImage: '0.002' }];
  await workspace.read(
    `mutation ($config: JSON!) {
      createIntegration(input: { name: "priced", pluginId: "local", config: $config }) { ... on Integration { id } ... on Error { message } }
    }`,
    { config: { models } },
  );
  const read = await workspace.read<{ models: { id: string }[] }>(
    '{ models { id inputUsdPerMillion cachedInputUsdPerMillion cacheWriteUsdPerMillion usdPerAudioSecond usdPerImage } }',
  );
  const priced = { id: 'priced/use-lite-768', ...prices, usdPerAudioSecond: '0.0001', usdPerImage: '0.002' };
  expect(read.models).toContainEqual(priced);
  const { costEstimate } = await workspace.read<{ costEstimate: { lowUsd: string } }>(ESTIMATE, {
    ...{ operation: 'EMBED', texts: ['hello world'], model: 'priced/use-lite-768' },
  });
  expect(costEstimate).toMatchObject({ lowUsd: '0.000001', model: 'priced/use-lite-768' });
});
