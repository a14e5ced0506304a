import type { Integration } from '../../domain/integrations/integration.ts';
import type { CircuitState, HealthReport } from '../../domain/integrations/integration-health.ts';
import type { ProviderSpend } from '../../domain/integrations/integration-service.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { ModelType, ProviderPluginType } from '../providers/providers.ts';

const CircuitStateEnum = builder.enumType('CircuitState', {
  description: 'Whether a provider that has failed is called.',
  values: describedValues<CircuitState>({
    CLOSED: 'It is called as usual.',
    HALF_OPEN: 'One call is let through, to see.',
    OPEN: 'It is spared for a while; calls go to its fallbacks.',
  }),
});

const IntegrationHealthType = builder.objectRef<HealthReport>('IntegrationHealth').implement({
  description: 'How an integration is doing, as the server that answers has seen it.',
  fields: (t) => ({
    circuit: t.field({
      type: CircuitStateEnum,
      description: 'Whether it is called.',
      resolve: ({ circuit }) => circuit,
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: '0..1 of its last 50 calls; null where there were none.',
    }),
    p50Ms: t.exposeFloat('p50Ms', {
      nullable: true,
      description: 'Median duration of the successful ones; null where there were none.',
    }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'Of the last call that failed, or why it cannot be called at all; null where nothing did.',
    }),
    lastCheckedAt: t.expose('lastCheckedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last called; null if never since the server’s start.',
    }),
  }),
});

const ProviderSpendType = builder.objectRef<ProviderSpend>('ProviderSpend').implement({
  description: 'What the provider itself says was spent, beside our ledger; in US dollars.',
  fields: (t) => ({
    reportedUsd: t.field({
      type: 'Decimal',
      description: 'What the provider says, of these credentials as a whole.',
      resolve: ({ reportedUsd }) => reportedUsd,
    }),
    ledgerUsd: t.field({
      type: 'Decimal',
      description: 'What the ledger says of this integration, under the name that it has now.',
      resolve: ({ ledgerUsd }) => ledgerUsd,
    }),
    driftUsd: t.field({
      type: 'Decimal',
      description: 'Reported less ledger: what was spent elsewhere, or priced otherwise.',
      resolve: ({ driftUsd }) => driftUsd,
    }),
    asOf: t.expose('asOf', { type: 'DateTime', description: 'When the provider was asked.' }),
  }),
});

export const IntegrationType = builder.objectRef<Integration>('Integration');

builder.node(IntegrationType, {
  name: 'Integration',
  description: 'A provider that this workspace has configured. Its secrets are write-only.',
  id: { resolve: (integration) => integration.id },
  loadOne: (id, { loaders }) => loaders.integration.load(id),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What the ids of its models begin with.' }),
    plugin: t.field({
      type: ProviderPluginType,
      description: 'The kind of provider that it is.',
      resolve: (integration, _args, { services }) => services.integrations.plugin(integration),
    }),
    config: t.field({
      type: 'JSON',
      description: 'Its configuration, without credentials.',
      resolve: ({ config }) => config,
    }),
    hasCredentials: t.exposeBoolean('hasCredentials', { description: 'Whether it has credentials.' }),
    models: t.field({
      type: [ModelType],
      description: 'What it offers; nothing where it cannot be opened (`health { lastError }` says why).',
      resolve: (integration, _args, { services }) => services.integrations.models(integration),
    }),
    fallback: t.field({
      type: IntegrationType,
      nullable: true,
      description: 'What is called where it fails; null for nothing.',
      resolve: ({ fallbackId }, _args, { loaders }) =>
        fallbackId === null ? null : loaders.integration.load(fallbackId),
    }),
    isActive: t.exposeBoolean('isActive', { description: 'Whether it is used.' }),
    health: t.field({
      type: IntegrationHealthType,
      description: 'How it is doing.',
      resolve: (integration, _args, { services }) => services.integrations.health(integration),
    }),
    spend: t.field({
      type: ProviderSpendType,
      nullable: true,
      description:
        'What the provider says was spent; null where it does not tell. Asks the provider. Needs ANALYTICS_VIEW.',
      complexity: 10,
      resolve: (integration, _args, { services, loaders, caller }) =>
        services.integrations.spend(caller, integration, () => loaders.integrationCost.load(integration.name)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed.' }),
  }),
});
