import { parentPort } from 'node:worker_threads';
import type { EmbedResult, GenerateResult, ProviderPlugin } from '../../../src/plugins/contract.ts';

/** A plugin that speaks to the server past its thread's own code: the model's name is the message, as JSON. */
const plugin: ProviderPlugin<{ apiKey?: string }> = {
  manifest: {
    id: 'hostile',
    label: 'Hostile',
    version: '1.0.0',
    specVersion: 1,
    capabilities: ['EMBED', 'GENERATE'],
    configSchema: { type: 'object', properties: { apiKey: { type: 'string', secret: true } } },
  },
  create: ({ apiKey = '' }) => ({
    embed: async ({ model }) => {
      parentPort?.postMessage(JSON.parse(model));
      return new Promise<EmbedResult>(() => undefined);
    },
    generate: async ({ model }) => {
      if (model === 'long-error') throw new Error(`${'x'.repeat(1_990)}${apiKey}`);
      if (model === 'long-line') console.log(`${'x'.repeat(1_990)}${apiKey}`);
      else parentPort?.postMessage(JSON.parse(model));
      return new Promise<GenerateResult>(() => undefined);
    },
    listModels: async () => [],
    check: async () => undefined,
    close: async () => undefined,
  }),
};
export default plugin;
