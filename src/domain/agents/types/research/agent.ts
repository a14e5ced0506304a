import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { EXTRACTIVE_MODEL } from '../../../summaries/summary.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { clipped, counted, dayOf } from '../../evidence/citation.ts';
import { chooseCompanies } from '../../evidence/companies-with-news.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';
import { namedCompany, notNamed } from '../../evidence/named-company.ts';
import {
  type ActiveSignal,
  type BriefSize,
  type BriefStatements,
  COMPANY_BRIEF,
  type CompanyBrief,
  countStatements,
  type FocusAnswer,
} from './company-brief.ts';
import { extractiveBrief } from './extractive-brief.ts';
import { askAbout } from './focus-questions.ts';
import { type CompanyMaterial, readMaterial } from './material.ts';
import { nameOf, recommendationOf } from './recommendation.ts';
import { writeBrief } from './written-brief.ts';

const DAY_MS = 86_400_000;
const SIGNALS = 20;
const SIGNAL_CHARACTERS = 400;
/** Of a model's brief; with fewer the documents' own sentences say more. */
const FEW_STATEMENTS = 3;
const STRENGTHS = ['VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'];

/** How much is read and said, by the depth of a brief. */
const DEPTHS: Readonly<Record<'quick' | 'detailed', { documents: number; characters: number; size: BriefSize }>> = {
  quick: {
    documents: 30,
    characters: 16_000,
    size: { whoTheyAre: 3, lately: 5, people: 5, needs: 6, openQuestions: 3 },
  },
  detailed: {
    documents: 120,
    characters: 60_000,
    size: { whoTheyAre: 8, lately: 20, people: 15, needs: 20, openQuestions: 10 },
  },
};

const configuration = z.object({
  depth: z.enum(['quick', 'detailed']).default('quick').describe('How much is read and said of a company'),
  focusQuestions: z
    .array(z.string().min(1).max(500))
    .max(10)
    .default([])
    .describe('What the brief has to answer of each company, e.g. "Who decides about software?"'),
  days: z.int().min(1).max(3_650).default(365).describe('How far back documents are read'),
  companies: z.int().min(1).max(20).default(5).describe('Without input: how many companies a run makes briefs of'),
});
const input = z.object({
  company: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Name, external id or id of a company; left out: those with most news'),
});
const output = z.object({
  headline: z.string(),
  briefs: z.array(COMPANY_BRIEF),
  companiesLeft: z.int().describe('Companies of the workspace that this run made no brief of'),
  leftOut: z.array(z.string()).describe('What was not looked at, and why'),
  model: z.string(),
});

type Run = AgentRunContext<z.output<typeof configuration>, z.output<typeof input>>;
type Output = z.output<typeof output>;

/** Makes cited briefs of companies. */
export const research = defineAgentType({
  type: 'RESEARCH',
  description:
    'Makes a brief of a company from the workspace’s documents: who they are, what happened lately, people, needs and complaints, active signals, open questions; every statement with its quote.',
  configuration,
  input,
  output,
  tools: [
    'search',
    'list_documents',
    'read_documents',
    'find_company',
    'classify',
    'read_signals',
    'ask',
    'write',
    'record_insight',
  ],
  run: (run) => runResearch(run),
});

async function runResearch(run: Run): Promise<Output & JsonObject> {
  const { chosen, left, leftOut } = await chooseWhom(run);
  const briefs: CompanyBrief[] = [];
  for (const [i, { id, name }] of chosen.entries()) {
    const brief = await briefOf(run, id, `${clipped(name, 60)} (${i + 1} of ${chosen.length})`, leftOut);
    if (brief !== null) briefs.push(brief);
    run.progress(i + 1, chosen.length);
  }
  const models = [...new Set(briefs.map(({ model }) => model))];
  return {
    headline: headlineOf(run, briefs, left),
    briefs,
    companiesLeft: left,
    leftOut,
    model: models.find((model) => model !== EXTRACTIVE_MODEL) ?? EXTRACTIVE_MODEL,
  };
}

function headlineOf({ input: { company } }: Run, briefs: readonly CompanyBrief[], left: number): string {
  const [only] = briefs;
  if (only === undefined) {
    if (company !== undefined) return notNamed(company);
    return 'There is no company that documents speak of.';
  }
  if (company !== undefined) return only.headline;
  const others = left === 0 ? '' : `; ${counted(left, 'company', 'companies')} left`;
  return `${counted(briefs.length, 'brief')} of the companies with most news${others}.`;
}

/** The company of the input, or those with most news. */
async function chooseWhom(
  run: Run,
): Promise<{ chosen: { id: string; name: string }[]; left: number; leftOut: string[] }> {
  const { company } = run.input;
  if (company !== undefined) {
    const found = await run.step('find the company', async () => {
      const document = await namedCompany(run.tools, company);
      return document === null ? null : { id: document.id, name: document.title ?? company };
    });
    return { chosen: found === null ? [] : [found], left: 0, leftOut: [] };
  }
  const { companies: limit } = run.configuration;
  const { companies, known, isAll, documentsRead } = await chooseCompanies(run, { after: sinceOf(run), limit });
  const chosen = companies.map(({ names }) => ({ id: names.id, name: names.name }));
  const left = known - chosen.length;
  const leftOut = [
    `Chosen of ${isAll ? '' : 'the first '}${counted(known, 'company', 'companies')} by what ${documentsRead === 1 ? '1 document says' : `the newest ${counted(documentsRead, 'document')} say`}.`,
  ];
  return { chosen, left, leftOut };
}

function sinceOf({ requestedAt, configuration: { days } }: Run): Date {
  return new Date(requestedAt.getTime() - days * DAY_MS);
}

async function briefOf(run: Run, companyId: string, label: string, leftOut: string[]): Promise<CompanyBrief | null> {
  const { documents: limit } = DEPTHS[run.configuration.depth];
  const material = await run.step(`read about ${label}`, async () => {
    const [company] = await run.tools.readDocuments([companyId]);
    return company === undefined
      ? null
      : jsonShaped(await readMaterial(run.tools, company, { after: sinceOf(run), limit }));
  });
  if (material === null) return null;
  const read = material as unknown as CompanyMaterial;
  const signals = await run.step(`read the signals of ${label}`, () => activeSignals(run, companyId));
  const answers: FocusAnswer[] = [];
  for (const [i, question] of run.configuration.focusQuestions.entries()) {
    answers.push(await run.step(`ask focus question ${i + 1} of ${label}`, () => askAbout(run.tools, read, question)));
  }
  const { statements, dropped, model } = await statementsOf(run, read, label, leftOut);
  const told = { ...statements, companyId, company: read.names.name, signals };
  const insight = recommendationOf(told, run.requestedAt);
  const insightId =
    insight === null
      ? null
      : await run.step(`record what to do about ${label}`, () => run.tools.recordInsight(insight));
  if (read.found > read.documents.length) {
    const older = read.found - read.documents.length;
    leftOut.push(`${read.names.name}: ${counted(older, 'older document')} of ${read.found} not read.`);
  }
  return {
    companyId,
    company: read.names.name,
    headline: companyHeadline(run, told, read),
    record: read.record,
    ...statements,
    signals,
    gaps: gapsOf(told, answers, run),
    answers,
    model,
    counts: {
      documentsFound: read.found,
      documentsRead: read.documents.length,
      statements: countStatements(statements),
      statementsDropped: dropped,
    },
    insightId,
  };
}

/** By the model, where there is one and it writes something that holds; else in the documents' own sentences. */
async function statementsOf(run: Run, material: CompanyMaterial, label: string, leftOut: string[]) {
  const { size, characters } = DEPTHS[run.configuration.depth];
  const extracted: BriefStatements = extractiveBrief(material, size);
  if (run.model === null) return { statements: extracted, dropped: 0, model: EXTRACTIVE_MODEL };
  const { focusQuestions: focus } = run.configuration;
  const { dropped, ...written } = await run.step(`write the brief of ${label}`, async () =>
    jsonShaped(await writeBrief(run.tools, material, { size, characters, focus, today: run.requestedAt })),
  );
  if (countStatements(written) >= Math.min(FEW_STATEMENTS, countStatements(extracted))) {
    return { statements: written, dropped, model: run.model };
  }
  leftOut.push(
    `${material.names.name}: too little of what ${run.model} wrote stands in the documents, whose own sentences are shown.`,
  );
  return { statements: extracted, dropped, model: EXTRACTIVE_MODEL };
}

async function activeSignals({ tools }: Run, companyId: string): Promise<ActiveSignal[]> {
  const signals = await tools.readSignals(companyId);
  return signals
    .toSorted((left, right) => STRENGTHS.indexOf(left.strength) - STRENGTHS.indexOf(right.strength))
    .slice(0, SIGNALS)
    .map(({ id, type, strength, confidence, detectedAt, data, evidenceIds }) => {
      const text = typeof data.quote === 'string' ? clipped(data.quote, SIGNAL_CHARACTERS) : nameOf({ type });
      return {
        id,
        type,
        strength,
        confidence,
        detectedAt: detectedAt.toISOString(),
        text,
        evidenceIds: [...evidenceIds],
      };
    });
}

type Told = BriefStatements & Pick<CompanyBrief, 'company' | 'signals'>;

function companyHeadline({ configuration: { days } }: Run, told: Told, { found }: CompanyMaterial): string {
  const of = (kind: string) => told.needs.filter((need) => need.kind === kind).length;
  const parts = [
    ...(of('complaint') > 0 ? [counted(of('complaint'), 'complaint')] : []),
    ...(of('wish') > 0 ? [counted(of('wish'), 'wish', 'wishes')] : []),
    ...(told.signals.length > 0 ? [counted(told.signals.length, 'active signal')] : []),
    ...(told.people.length > 0 ? [counted(told.people.length, 'person', 'people')] : []),
  ];
  const said = parts.length === 0 ? 'nothing that calls for action' : parts.join(', ');
  const newest = [...told.lately, ...told.needs]
    .map(({ citation }) => citation.at)
    .sort()
    .at(-1);
  const heard = newest === undefined ? '' : `; last heard of on ${dayOf(newest)}`;
  return `${told.company}: ${said}, in ${counted(found, 'document')} of the last ${counted(days, 'day')}${heard}.`;
}

/** What is worth finding out, because nothing says it. */
function gapsOf(told: Told, answers: readonly FocusAnswer[], { configuration: { days } }: Run): string[] {
  return [
    ...(told.people.length === 0 ? [`Nobody at ${told.company} was made out in the documents.`] : []),
    ...(told.lately.length === 0
      ? [`No document of the last ${counted(days, 'day')} says anything of ${told.company}.`]
      : []),
    ...(told.needs.length === 0 ? ['Nothing was made out of what they need or complain about.'] : []),
    ...(told.signals.length === 0 ? ['No buying signal is active.'] : []),
    ...answers.flatMap(({ question, answer }) =>
      answer === null ? [`Not answered by any document about them: ${question}`] : [],
    ),
  ];
}
