import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { LocalProvider } from './local-provider.ts';
import { CONFIG_SCHEMA, type LocalConfig } from './models.ts';

const manifest: PluginManifest = {
  id: 'local',
  label: 'On this machine',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED'],
  configSchema: CONFIG_SCHEMA,
  docsUrl: 'https://huggingface.co/models?library=transformers.js&pipeline_tag=feature-extraction',
};

/** Models that run in the server's own worker threads: no key, no account, nothing leaves the machine. */
const plugin: ProviderPlugin<LocalConfig> = {
  manifest,
  create: (config, host) => new LocalProvider(config, host),
};

export default plugin;
