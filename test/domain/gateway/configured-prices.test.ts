import { expect, test } from 'vitest';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { usageCostUsd } from '../../../src/domain/gateway/price.ts';
import type { ConfiguredModel } from '../../../src/domain/integrations/integration.ts';
import type { ModelInfo, Provider } from '../../../src/plugins/contract.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';

/** What the plugin knows: of its vendor's own prices. */
const KNOWN: ModelInfo = {
  name: 'writer',
  capabilities: ['GENERATE'],
  ...{ inputUsdPerMillion: '3', outputUsdPerMillion: '15' },
  ...{ cachedInputUsdPerMillion: '0.3', cacheWriteUsdPerMillion: '3.75' },
};
const USAGE = { inputTokens: 3_000_000, outputTokens: 0, cachedInputTokens: 1_000_000, cacheWriteTokens: 1_000_000 };

const provider: Provider = {
  listModels: async () => [KNOWN],
  check: async () => undefined,
  close: async () => undefined,
};

/** Both as a call finds the model, and as it is listed. */
async function costs(configured: Omit<ConfiguredModel, 'name'>): Promise<(string | null)[]> {
  const opened = { provider, knownModels: [KNOWN], registration: provider, close: provider.close };
  const live = liveIntegration('mine', provider, { opened, models: [{ name: 'writer', ...configured }] });
  const catalog = new ModelCatalog(directoryOf([live]), 'mine/none');
  const [listed] = await catalog.modelsOf(live);
  const found = await catalog.modelIn(live, 'writer');
  return [found, listed].map((model) => usageCostUsd(USAGE, model?.info ?? KNOWN));
}

test.each<[string, Omit<ConfiguredModel, 'name'>, string]>([
  ['are the vendor’s where nothing is configured', {}, '7.05'],
  ['stay where only another price is configured', { outputUsdPerMillion: '20' }, '7.05'],
  ['are that of all input where that is configured alone', { inputUsdPerMillion: '1' }, '3'],
  [
    'are those configured',
    { inputUsdPerMillion: '1', cachedInputUsdPerMillion: '0.1', cacheWriteUsdPerMillion: '2' },
    '3.1',
  ],
  ['are each its own', { inputUsdPerMillion: '1', cachedInputUsdPerMillion: '0.1' }, '2.1'],
  ['may be configured without that of other input', { cachedInputUsdPerMillion: '0.1' }, '6.85'],
])('prices of the prompt cache %s', async (_rule, configured, cost) => {
  expect(await costs(configured)).toEqual([cost, cost]);
});
