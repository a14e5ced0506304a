import Sentiment from 'sentiment';
import englishLabels from 'sentiment/languages/en/labels.json' with { type: 'json' };
import { foreignStopWords } from '../themes/stop-words.ts';

/** What the words of a text say about its feeling. */
export interface LexiconScore {
  /** Sum of the positive words' scores, 0 or more. */
  readonly positive: number;
  /** Sum of the negative words' scores, as a positive number. */
  readonly negative: number;
  /** -1..1; 0 where no word is known. */
  readonly score: number;
}

const LANGUAGE = 'en-product';
const WORD = /[\p{L}\p{M}]+(?:['’]\p{L}+)?/gu;
const NOTHING = { positive: 0, negative: 0 };
const NEGATION_REACH = 3;
const NEGATED_SHARE = -0.6;
const BOOST = 1.4;
const NEGATIONS =
  /^(?:not?|never|nothing|nobody|none|neither|nor|hardly|barely|without|cannot|cant|lacks?|\w+n['’]?t)$/u;
const BOOSTERS = /^(?:very|really|so|extremely|super|absolutely|totally|incredibly|too|highly|completely)$/u;

/** What people say of products and services that AFINN does not know or takes in another sense. */
const PRODUCT_WORDS: Readonly<Record<string, number>> = {
  buggy: -3,
  crash: -3,
  crashes: -3,
  crashed: -3,
  crashing: -3,
  freezes: -2,
  laggy: -3,
  lags: -2,
  lagging: -2,
  slow: -2,
  slower: -2,
  sluggish: -2,
  glitchy: -3,
  glitches: -2,
  broken: -2,
  unusable: -4,
  overpriced: -3,
  refund: -1,
  ripoff: -4,
  unresponsive: -2,
  outdated: -2,
  clunky: -2,
  confusing: -2,
  meh: -1,
  ugh: -2,
  spammy: -3,
  uninstalled: -2,
  unreliable: -3,
  intuitive: 3,
  seamless: 3,
  smooth: 2,
  smoothly: 2,
  reliable: 2,
  handy: 2,
  flawless: 4,
  flawlessly: 4,
  responsive: 2,
  fast: 1,
  faster: 1,
  quick: 1,
  quickly: 1,
  tasty: 3,
  spotless: 3,
  yay: 3,
  congrats: 3,
  cantwait: 3,
  '😡': -3,
  '🤬': -4,
  '👎': -2,
  '🙄': -2,
  '😤': -2,
  '🤮': -3,
  '😞': -2,
  '🥰': 3,
  '🤩': 3,
  '🎉': 3,
  '🙂': 1,
  no: 0,
  please: 0,
  share: 0,
  free: 0,
  god: 0,
  united: 0,
  support: 0,
  hard: -1,
};

const EMOTICONS: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\s)(?:[:;=8]-?[)\]dp]+|\(-?[:;=]|<3+|\^_?\^|xd)(?=\s|$)/giu, ' 😊 '],
  [/(?:^|\s)(?:[:=]['’]?-?[([/\\|]+|\)-?[:=]|d:|<\/3)(?=\s|$)/giu, ' 😒 '],
];

/** Of German, French and Spanish: what is said of products and services most. */
const FOREIGN_WORDS: Readonly<Record<string, number>> = {
  danke: 2,
  vielen: 0,
  gut: 2,
  super: 3,
  toll: 3,
  prima: 3,
  perfekt: 3,
  hervorragend: 4,
  zufrieden: 2,
  freundlich: 2,
  schlecht: -3,
  kaputt: -3,
  defekt: -3,
  fehler: -2,
  leider: -1,
  enttäuscht: -3,
  enttäuschend: -3,
  ärgerlich: -3,
  unzufrieden: -3,
  unmöglich: -2,
  katastrophe: -4,
  problem: -2,
  probleme: -2,
  merci: 2,
  bon: 2,
  bonne: 2,
  excellent: 3,
  excellente: 3,
  parfait: 3,
  parfaite: 3,
  génial: 3,
  satisfait: 2,
  mauvais: -3,
  mauvaise: -3,
  panne: -3,
  erreur: -2,
  déçu: -3,
  déçue: -3,
  inacceptable: -4,
  problème: -2,
  problèmes: -2,
  gracias: 2,
  bueno: 2,
  buena: 2,
  excelente: 3,
  perfecto: 3,
  satisfecho: 2,
  malo: -3,
  mala: -3,
  roto: -3,
  rota: -3,
  error: -2,
  inaceptable: -4,
  decepcionado: -3,
  decepcionada: -3,
  problema: -2,
  problemas: -2,
};
const FOREIGN_NEGATIONS = /^(?:nicht|keine?[nrms]?|nie|ohne|ne|pas|jamais|sans|no|nunca|sin)$/u;

const analyzer = productAnalyzer();

/**
 * Sums the feeling of a text's words with the AFINN-165 list of the `sentiment` package: a negation within three words
 * before a word turns it, weaker; "very" and its like strengthen it; emoji and emoticons count. In a text of another
 * language English words say nothing ("die", "war"): there a few words of its own do, and the emoji.
 */
export function scoreByLexicon(text: string): LexiconScore {
  const words = text.toLowerCase().match(WORD) ?? [];
  if (foreignStopWords(words).size > 0) return scoreOfForeign(text, words);
  const { calculation } = analyzer.analyze(separateSigns(text), { language: LANGUAGE });
  let positive = 0;
  let negative = 0;
  for (const word of calculation) {
    for (const value of Object.values(word)) {
      if (value > 0) positive += value;
      else negative -= value;
    }
  }
  return squashed(positive, negative);
}

function scoreOfForeign(text: string, words: readonly string[]): LexiconScore {
  const values = words.map((word, place) => {
    const value = FOREIGN_WORDS[word] ?? 0;
    const isNegated = words
      .slice(Math.max(0, place - NEGATION_REACH), place)
      .some((each) => FOREIGN_NEGATIONS.test(each));
    return isNegated ? value * NEGATED_SHARE : value;
  });
  const signs = separateSigns(text).match(/\p{Extended_Pictographic}/gu) ?? [];
  const { positive, negative } = signs.length === 0 ? NOTHING : scoreByLexicon(signs.join(' '));
  return squashed(
    values.filter((value) => value > 0).reduce((sum, value) => sum + value, positive),
    values.filter((value) => value < 0).reduce((sum, value) => sum - value, negative),
  );
}

function squashed(positive: number, negative: number): LexiconScore {
  const sum = positive - negative;
  // The squashing of VADER (Hutto and Gilbert 2014): one strong word is already clear, many do not leave the range.
  return { positive, negative, score: sum / Math.sqrt(sum * sum + 15) };
}

function productAnalyzer(): Sentiment {
  const sentiment = new Sentiment();
  const labels: Record<string, number> = { ...englishLabels };
  sentiment.registerLanguage(LANGUAGE, { labels, scoringStrategy: { apply: scoreInContext } });
  // Registering writes the package's emoji over the labels given, so ours come last.
  Object.assign(labels, PRODUCT_WORDS);
  return sentiment;
}

function scoreInContext(tokens: readonly string[], cursor: number, tokenScore: number): number {
  const before = tokens.slice(Math.max(0, cursor - NEGATION_REACH), cursor);
  const boosted = BOOSTERS.test(before.at(-1) ?? '') ? tokenScore * BOOST : tokenScore;
  return before.some((token) => NEGATIONS.test(token)) ? boosted * NEGATED_SHARE : boosted;
}

function separateSigns(text: string): string {
  const signed = EMOTICONS.reduce(
    (result, [pattern, emoji]) => result.replace(pattern, emoji),
    text.replaceAll('’', "'"),
  );
  return signed
    .replace(/\b(?:can ?not|can't|cant) wait\b/giu, 'cantwait')
    .replace(/(\p{Extended_Pictographic})/gu, ' $1 ')
    .replace(/(?:^|\s)[@#](?=\w)/gu, ' ');
}
