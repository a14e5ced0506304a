import { authorize } from '../../domain/access/caller.ts';
import type {
  LimitState,
  MeterPercentage,
  UsageDimension,
  UsageGroup,
  UsageTotals,
  UsageWindow,
} from '../../domain/usage/usage-report.ts';
import type { UsageReport } from '../../domain/usage/usage-service.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { MeterEnum } from '../errors.ts';
import { ticks } from './ticks.ts';

const UsageWindowEnum = builder.enumType('UsageWindow', {
  description: 'A span of whole UTC days, today included.',
  values: describedValues<UsageWindow>({ DAY: 'Today.', WEEK: '7 days.', MONTH: '30 days.', QUARTER: '90 days.' }),
});

const UsageDimensionEnum = builder.enumType('UsageDimension', {
  description: 'What usage can be grouped by.',
  values: describedValues<UsageDimension>({
    PROVIDER: 'The integration; key `provider`.',
    MODEL: 'The model’s id; key `model`.',
    OPERATION: 'What was asked; key `operation`.',
    API_KEY: 'The key that asked; key `apiKey`, null for users and the root key.',
    DAY: 'The UTC day; key `day`.',
    OUTCOME: 'How it ended; key `outcome`.',
  }),
});

export const UsageTotalsType = builder.objectRef<UsageTotals>('UsageTotals').implement({
  description: 'Usage added up.',
  fields: (t) => ({
    requests: t.exposeInt('requests', {
      description:
        'Tries at a provider, failed ones included, and answers of the cache. Vector queries are not among them.',
    }),
    failed: t.exposeInt('failed', { description: 'Requests that failed or were tried again.' }),
    cacheHits: t.exposeInt('cacheHits', { description: 'Texts and answers that the cache gave.' }),
    embeddings: t.exposeInt('embeddings', { description: 'Texts that a provider embedded.' }),
    llmCalls: t.exposeInt('llmCalls', { description: 'Calls of a language model.' }),
    vectorQueries: t.exposeInt('vectorQueries', { description: 'Searches among vectors.' }),
    // A busy workspace has more than the 2,147,483,647 of an Int within weeks.
    inputTokens: t.exposeFloat('inputTokens', {
      description:
        'Tokens that models read: as the vendor told, else counted (an estimate for other vendors than OpenAI). A whole number up to 2⁵³, as the other tokens here.',
    }),
    outputTokens: t.exposeFloat('outputTokens', {
      description: 'Tokens that models wrote, answers that were cut or cancelled among them; told or counted as above.',
    }),
    totalTokens: t.exposeFloat('totalTokens', { description: 'Both together.' }),
    costUsd: t.expose('costUsd', { type: 'Decimal', description: 'Of the requests whose price is known.' }),
    unpricedRequests: t.exposeInt('unpriced', {
      description: 'Requests whose price is not known: their cost is missing in `costUsd`.',
    }),
    averageCostUsd: t.expose('averageCostUsd', {
      type: 'Decimal',
      description: 'A request, where its price is known.',
    }),
    averageLatencyMs: t.exposeFloat('averageLatencyMs', {
      nullable: true,
      description: 'A request; null where there was none.',
    }),
  }),
});

export const UsageGroupType = builder.objectRef<UsageGroup>('UsageGroup').implement({
  description: 'The usage of one combination of what was grouped by.',
  fields: (t) => ({
    key: t.field({
      type: 'JSON',
      description: 'The combination, e.g. {"provider": "local"}.',
      resolve: (group) => group.key,
    }),
    totals: t.field({ type: UsageTotalsType, description: 'Its usage.', resolve: (group) => group.totals }),
  }),
});

const LimitStateType = builder.objectRef<LimitState>('LimitState').implement({
  description: 'How much a meter has counted, over the last 30 days, and how much of it the tier includes.',
  fields: (t) => ({
    meter: t.field({ type: MeterEnum, description: 'What is counted.', resolve: (state) => state.meter }),
    // Tokens pass the 2,147,483,647 of an Int.
    used: t.exposeFloat('used', { description: 'How much is used: a whole number up to 2⁵³.' }),
    limit: t.exposeInt('limit', { nullable: true, description: 'How much there is; null where there is no limit.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      description: 'When the oldest day that counts no longer does.',
    }),
  }),
});

const MeterPercentageType = builder.objectRef<MeterPercentage>('MeterPercentage').implement({
  description: 'How much of an allowance is used, in percent.',
  fields: (t) => ({
    meter: t.field({ type: MeterEnum, description: 'What is counted.', resolve: (percentage) => percentage.meter }),
    percent: t.exposeFloat('percent', {
      nullable: true,
      description: '100 when it is used up; null where there is no limit.',
    }),
  }),
});

const UsageReportType = builder.objectRef<UsageReport>('UsageReport').implement({
  description: 'What the workspace used.',
  fields: (t) => ({
    from: t.expose('from', { type: 'DateTime', description: 'Where the report begins, inclusive.' }),
    to: t.expose('to', { type: 'DateTime', description: 'Where it ends, exclusive.' }),
    total: t.field({ type: UsageTotalsType, description: 'All of it.', resolve: (report) => report.totals() }),
    groups: t.field({
      type: [UsageGroupType],
      description: 'Split up; up to 1,000 groups, those with the most requests first.',
      args: {
        by: t.arg({ type: [UsageDimensionEnum], required: true, description: 'What to split by; one or more.' }),
      },
      resolve: (report, { by }) => report.groups(by),
    }),
    limits: t.field({
      type: [LimitStateType],
      description: 'Each meter over the last 30 days with the tier’s allowance, whatever the report’s range.',
      resolve: (report) => report.limits(),
    }),
    percentages: t.field({
      type: [MeterPercentageType],
      description: 'How much of each allowance is used.',
      resolve: (report) => report.percentages(),
    }),
  }),
});

const UsageRange = builder.inputType('UsageRange', {
  description: 'Either `last`, or `from` and `to`.',
  fields: (t) => ({
    last: t.field({ type: UsageWindowEnum, description: 'A span up to and with today.' }),
    from: t.field({ type: 'DateTime', description: 'Inclusive.' }),
    to: t.field({ type: 'DateTime', description: 'Exclusive; the end of today (UTC) where it is left out.' }),
  }),
});

builder.queryField('usage', (t) =>
  t.field({
    type: UsageReportType,
    description: 'What the workspace used: the last 30 days unless told. Needs ANALYTICS_VIEW.',
    args: { range: t.arg({ type: UsageRange, description: 'Which time.' }) },
    resolve: (_root, { range }, { services, caller }) =>
      services.usage.report(authorize(caller, 'ANALYTICS_VIEW').workspace, range ?? {}),
  }),
);

const SHORTEST_TICK_SECONDS = 1;
const LONGEST_TICK_SECONDS = 3_600;

builder.subscriptionField('usageTick', (t) =>
  t.field({
    type: UsageTotalsType,
    description: 'Today’s usage, at once and then every so many seconds. Needs ANALYTICS_VIEW.',
    args: { everySeconds: t.arg.int({ defaultValue: 5, description: '1 to 3600.' }) },
    subscribe: (_root, args, { services, caller, signal }) => {
      const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
      const seconds = args.everySeconds ?? 5;
      if (seconds < SHORTEST_TICK_SECONDS || seconds > LONGEST_TICK_SECONDS) {
        throw InvalidInputError.at('everySeconds', `must be ${SHORTEST_TICK_SECONDS} to ${LONGEST_TICK_SECONDS}`);
      }
      return ticks(seconds * 1_000, signal, async () =>
        (await services.usage.report(workspace, { last: 'DAY' })).totals(),
      );
    },
    resolve: (totals) => totals,
  }),
);
