import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { EXTRACTIVE_MODEL } from '../../../summaries/summary.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { counted } from '../../evidence/citation.ts';
import type { EvidenceDocument } from '../../evidence/evidence-document.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';
import { namedCompany, notNamed } from '../../evidence/named-company.ts';
import { type Brief, DRAFT, type Draft, type DraftText, FORMS, TONES, wordCount } from './draft.ts';
import { extractiveDraft } from './extractive-draft.ts';
import { factsOf, readSources } from './facts.ts';
import { chooseTopics, questionSaid, type Topic } from './topics.ts';
import { writeDraft } from './written-draft.ts';

const DAY_MS = 86_400_000;
/** Of a draft of so many words. */
const WORDS_OF_FACT = 25;
const FACTS_MIN = 3;
const FACTS_MAX = 25;

const configuration = z.object({
  form: z.enum(FORMS).default('email').describe('What the draft is'),
  tone: z.enum(TONES).default('neutral').describe('How it speaks'),
  words: z.int().min(50).max(2_000).default(250).describe('About how long it is'),
  language: z
    .string()
    .min(2)
    .max(40)
    .default('en')
    .describe('Language of the draft, as a code or a name; without a model that writes, its frame is English'),
  audience: z.string().min(1).max(200).default('customers').describe('Whom it is for'),
  drafts: z.int().min(1).max(10).default(3).describe('Without input: how many drafts a run writes'),
  days: z.int().min(1).max(3_650).default(365).describe('How far back documents are read for topics and companies'),
});
const input = z.object({
  topic: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .describe('What to write about; left out: what the workspace gives reason to'),
  company: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('Name, external id or id of the company that it is about or for'),
});
const output = z.object({
  headline: z.string(),
  drafts: z.array(DRAFT),
  topicsLeft: z.array(z.string()).describe('What was thought of and not written, and why'),
  leftOut: z.array(z.string()).describe('What was not looked at, and why'),
  model: z.string(),
});

type Run = AgentRunContext<z.output<typeof configuration>, z.output<typeof input>>;
type Output = z.output<typeof output>;
type Company = { id: string; name: string };
type ToWrite = Topic & { company: Company | null };

/** Writes drafts from documents. */
export const writer = defineAgentType({
  type: 'WRITER',
  description:
    'Writes drafts of emails, posts, memos and release notes from the workspace’s documents, with citations: about a topic, for a company, or about what there is reason to write.',
  configuration,
  input,
  output,
  tools: ['search', 'list_documents', 'read_documents', 'find_company', 'read_signals', 'write'],
  run: (run) => runWriter(run),
});

async function runWriter(run: Run): Promise<Output & JsonObject> {
  const { wanted, leftOut, nothing } = await whatToWrite(run);
  const drafts: Draft[] = [];
  const topicsLeft: string[] = [];
  for (const [i, topic] of wanted.entries()) {
    const draft = await draftOf(run, topic, `draft ${i + 1}`, leftOut);
    if (draft === null) topicsLeft.push(`${topic.topic ?? topic.company?.name}: no document says anything of it.`);
    else drafts.push(draft);
    run.progress(i + 1, wanted.length);
  }
  const written = drafts.find(({ model }) => model !== EXTRACTIVE_MODEL);
  return {
    headline: headlineOf(run, drafts, nothing),
    drafts,
    topicsLeft,
    leftOut,
    model: written?.model ?? EXTRACTIVE_MODEL,
  };
}

function headlineOf({ configuration: { form } }: Run, drafts: readonly Draft[], nothing: string): string {
  const name = form.replace('-', ' ');
  const [only] = drafts;
  if (only === undefined) return nothing;
  if (drafts.length > 1)
    return `${counted(drafts.length, 'draft')} of the form “${name}”: ${drafts.map(({ title }) => title).join(' · ')}.`;
  return `A draft of the form “${name}” with ${counted(only.citations.length, 'citation')}: ${only.title}.`;
}

async function whatToWrite(run: Run): Promise<{ wanted: ToWrite[]; leftOut: string[]; nothing: string }> {
  const { topic = null, company: reference } = run.input;
  if (topic === null && reference === undefined) return reasonsToWrite(run);
  const company = reference === undefined ? null : await findCompany(run, reference);
  if (reference !== undefined && company === null) {
    return {
      wanted: [],
      leftOut: [],
      nothing: notNamed(reference),
    };
  }
  const subject = topic?.trim().endsWith('?') ? questionSaid(topic.trim()) : null;
  const wanted = [
    { topic, subject, companyId: company?.id ?? null, company, signalType: null, why: 'it was asked for' },
  ];
  return { wanted, leftOut: [], nothing: 'No document says anything of it: there is nothing to write a draft from.' };
}

async function reasonsToWrite(run: Run) {
  const { drafts: limit, days } = run.configuration;
  const { topics, documents, left } = await chooseTopics(run, { after: sinceOf(run), limit });
  const ids = [...new Set(topics.flatMap(({ companyId }) => companyId ?? []))];
  const names = await run.step('look up the companies', async () => {
    const companies = ids.length === 0 ? [] : await run.tools.readDocuments(ids);
    return companies.map(({ id, title }) => ({ id, name: title ?? id }));
  });
  const wanted = topics.map((each) => ({ ...each, company: names.find(({ id }) => id === each.companyId) ?? null }));
  const leftOut = [
    `Topics of the active signals and of ${counted(documents, 'document')} of the last ${counted(days, 'day')}${left > 0 ? `; ${counted(left, 'further topic')} left` : ''}.`,
  ];
  return { wanted, leftOut, nothing: `The documents of the last ${counted(days, 'day')} give no reason to write.` };
}

function findCompany(run: Run, reference: string): Promise<Company | null> {
  return run.step('find the company', async () => {
    const found = await namedCompany(run.tools, reference);
    return found === null ? null : { id: found.id, name: found.title ?? reference };
  });
}

function sinceOf({ requestedAt, configuration: { days } }: Run): Date {
  return new Date(requestedAt.getTime() - days * DAY_MS);
}

/** Null: there is nothing to write it from. */
async function draftOf(run: Run, wanted: ToWrite, label: string, leftOut: string[]): Promise<Draft | null> {
  const { form, tone, words, language, audience } = run.configuration;
  const { topic, subject, company, signalType, why } = wanted;
  const read = await run.step(`read for ${label}`, async () => {
    const isForThem = form === 'email';
    const about = { topic, companyId: company?.id ?? null, signalType, after: sinceOf(run), isForThem };
    return jsonShaped({ sources: await readSources(run.tools, about) });
  });
  const sources: EvidenceDocument[] = read.sources;
  const limit = Math.min(FACTS_MAX, Math.max(FACTS_MIN, Math.round(words / WORDS_OF_FACT)));
  // What a signal was found in is about it from its first sentence on.
  const facts = factsOf(sources, signalType === null ? topic : null, limit);
  if (facts.length === 0) return null;
  const brief: Brief = { form, tone, words, language, audience, topic, subject, company, today: run.requestedAt };
  const { text, model } = await textOf(run, brief, sources, () => extractiveDraft(brief, facts), { label, leftOut });
  return { topic, why, companyId: company?.id ?? null, form, ...text, words: wordCount(text.body), model };
}

/** By the model, where there is one and its citations hold; else in the documents' own sentences. */
async function textOf(
  run: Run,
  brief: Brief,
  sources: readonly EvidenceDocument[],
  extracted: () => DraftText,
  { label, leftOut }: { label: string; leftOut: string[] },
): Promise<{ text: DraftText; model: string }> {
  if (run.model === null) return { text: extracted(), model: EXTRACTIVE_MODEL };
  const written: DraftText = await run.step(`write ${label}`, async () =>
    jsonShaped(await writeDraft(run.tools, brief, sources)),
  );
  if (written.citations.length > 0 && written.body !== '') return { text: written, model: run.model };
  leftOut.push(
    `${written.title || label}: nothing of what ${run.model} wrote stands in the documents, whose own sentences are shown.`,
  );
  const text = extracted();
  return { text: { ...text, citationsDropped: written.citationsDropped }, model: EXTRACTIVE_MODEL };
}
