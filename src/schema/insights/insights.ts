import { ForbiddenError } from '../../domain/access/actions.ts';
import type { DataPoint, Insight, InsightKind, InsightStatus, Priority } from '../../domain/insights/insight.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { DocumentType } from '../documents/document-type.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';
import { foundDocuments } from './found-documents.ts';

const InsightKindEnum = builder.enumType('InsightKind', {
  description: 'What an insight says.',
  values: describedValues<InsightKind>({
    ANOMALY: 'Something is not as it usually is.',
    TREND: 'Something grows or shrinks over some time.',
    RECOMMENDATION: 'Something would be worth doing.',
    ALERT: 'Something needs somebody’s attention now.',
    OPPORTUNITY: 'A company is worth talking to.',
  }),
});

const PriorityEnum = builder.enumType('Priority', {
  description: 'How pressing something is.',
  values: describedValues<Priority>({
    LOW: 'Good to know.',
    MEDIUM: 'Worth a look this week.',
    HIGH: 'Worth a look today.',
    CRITICAL: 'Now.',
  }),
});

const InsightStatusEnum = builder.enumType('InsightStatus', {
  description: 'What became of an insight.',
  values: describedValues<InsightStatus>({
    NEW: 'Nobody has said anything of it.',
    SEEN: 'Somebody has seen it.',
    ACTED_UPON: 'Somebody did something about it; agents that find it again leave it as it is.',
    DISMISSED: 'Somebody found it of no use; agents that find it again leave it as it is.',
  }),
});

const DataPointType = builder.objectRef<DataPoint>('DataPoint').implement({
  description: 'A number that an insight stands on.',
  fields: (t) => ({
    metric: t.exposeString('metric', { description: 'Which number, as a person would call it.' }),
    value: t.exposeFloat('value', { description: 'How much it was.' }),
    at: t.expose('at', { type: 'DateTime', nullable: true, description: 'When; null where it is of no one moment.' }),
  }),
});

export const InsightType = builder.objectRef<Insight>('Insight');

builder.node(InsightType, {
  name: 'Insight',
  description:
    'Something that an agent found. One that it finds again is refreshed rather than told again. It stays when its agent is deleted, until nobody has found or judged it for 400 days.',
  id: { resolve: (insight) => insight.id },
  loadOne: (id, { loaders }) => loaders.insight.load(id),
  fields: (t) => ({
    kind: t.field({ type: InsightKindEnum, description: 'What it says.', resolve: (insight) => insight.kind }),
    title: t.exposeString('title', { description: 'In a line.' }),
    description: t.exposeString('description', { description: 'In full, as plain text.' }),
    confidence: t.exposeFloat('confidence', { description: 'How sure the agent is, 0 to 1.' }),
    priority: t.field({
      type: PriorityEnum,
      description: 'How pressing it is.',
      resolve: (insight) => insight.priority,
    }),
    dataPoints: t.field({
      type: [DataPointType],
      description: 'The numbers that it stands on, 100 at the most.',
      resolve: (insight) => insight.dataPoints,
    }),
    suggestedActions: t.stringList({
      description: 'What could be done about it, 10 at the most.',
      resolve: (insight) => [...insight.suggestedActions],
    }),
    documents: t.field({
      type: [DocumentType],
      description: 'The documents that it was found in, 50 at the most; those that were deleted since are left out.',
      resolve: async ({ id }, _args, context) =>
        foundDocuments(context, await context.loaders.insightDocumentIds.load(id)),
    }),
    status: t.field({
      type: InsightStatusEnum,
      description: 'What became of it.',
      resolve: (insight) => insight.status,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was first found.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last found or judged.' }),
  }),
});

const InsightConnection = builder.connectionObject(
  { type: InsightType, name: 'InsightConnection', description: 'A page of insights.' },
  { name: 'InsightEdge', description: 'An insight in a page.' },
);

builder.queryField('insights', (t) =>
  t.field({
    type: InsightConnection,
    description: 'What agents have found, newest first. Needs DOCUMENTS_READ.',
    complexity: pageComplexity,
    args: {
      ...PAGE_ARGS,
      kinds: t.arg({ type: [InsightKindEnum], description: 'Of these kinds alone.' }),
      minPriority: t.arg({ type: PriorityEnum, description: 'At least so pressing.' }),
      status: t.arg({ type: [InsightStatusEnum], description: 'In these states alone.' }),
    },
    resolve: (_root, args, { services, caller }) => {
      const filter = { kinds: args.kinds ?? null, minPriority: args.minPriority ?? null, status: args.status ?? null };
      return pageById(args, (page) => services.insights.list(caller, filter, page));
    },
  }),
);

builder.subscriptionField('insightCreated', (t) =>
  t.field({
    type: InsightType,
    description:
      'Insights of the workspace that are new, from now on, whichever agent finds them. What is found again is not told again. Needs DOCUMENTS_READ.',
    args: { minPriority: t.arg({ type: PriorityEnum, description: 'At least so pressing.' }) },
    subscribe: (_root, { minPriority }, { services, caller, signal }) =>
      services.insights.created(caller, minPriority ?? null, signal),
    resolve: (insight) => insight,
  }),
);

const UpdateInsightInput = builder.inputType('UpdateInsightInput', {
  description: 'What became of an insight.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Id of the insight.' }),
    status: t.field({
      type: InsightStatusEnum,
      required: true,
      description: 'SEEN, ACTED_UPON or DISMISSED, from whichever state; nothing that somebody has seen is NEW again.',
    }),
  }),
});

builder.mutationField('updateInsight', (t) =>
  t.field({
    type: InsightType,
    description: 'Says what became of an insight; the last word counts. Needs DOCUMENTS_WRITE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: UpdateInsightInput, required: true, description: 'Which, and what.' }) },
    resolve: (_root, { input }, { services, caller }) => services.insights.judge(caller, input.id, input.status),
  }),
);
