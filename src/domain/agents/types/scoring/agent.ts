import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { writeFromFacts } from '../../companies/fact-writer.ts';
import { makeShortlist, passedOver, type Shortlist } from '../../companies/shortlist.ts';
import { findWonCompanies, type WonCompanies, wonSaid } from '../../companies/won-companies.ts';
import { findLikenessScale } from '../../companies/won-likeness.ts';
import { counted } from '../../evidence/citation.ts';
import { namedCompany, notNamed } from '../../evidence/named-company.ts';
import { readFacts } from './company-facts.ts';
import { SCORING_CONFIGURATION, type ScoringConfiguration } from './configuration.ts';
import {
  type CompanyFacts,
  engagementFactor,
  fitFactor,
  profileFactor,
  sentimentFactor,
  signalsFactor,
} from './factors.ts';
import { SCORING_OUTPUT, type ScoredCompany, type ScoringOutput } from './output.ts';
import { type Grade, scoreOf } from './score.ts';
import { factsOf, insightOf, nextStepOf, summaryOf } from './wording.ts';

const input = z.object({
  company: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Name, external id or id of a company; left out: the likeliest companies of the workspace'),
});

/** Companies that are told with their factors. */
const RANKED = 25;
/** Companies whose summary a model writes. */
const WRITTEN = 5;
const RULES = 'local/rules';

const prompt = new PromptFile<never>(new URL('./prompt.md', import.meta.url));

type Run = AgentRunContext<ScoringConfiguration, z.output<typeof input>>;

/** What every company of a run is scored with. */
interface Yardstick {
  won: WonCompanies;
  hasSignals: boolean;
}

/**
 * Scores companies from 0 to 100 and says why. The same documents, signals and moment give the same score, whether one
 * company is asked for or all: the yardstick is made from the workspace, never from the companies that are scored.
 */
export const scoring = defineAgentType({
  type: 'SCORING',
  description:
    'Scores companies from 0 to 100 with a grade, and explains it: likeness to the companies that buy, signals, engagement, sentiment and profile, each with its weight, contribution, reason and evidence.',
  configuration: SCORING_CONFIGURATION,
  input,
  output: SCORING_OUTPUT,
  tools: [
    'search',
    'list_documents',
    'read_documents',
    'find_company',
    'similar_companies',
    'classify',
    'read_signals',
    'write',
    'record_insight',
  ],
  run: (run) => runScoring(run),
});

async function runScoring(run: Run): Promise<ScoringOutput & JsonObject> {
  const { company } = run.input;
  const won = await findWonCompanies(run, run.configuration.won);
  const { ids, list } = await whom(run, won);
  const scale = await findLikenessScale(run, won);
  const newestSignalId = list === null ? await newestSignal(run) : list.newestSignalId;
  const scored: ScoredCompany[] = [];
  for (const [place, id] of ids.entries()) {
    const facts = await run.step<CompanyFacts | null>(`look into company ${place + 1} of ${ids.length}`, () =>
      readFacts(run.tools, id, { won, scale, newestSignalId, now: run.requestedAt, days: run.configuration.days }),
    );
    if (facts !== null) scored.push(scoreCompany(run, facts, { won, hasSignals: newestSignalId !== null }));
    run.progress(place + 1, ids.length);
  }
  scored.sort(
    (left, right) =>
      right.score - left.score || right.confidence - left.confidence || (left.companyId < right.companyId ? -1 : 1),
  );
  const written = await write(run, scored);
  if (company === undefined) await record(run, scored);
  return {
    headline: headlineOf(run, scored),
    ranking: scored.slice(0, RANKED),
    others: scored.slice(RANKED).map(({ companyId, company: name, score, grade, confidence }) => ({
      ...{ companyId, company: name, score, grade, confidence },
    })),
    distribution: distributionOf(scored),
    comparedWith: wonSaid(won),
    companiesLooked: list?.looked ?? ids.length,
    companiesScored: scored.length,
    leftOut: leftOutOf(list, scored),
    model: written > 0 && run.model !== null ? run.model : RULES,
  };
}

/** The newest signal that this run looks at; null: there is none. */
function newestSignal(run: Run): Promise<string | null> {
  return run.step('see whether there are signals', async () => {
    const { signals, next } = await run.tools.listSignals({ first: 1 });
    return signals[0]?.id ?? next;
  });
}

/** The company of the input, or the likeliest ones. */
async function whom(run: Run, won: WonCompanies): Promise<{ ids: string[]; list: Shortlist | null }> {
  const { company } = run.input;
  if (company === undefined) {
    const { companies: size, signalWeights: kindWeights } = run.configuration;
    const list = await makeShortlist(run, { won, size, excluded: [], kinds: [], kindWeights });
    return { ids: list.ids, list };
  }
  const id = await run.step('find the company', async () => (await namedCompany(run.tools, company))?.id ?? null);
  return { ids: id === null ? [] : [id], list: null };
}

function scoreCompany({ configuration, requestedAt: now }: Run, facts: CompanyFacts, by: Yardstick): ScoredCompany {
  const { weights, grades, days, signalWeights: kindWeights } = configuration;
  // Of itself a company that buys is no evidence.
  const won = { ...by.won, companies: by.won.companies.filter(({ id }) => id !== facts.record.id) };
  const found = [
    fitFactor(facts, won),
    signalsFactor(facts, now, { hasSignals: by.hasSignals, kindWeights }),
    engagementFactor(facts, now, days),
    profileFactor(facts, won),
    sentimentFactor(facts),
  ];
  const score = scoreOf(found, weights, grades);
  const { id: companyId, name: company, stage } = facts.record;
  const told = { companyId, company, stage, ...score };
  return { ...told, summary: summaryOf(told), nextStep: nextStepOf(told, facts, now) };
}

/** @returns how many summaries a model wrote */
async function write(run: Run, scored: ScoredCompany[]): Promise<number> {
  if (run.model === null) return 0;
  let written = 0;
  for (const [place, each] of scored.slice(0, WRITTEN).entries()) {
    const facts = factsOf(each);
    const text = await run.step(`write summary ${place + 1}`, () =>
      writeFromFacts(run, { prompt: prompt.fill({}), facts, name: 'summary' }),
    );
    if (text === null) continue;
    each.summary = text.text;
    each.nextStep = text.nextStep;
    written++;
  }
  return written;
}

/** The best ones; a change of grade is an insight of its own, the same grade found again refreshes the one that is there. */
async function record(run: Run, scored: readonly ScoredCompany[]): Promise<void> {
  const best = scored.filter(({ grade }) => grade === 'A' || grade === 'B').slice(0, run.configuration.insights);
  for (const [place, each] of best.entries()) {
    await run.step(`record insight ${place + 1}`, () => run.tools.recordInsight(insightOf(each, run.requestedAt)));
  }
}

function headlineOf({ input: { company } }: Run, scored: readonly ScoredCompany[]): string {
  const [best] = scored;
  if (company !== undefined) {
    if (best === undefined) return notNamed(company);
    return `${best.company} scores ${best.score} of 100, grade ${best.grade}.`;
  }
  if (best === undefined) return 'There is no company to score.';
  const good = scored.filter(({ grade }) => grade === 'A').length;
  return `${counted(scored.length, 'company', 'companies')} scored, ${good === 0 ? 'none' : good} of them with an A; ${best.company} leads with ${best.score} of 100.`;
}

function distributionOf(scored: readonly ScoredCompany[]): Record<Grade, number> {
  const count = (grade: Grade) => scored.filter((each) => each.grade === grade).length;
  return { A: count('A'), B: count('B'), C: count('C'), D: count('D') };
}

function leftOutOf(list: Shortlist | null, scored: readonly ScoredCompany[]): string[] {
  const told = list === null ? [] : passedOver(list);
  const unsure = scored.filter(({ missing }) => missing.length > 0).length;
  if (unsure > 0) {
    told.push(
      `Of ${counted(unsure, 'company', 'companies')} not every factor is known; their scores stand on the others.`,
    );
  }
  return told;
}
