import { readQuestion, tellingStems } from '../../../conversations/answering/question.ts';
import { rankSentences } from '../../../conversations/answering/sentence-ranking.ts';
import type { Document } from '../../../documents/document.ts';
import type { SignalType } from '../../../insights/signal.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { readCompanyDocuments } from '../../evidence/company-documents.ts';
import { companyNames, mentions } from '../../evidence/company-names.ts';
import { isAlike, isQuestion } from '../../evidence/document-sentences.ts';
import { cite, type EvidenceDocument, evidenceOf, withinStep } from '../../evidence/evidence-document.ts';
import type { Fact } from './draft.ts';

const SEARCHED = 20;
const DOCUMENTS = 40;
const SENTENCES = 8;
/** What a workspace notes for itself. */
const NOTES: ReadonlySet<string> = new Set(['TEXT', 'COMPANY']);
/** Share of the best sentence's score that another one needs to bear on the topic. */
const BEARING = 0.4;
/** Share of the topic's words that the best one has which another one needs: of "starter plan" not "plan" alone. */
const COVERING = 0.5;

/** What a draft is written about. */
export interface About {
  topic: string | null;
  companyId: string | null;
  /** It is about what the company's signals of this type were found in; null: about no signal. */
  signalType: SignalType | null;
  /** How far back documents of a company are read. */
  after: Date;
  /** Whether customers will read it: then what others said of them, and what is noted of a company, are left out. */
  isForThem: boolean;
}

/** The documents that a draft can be written from, those that bear most on the topic first. */
export async function readSources(tools: AgentTools, about: About): Promise<EvidenceDocument[]> {
  const { topic, companyId, signalType, isForThem } = about;
  const [company] = companyId === null ? [] : await tools.readDocuments([companyId]);
  if (company !== undefined && signalType !== null) {
    const evidence = await readOfSignal(tools, company, signalType);
    if (evidence.length > 0) return withinStep(evidence);
  }
  if (company !== undefined) return withinStep(await readOfCompany(tools, company, about));
  if (topic === null) return [];
  const wanted = new Set(tellingStems(topic));
  const isWanted = (text: string) => tellingStems(text).some((term) => wanted.has(term));
  const found = await tools.search(topic, { first: SEARCHED });
  // What is noted of one company is not for the others.
  const open = isForThem ? found.filter(({ document }) => !NOTES.has(document.kind)) : [];
  const read = open.length > 0 ? open : found;
  return withinStep(read.map(({ document }) => evidenceOf(document, SENTENCES, isWanted)));
}

/** What the newest of a company's signals of a type was found in. */
async function readOfSignal(tools: AgentTools, company: Document, signalType: SignalType): Promise<EvidenceDocument[]> {
  const [signal] = (await tools.readSignals(company.id)).filter(({ type }) => type === signalType);
  const documents = await tools.readDocuments([...(signal?.evidenceIds ?? [])]);
  return documents.filter(({ id }) => id !== company.id).map((document) => evidenceOf(document, SENTENCES));
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
  const scored = rankSentences(readQuestion(topic), judged).filter(({ coverage }) => coverage > 0);
  const best = scored[0]?.score ?? 0;
  const covered = Math.max(0, ...scored.map(({ coverage }) => coverage));
  return scored
    .filter(({ score, coverage }) => score >= BEARING * best && coverage >= COVERING * covered)
    .flatMap(({ place }) => all[place] ?? []);
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
