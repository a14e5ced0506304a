import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import plugin from '../../examples/embedding-provider.ts';
import { ModelCatalog } from '../../src/domain/gateway/model-catalog.ts';
import type { CallContext, Provider } from '../../src/plugins/contract.ts';
import { PluginRegistry } from '../../src/plugins/registry.ts';
import { testHost } from '../support/plugin-host.ts';

const HOST = testHost(tmpdir());
const CALL: CallContext = { signal: new AbortController().signal, requestId: 'test' };

/** The provider as a server gets it: by the plugin's id. */
function providerFromRegistry(): Provider {
  const registry = new PluginRegistry();
  registry.register(plugin, './examples/embedding-provider.ts');
  return registry.get('hashed').plugin.create({ dimensions: 64 }, HOST);
}

function cosine(a: Float32Array | undefined, b: Float32Array | undefined): number {
  return Array.from(a ?? []).reduce((sum, value, i) => sum + value * (b?.[i] ?? 0), 0);
}

describe('the provider plugin of the guide', () => {
  test('is taken by the registry, and a second one of its id is not', () => {
    const registry = new PluginRegistry();
    registry.register(plugin, 'first');
    expect(registry.list().map((known) => known.plugin.manifest.id)).toEqual(['hashed']);
    expect(() => registry.register(plugin, 'second')).toThrow(/already/);
  });

  test('is found by the model catalogue under its id', async () => {
    const catalog = new ModelCatalog([{ name: 'hashed', provider: providerFromRegistry() }], 'hashed/hashed-words');
    expect(await catalog.embeddingModel()).toMatchObject({ id: 'hashed/hashed-words', dimensions: 64 });
  });

  test('gives a unit vector for every text, in their order, the empty one included', async () => {
    const texts = ['export to csv fails', 'the export to csv failed', 'lovely weather', ''];
    const result = await providerFromRegistry().embed?.({ model: 'hashed-words', texts, purpose: 'document' }, CALL);
    const vectors = result?.vectors ?? [];
    expect(vectors.map((vector) => vector.length)).toEqual([64, 64, 64, 64]);
    for (const vector of vectors) expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    expect(result?.tokenCounts).toEqual([4, 5, 2, 0]);
    expect(cosine(vectors[0], vectors[1])).toBeGreaterThan(cosine(vectors[0], vectors[2]));
  });

  test('reports a model that it has not as a ProviderError, and stops when the caller has left', async () => {
    const provider = providerFromRegistry();
    const request = { model: 'other', texts: ['a'], purpose: 'query' as const };
    await expect(provider.embed?.(request, CALL)).rejects.toMatchObject({ name: 'ProviderError', kind: 'not_found' });
    const left = { ...CALL, signal: AbortSignal.abort() };
    await expect(provider.embed?.({ ...request, model: 'hashed-words' }, left)).rejects.toThrow(/abort/);
  });
});
