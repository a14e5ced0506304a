import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { writeFromFacts } from '../../companies/fact-writer.ts';
import { findWonCompanies } from '../../companies/won-companies.ts';
import { counted } from '../../evidence/citation.ts';
import { namedCompany, notNamed } from '../../evidence/named-company.ts';
import type { CompanyDirectory } from './company-directory.ts';
import { RELATIONSHIP_CONFIGURATION, type RelationshipConfiguration } from './configuration.ts';
import { type Graph, graphOf, type Relationship } from './graph.ts';
import { RELATIONSHIP_OUTPUT, type RelationshipOutput, type ToldRelationship } from './output.ts';
import { connectorsOf, goneCold, warmest } from './ranking.ts';
import { moodsOf, readDirectory, readTouches, type TouchesRead } from './reading.ts';
import { factsOf, insightOf, type Mood, pathsByMove, toldOf } from './wording.ts';

const input = z.object({
  company: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Name, external id or id of a company; left out: all companies that documents connect with us'),
});

/** Relationships whose summary a model writes. */
const WRITTEN = 5;
const RULES = 'local/rules';

const prompt = new PromptFile<never>(new URL('./prompt.md', import.meta.url));

type Run = AgentRunContext<RelationshipConfiguration, z.output<typeof input>>;

/**
 * Who of us knows whom of which company, by what documents have in their fields: authors, participants, assignees,
 * commenters, contacts. It tells nothing of a person that is not in a document of the workspace: a name, the company and
 * role that stand beside it, and the ids of the documents. Addresses are masked as they are read (`p•••@frostvale.example`),
 * so that no step, output or insight holds one; logins without a name are not taken for people; texts are not searched for
 * names. One name at two companies is told as a possibility, never merged.
 */
export const relationship = defineAgentType({
  type: 'RELATIONSHIP',
  description:
    'Finds the people and companies that documents connect: who of us knows whom, how warm each relationship is and why, which have gone cold, the path to a company, and who should write to whom next.',
  configuration: RELATIONSHIP_CONFIGURATION,
  input,
  output: RELATIONSHIP_OUTPUT,
  tools: ['search', 'list_documents', 'read_documents', 'find_company', 'classify', 'write', 'record_insight'],
  run: (run) => runRelationship(run),
});

async function runRelationship(run: Run): Promise<RelationshipOutput & JsonObject> {
  const { won: wonFilter, us, top, insights } = run.configuration;
  const companyId = await companyAskedFor(run);
  if (companyId === null) return nothing(notNamed(run.input.company ?? ''));
  const { rule } = await findWonCompanies(run, wonFilter);
  const { directory, companies, isCut } = await readDirectory(run, rule);
  const read = await readTouches(run, directory);
  const graph = graphOf(read.touches, directory, { told: us, now: run.requestedAt, askedFor: companyId ?? null });
  const only =
    companyId === undefined ? null : [...graph.relationships.values()].filter((each) => each.companyId === companyId);
  const chosen = only ?? warmest(graph, directory, top);
  const cold = only === null ? goneCold(graph, directory, run) : [];
  const moods = await moodsOf(run, [...chosen, ...cold]);
  const coldIds = new Set(goneCold(graph, directory, run).map((each) => each.companyId));
  const tell = (each: Relationship) =>
    tellOne(run, each, { graph, directory, moods, isCold: coldIds.has(each.companyId) });
  const relationships = chosen.flatMap(tell).sort((left, right) => right.warmth - left.warmth);
  const told = cold.flatMap(tell);
  const written = await write(run, [...told, ...relationships]);
  if (only === null) await record(run, told.slice(0, insights), directory);
  return {
    headline: headlineOf(run, { relationships, goneCold: told, graph }),
    relationships,
    goneCold: told,
    connectors: connectorsOf(graph, directory),
    moved: movedOf(graph, directory, companyId ?? null),
    us: graph.us,
    documentsRead: read.documents,
    companiesConnected: graph.relationships.size,
    peopleFound: [...graph.relationships.values()].reduce((sum, { people }) => sum + people.length, 0),
    leftOut: leftOutOf(run, { graph, read, companies, isCut, relationships }),
    model: written > 0 && run.model !== null ? run.model : RULES,
  };
}

/** What is said where there was nothing to read. */
function nothing(headline: string): RelationshipOutput & JsonObject {
  return {
    ...{ headline, relationships: [], goneCold: [], connectors: [], moved: [], us: null },
    ...{ documentsRead: 0, companiesConnected: 0, peopleFound: 0, leftOut: [], model: RULES },
  };
}

/** Undefined: all are; null: there is none that is called so. */
async function companyAskedFor(run: Run): Promise<string | null | undefined> {
  const { company } = run.input;
  if (company === undefined) return undefined;
  return run.step('find the company', async () => (await namedCompany(run.tools, company))?.id ?? null);
}

function tellOne(
  { requestedAt: now }: Run,
  each: Relationship,
  of: { graph: Graph; directory: CompanyDirectory; moods: ReadonlyMap<string, Mood>; isCold: boolean },
): ToldRelationship[] {
  const entry = of.directory.get(each.companyId);
  if (entry === undefined) return [];
  const paths = pathsByMove(each.companyId, of.graph, of.directory);
  return [toldOf(each, entry, { mood: of.moods.get(each.companyId) ?? null, paths, now, isCold: of.isCold })];
}

/** @returns how many summaries a model wrote */
async function write(run: Run, told: ToldRelationship[]): Promise<number> {
  if (run.model === null) return 0;
  let written = 0;
  for (const [place, each] of told.slice(0, WRITTEN).entries()) {
    const facts = factsOf(each);
    const text = await run.step(`write summary ${place + 1}`, () =>
      writeFromFacts(run, { prompt: prompt.fill({}), facts, name: 'relationship' }),
    );
    if (text === null) continue;
    each.summary = text.text;
    each.nextStep = text.nextStep;
    written++;
  }
  return written;
}

async function record(run: Run, cold: readonly ToldRelationship[], directory: CompanyDirectory): Promise<void> {
  for (const [place, each] of cold.entries()) {
    const buys = directory.get(each.companyId)?.outcome === 'WON';
    const insight = insightOf(each, { buys, now: run.requestedAt });
    await run.step(`record insight ${place + 1}`, () => run.tools.recordInsight(insight));
  }
}

function movedOf({ moved }: Graph, directory: CompanyDirectory, onlyId: string | null): RelationshipOutput['moved'] {
  return moved
    .filter(({ companyIds }) => onlyId === null || companyIds.includes(onlyId))
    .slice(0, 20)
    .map(({ name, companyIds }) => {
      const [from = '', to = ''] = [companyIds.at(-2), companyIds.at(-1)].map(
        (id) => directory.get(id ?? '')?.name ?? '',
      );
      return {
        name,
        from,
        to,
        explanation: `${name} is named with ${from} first and with ${to} later: one person who moved, or two of the same name.`,
      };
    });
}

function headlineOf(
  { input: { company } }: Run,
  {
    relationships,
    goneCold: cold,
    graph,
  }: { relationships: ToldRelationship[]; goneCold: ToldRelationship[]; graph: Graph },
): string {
  const [best] = relationships;
  if (company !== undefined) {
    if (best === undefined) return notNamed(company);
    return `${best.company}: warmth ${best.warmth} of 100. ${best.nextStep}`;
  }
  const known = counted(graph.relationships.size, 'company', 'companies');
  if (best === undefined) {
    if (graph.relationships.size === 0) return 'No document connects us with a company.';
    return `Documents speak of ${known}, and of no contact of ours with ${graph.relationships.size === 1 ? 'it' : 'any of them'}.`;
  }
  return `Documents connect us with ${known}; ${best.company} is warmest with ${best.warmth} of 100, ${cold.length === 0 ? 'none' : cold.length} ${cold.length > 1 ? 'have' : 'has'} gone cold.`;
}

function leftOutOf(
  { configuration: { days, documents }, input: { company } }: Run,
  found: { graph: Graph; read: TouchesRead; companies: number; isCut: boolean; relationships: ToldRelationship[] },
): string[] {
  const { graph, read, companies, isCut, relationships } = found;
  const rest = company === undefined ? graph.relationships.size - relationships.length : 0;
  return [
    `Documents older than ${days} days.`,
    ...(read.isCut ? [`All documents of those days but the newest ${documents.toLocaleString('en-US')}.`] : []),
    ...(isCut ? [`Companies after the first ${companies.toLocaleString('en-US')}.`] : []),
    ...(rest > 0
      ? [
          `${counted(rest, 'further company', 'further companies')} that documents connect us with less, or not beyond naming them.`,
        ]
      : []),
    ...(graph.us === null ? ['It could not be seen which people are ours; set “us” in the configuration.'] : []),
  ];
}
