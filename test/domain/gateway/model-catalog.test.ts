import { describe, expect, test } from 'vitest';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import type { ModelInfo } from '../../../src/plugins/contract.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';

const KNOWN: ModelInfo = { name: 'known', aliases: ['alias'], capabilities: ['GENERATE'], inputUsdPerMillion: '3' };

function catalogOver(listModels: () => Promise<ModelInfo[]>, models: { name: string }[] = []) {
  let listings = 0;
  const provider = {
    ...scriptedProvider(),
    listModels: () => {
      listings += 1;
      return listModels();
    },
  };
  const live = liveIntegration('mine', provider, { models });
  if (live.opened !== null) live.opened.knownModels = [KNOWN];
  const catalog = new ModelCatalog(directoryOf([live]), 'mine/none');
  return { catalog, listings: () => listings };
}

const never = () => new Promise<ModelInfo[]>(() => undefined);

describe('a model', () => {
  test('that is configured or known needs no listing by the vendor', async () => {
    const { catalog, listings } = catalogOver(never, [{ name: 'configured' }]);
    expect((await catalog.model('ws', 'mine/configured', 'GENERATE')).id).toBe('mine/configured');
    expect((await catalog.model('ws', 'mine/alias', 'GENERATE')).id).toBe('mine/known');
    expect(listings()).toBe(0);
  });

  test('that nobody knows is refused with what there is, where the vendor can be asked', async () => {
    const { catalog } = catalogOver(async () => [{ name: 'listed', capabilities: ['GENERATE'] }]);
    expect((await catalog.model('ws', 'mine/listed', 'GENERATE')).id).toBe('mine/listed');
    await expect(catalog.model('ws', 'mine/other', 'GENERATE')).rejects.toMatchObject({
      code: 'NO_PROVIDER',
      message: expect.stringContaining('mine/listed'),
    });
  });

  test('that nobody knows is tried at its word where the vendor cannot be asked', async () => {
    const { catalog } = catalogOver(() => Promise.reject(new Error('down')));
    expect((await catalog.model('ws', 'mine/brand-new', 'STREAM')).info.name).toBe('brand-new');
  });

  test('waits for no listing that does not come', async () => {
    const { catalog } = catalogOver(never);
    expect((await catalog.model('ws', 'mine/brand-new', 'GENERATE')).info.name).toBe('brand-new');
  });

  test('of a configuration has the price that was configured, and what the plugin knows beside it', async () => {
    const { catalog } = catalogOver(never, [{ name: 'known', inputUsdPerMillion: '1' } as never]);
    expect((await catalog.model('ws', 'mine/known', 'GENERATE')).info).toMatchObject({
      inputUsdPerMillion: '1',
      capabilities: ['GENERATE'],
    });
  });
});

test('the vendor is asked once, however many ask for what it offers', async () => {
  const { catalog, listings } = catalogOver(async () => [{ name: 'listed', capabilities: ['GENERATE'] }]);
  await Promise.all(Array.from({ length: 20 }, () => catalog.list('ws')));
  expect(listings()).toBe(1);
});
