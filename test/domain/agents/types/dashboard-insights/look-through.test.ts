import { expect, test } from 'vitest';
import { INSIGHTS_CONFIGURATION } from '../../../../../src/domain/agents/types/dashboard-insights/configuration.ts';
import { lookThrough } from '../../../../../src/domain/agents/types/dashboard-insights/look-through.ts';

const FIRST_DAY = Date.UTC(2026, 8, 2);
const DAY_MS = 86_400_000;

function seriesOf(isCount: boolean, values: readonly number[]) {
  const points = values.map((value, day) => ({ at: new Date(FIRST_DAY + day * DAY_MS), value }));
  return { name: 'notes', label: 'notes a day', isCount, points };
}

async function shapesOf(isCount: boolean, values: readonly number[]): Promise<string[]> {
  const configuration = { ...INSIGHTS_CONFIGURATION.parse({}), collections: [] };
  const { found } = await lookThrough([seriesOf(isCount, values)], configuration, new AbortController().signal);
  return found.map(({ shape }) => shape);
}

test('one more or two more of what comes one at a time is no news, however seldom it comes', async () => {
  const days = new Set([0, 16, 33, 48, 61, 70, 71]);
  const seldom = Array.from({ length: 81 }, (_, day) => (days.has(day) ? 1 : 0));
  expect(await shapesOf(false, seldom)).toContain('point');
  expect(await shapesOf(true, seldom)).not.toContain('point');
});

test('many at once of what comes seldom are', async () => {
  const burst = Array.from({ length: 120 }, (_, day) => (day === 110 ? 12 : day % 9 === 0 ? 1 : 0));
  expect(await shapesOf(true, burst)).toContain('point');
});
