import { ForbiddenError } from '../../domain/access/actions.ts';
import type { AgentType as TypeOfAgent } from '../../domain/agents/agent-type.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { describedValues } from '../described-values.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';
import { AgentNode } from './agent-node.ts';
import { AgentRunConnection } from './agent-runs.ts';

const AgentTypeEnum = builder.enumType('AgentType', {
  description:
    'What an agent does. Each works without a model that writes too, and says in `output.model` what it used.',
  values: describedValues<TypeOfAgent>({
    OPPORTUNITY: 'Finds companies worth acting on, from their signals and their likeness to those that were won.',
    RESEARCH: 'Writes a brief of a company with its sources. Input: `company`.',
    SCOUT: 'Finds buying signals in documents, with evidence.',
    SCORING: 'Scores companies, and explains the score. Input: `company`.',
    WRITER: 'Drafts texts from a brief, with citations. Input: `topic`, `company`.',
    RELATIONSHIP: 'Finds people and companies that documents connect, and what to do next. Input: `company`.',
    DASHBOARD_INSIGHTS:
      'Finds what is unusual in the workspace’s numbers, or in those that it is given. Input: `metrics`.',
    QUESTION_ANSWERING: 'Answers a question from documents, in several searches. Input: `question`.',
  }),
});

const SCHEDULE =
  'Five fields of cron, minute, hour, day of the month, month and day of the week, such as `0 7 * * 1-5`, in UTC; or with the clocks of a place, `CRON_TZ=Europe/London 0 7 * * MON-FRI`. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` do too. A time that a change of clocks leaves out comes right after it; one that comes twice counts once.';

builder.node(AgentNode, {
  name: 'Agent',
  description: 'Something that works for the workspace: a type, how it is configured, and when it runs by itself.',
  id: { resolve: (agent) => agent.id },
  loadOne: (id, { loaders }) => loaders.agent.load(id),
  fields: (t) => ({
    type: t.field({ type: AgentTypeEnum, description: 'What it does.', resolve: (agent) => agent.type }),
    name: t.exposeString('name', { description: 'What people call it.' }),
    description: t.exposeString('description', {
      nullable: true,
      description: 'What it is for; null where nobody has said.',
    }),
    configuration: t.field({
      type: 'JSON',
      description: 'How it is configured, with the defaults of what was left out.',
      resolve: (agent) => agent.configuration,
    }),
    configurationSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema (2020-12) of the configuration: each setting of its type, described.',
      resolve: (agent, _args, { services }) => services.agents.configurationSchema(agent.type),
    }),
    isActive: t.exposeBoolean('isActive', { description: 'Whether it runs, by itself or when it is asked to.' }),
    schedule: t.exposeString('schedule', {
      nullable: true,
      description: `When it runs by itself; null: not by the clock. ${SCHEDULE}`,
    }),
    lastRunAt: t.expose('lastRunAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When its latest run was asked for; null before the first.',
    }),
    nextRunAt: t.expose('nextRunAt', {
      type: 'DateTime',
      nullable: true,
      description:
        'When its schedule is due next; null without a schedule, or while it is not active. What was missed while no server ran is one run; a time that comes while its last one is under way is passed over.',
    }),
    runs: t.field({
      type: AgentRunConnection,
      description: 'Its runs, newest first. They are kept for 400 days.',
      complexity: pageComplexity,
      args: PAGE_ARGS,
      resolve: (agent, args, { loaders }) => pageById(args, (page) => loaders.runsOfAgent(page).load(agent.id)),
    }),
    successRate: t.float({
      nullable: true,
      description:
        'The share, 0 to 1, of its runs over the last days that were completed rather than failed; null where none has ended so.',
      args: { days: t.arg.int({ defaultValue: 30, description: 'How many days back, 1 to 365.' }) },
      resolve: (agent, { days }, { loaders }) => loaders.successRate(days ?? 30).load(agent.id),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was set up.' }),
  }),
});

const AgentConnection = builder.connectionObject(
  { type: AgentNode, name: 'AgentConnection', description: 'A page of agents.' },
  { name: 'AgentEdge', description: 'An agent in a page.' },
);

builder.queryField('agents', (t) =>
  t.field({
    type: AgentConnection,
    description: 'The agents of the workspace, newest first. Needs DOCUMENTS_READ.',
    complexity: pageComplexity,
    args: { ...PAGE_ARGS, type: t.arg({ type: AgentTypeEnum, description: 'Of this type alone.' }) },
    resolve: (_root, args, { services, caller }) =>
      pageById(args, (page) => services.agents.list(caller, args.type ?? null, page)),
  }),
);

const NAME = '1 to 100 characters in one line.';
const CONFIGURATION =
  'Settings of its type, as `configurationSchema` has them, and those that every type has: `collections` (ids or slugs; empty: all), `limits` of a run (`calls`, `tokens`, `usd`), and `runOnNewDocuments`, which has it run by itself as documents come in. What is left out has its default; what is not known is refused.';

const CreateAgentInput = builder.inputType('CreateAgentInput', {
  description: 'An agent to be set up.',
  fields: (t) => ({
    type: t.field({ type: AgentTypeEnum, required: true, description: 'What it does; it stays so.' }),
    name: t.string({ required: true, description: NAME }),
    description: t.string({ description: 'What it is for, in up to 2,000 characters.' }),
    configuration: t.field({ type: 'JSON', description: CONFIGURATION }),
    schedule: t.string({ description: `When it runs by itself. ${SCHEDULE}` }),
    isActive: t.boolean({ defaultValue: true, description: 'Whether it may run.' }),
  }),
});

const UpdateAgentInput = builder.inputType('UpdateAgentInput', {
  description: 'What is to be another way with an agent. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Its id.' }),
    name: t.string({ description: NAME }),
    description: t.string({ description: 'What it is for, in up to 2,000 characters; null takes it away.' }),
    configuration: t.field({ type: 'JSON', description: `In place of all settings before. ${CONFIGURATION}` }),
    schedule: t.string({ description: `When it runs by itself; null: not by the clock any more. ${SCHEDULE}` }),
    isActive: t.boolean({
      description:
        'Whether it may run. Runs that are under way go on; documents that come while it is not active have it run later only as part of what it looks at anyway.',
    }),
  }),
});

const DeleteAgentInput = builder.inputType('DeleteAgentInput', {
  description: 'Which agent to delete.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Its id.' }) }),
});

builder.mutationFields((t) => ({
  createAgent: t.field({
    type: AgentNode,
    description:
      'Sets an agent up; a workspace has up to 1,000. Runs that nobody asks for are paid by the key that set it up. Needs AGENTS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CreateAgentInput, required: true, description: 'The agent.' }) },
    resolve: (_root, { input }, { services, caller }) => {
      const { type, name, description = null, configuration = null, schedule = null, isActive } = input;
      const agent = { type, name, description, configuration, schedule, isActive: isActive ?? true };
      return services.agents.create(caller, agent);
    },
  }),
  updateAgent: t.field({
    type: AgentNode,
    description:
      'Changes an agent. Runs that were asked for before keep the configuration that they had then. Needs AGENTS_MANAGE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: UpdateAgentInput, required: true, description: 'Which, and what.' }) },
    resolve: (_root, { input }, { services, caller }) => services.agents.update(caller, input.id, changesOf(input)),
  }),
  deleteAgent: t.field({
    type: DeletedType,
    description:
      'Deletes an agent with its runs; one that is under way is cancelled. Its insights and signals stay. Needs AGENTS_MANAGE.',
    errors: { types: [NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: DeleteAgentInput, required: true, description: 'Which agent.' }) },
    resolve: async (_root, { input }, { services, caller }) => {
      await services.agents.delete(caller, input.id);
      return { count: 1 };
    },
  }),
}));

/** A name, a configuration or a switch that is null was left out; a description or a schedule that is null goes. */
function changesOf(input: typeof UpdateAgentInput.$inferInput) {
  const { name, description, configuration, schedule, isActive } = input;
  return {
    ...{ name: name ?? undefined, configuration: configuration ?? undefined, isActive: isActive ?? undefined },
    ...{ description, schedule },
  };
}
