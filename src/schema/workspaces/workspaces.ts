import { ForbiddenError } from '../../domain/access/actions.ts';
import type { CreatedApiKey } from '../../domain/access/api-key-service.ts';
import type { CallerWorkspace, Tier } from '../../domain/access/caller.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { ApiKeyCreatedType, ApiKeyType } from '../access/access.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { describedValues } from '../described-values.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';
import { SettingsType } from '../settings/settings.ts';
import { WorkspaceType } from './workspace-type.ts';

const TierEnum = builder.enumType('Tier', {
  description: 'What a workspace’s allowance is, over 30 days.',
  values: describedValues<Tier>({
    FREE: '1,000 embeddings and 100 LLM calls.',
    PRO: '50,000 embeddings and 5,000 LLM calls.',
    ENTERPRISE: 'No limit.',
  }),
});

const ApiKeyConnection = builder.connectionObject(
  { type: ApiKeyType, name: 'ApiKeyConnection', description: 'A page of API keys.' },
  { name: 'ApiKeyEdge', description: 'An API key in a page.' },
);

builder.node(WorkspaceType, {
  name: 'Workspace',
  description: 'What is kept apart: its documents, keys, settings, usage and cost are nobody else’s.',
  id: { resolve: (workspace) => workspace.id },
  loadOne: (id, { services, caller }) => services.workspaces.find(caller, id),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What people call it.' }),
    slug: t.exposeString('slug', { description: 'Unique on this server; lower-case letters, digits and dashes.' }),
    tier: t.field({ type: TierEnum, description: 'Its allowance.', resolve: (workspace) => workspace.tier }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    settings: t.field({
      type: SettingsType,
      description: 'What it has chosen: preferences, policies, and the models of each kind of work.',
      resolve: (workspace, _args, { services, caller }) => services.settings.read({ ...caller, workspace }),
    }),
    apiKeys: t.field({
      type: ApiKeyConnection,
      description: 'Its keys, oldest first. Needs KEYS_MANAGE; the root key sees those of the workspace it acts in.',
      complexity: pageComplexity,
      args: PAGE_ARGS,
      resolve: (workspace, args, { services, caller }) =>
        pageById(args, (page) => services.apiKeys.list({ ...caller, workspace }, page)),
    }),
  }),
});

const WorkspaceConnection = builder.connectionObject(
  { type: WorkspaceType, name: 'WorkspaceConnection', description: 'A page of workspaces.' },
  { name: 'WorkspaceEdge', description: 'A workspace in a page.' },
);

const CreatedWorkspaceType = builder
  .objectRef<{ workspace: CallerWorkspace; ownerKey: CreatedApiKey }>('CreatedWorkspace')
  .implement({
    description: 'A new workspace and the key of its owner.',
    fields: (t) => ({
      workspace: t.field({
        type: WorkspaceType,
        description: 'The workspace.',
        resolve: (created) => created.workspace,
      }),
      ownerKey: t.field({
        type: ApiKeyCreatedType,
        description: 'Its first key, with the role OWNER.',
        resolve: (created) => created.ownerKey,
      }),
    }),
  });

builder.queryField('workspaces', (t) =>
  t.field({
    type: WorkspaceConnection,
    description: 'All workspaces of this server, oldest first. Root key only.',
    complexity: pageComplexity,
    args: PAGE_ARGS,
    resolve: (_root, args, { services, caller }) => pageById(args, (page) => services.workspaces.list(caller, page)),
  }),
);

const CreateWorkspaceInput = builder.inputType('CreateWorkspaceInput', {
  description: 'A new workspace.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 200 characters.' }),
    slug: t.string({ description: 'Lower-case letters, digits and dashes; made from the name where it is left out.' }),
    tier: t.field({ type: TierEnum, defaultValue: 'FREE', description: 'Its allowance.' }),
  }),
});

const UpdateWorkspaceInput = builder.inputType('UpdateWorkspaceInput', {
  description: 'What to change of a workspace; what is left out stays.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Which workspace.' }),
    name: t.string({ description: 'A new name.' }),
    tier: t.field({ type: TierEnum, description: 'A new allowance; root key only.' }),
  }),
});

const DeleteWorkspaceInput = builder.inputType('DeleteWorkspaceInput', {
  description: 'Which workspace to delete.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Which workspace.' }),
    confirmSlug: t.string({ required: true, description: 'Its slug, so that it is not deleted by mistake.' }),
  }),
});

builder.mutationFields((t) => ({
  createWorkspace: t.field({
    type: CreatedWorkspaceType,
    description: 'Makes a workspace and its first OWNER key. Root key only.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CreateWorkspaceInput, required: true, description: 'The workspace to make.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.workspaces.create(caller, { name: input.name, slug: input.slug ?? null, tier: input.tier ?? 'FREE' }),
  }),
  updateWorkspace: t.field({
    type: WorkspaceType,
    description: 'Renames a workspace (its OWNER) or changes its tier (root key).',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: UpdateWorkspaceInput, required: true, description: 'What to change.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.workspaces.update(caller, { id: input.id, name: input.name ?? null, tier: input.tier ?? null }),
  }),
  deleteWorkspace: t.field({
    type: DeletedType,
    description: 'Deletes a workspace with everything in it. Its OWNER or the root key.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: DeleteWorkspaceInput, required: true, description: 'The workspace to delete.' }) },
    resolve: async (_root, { input }, { services, caller }) => ({
      count: await services.workspaces.delete(caller, { id: input.id, confirmSlug: input.confirmSlug }),
    }),
  }),
}));
