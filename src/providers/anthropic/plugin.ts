import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT } from '../config-properties.ts';
import { type AnthropicConfig, AnthropicProvider, DEFAULT_BASE_URL } from './anthropic-provider.ts';
import { MODELS, PRICES_AS_OF } from './models.ts';

const manifest: PluginManifest = {
  id: 'anthropic',
  label: 'Anthropic',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['apiKey'],
    properties: {
      apiKey: apiKeyProperty('Begins with sk-ant-.'),
      baseUrl: baseUrlProperty(
        'Of the vendor, or of a proxy that speaks its Messages API; with or without /v1 at its end.',
        { default: DEFAULT_BASE_URL },
      ),
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
