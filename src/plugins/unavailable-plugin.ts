import { type ProviderPlugin, SPEC_VERSION } from './contract.ts';
import { ProviderError } from './errors.ts';

/**
 * Stands in for a registered plugin that could not be loaded: its providers can do nothing, and say so. Why is for the
 * server's owner: it may name files.
 */
export function unavailablePlugin(id: string, version: string): ProviderPlugin {
  const refuse = async (): Promise<never> => {
    throw new ProviderError('unavailable', `the plugin ${id} could not be loaded`);
  };
  return {
    manifest: {
      id,
      label: id,
      version,
      specVersion: SPEC_VERSION,
      capabilities: [],
      configSchema: { type: 'object' },
    },
    create: () => ({ listModels: refuse, check: refuse, close: async () => undefined }),
  };
}
