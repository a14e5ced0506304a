import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkedInput } from '../../../../../src/domain/agents/agent-configuration.ts';
import { dashboardInsights } from '../../../../../src/domain/agents/types/dashboard-insights/agent.ts';
import type { InsightsOutput } from '../../../../../src/domain/agents/types/dashboard-insights/output.ts';
import type { JsonObject } from '../../../../../src/shared/json.ts';
import { type AgentBench, openAgentBench } from '../../../../support/agent-runs.ts';
import { dayAt, kindsOf, seeded } from './random-series.ts';

const REQUESTED_AT = dayAt(365);

/** A year of a metric, as `runAgent` is given it. */
function metric(seed: number, effect: (day: number) => number, days = 365): JsonObject[] {
  const values = kindsOf(0.05).weekly?.(seeded(seed), days, effect) ?? [];
  return values.map((value, day) => ({ at: dayAt(day).toISOString().slice(0, 10), value: Math.round(value * 10) }));
}

const metrics = {
  sign_ups: metric(1, (day) => (day === 364 ? 0.6 : 1)),
  revenue: metric(2, (day) => 1 + (0.4 * day) / 365),
  support_costs: metric(3, (day) => (day >= 340 ? 1.7 : 1)),
  visits: metric(4, () => 1),
  'new thing': metric(5, () => 1, 6),
};

let bench: AgentBench;
beforeAll(async () => {
  bench = await openAgentBench();
}, 120_000);
afterAll(() => bench.close());

describe('metrics that are pushed in', { timeout: 120_000 }, () => {
  test('are looked through: a drop, a trend and a lasting change are told, what is usual is not', async () => {
    const run = await bench.run<InsightsOutput>(dashboardInsights, { input: { metrics }, requestedAt: REQUESTED_AT });
    const { findings, looked, notLooked, model, overview } = run.output;
    const bySeries = Object.fromEntries(findings.map((finding) => [finding.series, finding]));
    expect(Object.keys(bySeries).sort()).toEqual(['revenue', 'sign_ups', 'support_costs']);
    expect(bySeries.sign_ups).toMatchObject({ shape: 'point', isBad: true, from: dayAt(364).toISOString() });
    expect(bySeries.sign_ups?.title).toMatch(/^Sign ups fell \d\d % on 31 December 2025$/);
    expect(bySeries.revenue).toMatchObject({ kind: 'TREND', isBad: false });
    expect(bySeries.revenue?.title).toMatch(/^Revenue trending up: \d\d % since 1 January 2025$/);
    expect(bySeries.support_costs).toMatchObject({ shape: 'level', isBad: true, lasts: true, priority: 'HIGH' });
    expect(bySeries.support_costs?.title).toMatch(/^Support costs \d\d % higher since 7 December 2025$/);
    expect(looked.map(({ series }) => series)).toEqual(['sign_ups', 'revenue', 'support_costs', 'visits']);
    expect(notLooked).toEqual([{ series: 'new thing', reason: '6 values; 14 are needed' }]);
    expect(overview).toContain('3 findings, 2 of them bad news');
    expect(model).toBe('local/statistics');
  });

  test('leave an insight each, with its numbers; another run refreshes them', async () => {
    const first = await bench.run<InsightsOutput>(dashboardInsights, { input: { metrics }, requestedAt: REQUESTED_AT });
    const drop = first.insights.find(({ title }) => title.startsWith('Sign ups'));
    expect(drop?.dataPoints.map(({ metric: name }) => name)).toEqual(['sign_ups', 'expected', 'change in %', 'days']);
    expect(drop?.suggestedActions.length).toBeGreaterThan(0);
    expect(first.insights.map(({ kind }) => kind).sort()).toEqual(['ANOMALY', 'ANOMALY', 'RECOMMENDATION', 'TREND']);
    const again = await bench.run<InsightsOutput>(dashboardInsights, {
      ...{ input: { metrics }, requestedAt: REQUESTED_AT, agentId: first.agentId },
    });
    expect(again.insights.map(({ id }) => id).sort()).toEqual(first.insights.map(({ id }) => id).sort());
  });

  test('are told of as the configuration says', async () => {
    const configuration = {
      series: ['revenue', 'sign_ups'],
      weights: { sign_ups: 0 },
      badDirection: { revenue: 'UP' },
    };
    const { output } = await bench.run<InsightsOutput>(dashboardInsights, {
      ...{ configuration, input: { metrics }, requestedAt: REQUESTED_AT },
    });
    expect(output.findings).toMatchObject([{ series: 'revenue', isBad: true }]);
    expect(output.leftOut).toEqual(['4 series that the configuration leaves out']);
  });

  test('may come in any order, by the hour, and with the same moment twice', async () => {
    const hours = Array.from({ length: 40 * 24 }, (_none, hour) => ({
      at: dayAt(0).getTime() + hour * 3_600_000,
      value: (hour >= 33 * 24 ? 50 : 100) + (hour % 24) + (hour % 5),
    }));
    const calls = [...hours.toReversed(), ...hours.slice(0, 10)];
    const { output } = await bench.run<InsightsOutput>(dashboardInsights, { input: { metrics: { calls } } });
    expect(output.findings).toMatchObject([{ series: 'calls', shape: 'level', from: dayAt(33).toISOString() }]);
  });

  test('of one name as the workspace’s own, are what is meant, and stand beside the others where that is asked for', async () => {
    const given = {
      configuration: { withOwnSeries: true },
      input: { metrics: { ...metrics, documents: metrics.visits } },
    };
    const { output } = await bench.run<InsightsOutput>(dashboardInsights, { ...given, requestedAt: REQUESTED_AT });
    const ofDocuments = output.looked.filter(({ series }) => series === 'documents');
    expect(ofDocuments).toMatchObject([{ source: 'METRICS' }]);
    expect(output.overview).toContain('5 given metrics');
    const alone = await bench.run<InsightsOutput>(dashboardInsights, { input: { metrics }, requestedAt: REQUESTED_AT });
    expect(new Set(alone.output.looked.map(({ source }) => source))).toEqual(new Set(['METRICS']));
  });

  test('are refused with what is wrong where they are not numbers with a date', () => {
    const given = (points: unknown) => () => checkedInput(dashboardInsights, { metrics: { calls: points } });
    expect(given([{ at: '2026-01-01', value: null }])).toThrow(/finite number/);
    expect(given([{ at: 'yesterday', value: 1 }])).toThrow(/must be a date such as "2026-03-31"/);
    expect(given([{ at: 1_767_225_600, value: 1 }])).toThrow(/milliseconds since 1970/);
    expect(given([{ value: 1 }])).toThrow();
    expect(given('many')).toThrow();
  });
});

describe('the workspace’s own series', { timeout: 120_000 }, () => {
  test('are looked through without input: a source that stops is found, with what moved and what to do', async () => {
    const shop = await bench.collection('shop', 'FEEDBACK');
    const app = await bench.collection('app', 'FEEDBACK');
    const requestedAt = dayAt(70);
    const written = (slug: string, perDay: (day: number) => number) =>
      Array.from({ length: 70 }, (_none, day) =>
        Array.from({ length: perDay(day) }, (_other, index) => ({
          text: `The ${slug} is fine, number ${day}-${index}.`,
          createdAt: new Date(dayAt(day).getTime() + index * 60_000).toISOString(),
        })),
      ).flat();
    await bench.documents(
      shop,
      written('shop', (day) => (day >= 63 ? 0 : 6 + (day % 3))),
    );
    await bench.documents(
      app,
      written('app', (day) => 3 + (day % 2)),
    );
    const run = await bench.run<InsightsOutput>(dashboardInsights, { requestedAt });
    const [found] = run.output.findings;
    expect(found).toMatchObject({ series: 'documents', shape: 'level', isBad: true, lasts: true });
    expect(found?.from).toBe(dayAt(63).toISOString());
    expect(found?.movedWithIt[0]).toMatchObject({ series: `collection:${shop}`, label: 'documents a day in shop' });
    expect(found?.suggestedActions[0]).toContain('documents a day in shop');
    expect(run.output.looked.map(({ series }) => series)).toEqual(
      expect.arrayContaining(['documents', `collection:${app}`, 'kind:FEEDBACK']),
    );
  });
});
