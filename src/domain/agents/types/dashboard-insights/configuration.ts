import { z } from 'zod';

const NAME_LENGTH_MAX = 80;
const METRICS_MAX = 100;
const POINTS_MAX = 5_000;
/** What is further away than this is a slip of a unit: seconds taken as milliseconds, a day of the year 20255. */
const YEARS = { from: 1990, to: 2100 };

const perSeries = <Value extends z.ZodType>(value: Value) =>
  z.record(z.string().min(1).max(NAME_LENGTH_MAX), value).default({});

export const INSIGHTS_CONFIGURATION = z.object({
  series: z
    .array(z.string().min(1).max(NAME_LENGTH_MAX))
    .max(200)
    .default([])
    .describe(
      'Names of the series to look at, such as "documents" or "cost"; one that ends in ":" means all that begin so, such as "class:". Empty: all',
    ),
  days: z.int().min(30).max(400).default(365).describe('Days of history of the workspace’s own series'),
  withOwnSeries: z
    .boolean()
    .default(false)
    .describe(
      'Whether the workspace’s own series are looked at too in a run that is given metrics; without metrics they are always',
    ),
  sensitivity: z
    .enum(['LOW', 'NORMAL', 'HIGH'])
    .default('NORMAL')
    .describe(
      'How readily something is told: of series in which nothing happened, LOW raises 1 in 100, NORMAL about 1 in 30, HIGH about 1 in 12',
    ),
  minimalChange: z
    .number()
    .min(0.01)
    .max(10)
    .default(0.25)
    .describe('Share of the usual level that a value or a level must change by to be told: 0.25 is 25 %'),
  minimalTrend: z
    .number()
    .min(0.01)
    .max(10)
    .default(0.12)
    .describe('Share that a steady trend must have changed the level by, from its beginning to now, to be told'),
  badDirection: perSeries(z.enum(['UP', 'DOWN', 'BOTH', 'NONE'])).describe(
    'By series: which way is bad news. Left out: judged by the name (up for errors, cost, latency and complaints, else down)',
  ),
  weights: perSeries(z.number().min(0).max(5)).describe(
    'By series: how much it matters, 1 by default; 0: nothing is told of it',
  ),
  findings: z
    .int()
    .min(1)
    .max(50)
    .default(50)
    .describe('Insights that a run leaves at the most, the most pressing first'),
});
export type InsightsConfiguration = z.output<typeof INSIGHTS_CONFIGURATION>;

const MOMENT = z.union([z.string().max(40), z.int()]).refine(isMoment, {
  error: `must be a date such as "2026-03-31" or "2026-03-31T09:00:00Z", or milliseconds since 1970, from ${YEARS.from} to ${YEARS.to}`,
});

const POINT = z.object({
  at: MOMENT.describe('When: a date, a date with time, or milliseconds since 1970'),
  value: z.number({ error: 'must be a finite number; leave the point out where none is known' }).describe('The value'),
});

export const INSIGHTS_INPUT = z.object({
  metrics: z
    .record(
      z.string().min(1).max(NAME_LENGTH_MAX),
      z.array(POINT).max(POINTS_MAX, { error: `must have ${POINTS_MAX} points at the most; send the newest` }),
    )
    .refine((metrics) => Object.keys(metrics).length <= METRICS_MAX, {
      error: `must have ${METRICS_MAX} metrics at the most; start a run for the others`,
    })
    .optional()
    .describe(
      'Metrics from elsewhere by name, to look at instead of the workspace’s own series (or beside them, see the setting withOwnSeries): { "sign-ups": [{ "at": "2026-03-31", "value": 41 }] }. Hours, days, weeks or months, in any order, with gaps; of points of the same moment the last counts. 100 metrics of 5,000 points at the most',
    ),
});
export type InsightsInput = z.output<typeof INSIGHTS_INPUT>;

function isMoment(at: string | number): boolean {
  const year = new Date(at).getUTCFullYear();
  return year >= YEARS.from && year <= YEARS.to && (typeof at === 'number' || /^\d{4}-\d{2}-\d{2}/.test(at));
}
