import { phrasesOf, wordRuns } from '../../../themes/phrases.ts';
import { inline } from '../../evidence/citation.ts';
import { properNames } from '../../evidence/proper-names.ts';

/** A question that can be asked by itself. */
export interface QuestionPart {
  /** Goes on from the part before it: "and what did she want?" */
  isFollowUp: boolean;
  text: string;
  /** What is compared; null where nothing is. */
  subject: string | null;
}

const PARTS_MAX = 6;
const ASKING =
  'who|whom|whose|what|when|where|why|how|which|does|do|did|is|are|was|were|can|could|has|have|had|will|would|should';
const JOINT = new RegExp(String.raw`(?:\s*[,;]\s*(?:and|but|or)?\s+|\s+(?:and|but)\s+)(?=(?:${ASKING})\b)`, 'iu');
const PRONOUN = /\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this|that|those|these|there)\b/iu;
const PAIR = String.raw`(?<one>[^,?]{2,80}?)\s+(?:and|with|to|against|vs\.?|versus|or)\s+(?<other>[^,?]{2,80}?)`;
const ASPECT = String.raw`(?:,?\s+(?:in terms of|with regard to|regarding|concerning|when it comes to|by|on|in|for)\s+(?<aspect>[^?]{2,120}))?`;
const COMPARISONS: readonly RegExp[] = [
  new RegExp(String.raw`^(?:please\s+)?compare\s+${PAIR}${ASPECT}\s*[.?]*$`, 'iu'),
  new RegExp(String.raw`\bdifferences?\s+between\s+${PAIR}${ASPECT}\s*[.?]*$`, 'iu'),
  new RegExp(String.raw`^how\s+(?:do|does|did)\s+${PAIR}\s+(?:differ|compare)${ASPECT}\s*[.?]*$`, 'iu'),
];
const CHOICE = /^(?<head>which\b[^,?]{2,160}),\s*(?<one>[^,?]{2,80}?)\s+or\s+(?<other>[^,?]{2,80}?)\s*\?*$/iu;
const NAMED_LIST =
  /(?:\bboth\s+)?(?<list>\p{Lu}[\p{L}\p{M}\p{N}'’-]*(?: \p{Lu}[\p{L}\p{M}\p{N}'’-]*)*(?:,\s+\p{Lu}[\p{L}\p{M}\p{N}'’-]*(?: \p{Lu}[\p{L}\p{M}\p{N}'’-]*)*)*,?\s+and\s+\p{Lu}[\p{L}\p{M}\p{N}'’-]*(?: \p{Lu}[\p{L}\p{M}\p{N}'’-]*)*)/u;

/**
 * What a question asks, one thing at a time: several questions in one text, questions joined by "and", comparisons, and
 * one question about several names. A question that asks one thing is its own only part; six parts at the most.
 */
export function questionParts(question: string): QuestionPart[] {
  const sentences = askingSentences(question);
  const parts = sentences.flatMap((sentence) => compared(sentence) ?? joined(sentence));
  return parts.slice(0, PARTS_MAX).map((part, i) => ({ ...part, isFollowUp: i > 0 && part.isFollowUp }));
}

/** A part that goes on from another one, with what it goes on from. */
export function completed(part: QuestionPart, context: readonly string[]): string {
  const known = context.filter((name) => !part.text.includes(name));
  return known.length === 0 ? part.text : `${part.text} (${known.join(', ')})`;
}

/** What a question is about: the names in it, else its longest phrase. */
export function topicOf(question: string): string[] {
  const names = properNames(question);
  if (names.length > 0) return names.slice(0, 2);
  const phrases = wordRuns(question).flatMap((run) => [...phrasesOf(run, () => true)]);
  const [longest] = phrases.toSorted((left, right) => right.wordCount - left.wordCount);
  return longest === undefined ? [] : [longest.surface];
}

/** Its questions; what is told before one belongs to it. */
function askingSentences(question: string): string[] {
  const plain = inline(question);
  const asked = plain.match(/[^?]+\?+/gu) ?? [];
  const rest = plain.slice(asked.join('').length).trim();
  if (asked.length === 0) return [plain];
  const last = asked.at(-1) as string;
  return rest === ''
    ? asked.map((each) => each.trim())
    : [...asked.slice(0, -1), `${last.trim()} ${rest}`].map((each) => each.trim());
}

function compared(sentence: string): QuestionPart[] | null {
  for (const form of COMPARISONS) {
    const { one, other, aspect } = form.exec(sentence)?.groups ?? {};
    if (one === undefined || other === undefined) continue;
    return [one, other].map((subject) => {
      const text = aspect === undefined ? `What about ${subject}?` : `What about ${aspect} at ${subject}?`;
      return { isFollowUp: false, text, subject };
    });
  }
  const { head, one, other } = CHOICE.exec(sentence)?.groups ?? {};
  if (head === undefined || one === undefined || other === undefined) return null;
  return [one, other].map((subject) => ({ isFollowUp: false, text: `${head}: ${subject}?`, subject }));
}

function joined(sentence: string): QuestionPart[] {
  const pieces = sentence.split(JOINT).map((piece) => piece.trim());
  return pieces
    .filter((piece) => piece !== '')
    .flatMap((piece, place) => {
      const text = piece.endsWith('?') || pieces.length === 1 ? piece : `${piece}?`;
      return eachNamed(text).map((part) => ({ ...part, isFollowUp: goesOn(part.text, place) }));
    });
}

/** Whether it cannot be understood by itself: it names nothing, or refers to what was named. */
function goesOn(text: string, place: number): boolean {
  return PRONOUN.test(text) || (place > 0 && properNames(text).length === 0);
}

/** One question about several names is one of each. */
function eachNamed(text: string): Pick<QuestionPart, 'text' | 'subject'>[] {
  const match = NAMED_LIST.exec(text);
  const list = match?.groups?.list;
  if (match === null || list === undefined) return [{ text, subject: null }];
  const names = list.split(/,\s+and\s+|,\s+|\s+and\s+/u);
  return names.map((name) => ({ text: text.replace(match[0], () => name), subject: name }));
}
