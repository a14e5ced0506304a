import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, baseUrlProperty, CONFIG_OBJECT } from '../config-properties.ts';
import { OPENAI_MODELS, PRICES_AS_OF } from './models.ts';
import { type OpenAiConfig, OpenAiProvider } from './openai-provider.ts';

const manifest: PluginManifest = {
  id: 'openai',
  label: 'OpenAI',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: [
    'EMBED',
    'GENERATE',
    'STREAM',
    'STRUCTURED_OUTPUT',
    'TOOLS',
    'IMAGE_INPUT',
    'MODERATE',
    'TRANSCRIBE',
    'SPEAK',
  ],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['apiKey'],
    properties: {
      apiKey: apiKeyProperty('A secret key of platform.openai.com/api-keys, such as sk-proj-….'),
      baseUrl: baseUrlProperty('Where the API is, if not at https://api.openai.com/v1.'),
      organization: { type: 'string', title: 'Organization', description: 'The organization to bill, such as org-….' },
      project: { type: 'string', title: 'Project', description: 'The project to bill, such as proj_….' },
      api: {
        enum: ['chat', 'responses'],
        default: 'chat',
        title: 'API for answers',
        description: 'Chat completions, or the Responses API, which some reasoning models need.',
      },
    },
  },
  models: OPENAI_MODELS,
  pricesAsOf: PRICES_AS_OF,
  docsUrl: 'https://platform.openai.com/docs/models',
};

/** OpenAI's models by its own API. */
const plugin: ProviderPlugin<OpenAiConfig> = {
  manifest,
  create: (config, host) => new OpenAiProvider(config, host),
};

export default plugin;
