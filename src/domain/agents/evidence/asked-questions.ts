import { tellingStems } from '../../conversations/answering/question.ts';
import type { Document } from '../../documents/document.ts';
import { documentSentences, isAlike, isQuestion } from './document-sentences.ts';
import { titleOf } from './evidence-document.ts';

/** A question that stands in a document; plain JSON. */
export interface AskedQuestion {
  text: string;
  documentId: string;
  title: string;
  /** ISO 8601. */
  at: string;
}

/** A question, and how often it was asked. */
export interface FrequentQuestion extends AskedQuestion {
  times: number;
}

const CHARACTERS_MIN = 20;
const CHARACTERS_MAX = 300;
/** With fewer words that tell something, only who was there knows what is meant. */
const STEMS_MIN = 3;
const OF_DOCUMENT = 3;

/** They ask somebody to do something, and want no answer from a document. */
const REQUEST = /\b(?:may|shall) (?:i|we)\b|\b(?:could|can|would|will) you\b/iu;

/** The questions in a document that can be understood by themselves. */
export function questionsIn(document: Document): AskedQuestion[] {
  return documentSentences({ title: null, text: document.text })
    .filter(({ text }) => isQuestion(text) && text.length >= CHARACTERS_MIN && text.length <= CHARACTERS_MAX)
    .filter(({ text }) => !REQUEST.test(text))
    .filter(({ text }) => new Set(tellingStems(text)).size >= STEMS_MIN)
    .slice(0, OF_DOCUMENT)
    .map(({ text }) => ({
      text,
      documentId: document.id,
      title: titleOf(document),
      at: document.createdAt.toISOString(),
    }));
}

/** Each question once, in its newest words: those that were asked most often first, then the newest. */
export function mostAsked(questions: readonly AskedQuestion[]): FrequentQuestion[] {
  const newest = questions.toSorted((left, right) => (left.at < right.at ? 1 : left.at > right.at ? -1 : 0));
  const groups: FrequentQuestion[] = [];
  for (const question of newest) {
    const group = groups.find(({ text }) => isAlike(text, question.text));
    if (group === undefined) groups.push({ ...question, times: 1 });
    else group.times += 1;
  }
  return groups.sort((left, right) => right.times - left.times);
}
