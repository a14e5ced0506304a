import { type PluginManifest, type ProviderPlugin, SPEC_VERSION } from '../../plugins/contract.ts';
import { apiKeyProperty, CONFIG_OBJECT, secretProperty, urlProperty } from '../config-properties.ts';
import { type AzureConfig, AzureProvider } from './azure-provider.ts';

const manifest: PluginManifest = {
  id: 'azure-openai',
  label: 'Azure OpenAI',
  version: '1.0.0',
  specVersion: SPEC_VERSION,
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT', 'TRANSCRIBE', 'SPEAK'],
  configSchema: {
    ...CONFIG_OBJECT,
    required: ['baseUrl'],
    oneOf: [
      { required: ['apiKey'] },
      { required: ['entraToken'] },
      { required: ['tenantId', 'clientId', 'clientSecret'] },
    ],
    properties: {
      baseUrl: urlProperty('Endpoint', 'The resource: https://<name>.openai.azure.com.'),
      apiVersion: {
        type: 'string',
        pattern: '^\\d{4}-\\d{2}-\\d{2}(-preview)?$',
        default: '2024-10-21',
        title: 'API version',
        description: 'Of the data plane, such as 2024-10-21.',
      },
      deployments: {
        type: 'object',
        additionalProperties: { type: 'string', minLength: 1 },
        title: 'Deployments',
        description:
          'The deployment of each model, such as {"gpt-4.1-mini": "prod-mini"}. Left out: deployments have the names of their models.',
      },
      apiKey: apiKeyProperty("One of the resource's two keys."),
      entraToken: secretProperty(
        'Entra token',
        'An access token of Microsoft Entra, in place of a key; it ends within the day.',
      ),
      tenantId: {
        type: 'string',
        minLength: 1,
        title: 'Tenant',
        description: 'Of the application in Microsoft Entra.',
      },
      clientId: {
        type: 'string',
        minLength: 1,
        title: 'Client id',
        description: 'Of the application in Microsoft Entra.',
      },
      clientSecret: secretProperty(
        'Client secret',
        'A secret of the application; with it, tokens are fetched and renewed.',
      ),
      authorityUrl: urlProperty('Authority', 'Where tokens come from, if not from https://login.microsoftonline.com.'),
    },
  },
  docsUrl: 'https://learn.microsoft.com/azure/ai-services/openai/reference',
};

/** OpenAI's models, hosted by Azure. */
const plugin: ProviderPlugin<AzureConfig> = {
  manifest,
  create: (config, host) => new AzureProvider(config, host),
};

export default plugin;
