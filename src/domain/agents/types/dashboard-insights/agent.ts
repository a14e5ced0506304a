import type { JsonObject } from '../../../../shared/json.ts';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import type { DataPoint, NewInsight } from '../../../insights/insight.ts';
import type { Series } from '../../agent-tools.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { writeFromFacts } from '../../companies/fact-writer.ts';
import { counted, listed } from '../../evidence/citation.ts';
import {
  INSIGHTS_CONFIGURATION,
  INSIGHTS_INPUT,
  type InsightsConfiguration,
  type InsightsInput,
} from './configuration.ts';
import { judge } from './judgement.ts';
import { type Look, lookThrough, type SeriesFinding } from './look-through.ts';
import { type Found, INSIGHTS_OUTPUT, type InsightsOutput } from './output.ts';
import { documentsOf } from './series-parts.ts';
import { actionsOf, descriptionOf, nameOf, said, titleOf } from './wording.ts';

const RULES = 'local/statistics';
/** Findings of which documents of that time are shown, and how many of each. */
const ILLUSTRATED_MAX = 12;
const EXAMPLES = 5;
const RECOMMENDATIONS_MAX = 5;
/** Findings that a model is told of. */
const WRITTEN_OF = 10;

const prompt = new PromptFile<never>(new URL('./prompt.md', import.meta.url));

type Run = AgentRunContext<InsightsConfiguration, InsightsInput>;

/** A finding before it is kept; plain JSON, as steps have it. */
type Draft = Omit<Found, 'insightId' | 'documentIds'> & { key: string };
type Seen = Pick<InsightsOutput, 'looked' | 'notLooked' | 'leftOut'> & { drafts: Draft[] };

/**
 * Looks through series for what chance does not explain. All figures come of statistics that are the same in each run over
 * the same numbers; a model, where there is one, says what they may mean.
 */
export const dashboardInsights = defineAgentType({
  type: 'DASHBOARD_INSIGHTS',
  description:
    'Watches numbers: finds drops, jumps, lasting changes and trends that chance does not explain, in the workspace’s own series or in metrics that it is given, says what moved with them and what to do.',
  configuration: INSIGHTS_CONFIGURATION,
  input: INSIGHTS_INPUT,
  output: INSIGHTS_OUTPUT,
  tools: ['read_series', 'list_documents', 'write', 'record_insight'],
  run: (run) => runInsights(run),
});

async function runInsights(run: Run): Promise<InsightsOutput & JsonObject> {
  const seen = await run.step('look through the series', () => see(run));
  run.progress(seen.looked.length, seen.looked.length);
  const examples = await run.step('find documents behind the findings', () => findExamples(run, seen.drafts));
  const overview = overviewOf(seen);
  const written = await run.step('write the overview', () => write(run, overview, seen.drafts));
  const findings: Found[] = [];
  for (const [place, draft] of seen.drafts.entries()) {
    const documentIds = examples[place] ?? [];
    const insightId = await run.step(`record insight ${place + 1}`, () =>
      run.tools.recordInsight(insightOf(draft, documentIds)),
    );
    const { key, ...found } = draft;
    findings.push({ ...found, documentIds, insightId });
  }
  const recommendations = [...(written === null ? [] : [written.nextStep]), ...recommendationsOf(seen.drafts)];
  const told = [...new Set(recommendations)].slice(0, RECOMMENDATIONS_MAX);
  await recommend(run, findings, told);
  return {
    overview: written?.text ?? overview,
    recommendations: told,
    findings,
    looked: seen.looked,
    notLooked: seen.notLooked,
    leftOut: seen.leftOut,
    model: written === null ? RULES : (run.model ?? RULES),
  };
}

async function see(run: Run): Promise<Seen> {
  const { configuration } = run;
  const given = metricsOf(run.input.metrics ?? {});
  const own = run.input.metrics === undefined || configuration.withOwnSeries ? await ownSeries(run) : [];
  // Of a name that both have, what was given is meant.
  const all = [...given, ...own.filter(({ name }) => !isGiven(name, run.input))];
  const wanted = all.filter(({ name }) => isWanted(name, configuration));
  const { found, looked, notLooked, doubtful } = await lookThrough(wanted, configuration, run.signal);
  const drafts = found.map((finding) => draftOf(finding, run)).sort(byUrgency);
  const kept = drafts.slice(0, configuration.findings);
  const leftOut = [
    ...(doubtful > 0 ? [`${counted(doubtful, 'change')} that may be chance, among so many series`] : []),
    ...(drafts.length > kept.length ? [`${counted(drafts.length - kept.length, 'less pressing finding')}`] : []),
    ...(all.length > wanted.length ? [`${all.length - wanted.length} series that the configuration leaves out`] : []),
  ];
  return {
    drafts: kept,
    looked: looked.map((each) => lookedAt(each, run.input)),
    notLooked,
    leftOut,
  };
}

async function ownSeries({ tools, requestedAt, configuration }: Run): Promise<Series[]> {
  return tools.readSeries({ until: requestedAt, days: configuration.days });
}

function metricsOf(metrics: NonNullable<InsightsInput['metrics']>): Series[] {
  return Object.entries(metrics).map(([name, points]) => ({
    name,
    label: name,
    isCount: points.every(({ value }) => Number.isInteger(value) && value >= 0),
    points: points.map(({ at, value }) => ({ at: new Date(at), value })),
  }));
}

function isGiven(name: string, { metrics }: InsightsInput): boolean {
  return metrics !== undefined && Object.hasOwn(metrics, name);
}

function isWanted(name: string, { series, weights }: InsightsConfiguration): boolean {
  const isNamed = series.some((wanted) => (wanted.endsWith(':') ? name.startsWith(wanted) : name === wanted));
  return (series.length === 0 || isNamed) && weights[name] !== 0;
}

function draftOf(finding: SeriesFinding, { configuration, requestedAt, input }: Run): Draft {
  const judgement = judge(finding, configuration);
  const { series, label, shape, from, until, lasts, value, expected, change, chance, movedWithIt } = finding;
  return {
    ...{ series, label, ...judgement, title: titleOf(finding), description: descriptionOf(finding) },
    ...{ shape, from: from.toISOString(), until: until.toISOString(), lasts, value, expected, change, chance },
    movedWithIt,
    suggestedActions: actionsOf(finding, judgement),
    key: `${isGiven(series, input) ? 'metric:' : ''}${keyOf(finding, requestedAt)}`,
  };
}

/** A trend begins where the history does, which moves on every day: it is the same for a quarter of a year. */
function keyOf({ series, shape, from, value, expected, spacing }: SeriesFinding, requestedAt: Date): string {
  const way = value > expected ? 'up' : 'down';
  const at =
    shape === 'trend'
      ? quarterOf(requestedAt)
      : shape === 'level'
        ? weekOf(from)
        : from.toISOString().slice(0, spacing === 'hour' ? 13 : 10);
  return `${series}:${shape}:${way}:${at}`;
}

function quarterOf(at: Date): string {
  return `${at.getUTCFullYear()}-Q${Math.floor(at.getUTCMonth() / 3) + 1}`;
}

/** The Monday. */
function weekOf(at: Date): string {
  const sinceMonday = (at.getUTCDay() + 6) % 7;
  return new Date(at.getTime() - sinceMonday * 86_400_000).toISOString().slice(0, 10);
}

const URGENCIES = ['CRITICAL', 'HIGH', 'MEDIUM', 'LOW'];

function byUrgency(left: Draft, right: Draft): number {
  const rank = URGENCIES.indexOf(left.priority) - URGENCIES.indexOf(right.priority);
  return rank || Number(right.isBad) - Number(left.isBad) || left.chance - right.chance;
}

function lookedAt(
  { series: { name, label }, analysis, findings }: Look['looked'][number],
  input: InsightsInput,
): InsightsOutput['looked'][number] {
  const cycles = analysis.cycles.map((steps) => `a cycle of about ${Math.round(steps)} ${analysis.spacing}s`);
  const phases = analysis.hasPhases ? [analysis.spacing === 'hour' ? 'hours of the day' : 'weekdays'] : [];
  const rhythm = listed([...phases, ...cycles]) || 'none';
  return {
    series: name,
    label,
    source: isGiven(name, input) ? 'METRICS' : 'WORKSPACE',
    spacing: analysis.spacing,
    steps: analysis.steps,
    usual: analysis.level,
    spread: analysis.spread,
    rhythm,
    findings,
  };
}

async function findExamples({ tools, input }: Run, drafts: readonly Draft[]): Promise<string[][]> {
  const examples: string[][] = [];
  for (const { series, from, until, movedWithIt } of drafts.slice(0, ILLUSTRATED_MAX)) {
    const filter = isGiven(series, input) ? null : documentsOf(movedWithIt[0]?.series ?? series);
    const narrowed = { ...filter, createdAfter: new Date(from), createdBefore: new Date(until) };
    const documents = filter === null ? [] : await tools.listDocuments({ filter: narrowed, first: EXAMPLES });
    examples.push(documents.map(({ id }) => id));
  }
  return examples;
}

function overviewOf({ drafts, looked, notLooked }: Seen): string {
  const given = looked.filter(({ source }) => source === 'METRICS').length;
  const own = looked.length - given;
  const parts = [
    ...(given > 0 ? [`${counted(given, 'given metric')}`] : []),
    ...(own > 0 ? [`${own.toLocaleString('en-US')} of the workspace’s own series`] : []),
  ];
  const size = `${listed(parts)} ${looked.length === 1 ? 'was' : 'were'} looked through`;
  const short = notLooked.length === 0 ? '' : ` ${counted(notLooked.length, 'was', 'were')} too short to tell.`;
  if (looked.length === 0) return `There was no series long enough to tell anything.${short}`;
  if (drafts.length === 0) return `${size}, and nothing stood out from what is usual.${short}`;
  const bad = drafts.filter(({ isBad }) => isBad).length;
  const first = drafts.slice(0, 3).map(({ title }) => `${title}.`);
  const rest = drafts.length > 3 ? ` ${counted(drafts.length - 3, 'more finding')} below.` : '';
  return `${size}: ${counted(drafts.length, 'finding')}, ${bad} of them bad news. ${first.join(' ')}${rest}${short}`;
}

async function write(run: Run, overview: string, drafts: readonly Draft[]) {
  if (drafts.length === 0) return null;
  const facts = [overview, ...drafts.slice(0, WRITTEN_OF).map(factOf)];
  return writeFromFacts(run, { prompt: prompt.fill({} as never), facts, name: 'insights' });
}

function factOf({ title, description, suggestedActions }: Draft): string {
  return `${title}. ${description} ${suggestedActions.join(' ')}`;
}

/** Of what is bad news, what to do first. */
function recommendationsOf(drafts: readonly Draft[]): string[] {
  return drafts
    .filter(({ isBad }) => isBad)
    .flatMap(({ title, suggestedActions: [action] }) => (action === undefined ? [] : [`${title}: ${action}`]));
}

/** One recommendation a week stands beside the findings, where some of them are bad news. */
async function recommend(run: Run, findings: readonly Found[], recommendations: readonly string[]): Promise<void> {
  const bad = findings.filter(({ isBad }) => isBad);
  if (bad.length === 0 || recommendations.length === 0) return;
  await run.step('record the recommendation', () =>
    run.tools.recordInsight({
      kind: 'RECOMMENDATION',
      title: `What to do first about ${listed(bad.slice(0, 3).map((finding) => nameOf(finding).toLowerCase()))}`.slice(
        0,
        200,
      ),
      description: recommendations.join('\n').slice(0, 4_000),
      confidence: Math.min(...bad.map(({ confidence }) => confidence)),
      priority: bad[0]?.priority ?? 'LOW',
      dataPoints: [],
      suggestedActions: recommendations.map((each) => each.slice(0, 500)),
      documentIds: [...new Set(bad.flatMap(({ documentIds }) => documentIds))].slice(0, 50),
      key: `recommendation:${weekOf(run.requestedAt)}`,
    }),
  );
}

function insightOf(draft: Draft, documentIds: readonly string[]): NewInsight {
  const { kind, title, description, confidence, priority, suggestedActions, key } = draft;
  return {
    kind,
    title,
    description,
    confidence,
    priority,
    suggestedActions,
    documentIds,
    key,
    dataPoints: pointsOf(draft),
  };
}

function pointsOf({ label, from, until, value, expected, change, movedWithIt }: Draft): DataPoint[] {
  const at = new Date(from);
  return [
    { metric: label, value, at },
    { metric: 'expected', value: expected, at },
    ...(change === null ? [] : [{ metric: 'change in %', value: Number(said(change * 100).replaceAll(',', '')), at }]),
    ...movedWithIt.map((move) => ({ metric: move.label, value: move.value, at })),
    { metric: 'days', value: Math.round((new Date(until).getTime() - at.getTime()) / 86_400_000), at: null },
  ];
}
