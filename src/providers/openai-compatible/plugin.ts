import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT } from '../config-properties.ts';
import { type CompatibleConfig, CompatibleProvider } from './compatible-provider.ts';

const manifest: PluginManifest = {
  id: 'openai-compatible',
  label: 'OpenAI-compatible server',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT', 'RERANK'],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['baseUrl'],
    properties: {
      baseUrl: baseUrlProperty(
        'Where the API is: http://localhost:11434/v1 (Ollama), :8000/v1 (vLLM), :8080/v1 (llama.cpp), :1234/v1 (LM Studio).',
      ),
      apiKey: apiKeyProperty('Sent as a bearer token, where the server wants one.'),
      continuesAnswers: {
        type: 'boolean',
        default: false,
        title: 'Continues answers',
        description:
          'Whether the server goes on from a last message of the assistant (vLLM, llama.cpp, Ollama); else such a request is refused.',
      },
    },
  },
  docsUrl: 'https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html',
};

/** Any server that speaks OpenAI's wire format. */
const plugin: ProviderPlugin<CompatibleConfig> = {
  manifest,
  create: (config, host) => new CompatibleProvider(config, host),
};

export default plugin;
