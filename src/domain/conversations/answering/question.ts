import stem from 'wink-porter2-stemmer';
import { STOP_WORDS } from '../../../shared/stop-words.ts';
import { foreignStopWords } from '../../themes/stop-words.ts';

/** What a question wants to be told: a sentence that has nothing of the kind is no answer, however near it is. */
export type WantedKind =
  | 'person'
  | 'office'
  | 'time'
  | 'duration'
  | 'place'
  | 'money'
  | 'number'
  | 'reason'
  | 'meaning';

/** A question as far as choosing sentences needs to know it. */
export interface ReadQuestion {
  /** Stems of its words that tell something, each once. */
  readonly terms: ReadonlySet<string>;
  /** Null where its form does not say. */
  readonly wanted: WantedKind | null;
  /** Where it asks who holds an office ("Who is the CEO of …?"): what the office is called, any of these. */
  readonly offices: readonly string[];
}

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** Scripts that put no spaces between words; what Japanese writes in hiragana alone holds a sentence together. */
const UNSPACED = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;
const PARTICLE = /^\p{sc=Hiragana}+$/u;
const SEGMENTER = new Intl.Segmenter(undefined, { granularity: 'word' });
/** What is longer is no word of a language, and stemming it would take its time. */
const STEMMED_CHARACTERS = 40;
/** Of a longer question the rest is not read. */
const READ_CHARACTERS = 4_000;
/** What stands in questions without saying what they are about. */
const QUESTION_WORDS: ReadonlySet<string> = new Set(
  'please tell know want say says said many much often long far old kind name called give find anyone anybody somebody there us lange hoch teuer combien cuánto cuánta cuántos cuántas cuándo quién dónde'.split(
    ' ',
  ),
);

/** What a noun hangs on: "the deadline for the budget" is no sum. */
const LINK = '(?:about|of|on|for|to|in|by|with|and|or|who|when|where|why)';
const NO_LINK = `(?<! (?:about|of|on|for|to|by|with|and|or|the|an?|any|its|their|our|your))`;
/** What comes after a price, or is priced with it, rather than another noun: "the cost centre". */
const PRICED =
  "(?= (?:of|for|per|to|in|at|on|with|if|when|now|today|each|us|you|me|an?|the)(?![\\p{L}])|[’']|\\s*[?.!,;]|\\s*$)";

const KINDS: readonly (readonly [WantedKind, RegExp])[] = [
  [
    'money',
    words(
      `how much (?:money|funding|capital|revenue|(?:does|do|did|would|will|can|could|should|must|is|are|was|were|has|have|had) .{0,80} (?:costs?|pay|pays|paid|charges?|spend|spent|owe|owes|earn|raised?|invest(?:ed)?|funds?))|what (?:does|do|did|would|will) .{0,80}${NO_LINK} cost${PRICED}|what (?:is|are|was) (?:(?!${LINK} )[\\p{L}\\p{N}’'-]+ ){0,4}(?:price|costs?|fees?|salary|budget)${PRICED}|(?:was|wie ?viel) kostet?|wie teuer|combien coûtent?|cuánto cuestan?`,
    ),
  ],
  ['duration', words('how long|wie lange|combien de temps|cuánto tiempo')],
  [
    'number',
    words(
      'how (?:many|much|old|far|fast|often|large|big|tall|high|deep|heavy)|what (?:percentage|share|number|amount)|wie ?viele?|wie (?:oft|hoch|groß|weit|schnell|alt)|combien|cuánt[oa]s?',
    ),
  ],
  [
    'time',
    words(
      'when|(?:what|which) (?:year|date|day|month|time|century|quarter)|how soon|until when|(?:seit |bis )?wann|quand|cuándo',
    ),
  ],
  [
    'person',
    words('who(?:m|se)?|(?:which|what) (?:person|people|colleague|customer|team|actor|author)|wer|wem|wen|qui|quién'),
  ],
  ['place', words('where|(?:what|which) (?:country|city|town|place|region|office|state|location)|wo|wohin|où|dónde')],
  [
    'reason',
    words('why|what (?:causes?|caused|is the (?:reason|cause))|how come|warum|wieso|weshalb|pourquoi|por qué'),
  ],
  ['meaning', /\bwhat (?:does .* (?:mean|stand for)|(?:is|are) (?:an? )?\S+(?: \S+)?\s*\??$)/u],
];
/** Who holds an office: nobody does of whom the sentence does not say so. */
const OFFICE =
  /(?<!\p{L})(?:who|wer) (?:is|are|was|were|ist|war)(?: (?:the|their|your|our|its|now|new|current|der|die))* (?<office>(?:[\p{L}-]+ ){0,3}?(?:ceo|cfo|cto|coo|chief executive|chief [\p{L}]+ officer|managing director|director|head|manager|president|chair(?:man|woman|person)?|minister|secretary|geschäftsführer(?:in)?))(?= of | at | in | for | von | bei | der |\s*\?|$)/u;
/** What an office is also called. */
const SAME_OFFICE: readonly (readonly string[])[] = [
  ['ceo', 'chief executive', 'managing director', 'geschäftsführer'],
  ['cfo', 'chief financial', 'finance director', 'finance chief'],
  ['cto', 'chief technology', 'chief technical', 'technical director'],
  ['coo', 'chief operating', 'operations director', 'director of operations'],
  ['chair', 'chairman', 'chairwoman', 'chairperson'],
];

/** As whole words, in any language's letters. */
function words(pattern: string): RegExp {
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${pattern})(?![\\p{L}\\p{N}])`, 'u');
}

export function readQuestion(question: string): ReadQuestion {
  const plain = question.slice(0, READ_CHARACTERS).normalize('NFKC').toLowerCase();
  const offices = officesIn(plain);
  const wanted = offices.length > 0 ? 'office' : (KINDS.find(([, form]) => form.test(plain))?.[0] ?? null);
  const found = wordsOf(plain);
  const foreign = foreignStopWords(found);
  const telling = found.filter((word) => !QUESTION_WORDS.has(word) && !foreign.has(word));
  const terms = new Set(tellingStems(telling.join(' ')).filter((term) => !QUESTION_WORDS.has(term)));
  return { terms, wanted, offices };
}

function officesIn(plain: string): string[] {
  const office = OFFICE.exec(plain)?.groups?.office;
  if (office === undefined) return [];
  const same = SAME_OFFICE.filter((names) => names.some((name) => office.startsWith(name) || name.startsWith(office)));
  return [...new Set([office, ...same.flat()])];
}

function wordsOf(text: string): string[] {
  if (!UNSPACED.test(text)) return text.match(WORD) ?? [];
  return [...SEGMENTER.segment(text)]
    .filter(({ segment, isWordLike }) => isWordLike === true && !PARTICLE.test(segment))
    .map(({ segment }) => segment);
}

/** Stems of a text's words that tell something, in their order. */
export function tellingStems(text: string): string[] {
  return wordsOf(text.normalize('NFKC').toLowerCase())
    .filter((word) => !STOP_WORDS.has(word))
    .map((word) => (word.length > STEMMED_CHARACTERS ? word : stem(word)));
}
