import { readQuestion, tellingStems } from '../../../conversations/answering/question.ts';
import { rankSentences } from '../../../conversations/answering/sentence-ranking.ts';
import type { Document } from '../../../documents/document.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { readCompanyDocuments } from '../../evidence/company-documents.ts';
import { companyNames, mentions } from '../../evidence/company-names.ts';
import { isAlike, isQuestion } from '../../evidence/document-sentences.ts';
import { cite, type EvidenceDocument, evidenceOf, withinStep } from '../../evidence/evidence-document.ts';
import type { Fact } from './draft.ts';

const SEARCHED = 20;
const DOCUMENTS = 40;
const SENTENCES = 8;
/** Share of the best sentence's score that another one needs to bear on the topic. */
const BEARING = 0.4;

/** What a draft is written about. */
export interface About {
  topic: string | null;
  companyId: string | null;
  /** How far back documents of a company are read. */
  after: Date;
  /** Whether the company itself will read it: then what others said of it, and what it is, are left out. */
  isForThem: boolean;
}

/** The documents that a draft can be written from, those that bear most on the topic first. */
export async function readSources(tools: AgentTools, about: About): Promise<EvidenceDocument[]> {
  const { topic, companyId } = about;
  const [company] = companyId === null ? [] : await tools.readDocuments([companyId]);
  if (company !== undefined) return withinStep(await readOfCompany(tools, company, about));
  if (topic === null) return [];
  const wanted = new Set(tellingStems(topic));
  const isWanted = (text: string) => tellingStems(text).some((term) => wanted.has(term));
  const found = await tools.search(topic, { first: SEARCHED });
  return withinStep(found.map(({ document }) => evidenceOf(document, SENTENCES, isWanted)));
}

async function readOfCompany(tools: AgentTools, company: Document, about: About): Promise<EvidenceDocument[]> {
  const names = companyNames(company);
  const all = await readCompanyDocuments(tools, names, about.after);
  const theirs = all.filter(({ isLinked }) => isLinked);
  const isEnough = about.isForThem && theirs.length > 0;
  const evidence = (isEnough ? theirs : all)
    .slice(0, 3 * DOCUMENTS)
    .map(({ document }) => evidenceOf(document, SENTENCES, (text) => mentions(text, names)));
  const chosen = bearing(evidence, about.topic).slice(0, DOCUMENTS);
  return isEnough ? chosen : [...chosen, evidenceOf(company, SENTENCES)];
}

/** The sentences that say most about the topic, each something new; without one, the first of each document. */
export function factsOf(documents: readonly EvidenceDocument[], topic: string | null, limit: number): Fact[] {
  const facts: Fact[] = [];
  for (const { document, place } of ranked(documents, topic)) {
    const sentence = document.sentences[place];
    if (sentence === undefined || facts.some(({ text }) => isAlike(text, sentence.text))) continue;
    const { text, quote } = sentence;
    facts.push({
      text,
      citation: cite(document, quote),
      kind: document.kind,
      by: document.author,
      asks: isQuestion(text),
    });
    if (facts.length === limit) break;
  }
  return facts;
}

function ranked(documents: readonly EvidenceDocument[], topic: string | null) {
  const all = documents.flatMap((document) => document.sentences.map((_, place) => ({ document, place })));
  if (topic === null) return all.filter(({ place }) => place < 2).sort((left, right) => left.place - right.place);
  const judged = all.map(({ document, place }) => ({
    text: document.sentences[place]?.text ?? '',
    context: document.title,
    similarity: null,
    passageScore: 1 - documents.indexOf(document) / documents.length,
  }));
  const scored = rankSentences(readQuestion(topic), judged);
  const best = scored[0]?.score ?? 0;
  return scored.filter(({ score }) => score >= BEARING * best).flatMap(({ place }) => all[place] ?? []);
}

/** Documents that have words of the topic, in their order; all of them where none has. */
function bearing(documents: readonly EvidenceDocument[], topic: string | null): EvidenceDocument[] {
  const wanted = topic === null ? [] : tellingStems(topic);
  const has = ({ title, sentences }: EvidenceDocument) => {
    const stems = new Set(tellingStems([title, ...sentences.map(({ text }) => text)].join(' ')));
    return wanted.some((term) => stems.has(term));
  };
  const kept = documents.filter(has);
  return kept.length > 0 ? kept : [...documents];
}
