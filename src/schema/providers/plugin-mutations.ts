import { ForbiddenError } from '../../domain/access/actions.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { ProviderPluginType } from './providers.ts';

const RegisterProviderPluginInput = builder.inputType('RegisterProviderPluginInput', {
  description:
    'One of: an installed package’s name, a file’s path below the plugins folder, or the url of a plugin process.',
  fields: (t) => ({
    package: t.string({ description: 'Name of a package in the server’s node_modules.' }),
    path: t.string({ description: 'A .ts, .js or .mjs file below the plugins folder (SIGNALBOX_PLUGINS_DIR).' }),
    url: t.string({ description: 'Address of a process that speaks the provider contract over HTTP.' }),
  }),
});

const UnregisterProviderPluginInput = builder.inputType('UnregisterProviderPluginInput', {
  description: 'Which provider plugin to take out.',
  fields: (t) => ({ id: t.string({ required: true, description: 'Id of the plugin.' }) }),
});

builder.mutationFields((t) => ({
  registerProviderPlugin: t.field({
    type: ProviderPluginType,
    description:
      'Loads a provider plugin into every server, without a restart; from the same source again, its new version. Root key only.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: {
      input: t.arg({ type: RegisterProviderPluginInput, required: true, description: 'Where the plugin is.' }),
    },
    resolve: (_root, { input }, { services, caller }) =>
      services.pluginRegistrations.register(caller, {
        package: input.package ?? null,
        path: input.path ?? null,
        url: input.url ?? null,
      }),
  }),
  unregisterProviderPlugin: t.field({
    type: DeletedType,
    description: 'Takes a provider plugin from every server, where no integration uses it. Root key only.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: UnregisterProviderPluginInput, required: true, description: 'Which plugin.' }) },
    resolve: async (_root, { input }, { services, caller }) => {
      await services.pluginRegistrations.unregister(caller, input.id);
      return { count: 1 };
    },
  }),
}));
