import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT } from '../config-properties.ts';
import { DEFAULT_BASE_URL, type GoogleConfig, GoogleProvider } from './google-provider.ts';
import { MODELS, PRICES_AS_OF } from './models.ts';

const manifest: PluginManifest = {
  id: 'google',
  label: 'Google Gemini',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT', 'SPEAK'],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['apiKey'],
    properties: {
      apiKey: apiKeyProperty('Of a project in Google AI Studio.'),
      baseUrl: baseUrlProperty(
        'Of the vendor, or of a proxy that speaks its API; with or without /v1beta at its end.',
        { default: DEFAULT_BASE_URL },
      ),
    },
  },
  models: MODELS,
  pricesAsOf: PRICES_AS_OF,
  docsUrl: 'https://ai.google.dev/gemini-api/docs/models',
};

/** Gemini, over the vendor's developer API. */
const plugin: ProviderPlugin<GoogleConfig> = {
  manifest,
  create: (config, host) => new GoogleProvider(config, host),
};

export default plugin;
