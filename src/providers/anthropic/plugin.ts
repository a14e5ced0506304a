import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { type AnthropicConfig, AnthropicProvider, DEFAULT_BASE_URL } from './anthropic-provider.ts';
import { MODELS, PRICES_AS_OF } from './models.ts';

const manifest: PluginManifest = {
  id: 'anthropic',
  label: 'Anthropic',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'],
  configSchema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: ['apiKey'],
    properties: {
      apiKey: { type: 'string', minLength: 1, secret: true, title: 'API key', description: 'Begins with sk-ant-.' },
      baseUrl: {
        type: 'string',
        format: 'uri',
        default: DEFAULT_BASE_URL,
        title: 'Base URL',
        description: 'Of the vendor, or of a proxy that speaks its Messages API; with or without /v1 at its end.',
      },
      betas: {
        type: 'array',
        items: { type: 'string', minLength: 1 },
        uniqueItems: true,
        title: 'Betas',
        description: 'Names of beta features, sent with every request as anthropic-beta.',
      },
    },
  },
  models: MODELS,
  pricesAsOf: PRICES_AS_OF,
  docsUrl: 'https://platform.claude.com/docs/en/about-claude/models/overview',
};

/** Claude, over the vendor's Messages API. */
const plugin: ProviderPlugin<AnthropicConfig> = {
  manifest,
  create: (config, host) => new AnthropicProvider(config, host),
};

export default plugin;
