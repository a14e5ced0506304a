import { UnauthenticatedError } from '../domain/access/caller.ts';
import { InvalidInputError, NotFoundError } from '../shared/errors.ts';
import { type IdKind, kindOfId } from '../shared/ids.ts';
import { builder } from './builder.ts';
import type { GraphContext } from './context.ts';

const MAX_NODES = 100;

type Load = (context: GraphContext, id: string) => Promise<object | null>;

const first = async (items: Promise<readonly object[]>) => (await items)[0] ?? null;

/** How each kind of node is found: within the caller's workspace, under the caller's rights. */
const LOADERS: Partial<Record<IdKind, { typename: string; load: Load }>> = {
  Workspace: { typename: 'Workspace', load: ({ services, caller }, id) => services.workspaces.find(caller, id) },
  ApiKey: { typename: 'ApiKey', load: ({ loaders }, id) => loaders.apiKey.load(id) },
  Integration: { typename: 'Integration', load: ({ loaders }, id) => loaders.integration.load(id) },
  Collection: { typename: 'Collection', load: ({ loaders }, id) => loaders.collection.load(id) },
  Document: { typename: 'Document', load: ({ loaders }, id) => loaders.document.load(id) },
  Taxonomy: { typename: 'Taxonomy', load: ({ services, caller }, id) => first(services.taxonomies.find(caller, [id])) },
  Classification: {
    typename: 'Classification',
    load: ({ services, caller }, id) => first(services.classifications.find(caller, [id])),
  },
  Alert: { typename: 'Alert', load: ({ services, caller }, id) => first(services.alerts.find(caller, [id])) },
  Import: { typename: 'Import', load: ({ services, caller }, id) => first(services.imports.find(caller, [id])) },
  Theme: { typename: 'Theme', load: ({ loaders }, id) => loaders.theme.load(id) },
  Conversation: {
    typename: 'Conversation',
    load: ({ services, caller }, id) => first(services.conversations.find(caller, [id])),
  },
  Message: { typename: 'Message', load: ({ loaders }, id) => loaders.message.load(id) },
  Generation: {
    typename: 'Generation',
    load: ({ services, caller }, id) => first(services.generations.find(caller, [id])),
  },
  Agent: { typename: 'Agent', load: ({ loaders }, id) => loaders.agent.load(id) },
  AgentRun: { typename: 'AgentRun', load: ({ loaders }, id) => loaders.agentRun.load(id) },
  Insight: { typename: 'Insight', load: ({ loaders }, id) => loaders.insight.load(id) },
  Signal: { typename: 'Signal', load: ({ loaders }, id) => loaders.signal.load(id) },
  Job: { typename: 'Job', load: ({ services, caller }, id) => first(services.jobs.find(caller, [id])) },
};

async function loadNode(context: GraphContext, id: string): Promise<object | null> {
  const kind = kindOfId(id);
  const loader = kind === null ? undefined : LOADERS[kind];
  if (loader === undefined) return null;
  const found = await loader.load(context, id);
  return found === null
    ? null
    : Object.assign(Object.create(Object.getPrototypeOf(found)), found, { __typename: loader.typename });
}

builder.queryFields((t) => ({
  node: t.field({
    type: builder.nodeInterfaceRef(),
    nullable: true,
    description: 'Anything by its id. What is not there, or belongs to another workspace, is a NOT_FOUND error.',
    args: { id: t.arg.id({ required: true, description: 'Its id.' }) },
    resolve: async (_root, { id }, context) => {
      if (context.caller.kind === 'anonymous') throw new UnauthenticatedError();
      const node = await loadNode(context, id);
      if (node === null) throw new NotFoundError('node', id);
      return node;
    },
  }),
  nodes: t.field({
    type: [builder.nodeInterfaceRef()],
    nullable: { list: false, items: true },
    description: 'Things by their ids, in that order; null for what is not there.',
    args: { ids: t.arg.idList({ required: true, description: 'Up to 100 ids.' }) },
    resolve: (_root, { ids }, context) => {
      if (context.caller.kind === 'anonymous') throw new UnauthenticatedError();
      if (ids.length > MAX_NODES) throw InvalidInputError.at('ids', `may hold ${MAX_NODES} ids`);
      return ids.map((id) => loadNode(context, id));
    },
  }),
}));
