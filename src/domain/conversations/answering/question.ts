import stem from 'wink-porter2-stemmer';
import { STOP_WORDS } from '../../../shared/stop-words.ts';

/** What a question wants to be told: a sentence that has nothing of the kind is no answer, however near it is. */
export type WantedKind = 'person' | 'time' | 'place' | 'number' | 'reason' | 'meaning';

/** A question as far as choosing sentences needs to know it. */
export interface ReadQuestion {
  /** Stems of its words that tell something, each once. */
  readonly terms: ReadonlySet<string>;
  /** Null where its form does not say. */
  readonly wanted: WantedKind | null;
}

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** What is longer is no word of a language, and stemming it would take its time. */
const STEMMED_CHARACTERS = 40;
/** Of a longer question the rest is not read. */
const READ_CHARACTERS = 4_000;
/** What stands in questions without saying what they are about. */
const QUESTION_WORDS: ReadonlySet<string> = new Set(
  'please tell know want say says said many much often long far old kind name called give find anyone anybody somebody there us'.split(
    ' ',
  ),
);

const KINDS: readonly (readonly [WantedKind, RegExp])[] = [
  [
    'number',
    /\bhow (?:many|much|old|long|far|fast|often|large|big|tall|high|deep|heavy)\b|\bwhat (?:percentage|share|number|amount|price)\b/u,
  ],
  ['time', /\bwhen\b|\b(?:what|which) (?:year|date|day|month|time|century|quarter)\b|\bhow soon\b|\buntil when\b/u],
  ['person', /\bwho(?:m|se)?\b|\b(?:which|what) (?:person|people|colleague|customer|team|actor|author)\b/u],
  ['place', /\bwhere\b|\b(?:what|which) (?:country|city|town|place|region|office|state|location)\b/u],
  ['reason', /\bwhy\b|\bwhat (?:causes?|caused|is the (?:reason|cause))\b|\bhow come\b/u],
  ['meaning', /\bwhat (?:does .* (?:mean|stand for)|(?:is|are) (?:an? )?\S+(?: \S+)?\s*\??$)/u],
];

export function readQuestion(question: string): ReadQuestion {
  const plain = question.slice(0, READ_CHARACTERS).normalize('NFKC').toLowerCase();
  const wanted = KINDS.find(([, form]) => form.test(plain))?.[0] ?? null;
  return { terms: new Set(tellingStems(plain).filter((term) => !QUESTION_WORDS.has(term))), wanted };
}

/** Stems of a text's words that tell something, in their order. */
export function tellingStems(text: string): string[] {
  const words = text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
  return words
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > STEMMED_CHARACTERS ? word : stem(word)));
}
