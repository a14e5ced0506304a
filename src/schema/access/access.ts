import { ForbiddenError, type Role } from '../../domain/access/actions.ts';
import type { ApiKey } from '../../domain/access/api-key.ts';
import type { CreatedApiKey } from '../../domain/access/api-key-service.ts';
import { type Caller, permissionsOf, UnauthenticatedError } from '../../domain/access/caller.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { PermissionEnum } from '../errors.ts';
import { WorkspaceType } from '../workspaces/workspace-type.ts';
import { BudgetInput } from './budget-input.ts';

export const RoleEnum = builder.enumType('Role', {
  description: 'What a key or a user may do; each role may do what the ones below it may.',
  values: describedValues<Role>({
    OWNER: 'Everything, also renaming and deleting the workspace.',
    ADMIN: 'Keys, settings, integrations, jobs and budgets.',
    MEMBER: 'Reads and writes documents and has models work on texts.',
    VIEWER: 'Reads and searches documents and sees usage.',
  }),
});

export const ApiKeyType = builder.objectRef<ApiKey>('ApiKey');

builder.node(ApiKeyType, {
  name: 'ApiKey',
  description: 'A key that programs come with. Its secret is stored as a hash and shown once.',
  id: { resolve: (key) => key.id },
  loadOne: (id, { loaders }) => loaders.apiKey.load(id),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What people call it.' }),
    prefix: t.exposeString('prefix', { description: 'The first characters of the secret, to tell keys apart.' }),
    role: t.field({ type: RoleEnum, description: 'What it may do.', resolve: (key) => key.role }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute; null if never.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it stops working; null if it does not.',
    }),
    revokedAt: t.expose('revokedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was revoked; null while it works.',
    }),
  }),
});

export const ApiKeyCreatedType = builder.objectRef<CreatedApiKey>('ApiKeyCreated').implement({
  description: 'A new key with its secret.',
  fields: (t) => ({
    apiKey: t.field({ type: ApiKeyType, description: 'The key.', resolve: (created) => created.apiKey }),
    secret: t.exposeString('secret', { description: 'Shown this once: keep it.' }),
  }),
});

const ViewerType = builder.objectRef<Caller>('Viewer').implement({
  description: 'Who is asking.',
  fields: (t) => ({
    apiKey: t.field({
      type: ApiKeyType,
      nullable: true,
      description: 'The key that the request came with; null for the root key and for users of a token issuer.',
      resolve: (caller, _args, context) => context.services.apiKeys.own(caller),
    }),
    user: t.string({
      nullable: true,
      description: 'The user that the token names; null for keys.',
      resolve: (caller) => caller.userId,
    }),
    workspace: t.field({
      type: WorkspaceType,
      nullable: true,
      description: 'The workspace of the key or token; null for the root key without the header X-Signalbox-Workspace.',
      resolve: (caller) => caller.workspace,
    }),
    role: t.field({ type: RoleEnum, description: 'What the caller is here.', resolve: (caller) => caller.role }),
    permissions: t.field({
      type: [PermissionEnum],
      description: 'What the role allows.',
      resolve: (caller) => [...permissionsOf(caller)],
    }),
  }),
});

builder.queryField('viewer', (t) =>
  t.field({
    type: ViewerType,
    description: 'Who is asking, and what they may do.',
    resolve: (_root, _args, { caller }) => {
      if (caller.kind === 'anonymous') throw new UnauthenticatedError();
      return caller;
    },
  }),
);

const CreateApiKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new key of the caller’s workspace.',
  fields: (t) => ({
    name: t.string({ required: true, description: 'What people will call it; 1 to 200 characters.' }),
    role: t.field({ type: RoleEnum, required: true, description: 'What it may do; not more than the caller.' }),
    expiresAt: t.field({ type: 'DateTime', description: 'When it stops working; in the future. Without it, never.' }),
    budget: t.field({ type: BudgetInput, description: 'What it may spend. Needs BUDGETS_MANAGE.' }),
  }),
});

const RevokeApiKeyInput = builder.inputType('RevokeApiKeyInput', {
  description: 'Which key to revoke.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Id of the key.' }) }),
});

builder.mutationFields((t) => ({
  createApiKey: t.field({
    type: ApiKeyCreatedType,
    description: 'Makes an API key. Needs KEYS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: CreateApiKeyInput, required: true, description: 'The key to make.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.apiKeys.create(caller, {
        ...{ name: input.name, role: input.role, expiresAt: input.expiresAt ?? null },
        budget: input.budget ?? null,
      }),
  }),
  revokeApiKey: t.field({
    type: ApiKeyType,
    description:
      'Revokes an API key: on this server at once, on others within 5 seconds. Needs KEYS_MANAGE, and a role that may do at least as much. The last OWNER key of a workspace stays.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: RevokeApiKeyInput, required: true, description: 'The key to revoke.' }) },
    resolve: (_root, { input }, { services, caller }) => services.apiKeys.revoke(caller, input.id),
  }),
}));
