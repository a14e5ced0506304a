import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { type GatewayConfig, GatewayProvider } from './gateway-provider.ts';

const manifest: PluginManifest = {
  id: 'custom-gateway',
  label: 'Custom gateway',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'],
  configSchema: {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: ['baseUrl', 'apiKey'],
    properties: {
      baseUrl: {
        type: 'string',
        format: 'uri',
        pattern: '^https?://',
        title: 'Base url',
        description: 'Where the gateway takes chat completions, such as https://llm.example.com/v1.',
      },
      apiKey: {
        type: 'string',
        minLength: 1,
        secret: true,
        title: 'API key',
        description: 'A key of the gateway; what it has spent is read from /key/info.',
      },
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
