import type { DailySummary } from '../../domain/usage/daily-summary.ts';
import { builder } from '../builder.ts';
import { UsageGroupType, UsageTotalsType } from './usage.ts';

const DailySummaryType = builder.objectRef<DailySummary>('DailySummary').implement({
  description: 'What the workspace used on one day (UTC).',
  fields: (t) => ({
    date: t.exposeString('date', { description: 'The day, such as "2026-03-01".' }),
    totals: t.field({ type: UsageTotalsType, description: 'All of it.', resolve: (summary) => summary.totals }),
    byProvider: t.field({
      type: [UsageGroupType],
      description: 'By integration, key `provider`; those with the most requests first.',
      resolve: (summary) => summary.byProvider,
    }),
  }),
});

builder.queryField('dailySummaries', (t) =>
  t.field({
    type: [DailySummaryType],
    description:
      'What was used on each past day that has usage, oldest first. Made within a minute or two after a day is over, and again where something of it was written late; today is in `usage` alone. Needs ANALYTICS_VIEW.',
    args: {
      from: t.arg.string({ required: true, description: 'The first day (UTC), such as "2026-03-01".' }),
      to: t.arg.string({ required: true, description: 'The last day; up to 366 days with the first one.' }),
    },
    resolve: (_root, { from, to }, { services, caller }) => services.dailySummaries.list(caller, from, to),
  }),
);
