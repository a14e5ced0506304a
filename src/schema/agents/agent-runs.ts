import { ForbiddenError } from '../../domain/access/actions.ts';
import type { AgentRun, RunCause, RunMetrics, RunStatus, RunStep } from '../../domain/agents/agent-run.ts';
import { BudgetExceededError } from '../../domain/usage/errors.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import type { JsonValue } from '../../shared/json.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { InsightType } from '../insights/insights.ts';
import { SignalNode } from '../insights/signals.ts';
import { AgentNode } from './agent-node.ts';

const RunStatusEnum = builder.enumType('RunStatus', {
  description: 'How far a run, or a step of it, is.',
  values: describedValues<RunStatus>({
    QUEUED: 'Waits for a worker, for the first time or, after a failure that `error` tells, to be tried again.',
    RUNNING: 'Is being worked on.',
    COMPLETED: 'Done.',
    FAILED: 'Was given up; `error` says why.',
    CANCELLED: 'Was cancelled.',
  }),
});

const RunCauseEnum = builder.enumType('RunCause', {
  description: 'What a run was started by.',
  values: describedValues<RunCause>({
    MANUAL: 'Somebody asked for it.',
    SCHEDULE: 'The agent’s schedule was due.',
    DOCUMENTS: 'Documents came in.',
  }),
});

/** What all steps of a run came to is read once, if it is asked for at all. */
type ShownStep = RunStep & { outputs(): Promise<ReadonlyMap<string, JsonValue | Error>> };

const RunStepType = builder.objectRef<ShownStep>('RunStep').implement({
  description: 'A part of a run that is done once: after a crash the run goes on behind it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What it does.' }),
    status: t.field({ type: RunStatusEnum, description: 'How far it is.', resolve: (step) => step.status }),
    durationMs: t.exposeFloat('durationMs', {
      nullable: true,
      description: 'How long the attempt took that ended it; null before.',
    }),
    attempts: t.exposeInt('attempts', { description: 'Times that it was begun.' }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description:
        'What it came to, in up to 256 KiB of JSON; null until it is done. Of runs with many long ones, a few can be asked for at once.',
      resolve: async ({ name, outputs }) => {
        const output = (await outputs()).get(name) ?? null;
        if (output instanceof Error) throw output;
        return output as object | null;
      },
    }),
  }),
});

const RunMetricsType = builder.objectRef<RunMetrics>('RunMetrics').implement({
  description: 'What a run took, over all of its attempts.',
  fields: (t) => ({
    durationMs: t.exposeFloat('durationMs', {
      description: 'From its start to its end, or to now; 0 before it has started.',
    }),
    itemsProcessed: t.exposeInt('itemsProcessed', { description: 'Items that were worked on.' }),
    apiCalls: t.exposeInt('apiCalls', { description: 'Calls of providers, as the ledger has them.' }),
    tokensUsed: t.exposeInt('tokensUsed', { description: 'Tokens read and written together.' }),
    costUsd: t.expose('costUsd', { type: 'Decimal', description: 'US dollars, as far as prices are known.' }),
  }),
});

export const AgentRunNode = builder.objectRef<AgentRun>('AgentRun');

builder.node(AgentRunNode, {
  name: 'AgentRun',
  description: 'One piece of work of an agent.',
  id: { resolve: (run) => run.id },
  loadOne: (id, { loaders }) => loaders.agentRun.load(id),
  fields: (t) => ({
    agent: t.field({
      type: AgentNode,
      description: 'Whose it is.',
      resolve: async ({ agentId }, _args, { loaders }) => {
        const agent = await loaders.agent.load(agentId);
        if (agent === null) throw new NotFoundError('agent', agentId);
        return agent;
      },
    }),
    status: t.field({ type: RunStatusEnum, description: 'How far it is.', resolve: (run) => run.status }),
    cause: t.field({ type: RunCauseEnum, description: 'What it was started by.', resolve: (run) => run.cause }),
    input: t.field({
      type: 'JSON',
      description:
        'What it was asked for, in full: up to 8 MiB. Of runs with such inputs, a few can be asked for at once.',
      resolve: ({ id }, _args, { loaders }) => loaders.inputOfRun.load(id),
    }),
    output: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What it brought, by its agent’s type; `model` says what wrote it. Null until it is completed.',
      resolve: (run) => run.output,
    }),
    steps: t.field({
      type: [RunStepType],
      description: 'Its parts so far, in the order in which they were begun; 1,000 at the most.',
      resolve: async ({ id }, _args, { loaders }) => {
        let asked: ReturnType<ShownStep['outputs']> | null = null;
        const outputs = () => {
          asked ??= loaders.stepOutputsOfRun.load(id);
          return asked;
        };
        return (await loaders.stepsOfRun.load(id)).map((step) => ({ ...step, outputs }));
      },
    }),
    insights: t.field({
      type: [InsightType],
      description: 'What it found, also what had been found before; newest first, 200 at the most.',
      resolve: ({ id }, _args, { loaders }) => loaders.insightsOfRun.load(id),
    }),
    signals: t.field({
      type: [SignalNode],
      description: 'The signals that it found, also those found before; newest first, 200 at the most.',
      resolve: ({ id }, _args, { loaders }) => loaders.signalsOfRun.load(id),
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why it failed, or why it waits to be tried again; null where all is well.',
    }),
    metrics: t.field({ type: RunMetricsType, description: 'What it took so far.', resolve: (run) => run.metrics }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was asked for.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', nullable: true, description: 'When it began; null before.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was over; null until then.',
    }),
  }),
});

export const AgentRunConnection = builder.connectionObject(
  { type: AgentRunNode, name: 'AgentRunConnection', description: 'A page of an agent’s runs.' },
  { name: 'AgentRunEdge', description: 'A run in a page.' },
);

const RunAgentInput = builder.inputType('RunAgentInput', {
  description: 'Which agent is to run, and on what.',
  fields: (t) => ({
    agentId: t.id({ required: true, description: 'Id of the agent.' }),
    input: t.field({
      type: 'JSON',
      description:
        'What to work on, by its type (see `AgentType`), in up to 128 KiB; left out, it works through the workspace.',
    }),
    idempotencyKey: t.string({
      description:
        '1 to 200 characters: the same agent and key is the same run, however often it is sent, as long as the run is kept.',
    }),
  }),
});

const CancelAgentRunInput = builder.inputType('CancelAgentRunInput', {
  description: 'Which run to cancel.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Its id.' }) }),
});

builder.mutationFields((t) => ({
  runAgent: t.field({
    type: AgentRunNode,
    description:
      'Has an agent run; watch it with the subscription `agentRun`. An agent that is not active is a conflict. Needs AI_USE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError, ConflictError, BudgetExceededError] },
    args: { input: t.arg({ type: RunAgentInput, required: true, description: 'Which, and on what.' }) },
    resolve: (_root, { input }, { services, caller }) => {
      const { agentId, input: given = null, idempotencyKey = null } = input;
      return services.agentRuns.run(caller, { agentId, input: given, idempotencyKey });
    },
  }),
  cancelAgentRun: t.field({
    type: AgentRunNode,
    description:
      'Cancels a run, wherever it is; what it has found stays. Cancelling it again changes nothing; one that is over is a conflict. Needs AI_USE.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CancelAgentRunInput, required: true, description: 'Which run.' }) },
    resolve: (_root, { input }, { services, caller }) => services.agentRuns.cancel(caller, input.id),
  }),
}));

builder.subscriptionField('agentRun', (t) =>
  t.field({
    type: AgentRunNode,
    description:
      'A run as it is now, and again whenever it or one of its steps has changed, up to ten times a second, until it is over. Needs DOCUMENTS_READ.',
    args: { id: t.arg.id({ required: true, description: 'The run.' }) },
    subscribe: (_root, { id }, { services, caller, signal }) => services.agentRuns.follow(caller, id, signal),
    resolve: (run) => run,
  }),
);
