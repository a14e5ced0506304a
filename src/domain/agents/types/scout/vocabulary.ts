/**
 * Pieces of patterns that several rules share. Case tells names from words, so patterns of names are used without the flag
 * `i`, and those of words with it. All repetitions are bounded: a rule takes time in proportion to the sentence.
 */

const NUMBER_WORDS =
  'one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|eighteen|twenty|twenty-five|thirty|forty|fifty|sixty|seventy|eighty|ninety|a hundred';
const SCALE =
  'k|m|mm|mn|mil|million|millions|millionen|b|bn|billion|milliarden|milliards?|mio\\.?|mrd\\.?|mln|bln|crores?|cr|lakhs?|thousand|tausend';
const CURRENCY_WORDS =
  'dollars?|euros?|pounds?(?: sterling)?|sterling|quid|usd|eur|gbp|chf|sek|nok|dkk|pln|aud|cad|inr|jpy|francs?|kron(?:or|er|e)|rupees?|yen|yuan|rand|dirhams?|z[łl]oty(?:ch)?|reais|shekels?|(?:singapore|australian|canadian|us|hong kong|new zealand) dollars|sgd|hkd|nzd|zar|brl|aed|ils|krw|cny|rmb|czk|kr|[$€£¥₹₩₪]';
const DIGITS = '\\d{1,12}(?:[.,\\u00a0 ]\\d{1,3}(?!\\d)){0,4}';

/** An amount of money: `£4.2m`, `EUR 3,5 Mio.`, `twelve million dollars`. Flag `i`. */
export const MONEY = `(?:(?:(?:us|a|c|nz|s|hk|au|ca|sg)?[$£€¥₹₩₪]|\\b(?:usd|eur|gbp|chf|sek|nok|dkk|pln|aud|cad|inr|jpy|sgd|hkd|nzd|zar|brl|aed|ils|krw|cny|rmb|czk|huf|msek|mnok|rm|kr)) ?${DIGITS}(?:[ -]?(?:${SCALE})(?![\\p{L}\\p{N}]))?|\\b(?:${DIGITS}|${NUMBER_WORDS})(?:[ -](?:and a half|point \\w+))?[ -]?(?:${SCALE})[ -]?(?:d['’]|de |in )?(?:us )?(?:${CURRENCY_WORDS})(?![\\p{L}])|\\b${DIGITS} ?(?:${CURRENCY_WORDS})(?![\\p{L}])|\\b(?:${DIGITS}|${NUMBER_WORDS})(?:[ -](?:and a half|point \\w+))?[ -]?(?:million|billion|millionen|mio\\.?|millions)(?![\\p{L}])|\\b(?:six|seven|eight|nine)-figure)`;

/** A person: two to four capitalised words. No flag `i`. */
export const PERSON =
  "(?:(?:Mr|Mrs|Ms|Dr|Prof|Sir|Dame|Herr|Frau|Mme|M)\\.? )?\\p{Lu}[\\p{L}'’-]{1,25}(?: \\p{Lu}\\.)?(?: (?:de|da|van|von|der|den|al|el|bin|la|le))?(?: (?:Mc|Mac|O['’])?\\p{Lu}[\\p{L}'’-]{1,25}){1,2}";

/** A name of one to five words that are capitalised or stand between such. No flag `i`. */
export const NAME =
  "\\p{Lu}[\\p{L}\\p{N}&+.'’-]{0,30}(?: (?:(?:of|de|du|la|van|von|der|and|&) )?[\\p{Lu}\\p{N}][\\p{L}\\p{N}&+.'’-]{0,30}){0,4}";

/** Words that are capitalised though they name no company and no place. */
export const NO_NAME =
  /^(?:january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tue|wed|thu|fri|sat|sun|januar|februar|märz|mai|juni|juli|oktober|dezember|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|q[1-4]|h[12]|spring|summer|autumn|winter|christmas|easter|the|a|an|and|or|but|we|our|they|their|it|its|he|she|his|her|i|you|your|this|that|these|those|there|here|today|yesterday|tomorrow|after|before|while|when|with|as|at|in|on|for|from|by|new|now|just|also|heard|note|update|fyi|re|fwd|hi|hello|thanks|please|yes|no|not|so|if|sources|news|breaking|exclusive|press|according|following|however|meanwhile|separately|last|next|earlier|both|all|some|many|most|us|uk|eu|usa|europe|asia|africa|english|german|french|saw|got|had|has|have|is|are|was|were|been|looks|seems|apparently|someone|somebody|everyone|people|two|three|four|five|six|seven|good|great|signed|going|doubling|since|another|during|until|until|because|call|spoke|met|meeting|via|per|over|under|about|into|companies|company|board|founder|founders|investors|senior|chief|director|head|president|chairman|effective|congratulations|big|strong|former|outgoing|incoming|interim|register|filing|bought|opened|closed|raised|announced|appointed|hired|told|came|filed|builds|producer|maker|lenders|ceo|cfo|cto|coo|cmo|cro|cio|vp|md|hr|it)$/iu;

/** The number in words, e.g. of `twelve`. */
const NUMBERS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    one: 1,
    two: 2,
    three: 3,
    four: 4,
    five: 5,
    six: 6,
    seven: 7,
    eight: 8,
    nine: 9,
    ten: 10,
    eleven: 11,
    twelve: 12,
    fifteen: 15,
    eighteen: 18,
    twenty: 20,
    'twenty-five': 25,
    thirty: 30,
    forty: 40,
    fifty: 50,
    sixty: 60,
    seventy: 70,
    eighty: 80,
    ninety: 90,
    'a hundred': 100,
    a: 1,
    an: 1,
    several: 3,
    many: 5,
  }),
);

const SYMBOLS: readonly (readonly [RegExp, string])[] = [
  [/a\$|aud/iu, 'AUD'],
  [/c\$|cad/iu, 'CAD'],
  [/\$|usd|dollar/iu, 'USD'],
  [/£|gbp|pound|sterling|quid/iu, 'GBP'],
  [/€|euro?/iu, 'EUR'],
  [/¥|jpy/iu, 'JPY'],
  [/chf|franc/iu, 'CHF'],
  [/sek|kronor/iu, 'SEK'],
  [/inr|rupee/iu, 'INR'],
  [/(nok|dkk|pln)/iu, ''],
];

/** The amount and the currency of what `MONEY` found; null for what is not said in numbers. */
export function amountOf(money: string): { amount: number | null; currency: string | null } {
  const said = money.toLowerCase();
  const currency = SYMBOLS.find(([pattern]) => pattern.test(said));
  const code = currency?.[1] === '' ? (currency[0].exec(said)?.[1] ?? '').toUpperCase() : (currency?.[1] ?? null);
  const digits = /\d[\d.,\u00a0 ]*/u.exec(said)?.[0].trim();
  const word = [...NUMBERS.keys()].find((key) => said.startsWith(`${key} `) || said.startsWith(`${key}-`));
  if (digits === undefined && (word === undefined || said.includes('figure'))) return { amount: null, currency: code };
  const value = digits === undefined ? (NUMBERS.get(word as string) ?? 0) : numberOf(digits);
  const halves = said.includes('and a half') ? value + 0.5 : value;
  return { amount: Math.round(halves * scaleOf(said)), currency: code };
}

/** How many a word or number says; null where it says none. */
export function countOf(said: string): number | null {
  const word = said.trim().toLowerCase();
  return /^\d{1,7}$/u.test(word) ? Number(word) : (NUMBERS.get(word) ?? null);
}

/** `4.2`, `3,5`, `4,200,000` and `4.200.000`: a separator before one or two last digits is that of decimals. */
function numberOf(digits: string): number {
  const plain = digits.replace(/[\u00a0 ]/gu, '').replace(/[.,]$/u, '');
  const decimals = /^(.*)[.,](\d{1,2})$/u.exec(plain);
  if (decimals !== null) return Number(`${(decimals[1] as string).replace(/[.,]/gu, '')}.${decimals[2]}`);
  return Number(plain.replace(/[.,]/gu, ''));
}

function scaleOf(said: string): number {
  if (/(?:\d ?|[ -])(?:b|bn|billion|milliarden|milliards?|mrd)(?!\p{L})/u.test(said)) return 1e9;
  if (/(?:\d ?|[ -])(?:m|mm|mn|mil|million|millions|millionen|mio)(?!\p{L})/u.test(said)) return 1e6;
  return /(?:\d ?|[ -])(?:k|thousand|tausend)(?!\p{L})/u.test(said) ? 1e3 : 1;
}
