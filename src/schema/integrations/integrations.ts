import { ForbiddenError } from '../../domain/access/actions.ts';
import type { IntegrationTest } from '../../domain/integrations/trial-service.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { ModelType } from '../providers/providers.ts';
import { modelCall } from '../request.ts';
import { IntegrationType } from './integration-type.ts';

const IntegrationTestType = builder.objectRef<IntegrationTest>('IntegrationTest').implement({
  description: 'What came of trying a provider.',
  fields: (t) => ({
    ok: t.exposeBoolean('ok', { description: 'Whether everything that was tried went well.' }),
    latencyMs: t.exposeFloat('latencyMs', { description: 'Of its cheapest real call, in milliseconds.' }),
    sample: t.exposeString('sample', {
      nullable: true,
      description: 'What it answered, or what vector it made; null where it can do neither, or did not get there.',
    }),
    error: t.exposeString('error', { nullable: true, description: 'What went wrong; null where nothing did.' }),
    models: t.field({
      type: [ModelType],
      description: 'What it offers. Before it is stored, their ids begin with the plugin’s.',
      resolve: ({ models }) => models,
    }),
  }),
});

builder.queryField('integrations', (t) =>
  t.field({
    type: [IntegrationType],
    description: 'The providers that the workspace has configured, oldest first; 100 at the most.',
    resolve: (_root, _args, { services, caller }) => services.integrations.list(caller),
  }),
);

const CONFIG_DESCRIPTION = 'By the `configSchema` of the plugin, without what is marked as secret there. Up to 64 KB.';
const CREDENTIALS_DESCRIPTION = 'What is marked as secret there. Stored encrypted, never read back. Up to 16 KB.';

const CreateIntegrationInput = builder.inputType('CreateIntegrationInput', {
  description: 'A provider to configure.',
  fields: (t) => ({
    name: t.string({
      required: true,
      description:
        '1 to 40 lower-case letters, digits and dashes; not "local" or "signalbox". Begins the ids of its models.',
    }),
    pluginId: t.string({ required: true, description: 'Id of one of `providerPlugins`.' }),
    config: t.field({ type: 'JSON', description: CONFIG_DESCRIPTION }),
    credentials: t.field({ type: 'JSON', description: CREDENTIALS_DESCRIPTION }),
    fallbackId: t.id({ description: 'Id of the integration that is called where this one fails.' }),
    isActive: t.boolean({ defaultValue: true, description: 'Whether it is used.' }),
  }),
});

const UpdateIntegrationInput = builder.inputType('UpdateIntegrationInput', {
  description: 'What to change of an integration; what is left out stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Which integration.' }),
    name: t.string({ description: 'A new name; the settings that name its models go with it.' }),
    config: t.field({
      type: 'JSON',
      description: `In place of the whole configuration. ${CONFIG_DESCRIPTION} A change of where requests go needs the credentials again.`,
    }),
    credentials: t.field({
      type: 'JSON',
      description: `In place of all credentials; null takes them away. ${CREDENTIALS_DESCRIPTION}`,
    }),
    fallbackId: t.id({ description: 'Id of another fallback; null for none.' }),
    isActive: t.boolean({ description: 'Whether it is used.' }),
  }),
});

const DeleteIntegrationInput = builder.inputType('DeleteIntegrationInput', {
  description: 'Which integration to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Id of the integration.' }) }),
});

const TestIntegrationInput = builder.inputType('TestIntegrationInput', {
  description: 'What to try: a stored integration, a configuration, or the one with parts of the other.',
  fields: (t) => ({
    id: t.id({ description: 'A stored integration: what is left out below is taken from it.' }),
    pluginId: t.string({ description: 'The plugin of a configuration that is not stored.' }),
    config: t.field({ type: 'JSON', description: CONFIG_DESCRIPTION }),
    credentials: t.field({
      type: 'JSON',
      description:
        'What is marked as secret there. Needed where the configuration goes to another place than the stored one.',
    }),
    prompt: t.string({ description: 'What the sample answers or embeds; 1 to 10,000 characters.' }),
  }),
});

builder.mutationFields((t) => ({
  createIntegration: t.field({
    type: IntegrationType,
    description: 'Configures a provider. Needs INTEGRATIONS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CreateIntegrationInput, required: true, description: 'The provider.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.integrations.create(caller, {
        ...input,
        fallbackId: input.fallbackId ?? null,
        isActive: input.isActive ?? true,
      }),
  }),
  updateIntegration: t.field({
    type: IntegrationType,
    description: 'Changes an integration; calls under way finish as they were. Needs INTEGRATIONS_MANAGE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: UpdateIntegrationInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.integrations.update(caller, {
        ...input,
        name: input.name ?? undefined,
        isActive: input.isActive ?? undefined,
      }),
  }),
  deleteIntegration: t.field({
    type: DeletedType,
    description:
      'Deletes an integration with its credentials. One that another falls back to, or that the settings choose, stays. Needs INTEGRATIONS_MANAGE.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: DeleteIntegrationInput, required: true, description: 'The integration.' }) },
    resolve: async (_root, { input }, { services, caller }) => ({
      count: await services.integrations.delete(caller, input.id),
    }),
  }),
  testIntegration: t.field({
    type: IntegrationTestType,
    description:
      'Tries a provider before or after it is stored, within 30 seconds: its check, its models, and a sample, which is spent like any call. Needs INTEGRATIONS_MANAGE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: TestIntegrationInput, required: true, description: 'What to try.' }) },
    resolve: (_root, { input }, context) =>
      context.services.integrationTrials.test(modelCall(context, 'generate', 'INTEGRATIONS_MANAGE'), {
        ...input,
        id: input.id ?? null,
        pluginId: input.pluginId ?? null,
        prompt: input.prompt ?? null,
      }),
  }),
}));
