import Sentiment from 'sentiment';
import englishLabels from 'sentiment/languages/en/labels.json' with { type: 'json' };

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

const analyzer = productAnalyzer();

/**
 * Sums the feeling of a text's words with the AFINN-165 list of the `sentiment` package: a negation within three words
 * before a word turns it, weaker; "very" and its like strengthen it; emoji and emoticons count.
 */
export function scoreByLexicon(text: string): LexiconScore {
  const { calculation } = analyzer.analyze(separateSigns(text), { language: LANGUAGE });
  let positive = 0;
  let negative = 0;
  for (const word of calculation) {
    for (const value of Object.values(word)) {
      if (value > 0) positive += value;
      else negative -= value;
    }
  }
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
