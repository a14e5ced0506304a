import { authorize, UnauthenticatedError } from '../../domain/access/caller.ts';
import type { CatalogModel } from '../../domain/gateway/model-catalog.ts';
import { fullConfigSchema } from '../../domain/integrations/call-config.ts';
import type { Capability } from '../../plugins/contract.ts';
import type { RegisteredPlugin } from '../../plugins/registry.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';

const CapabilityEnum = builder.enumType('Capability', {
  description: 'What a model can do.',
  values: describedValues<Capability>({
    EMBED: 'Turn texts into vectors.',
    GENERATE: 'Write text.',
    STREAM: 'Write text piece by piece.',
    STRUCTURED_OUTPUT: 'Answer in the shape of a JSON Schema.',
    TOOLS: 'Call tools.',
    RERANK: 'Order texts by how well they answer a question.',
    MODERATE: 'Judge whether a text is harmful.',
    IMAGE_INPUT: 'See images.',
    TRANSCRIBE: 'Write down speech.',
    SPEAK: 'Say text aloud.',
  }),
});

/** A model of the catalogue, or of a provider that is only being tried. */
export const ModelType = builder.objectRef<Pick<CatalogModel, 'id' | 'integration' | 'info'>>('Model').implement({
  description: 'A model that the workspace can use.',
  fields: (t) => ({
    id: t.exposeID('id', { description: '"<integration>/<model>", e.g. "local/use-lite-768".' }),
    name: t.string({ description: 'The provider’s own name for it.', resolve: (model) => model.info.name }),
    provider: t.exposeString('integration', { description: 'The integration that runs it.' }),
    capabilities: t.field({
      type: [CapabilityEnum],
      description: 'What it can do.',
      resolve: (model) => [...model.info.capabilities],
    }),
    dimensions: t.int({
      nullable: true,
      description: 'Length of its vectors; null where it makes none.',
      resolve: (model) => model.info.dimensions ?? null,
    }),
    contextTokens: t.int({
      nullable: true,
      description: 'Tokens that question and answer may have together; null where it is not known.',
      resolve: (model) => model.info.contextTokens ?? null,
    }),
    inputUsdPerMillion: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For a million tokens read; null where it is not known, never 0 instead.',
      resolve: (model) => model.info.inputUsdPerMillion ?? null,
    }),
    outputUsdPerMillion: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For a million tokens written; null where it is not known.',
      resolve: (model) => model.info.outputUsdPerMillion ?? null,
    }),
    cachedInputUsdPerMillion: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For a million tokens read from the vendor’s prompt cache; null: as any others that are read.',
      resolve: (model) => model.info.cachedInputUsdPerMillion ?? null,
    }),
    cacheWriteUsdPerMillion: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For a million tokens written to the vendor’s prompt cache; null: as any others that are read.',
      resolve: (model) => model.info.cacheWriteUsdPerMillion ?? null,
    }),
    usdPerAudioSecond: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For a second of sound, heard or spoken; null where it is not known, or tokens are paid instead.',
      resolve: (model) => model.info.usdPerAudioSecond ?? null,
    }),
    usdPerImage: t.field({
      type: 'Decimal',
      nullable: true,
      description: 'For an image in a request; null where its tokens are all that is paid.',
      resolve: (model) => model.info.usdPerImage ?? null,
    }),
  }),
});

export const ProviderPluginType = builder.objectRef<RegisteredPlugin>('ProviderPlugin').implement({
  description: 'A kind of provider that this server can talk to.',
  fields: (t) => ({
    id: t.string({
      description: 'Lower-case letters, digits and dashes.',
      resolve: ({ plugin }) => plugin.manifest.id,
    }),
    label: t.string({ description: 'The name people see.', resolve: ({ plugin }) => plugin.manifest.label }),
    version: t.string({ description: 'Of the plugin.', resolve: ({ plugin }) => plugin.manifest.version }),
    capabilities: t.field({
      type: [CapabilityEnum],
      description: 'What its providers can do, with the right configuration.',
      resolve: ({ plugin }) => [...plugin.manifest.capabilities],
    }),
    configSchema: t.field({
      type: 'JSON',
      description:
        'JSON Schema of what an integration takes. Properties with `"secret": true` go into `credentials`, all others into `config`.',
      resolve: ({ plugin }) => fullConfigSchema(plugin.manifest),
    }),
    docsUrl: t.string({
      nullable: true,
      description: 'Where to read more.',
      resolve: ({ plugin }) => plugin.manifest.docsUrl ?? null,
    }),
    pricesAsOf: t.string({
      nullable: true,
      description: 'The day (YYYY-MM-DD) of the prices that it knows; null where it tells none.',
      resolve: ({ plugin }) => plugin.manifest.pricesAsOf ?? null,
    }),
    source: t.exposeString('source', { description: '"shipped", or where it was registered from.' }),
    error: t.string({
      nullable: true,
      description:
        'Why this server could not load it, where the root key asks; it is tried again. Null where all is well.',
      // It may name files and addresses of the server's.
      resolve: ({ error }, _args, { caller }) =>
        error === null || caller.kind === 'root' ? error : 'it could not be loaded',
    }),
  }),
});

builder.queryFields((t) => ({
  models: t.field({
    type: [ModelType],
    description: 'The models that the workspace can use.',
    args: { capabilities: t.arg({ type: [CapabilityEnum], description: 'Only those that can do all of this.' }) },
    resolve: (_root, { capabilities }, { services, caller }) => {
      const { workspace } = authorize(caller, 'DOCUMENTS_READ');
      return services.models.list(workspace.id, capabilities ?? []);
    },
  }),
  providerPlugins: t.field({
    type: [ProviderPluginType],
    description: 'The kinds of provider that this server can talk to.',
    args: { capability: t.arg({ type: CapabilityEnum, description: 'Only those whose providers can do this.' }) },
    resolve: (_root, { capability }, { services, caller }) => {
      if (caller.kind === 'anonymous') throw new UnauthenticatedError();
      const plugins = services.plugins.list();
      return capability == null
        ? plugins
        : plugins.filter(({ plugin }) => plugin.manifest.capabilities.includes(capability));
    },
  }),
}));
