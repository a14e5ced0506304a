import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT } from '../config-properties.ts';
import { type GatewayConfig, GatewayProvider } from './gateway-provider.ts';

const manifest: PluginManifest = {
  id: 'custom-gateway',
  label: 'Custom gateway',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['baseUrl', 'apiKey'],
    properties: {
      baseUrl: baseUrlProperty('Where the gateway takes chat completions, such as https://llm.example.com/v1.'),
      apiKey: apiKeyProperty('A key of the gateway; what it has spent is read from /key/info.'),
      continuesAnswers: {
        type: 'boolean',
        default: false,
        title: 'Continues answers',
        description:
          'Whether all its models go on from a last message of the assistant; else such a request is refused.',
      },
    },
  },
  docsUrl: 'https://docs.litellm.ai/docs/proxy/cost_tracking',
};

/** A gateway in OpenAI's format that knows what it costs. */
const plugin: ProviderPlugin<GatewayConfig> = {
  manifest,
  create: (config, host) => new GatewayProvider(config, host),
};

export default plugin;
