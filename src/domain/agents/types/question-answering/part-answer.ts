import { readQuestion } from '../../../conversations/answering/question.ts';
import { rankSentences } from '../../../conversations/answering/sentence-ranking.ts';
import type { DocumentFilter } from '../../../documents/document.ts';
import { EXTRACTIVE_MODEL } from '../../../summaries/summary.ts';
import type { AgentTools } from '../../agent-tools.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import { linksTo } from '../../evidence/company-documents.ts';
import { companyNames } from '../../evidence/company-names.ts';
import { documentSentences } from '../../evidence/document-sentences.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';
import { namedCompany } from '../../evidence/named-company.ts';
import { properNames } from '../../evidence/proper-names.ts';
import { type AnsweredPart, isKnown } from './merged-answer.ts';

/** Left out: all documents. Asked one after the other, until one brings an answer. */
export type Filters = readonly (DocumentFilter | undefined)[];

/** A part of a question as it is asked. */
export interface AskedPart {
  question: string;
  /** One of several that are compared: what comes nearest is better than nothing then. */
  isCompared: boolean;
}

/** Names of a question that may be companies. */
const ASKED_COMPANIES = 2;
/** Ways in which metadata may name one of them. */
const LINKS = 3;
const SEARCHED = 20;
const NEAREST_DOCUMENTS = 3;
/** Of what is near, and answers nothing by itself. */
const NEAREST_CONFIDENCE = 0.1;

/** Asks a part of a question; where nothing answers it, once more of the documents of each company that it names. */
export async function askPart(
  run: Pick<AgentRunContext<unknown, unknown>, 'step' | 'tools'>,
  asked: AskedPart,
  step: string,
  filters: Filters,
): Promise<AnsweredPart> {
  const answer = await run.step(step, async () => jsonShaped(await askIn(run.tools, asked.question, filters)));
  if (isKnown(answer) || properNames(asked.question).length === 0) return answer;
  return run.step(`${step}, of the companies that it names`, async () =>
    jsonShaped((await askOfCompanies(run.tools, asked, filters)) ?? answer),
  );
}

/** What documents of a company say seldom names it: it is asked of those whose metadata does. */
async function askOfCompanies(tools: AgentTools, asked: AskedPart, filters: Filters): Promise<AnsweredPart | null> {
  let nearest: AnsweredPart | null = null;
  for (const name of properNames(asked.question).slice(0, ASKED_COMPANIES)) {
    const company = await namedCompany(tools, name);
    if (company === null) continue;
    const question = asked.question.replace(name, () => 'them');
    const found = await tools.search(companyNames(company).name, { first: SEARCHED });
    const links = linksTo(
      companyNames(company),
      found.map(({ document }) => document),
    );
    for (const metadata of links.slice(0, LINKS)) {
      const own = filters.map((filter) => ({ ...filter, metadata }));
      const answer = await askIn(tools, question, own);
      if (isKnown(answer)) return { ...answer, asked: asked.question };
      if (asked.isCompared) nearest ??= await nearestTo(tools, question, own[0]);
    }
  }
  return nearest === null ? null : { ...nearest, asked: asked.question };
}

/** The sentence that comes nearest to a question, said to be no more than that. */
async function nearestTo(
  tools: AgentTools,
  question: string,
  filter: DocumentFilter | undefined,
): Promise<AnsweredPart | null> {
  const found = await tools.search(question, { first: NEAREST_DOCUMENTS, ...(filter === undefined ? {} : { filter }) });
  const all = found.flatMap(({ document, score }) =>
    documentSentences(document).map((sentence) => ({ document, sentence, score })),
  );
  const judged = all.map(({ document, sentence, score }) => ({
    ...{ text: sentence.text, context: document.title ?? '', similarity: null, passageScore: Math.min(1, score) },
  }));
  const [first] = rankSentences(readQuestion(question), judged).filter(({ coverage }) => coverage > 0);
  const best = all[first?.place ?? -1];
  if (best === undefined) return null;
  return {
    asked: question,
    text: `nothing says it outright; the nearest is: ${best.sentence.text} [1]`,
    confidence: NEAREST_CONFIDENCE,
    citations: [{ documentId: best.document.id, quote: best.sentence.quote }],
    followUpQuestions: [],
    model: EXTRACTIVE_MODEL,
  };
}

/** The first of the filters under which anything is found. */
async function askIn(tools: AgentTools, asked: string, filters: Filters): Promise<AnsweredPart> {
  let said = await tools.ask(asked, filters[0]);
  for (const filter of filters.slice(1)) {
    if (said.citations.length > 0) break;
    said = await tools.ask(asked, filter);
  }
  const citations = said.citations.map(({ documentId, quote }) => ({ documentId, quote }));
  const { text, confidence, followUpQuestions, model } = said;
  return { asked, text, confidence, citations, followUpQuestions, model };
}
