import { type ReadQuestion, tellingStems, type WantedKind } from './question.ts';

const TIME =
  /\b(?:1\d{3}|20\d{2}|\d{1,2}[:.]\d{2}|\d{4}-\d{2}-\d{2}|january|february|march|april|may|june|july|august|september|october|november|december|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|today|tomorrow|yesterday|tonight|noon|midnight|century|ago|weeks?|months?|quarter|spring|summer|autumn|winter)\b/iu;
const NUMBER =
  /\p{N}|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|billions?|half|twice|once|daily|weekly|monthly|yearly|every|unlimited)\b/iu;
const REASON =
  /\b(?:because|since|due to|owing to|caused? by|causes?|so that|in order to|thanks to|reason|as a result|therefore|led to)\b/iu;
const MEANING = /\b(?:is|are|was|were|means?|stands? for|refers? to|called|known as|defined as)\b|\(\p{Lu}[\p{L} ]+\)/u;
const NAME = /\p{Lu}[\p{L}\p{M}'’-]+(?: (?:of |de |van |von )?\p{Lu}[\p{L}\p{M}'’.-]*)*/gu;
const PLACE =
  /\b(?:in|at|from|near|to|outside|between|around|on)\s+(?:the\s+)?(?:\p{Lu}[\p{L}\p{M}]+|(?:settings?|page|menu|tab|dashboard|drawer|floor|room|building|office)\b)/u;
const PERSON_WORD =
  /\b(?:team|owner|manager|director|engineer|founder|president|customers?|users?|staff|chief|lead|agent)\b/iu;

/** Whether a sentence has something of the kind that a question wants to know; 0..1. */
export function hasWanted(sentence: string, question: ReadQuestion): number {
  return question.wanted === null ? 0 : EVIDENCE[question.wanted](sentence, question);
}

const EVIDENCE: Readonly<Record<WantedKind, (sentence: string, question: ReadQuestion) => number>> = {
  time: (sentence) => (TIME.test(sentence) ? 1 : 0),
  number: (sentence) => (NUMBER.test(sentence) ? 1 : 0),
  reason: (sentence) => (REASON.test(sentence) ? 1 : 0),
  meaning: (sentence) => (MEANING.test(sentence) ? 1 : 0),
  place: (sentence, question) => (PLACE.test(sentence) ? 1 : hasNewName(sentence, question) ? 0.4 : 0),
  person: (sentence, question) => (hasNewName(sentence, question) ? 1 : PERSON_WORD.test(sentence) ? 0.5 : 0),
};

/** Whether a name stands in the sentence that the question does not say itself; its first word has a capital anyway. */
function hasNewName(sentence: string, { terms }: ReadQuestion): boolean {
  for (const match of sentence.matchAll(NAME)) {
    const isFirstWord = match.index === 0 && !match[0].includes(' ');
    if (!isFirstWord && tellingStems(match[0]).some((term) => !terms.has(term))) return true;
  }
  return false;
}
