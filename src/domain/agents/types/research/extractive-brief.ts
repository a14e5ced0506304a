import { scoreByLexicon } from '../../../classification/sentiment-lexicon.ts';
import type { Statement } from '../../evidence/citation.ts';
import { mentions } from '../../evidence/company-names.ts';
import { type DocumentSentence, isAlike, isQuestion } from '../../evidence/document-sentences.ts';
import { cite, type EvidenceDocument } from '../../evidence/evidence-document.ts';
import {
  type BriefSize,
  type BriefStatements,
  NEED_KINDS,
  type NeedKind,
  type NeedStatement,
} from './company-brief.ts';
import { speaksOfLeaving } from './leaving.ts';
import type { AboutCompany, CompanyMaterial } from './material.ts';
import { peopleOf } from './people.ts';

/** A wish is said by such words, wherever in a text it stands. */
const BUYING =
  /\b(?:pric\w*|quote|cost\w*|offer|demo|trial|pilot|contract|licen[cs]e\w*|compar\w+|evaluat\w+|tender|budget)\b/iu;
const WISHING = /\b(?:please|would|could|should|need|want|wish|option|able|like to)\b/iu;

/** A brief in the documents' own sentences: nothing in it that no document says. */
export function extractiveBrief(material: CompanyMaterial, size: BriefSize): BriefStatements {
  const needs = needsOf(material.documents, size.needs);
  const used = new Set(needs.map(({ citation }) => citation.documentId));
  const others = material.documents.filter(({ id }) => !used.has(id));
  const openQuestions = questionsOf(material.documents, size.openQuestions);
  return {
    whoTheyAre: material.own.sentences.slice(0, size.whoTheyAre).map((sentence) => statementOf(material.own, sentence)),
    lately: latelyOf({ ...material, documents: others.length > 0 ? others : material.documents }, size.lately),
    people: peopleOf(material, size.people),
    needs,
    openQuestions,
  };
}

/** What was said of the company last: of each document the sentence that names it, else its most telling one. */
function latelyOf({ documents, names }: CompanyMaterial, limit: number): Statement[] {
  const chosen: Statement[] = [];
  for (const document of documents) {
    const told = document.sentences.filter(({ text }) => !isQuestion(text) && !isNameAlone(text, names.spellings));
    const named = told.filter(({ text }) => mentions(text, names));
    const sentence = named[0] ?? longest(told);
    if (sentence === undefined || chosen.some(({ text }) => isAlike(text, sentence.text))) continue;
    chosen.push(titled(document, sentence));
    if (chosen.length === limit) break;
  }
  return chosen;
}

function isNameAlone(text: string, spellings: readonly string[]): boolean {
  return spellings.includes(text.replace(/[.!,:;]+$/u, ''));
}

/** What they need, by kind and then newest first; what several say alike is said once. */
function needsOf(documents: readonly AboutCompany[], limit: number): NeedStatement[] {
  const chosen: NeedStatement[] = [];
  for (const kind of NEED_KINDS) {
    for (const document of documents.filter(({ need }) => need === kind)) {
      if (chosen.length === limit) return chosen;
      const sentence = sentenceFor(kind, document.sentences);
      if (sentence === undefined || chosen.some(({ text }) => isAlike(text, sentence.text))) continue;
      chosen.push({ ...titled(document, sentence), kind, by: document.author });
    }
  }
  return chosen;
}

/** The sentence that says most of a need. */
function sentenceFor(kind: NeedKind, sentences: readonly DocumentSentence[]): DocumentSentence | undefined {
  const worth = ({ text }: DocumentSentence): number => {
    const { score } = scoreByLexicon(text);
    if (kind === 'complaint') return -score - (isQuestion(text) ? 0.5 : 0) + (speaksOfLeaving(text) ? 1 : 0);
    if (kind === 'praise') return score;
    if (kind === 'interest' && BUYING.test(text)) return 2;
    return WISHING.test(text) ? 1 : 0;
  };
  let best: DocumentSentence | undefined;
  for (const sentence of sentences) if (best === undefined || worth(sentence) > worth(best)) best = sentence;
  return best;
}

/** What the company's people asked. */
function questionsOf(documents: readonly AboutCompany[], limit: number): Statement[] {
  const chosen: Statement[] = [];
  for (const document of documents.filter(({ isTheirs }) => isTheirs)) {
    for (const sentence of document.sentences.filter(({ text }) => isQuestion(text))) {
      if (chosen.length === limit) return chosen;
      if (!chosen.some(({ text }) => isAlike(text, sentence.text))) chosen.push(statementOf(document, sentence));
    }
  }
  return chosen;
}

function longest(sentences: readonly DocumentSentence[]): DocumentSentence | undefined {
  return sentences.toSorted((left, right) => right.text.length - left.text.length)[0];
}

/** With the document's title in front of it, which says what it is about. */
function titled(document: EvidenceDocument, sentence: DocumentSentence): Statement {
  const statement = statementOf(document, sentence);
  // What stands for a title that it has not says nothing of its other sentences.
  const isSentence = document.kind === 'MESSAGE' || document.sentences.some(({ text }) => text === document.title);
  const isSaid = isSentence || isAlike(document.title, sentence.text) || document.title.endsWith('…');
  const plain = document.title.replace(/[.:]$/u, '');
  const title = /[?!]$/u.test(plain) ? plain : plain.includes(': ') ? `${plain} –` : `${plain}:`;
  return isSaid ? statement : { ...statement, text: `${title} ${sentence.text}` };
}

function statementOf(document: EvidenceDocument, { text, quote }: DocumentSentence): Statement {
  return { text, citation: cite(document, quote) };
}
