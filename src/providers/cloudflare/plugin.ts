import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT, secretProperty } from '../config-properties.ts';
import { type CloudflareConfig, CloudflareProvider, DEFAULT_BASE_URL } from './cloudflare-provider.ts';
import { MODELS, PRICES_AS_OF, REAL_ID_PATTERN } from './models.ts';

const manifest: PluginManifest = {
  id: 'cloudflare',
  label: 'Cloudflare Workers AI',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: [
    ...(['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS'] as const),
    ...(['RERANK', 'MODERATE', 'IMAGE_INPUT', 'TRANSCRIBE', 'SPEAK'] as const),
  ],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['accountId'],
    anyOf: [{ required: ['apiToken'] }, { required: ['apiKey'] }],
    properties: {
      accountId: { type: 'string', minLength: 1, title: 'Account ID', description: 'Of the account that pays.' },
      apiToken: secretProperty('API token', 'With the permissions Workers AI Read and Edit.'),
      apiKey: apiKeyProperty('Another name of apiToken.'),
      baseUrl: baseUrlProperty('Of the vendor’s API, or of a proxy that speaks it.', { default: DEFAULT_BASE_URL }),
      modelIds: {
        type: 'object',
        additionalProperties: { type: 'string', pattern: REAL_ID_PATTERN },
        title: 'Model ids',
        description: 'The vendor’s ids by the names that are wanted for them, where they are not the usual ones.',
      },
    },
  },
  models: MODELS,
  pricesAsOf: PRICES_AS_OF,
  docsUrl: 'https://developers.cloudflare.com/workers-ai/models/',
};

/** Workers AI: models that the vendor runs itself. */
const plugin: ProviderPlugin<CloudflareConfig> = {
  manifest,
  create: (config, host) => new CloudflareProvider(config, host),
};

export default plugin;
