import { z } from 'zod';
import { INSIGHT_KINDS, PRIORITIES } from '../../../insights/insight.ts';

const MOVE = z.object({
  series: z.string(),
  label: z.string(),
  share: z.number().describe('Of the change, 1 being all of it'),
  value: z.number(),
  expected: z.number(),
});

const FOUND = z.object({
  series: z.string(),
  label: z.string(),
  kind: z.enum(INSIGHT_KINDS),
  title: z.string(),
  description: z.string(),
  shape: z.enum(['point', 'level', 'trend']),
  from: z.string().describe('When it began'),
  until: z.string().describe('When it ended, or the end of the series'),
  lasts: z.boolean(),
  value: z.number(),
  expected: z.number(),
  change: z.number().nullable().describe('-0.4: 40 % less; null: the usual value is too near to zero for shares'),
  chance: z.number().describe('Of seeing the like where nothing happened, all looks counted'),
  isBad: z.boolean(),
  priority: z.enum(PRIORITIES),
  confidence: z.number().describe('0 to 1'),
  movedWithIt: z.array(MOVE).describe('What makes up most of the change'),
  suggestedActions: z.array(z.string()),
  documentIds: z.array(z.string()).describe('Documents of that time, as examples'),
  insightId: z.string(),
});

const LOOKED = z.object({
  series: z.string(),
  label: z.string(),
  source: z.enum(['METRICS', 'WORKSPACE']).describe('Given with the run, or the workspace’s own'),
  spacing: z.enum(['hour', 'day', 'week', 'month']),
  steps: z.int(),
  usual: z.number(),
  spread: z.number().describe('What a value usually differs from the usual by'),
  rhythm: z.string().describe('What comes again and was taken into account'),
  findings: z.int(),
});

export const INSIGHTS_OUTPUT = z.object({
  overview: z.string(),
  recommendations: z.array(z.string()),
  findings: z.array(FOUND),
  looked: z.array(LOOKED),
  notLooked: z.array(z.object({ series: z.string(), reason: z.string() })),
  leftOut: z.array(z.string()).describe('What a limit kept out'),
  model: z.string().describe('What wrote the overview and the recommendations; the findings are statistics always'),
});
export type InsightsOutput = z.output<typeof INSIGHTS_OUTPUT>;
export type Found = InsightsOutput['findings'][number];
