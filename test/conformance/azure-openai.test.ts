import { describe, test } from 'vitest';
import type { VendorWire } from '../../src/plugins/conformance/subject.ts';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/azure-openai/plugin.ts';
import { AZURE_MODELS, AZURE_WIRE, DEPLOYMENTS } from '../providers/azure-openai/wire.ts';

const SECRET = 'azure/conformance+secret-93';

const WITH_TOKENS: VendorWire = {
  ...AZURE_WIRE,
  aside: ({ path }) =>
    path.endsWith('/oauth2/v2.0/token')
      ? { body: { token_type: 'Bearer', expires_in: 3_599, access_token: 'eyJ0eXAi.conformance' } }
      : undefined,
};

describe.each([
  ['a key', { apiKey: SECRET }, AZURE_WIRE],
  ['client credentials', { tenantId: 'contoso', clientId: 'app-1', clientSecret: SECRET }, WITH_TOKENS],
] as const)('the azure-openai plugin by %s', (_name, credentials, wire) => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (upstreamUrl) => ({
      baseUrl: `${upstreamUrl}/`,
      deployments: DEPLOYMENTS,
      ...credentials,
      ...('tenantId' in credentials ? { authorityUrl: upstreamUrl } : {}),
    }),
    secrets: [SECRET],
    models: AZURE_MODELS,
    wire,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
