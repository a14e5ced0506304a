import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { DEFAULT_BASE_URL, type GoogleConfig, GoogleProvider } from './google-provider.ts';
import { MODELS, PRICES_AS_OF } from './models.ts';

const manifest: PluginManifest = {
  id: 'google',
  label: 'Google Gemini',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT', 'SPEAK'],
  configSchema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: ['apiKey'],
    properties: {
      apiKey: {
        type: 'string',
        minLength: 1,
        secret: true,
        title: 'API key',
        description: 'Of a project in Google AI Studio.',
      },
      baseUrl: {
        type: 'string',
        format: 'uri',
        default: DEFAULT_BASE_URL,
        title: 'Base URL',
        description: 'Of the vendor, or of a proxy that speaks its API; with or without /v1beta at its end.',
      },
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
