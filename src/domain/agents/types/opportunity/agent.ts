import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import type { Document } from '../../../documents/document.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { companyRecord } from '../../companies/company-record.ts';
import { companySignal, upTo } from '../../companies/company-signal.ts';
import { writeFromFacts } from '../../companies/fact-writer.ts';
import { makeShortlist, passedOver, type Shortlist } from '../../companies/shortlist.ts';
import { findWonCompanies, type WonCompanies, wonSaid } from '../../companies/won-companies.ts';
import { findLikenessScale, type LikenessScale, wonLikeness } from '../../companies/won-likeness.ts';
import { counted } from '../../evidence/citation.ts';
import { linksTo } from '../../evidence/company-documents.ts';
import { companyNames } from '../../evidence/company-names.ts';
import { titleOf } from '../../evidence/evidence-document.ts';
import { CAUTION_DAYS, cautionsOf } from './cautions.ts';
import { OPPORTUNITY_CONFIGURATION, type OpportunityConfiguration } from './configuration.ts';
import { type Candidate, type Opportunity, ranked, weigh } from './opportunity.ts';
import { OPPORTUNITY_OUTPUT, type OpportunityOutput } from './output.ts';
import { factsOf, insightOf, toldOf } from './wording.ts';

/** Candidates that a step looks at. */
const AT_ONCE = 10;
/** Documents about a candidate in which it is looked for what warns of it, the newest. */
const READ_OF_CANDIDATE = 30;
/** Ways in which metadata may name a candidate. */
const LINKS = 2;
/** Opportunities whose explanation a model writes. */
const WRITTEN = 10;
const READ_AT_ONCE = 200;
const DAY_MS = 86_400_000;
const RULES = 'local/rules';

const prompt = new PromptFile<never>(new URL('./prompt.md', import.meta.url));

type Run = AgentRunContext<OpportunityConfiguration, Record<string, never>>;
type Told = OpportunityOutput['opportunities'][number];

/**
 * Finds companies worth acting on: all of them are looked through in pages, the likeliest are compared closely. An insight
 * is kept of each company and month, so that one that a person dismissed is not raised again before the next month; for
 * longer, the company goes into `exclude`, or its stage says so.
 */
export const opportunity = defineAgentType({
  type: 'OPPORTUNITY',
  description:
    'Finds companies worth acting on: those with fresh signals that are like the companies that buy, without customers and lost ones; each with its reasons, what warns of it and a next step.',
  configuration: OPPORTUNITY_CONFIGURATION,
  input: z.object({}),
  output: OPPORTUNITY_OUTPUT,
  tools: ['list_documents', 'read_documents', 'similar_companies', 'read_signals', 'write', 'record_insight'],
  run: (run) => runOpportunity(run),
});

async function runOpportunity(run: Run): Promise<OpportunityOutput & JsonObject> {
  const { top, candidates: size, leastScore, exclude: excluded, signalTypes: kinds, insights } = run.configuration;
  const won = await findWonCompanies(run, run.configuration.won);
  const list = await makeShortlist(run, { won, size, excluded, kinds });
  const scale = await findLikenessScale(run, won);
  const candidates = await lookClosely(run, list, won, scale);
  const all = ranked(candidates.map((candidate) => weigh(candidate, won, run.requestedAt)));
  // Without any signals likeness is all that there is to go by.
  const worthy = list.signals === 0 ? all : all.filter(({ score }) => score >= leastScore);
  const told = await tell(run, worthy.slice(0, top));
  const written = await write(run, told);
  for (const [place, each] of told.slice(0, insights).entries()) {
    await run.step(`record insight ${place + 1}`, () => run.tools.recordInsight(insightOf(each, run.requestedAt)));
  }
  return {
    headline: headlineOf(told, list),
    opportunities: told,
    comparedWith: wonSaid(won),
    companiesLooked: list.looked,
    companiesCompared: candidates.length,
    signalsWeighed: list.signals,
    leftOut: [
      ...passedOver(list, kinds),
      ...leftOf(worthy.length - told.length, 'with a lower place than the first', top),
      ...leftOf(all.length - worthy.length, 'with a score below', leastScore),
    ],
    model: written > 0 && run.model !== null ? run.model : RULES,
  };
}

/** What takes calls a company is done for those on the list alone. */
async function lookClosely(
  run: Run,
  { ids, newestSignalId }: Shortlist,
  won: WonCompanies,
  scale: LikenessScale | null,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (let start = 0; start < ids.length; start += AT_ONCE) {
    const part = ids.slice(start, start + AT_ONCE);
    const found = await run.step(
      `compare candidates ${start + 1}–${start + part.length} of ${ids.length}`,
      async () => {
        const looked: Candidate[] = [];
        for (const id of part) {
          const candidate = await lookAt(run, id, { won, scale, newestSignalId });
          if (candidate !== null) looked.push(candidate);
        }
        return looked;
      },
    );
    candidates.push(...found);
  }
  return candidates.filter(({ record }) => record.outcome === 'OPEN');
}

async function lookAt(
  { tools, configuration: { signalTypes }, requestedAt }: Run,
  id: string,
  by: { won: WonCompanies; scale: LikenessScale | null; newestSignalId: string | null },
): Promise<Candidate | null> {
  const [company] = await tools.readDocuments([id]);
  if (company === undefined) return null;
  const names = companyNames(company);
  const signals = upTo(await tools.readSignals(id), by.newestSignalId).filter(
    ({ type }) => signalTypes.length === 0 || signalTypes.includes(type),
  );
  const evidenceIds = [...new Set(signals.flatMap((signal) => signal.evidenceIds))].slice(0, READ_OF_CANDIDATE);
  const evidence = await tools.readDocuments(evidenceIds);
  const createdAfter = new Date(requestedAt.getTime() - CAUTION_DAYS * DAY_MS);
  const linked: Document[] = [];
  for (const metadata of linksTo(names, evidence).slice(0, LINKS)) {
    linked.push(...(await tools.listNewest({ filter: { metadata, createdAfter }, first: READ_OF_CANDIDATE })));
  }
  return {
    record: companyRecord(company, by.won.rule),
    signals: signals.slice(0, 20).map(companySignal),
    likeness: await wonLikeness({ tools }, id, by.won, by.scale),
    cautions: cautionsOf(names, [company, ...linked, ...evidence], requestedAt),
  };
}

async function tell(run: Run, chosen: readonly Opportunity[]): Promise<Told[]> {
  const ids = [...new Set(chosen.flatMap(({ signals }) => signals.flatMap(({ evidenceIds }) => evidenceIds)))];
  const titles = await run.step('read the titles of the evidence', async () => {
    const found = await run.tools.readDocuments(ids.slice(0, READ_AT_ONCE));
    return found.map((document) => ({ id: document.id, title: titleOf(document) }));
  });
  const byId = new Map(titles.map(({ id, title }) => [id, title]));
  return chosen.map((each) => toldOf(each, run.requestedAt, byId));
}

/** @returns how many explanations a model wrote */
async function write(run: Run, told: Told[]): Promise<number> {
  if (run.model === null) return 0;
  let written = 0;
  for (const [place, each] of told.slice(0, WRITTEN).entries()) {
    const facts = factsOf(each);
    const text = await run.step(`write explanation ${place + 1}`, () =>
      writeFromFacts(run, { prompt: prompt.fill({}), facts, name: 'explanation' }),
    );
    if (text === null) continue;
    each.explanation = text.text;
    each.nextStep = text.nextStep;
    written++;
  }
  return written;
}

function headlineOf(told: readonly Told[], { looked, signals }: Shortlist): string {
  const [best] = told;
  if (looked === 0) return 'There are no companies to look at.';
  const all = counted(looked, 'company', 'companies');
  if (best === undefined) return `Of ${all} none is worth acting on now.`;
  if (signals === 0)
    return `No signals yet: of ${all} these ${told.length} are the most like those that buy, ${best.company} first.`;
  return `${told.length} of ${all} ${told.length === 1 ? 'is' : 'are'} worth acting on now, ${best.company} first.`;
}

function leftOf(count: number, what: string, limit: number): string[] {
  return count <= 0 ? [] : [`${counted(count, 'company', 'companies')} ${what} ${limit}.`];
}
