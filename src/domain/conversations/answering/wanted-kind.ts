import { type ReadQuestion, tellingStems, type WantedKind } from './question.ts';

const TIME =
  /\b(?:1\d{3}|20\d{2}|\d{1,2}[:.]\d{2}|\d{4}-\d{2}-\d{2}|january|february|march|april|may|june|july|august|september|october|november|december|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|today|tomorrow|yesterday|tonight|noon|midnight|century|ago|weeks?|months?|quarter|spring|summer|autumn|winter|januar|februar|märz|mai|juni|juli|oktober|dezember|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|heute|morgen|gestern|wochen?|monat\w*|janvier|février|mars|avril|juin|juillet|août|septembre|octobre|novembre|décembre|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|demain|hier|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|lunes|martes|miércoles|jueves|viernes|sábado|domingo|mañana|ayer|hoy)\b/iu;
const DURATION =
  /(?<!\p{L})(?<!\b(?:this|last|next) )(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|h|ms|days?|nights?|overnight|weekends?|weeks?|fortnights?|months?|quarters?|years?|decades?|centur(?:y|ies)|lifetime|met(?:er|re)s?|kilomet(?:er|re)s?|km|miles?|feet|foot|inch(?:es)?|yards?|cm|mm|pages?|words?|characters?|since|until|forever|indefinitely|permanently|sekunden?|minuten?|stunden?|tag(?:en?)?|wochen?|monat(?:en?)?|jahr(?:en?)?|seit|bis|secondes?|heures?|jours?|semaines?|mois|ans?|années?|depuis|segundos?|minutos?|horas?|días?|semanas?|mes(?:es)?|años?|desde|second[io]|minut[io]|or[ae]|giorn[io]|settiman[ae]|mes[ei]|ann[io]|dias?|mês|anos?|uur|uren|dag(?:en|ar|er|e)?|weken|maand(?:en)?|ja(?:ar|ren)|timm(?:e|ar)|timer?|veck(?:a|or)|uge(?:r)?|uker?|månad(?:er)?|måned(?:er)?|år)(?!\p{L})|(?<!\p{N})(?:1\d|20)\d\d(?!\p{N})/iu;
const MONEY =
  /\p{Sc}|\p{N} ?(?:k|m|bn|kr)(?!\p{L})|(?<!\p{L})(?:dollars?|pounds?|euros?|usd|eur|gbp|chf|aud|cad|sek|nok|dkk|pln|czk|inr|cny|jpy|yen|rupees?|zł(?:oty)?|cents?|pence|francs?|franken|kronor|kroner|millions?|billions?|free|included|nothing|no (?:extra )?(?:charge|cost|fee)s?|gratis|kostenlos|kostenfrei|gratuit(?:e|s)?|per ?cent)(?!\p{L})/iu;
const NUMBER =
  /\p{N}|\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|millions?|billions?|half|twice|once|daily|weekly|monthly|yearly|every|unlimited|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|täglich|deux|trois|quatre|cinq|dix|dos|tres|cuatro|cinco|diez)\b/iu;
const REASON =
  /\b(?:because|since|due to|owing to|caused? by|causes?|so that|in order to|thanks to|reason|as a result|therefore|led to)\b/iu;
const MEANING = /\b(?:is|are|was|were|means?|stands? for|refers? to|called|known as|defined as)\b|\(\p{Lu}[\p{L} ]+\)/u;
const NAME = /\p{Lu}[\p{L}\p{M}'’-]+(?: (?:of |de |van |von )?\p{Lu}[\p{L}\p{M}'’.-]*)*/gu;
const PLACE =
  /\b(?:in|at|from|near|to|outside|between|around|on)\s+(?:the\s+)?(?:\p{Lu}[\p{L}\p{M}]+|(?:settings?|page|menu|tab|dashboard|drawer|floor|room|building|office)\b)/u;
const PERSON_WORD =
  /\b(?:team|owner|manager|director|engineer|founder|president|customers?|users?|staff|chief|lead|agent)\b/iu;

/** Kinds that are seen for certain: a sentence without a sum of money does not say what something costs. */
const CERTAIN: ReadonlySet<WantedKind | null> = new Set(['office', 'duration', 'money'] as const);
/** Letters in which none of the words here are written. */
const OTHER_SCRIPT = /[^\P{L}\p{sc=Latin}\p{sc=Common}]/u;
/** How somebody is said to hold an office without its name. */
const HOLDS_OFFICE =
  /(?<!\p{L})(?:leads?|led|runs?|heads?|headed|chairs|chaired|directs|directed|manages|managed|in charge|responsible|leitet|geleitet|dirige|dirigé)(?!\p{L})/iu;
/** A longer name of an office may have an ending. */
const ABBREVIATION_CHARACTERS = 4;
const LETTER = /\p{L}/u;

/** Whether a sentence cannot be the answer, because what it would have to say is not in it. */
export function lacksWanted(sentence: string, question: ReadQuestion): boolean {
  return CERTAIN.has(question.wanted) && hasWanted(sentence, question) === 0 && !OTHER_SCRIPT.test(sentence);
}

/** Whether a sentence has something of the kind that a question wants to know; 0..1. */
export function hasWanted(sentence: string, question: ReadQuestion): number {
  return question.wanted === null ? 0 : EVIDENCE[question.wanted](sentence, question);
}

const EVIDENCE: Readonly<Record<WantedKind, (sentence: string, question: ReadQuestion) => number>> = {
  time: (sentence) => (TIME.test(sentence) ? 1 : 0),
  duration: (sentence) => (DURATION.test(sentence) ? 1 : 0),
  money: (sentence) => (MONEY.test(sentence) ? 1 : 0),
  office: (sentence, { offices }) => {
    if (offices.some((office) => namesOffice(sentence.toLowerCase(), office))) return 1;
    return HOLDS_OFFICE.test(sentence) ? 0.5 : 0;
  },
  number: (sentence) => (NUMBER.test(sentence) ? 1 : 0),
  reason: (sentence) => (REASON.test(sentence) ? 1 : 0),
  meaning: (sentence) => (MEANING.test(sentence) ? 1 : 0),
  place: (sentence, question) => (PLACE.test(sentence) ? 1 : hasNewName(sentence, question) ? 0.4 : 0),
  person: (sentence, question) => (hasNewName(sentence, question) ? 1 : PERSON_WORD.test(sentence) ? 0.5 : 0),
};

/** As a word of its own: "October" has no CTO. */
function namesOffice(lowered: string, office: string): boolean {
  for (let at = lowered.indexOf(office); at !== -1; at = lowered.indexOf(office, at + 1)) {
    const isBegin = !LETTER.test(lowered.charAt(at - 1));
    const isEnd = office.length > ABBREVIATION_CHARACTERS || !LETTER.test(lowered.charAt(at + office.length));
    if (isBegin && isEnd) return true;
  }
  return false;
}

/** Whether a name stands in the sentence that the question does not say itself; its first word has a capital anyway. */
function hasNewName(sentence: string, { terms }: ReadQuestion): boolean {
  for (const match of sentence.matchAll(NAME)) {
    const isFirstWord = match.index === 0 && !match[0].includes(' ');
    if (!isFirstWord && tellingStems(match[0]).some((term) => !terms.has(term))) return true;
  }
  return false;
}
