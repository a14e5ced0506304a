import { isDeepStrictEqual } from 'node:util';
import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import { addDays, startOfDay } from '../../usage/utc-day.ts';
import type { AgentTools, Series } from '../agent-tools.ts';
import type { RunReach } from './run-reach.ts';
import {
  classesByDay,
  collectionsByDay,
  documentsByDay,
  kindsByDay,
  type PartPoint,
  providersByDay,
  type SeriesPeriod,
  sentimentByDay,
  themesByDay,
  type UsageDay,
  usageByDay,
} from './series-store.ts';
import { checkCount } from './tool-arguments.ts';
import { inWorkspace, type ToolParts, type ToolRun } from './tool-run.ts';

const DAYS_MAX = 400;

type Points = Series['points'];

/**
 * What a run reads of what its workspace counts. The day of `until` is left out unless it is over: half a day is no
 * value. What was asked of models is the whole workspace's, so that an agent that is limited to collections has none of it.
 */
export function seriesTools(parts: ToolParts, run: ToolRun): Pick<AgentTools, 'readSeries'> {
  return {
    readSeries: async ({ until, days }) => {
      checkCount('days', days, DAYS_MAX);
      const end = startOfDay(until.getTime());
      const period = { from: new Date(addDays(end, -days)), to: new Date(end) };
      const ofDocuments = await seriesOfDocuments(parts, run, period);
      const ofUsage = run.reach.collectionIds === null ? await seriesOfUsage(parts, run, period) : [];
      return withValues([...ofDocuments, ...ofUsage]);
    },
  };
}

/** Each in a transaction of its own, so that none holds the database's one connection for long. */
async function seriesOfDocuments(parts: ToolParts, run: ToolRun, period: SeriesPeriod): Promise<Series[]> {
  const read = <Result>(store: (scope: WorkspaceScope, reach: RunReach, period: SeriesPeriod) => Promise<Result>) =>
    inWorkspace(parts, run, (scope) => store(scope, run.reach, period));
  const documents = await read(documentsByDay);
  const sentiment = await read(sentimentByDay);
  const classes = (await read(classesByDay)).map((point) => ({ ...point, part: point.label }));
  const inCollections = divided(
    'collection',
    (name) => `documents a day in ${name}`,
    await read(collectionsByDay),
    period,
  );
  const ofKinds = divided('kind', (kind) => `documents a day of the kind ${kind}`, await read(kindsByDay), period);
  return [
    counted('documents', 'documents a day', documents, period),
    ...inCollections,
    // A kind that one collection alone holds says the same as that one.
    ...ofKinds.filter((kind) => !inCollections.some((collection) => isDeepStrictEqual(kind.points, collection.points))),
    ...divided('class', (label) => `documents a day that are "${label}"`, classes, period),
    ...divided('theme', (name) => `documents a day about "${name}"`, await read(themesByDay), period),
    averaged('sentiment', 'mean sentiment, -1 to 1', sentiment, ({ score }) => score),
    averaged('sentiment:negative', 'share of negative documents', sentiment, ({ negative }) => negative),
  ];
}

async function seriesOfUsage(parts: ToolParts, run: ToolRun, period: SeriesPeriod): Promise<Series[]> {
  const usage = await inWorkspace(parts, run, (scope) => usageByDay(scope, period));
  const providers = await inWorkspace(parts, run, (scope) => providersByDay(scope, period));
  const values = (of: (day: UsageDay) => number) => usage.map((day) => ({ at: day.at, value: of(day) }));
  const byProvider = (of: (day: (typeof providers)[number]) => number) =>
    providers.map((day) => ({ part: day.provider, label: day.provider, at: day.at, value: of(day) }));
  const requests = byProvider((day) => day.requests);
  const cost = byProvider((day) => day.costUsd);
  return [
    counted(
      'usage',
      'requests to models a day',
      values((day) => day.requests),
      period,
    ),
    ...divided('usage', (provider) => `requests to ${provider} a day`, requests, period),
    counted(
      'errors',
      'failed requests to models a day',
      values((day) => day.failed),
      period,
    ),
    counted(
      'tokens',
      'tokens a day',
      values((day) => day.tokens),
      period,
    ),
    counted(
      'cost',
      'US dollars a day',
      values((day) => day.costUsd),
      period,
    ),
    ...divided('cost', (provider) => `US dollars a day for ${provider}`, cost, period),
    averaged('latency', 'mean latency of requests, in ms', usage, ({ latencyMs }) => latencyMs),
  ];
}

/** A series of each part, by its id. */
function divided(
  prefix: string,
  labelOf: (name: string) => string,
  points: readonly PartPoint[],
  period: SeriesPeriod,
): Series[] {
  return [...Map.groupBy(points, ({ part }) => part)].map(([part, ofPart]) =>
    counted(`${prefix}:${part}`, labelOf(ofPart[0]?.label ?? part), ofPart, period),
  );
}

/** Of the days that have a value. */
function averaged<Day extends { at: Date }>(
  name: string,
  label: string,
  days: readonly Day[],
  of: (day: Day) => number | null,
): Series {
  const points = days.flatMap((day) => {
    const value = of(day);
    return value === null ? [] : [{ at: day.at, value }];
  });
  return { name, label, isCount: false, points };
}

/** With a value for every day from the first that has one on: before it, nobody counted. */
function counted(name: string, label: string, points: Points, { to }: SeriesPeriod): Series {
  const values = new Map(points.map(({ at, value }) => [at.getTime(), value]));
  const filled: { at: Date; value: number }[] = [];
  const first = points[0]?.at.getTime() ?? to.getTime();
  for (let day = first; day < to.getTime(); day = addDays(day, 1)) {
    filled.push({ at: new Date(day), value: values.get(day) ?? 0 });
  }
  return { name, label, isCount: true, points: filled };
}

/** What never was anything but 0 tells nothing. */
function withValues(series: readonly Series[]): Series[] {
  return series.filter(({ points }) => points.some(({ value }) => value !== 0));
}
