const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const MONTH =
  '(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|févr?(?:ier)?|mar(?:ch|s)?|märz|apr(?:il)?|avril|may|mai|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|août|sept?(?:ember|embre)?|o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|de[cz](?:ember)?|décembre)';
const DAY_MS = 86_400_000;

/** A time that a text names. */
export interface NamedDate {
  readonly at: Date;
  /** The last moment that it can mean: of `2019` the end of the year. */
  readonly until: Date;
  readonly place: number;
}

const ISO = /(?<!\d)(20\d\d|19\d\d)-(\d\d)-(\d\d)(?!\d)/gu;
const DAY_MONTH = new RegExp(
  `(?<![\\p{L}\\p{N}])(\\d{1,2})(?:st|nd|rd|th|\\.)? (?:of )?(${MONTH})\\.?,? ((?:19|20)\\d\\d)(?!\\d)`,
  'giu',
);
const MONTH_DAY = new RegExp(
  `(?<![\\p{L}])(${MONTH})\\.? (\\d{1,2})(?:st|nd|rd|th)?,? ((?:19|20)\\d\\d)(?!\\d)`,
  'giu',
);
const MONTH_YEAR = new RegExp(`(?<![\\p{L}])(${MONTH})\\.?,? ((?:19|20)\\d\\d)(?!\\d)`, 'giu');
const SLASHED = /(?<![\d/])(\d{1,2})[/.](\d{1,2})[/.]((?:19|20)\d\d)(?!\d)/gu;
const DAY_ALONE = new RegExp(
  `(?<![\\p{L}\\p{N}])(\\d{1,2})(?:st|nd|rd|th|\\.)? (?:of )?(${MONTH})(?![\\p{L}])(?!\\.?,? \\d{4})`,
  'giu',
);
const YEAR = /(?<![\d.,/$£€#-])((?:19|20)\d\d)(?![\d/%-]|[.,]\d| (?:people|staff|employees|users|sq|square|units))/gu;
const RELATIVE: readonly (readonly [RegExp, (found: RegExpExecArray) => number])[] = [
  [/\b(?:yesterday|last night|gestern|hier)\b/iu, () => 1],
  [/\blast week\b|letzte Woche|la semaine dernière/iu, () => 7],
  [/\blast month\b|letzten Monat|le mois dernier/iu, () => 30],
  [/\b(\d{1,2}|two|three|four|five|six) days ago\b/iu, (found) => numberIn(found[1])],
  [/\b(\d{1,2}|two|three|four|five|six) weeks ago\b/iu, (found) => 7 * numberIn(found[1])],
  [/\b(\d{1,2}|two|three|four|five|six|eight|ten) months ago\b/iu, (found) => 30 * numberIn(found[1])],
];
const WORDS = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** The dates that a sentence names, in its order; a day without a year is the last such day before `reference`, or soon after it. */
export function datesIn(sentence: string, reference: Date): NamedDate[] {
  const dates: NamedDate[] = [];
  const add = (place: number, year: number, month: number, day: number, days: number) => {
    const at = new Date(Date.UTC(year, month, day));
    if (Number.isNaN(at.getTime()) || month < 0 || month > 11) return;
    dates.push({ at, until: new Date(at.getTime() + days * DAY_MS), place });
  };
  const isPartOfDate = (place: number) => dates.some((date) => place >= date.place && place < date.place + 24);
  for (const found of sentence.matchAll(ISO))
    add(found.index, Number(found[1]), Number(found[2]) - 1, Number(found[3]), 1);
  for (const found of sentence.matchAll(DAY_MONTH))
    add(found.index, Number(found[3]), monthOf(found[2]), Number(found[1]), 1);
  for (const found of sentence.matchAll(MONTH_DAY))
    add(found.index, Number(found[3]), monthOf(found[1]), Number(found[2]), 1);
  for (const found of sentence.matchAll(SLASHED))
    add(found.index, Number(found[3]), Number(found[2]) - 1, Number(found[1]), 1);
  for (const found of sentence.matchAll(MONTH_YEAR)) {
    if (!isPartOfDate(found.index)) add(found.index, Number(found[2]), monthOf(found[1]), 1, 31);
  }
  for (const found of sentence.matchAll(DAY_ALONE)) {
    const year = yearNear(monthOf(found[2]), Number(found[1]), reference);
    add(found.index, year, monthOf(found[2]), Number(found[1]), 1);
  }
  for (const found of sentence.matchAll(YEAR))
    if (!isPartOfDate(found.index)) add(found.index, Number(found[1]), 0, 1, 365);
  for (const [pattern, daysOf] of RELATIVE) {
    const found = pattern.exec(sentence);
    if (found === null) continue;
    const at = new Date(reference.getTime() - daysOf(found) * DAY_MS);
    dates.push({ at, until: at, place: found.index });
  }
  return dates.sort((left, right) => left.place - right.place);
}

function numberIn(said: string | undefined): number {
  const word = WORDS.indexOf((said ?? '').toLowerCase());
  return word === -1 ? Number(said) : word;
}

function monthOf(said: string | undefined): number {
  const month = (said ?? '').toLowerCase().replace('ä', 'a').replace('é', 'e').replace('û', 'u');
  const spelled = month
    .replace(/^mai$/u, 'may')
    .replace(/^juin/u, 'jun')
    .replace(/^juil/u, 'jul')
    .replace(/^avr/u, 'apr')
    .replace(/^aou/u, 'aug')
    .replace(/^fev/u, 'feb')
    .replace(/^okt/u, 'oct')
    .replace(/^dez/u, 'dec');
  return MONTHS.indexOf(spelled.slice(0, 3));
}

/** Of a day without a year: the year in which it lies nearest before, or up to 60 days after. */
function yearNear(month: number, day: number, reference: Date): number {
  const year = reference.getUTCFullYear();
  return Date.UTC(year, month, day) > reference.getTime() + 60 * DAY_MS ? year - 1 : year;
}
