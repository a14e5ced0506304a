import { BUILT_IN_TAXONOMIES } from './built-in-taxonomies.ts';
import {
  type ClassifierInput,
  type ClassifierOptions,
  type Correction,
  createClassifier,
} from './embedding-classifier.ts';
import { scoreByLexicon } from './sentiment-lexicon.ts';

export type SentimentLabel = 'NEGATIVE' | 'NEUTRAL' | 'POSITIVE' | 'MIXED';

export interface SentimentResult {
  readonly label: SentimentLabel;
  /** -1 (negative) to 1 (positive); near 0 for neutral and mixed texts. */
  readonly score: number;
  /** 0..1; low where the score lies near the border of two labels. */
  readonly confidence: number;
}

export interface SentimentAnalyzer {
  analyze(inputs: readonly ClassifierInput[]): readonly SentimentResult[];
}

/** The lexicon's share of the score; the vectors have the rest. */
const LEXICON_SHARE = 0.35;
/** Scores between these are neutral. */
const NEGATIVE_BELOW = -0.08;
const POSITIVE_ABOVE = 0.12;
/** Share of its score that a text loses which reads like a plain statement. */
const NEUTRAL_DAMPING = 0.5;
/** Distance from a border at which a label is as good as sure. */
const SURE_DISTANCE = 0.5;
const LEAST_CONFIDENCE = 0.4;
/** Sum of word scores from which one side of a mixed text counts. */
const CLEAR_SIDE = 2;
const CORRECTED_CONFIDENCE = 0.9;
const CONTRAST = /\b(?:but|however|although|though|yet|except|unfortunately|sadly|despite|otherwise|apart from)\b/iu;

/**
 * Sentiment of English text from two sides: a word list with negation and emoji, and the nearness of the text's vector
 * to sentences of each feeling. They fail on different texts.
 *
 * @param corrections what people said about single texts, in the taxonomy "sentiment"; newest first
 */
export async function createSentimentAnalyzer(
  corrections: readonly Correction[],
  options: ClassifierOptions,
): Promise<SentimentAnalyzer> {
  const taxonomy = BUILT_IN_TAXONOMIES.find(({ name }) => name === 'sentiment');
  if (!taxonomy) throw new ReferenceError('The taxonomy "sentiment" is missing');
  const classifier = await createClassifier(taxonomy, corrections, options);
  return {
    analyze: (inputs) =>
      classifier
        .classify(inputs)
        .map(({ probabilities, labels, recalled }, index) =>
          weigh(inputs[index]?.text ?? '', probabilities.sentiment ?? {}, recalled ? labels[0]?.label : undefined),
        ),
  };
}

function weigh(
  text: string,
  probabilities: Readonly<Record<string, number>>,
  corrected: string | undefined,
): SentimentResult {
  const words = scoreByLexicon(text);
  const { positive = 0, negative = 0, neutral = 0, mixed = 0 } = probabilities;
  const felt = LEXICON_SHARE * words.score + (1 - LEXICON_SHARE) * (positive - negative);
  const score = felt * (1 - NEUTRAL_DAMPING * neutral);
  const bothSides = words.positive >= CLEAR_SIDE && words.negative >= CLEAR_SIDE;
  if (corrected === 'mixed' || (corrected === undefined && bothSides && CONTRAST.test(text) && mixed > 0.2)) {
    return { label: 'MIXED', score: score / 2, confidence: Math.min(1, LEAST_CONFIDENCE + mixed / 2) };
  }
  return labelled(score, corrected);
}

function labelled(score: number, corrected: string | undefined): SentimentResult {
  if (corrected !== undefined) return { ...withSign(score, corrected), confidence: CORRECTED_CONFIDENCE };
  const distance = Math.min(Math.abs(score - NEGATIVE_BELOW), Math.abs(score - POSITIVE_ABOVE));
  const confidence = Math.min(1, LEAST_CONFIDENCE + (1 - LEAST_CONFIDENCE) * (distance / SURE_DISTANCE));
  if (score < NEGATIVE_BELOW) return { label: 'NEGATIVE', score, confidence };
  if (score > POSITIVE_ABOVE) return { label: 'POSITIVE', score, confidence };
  return { label: 'NEUTRAL', score, confidence };
}

/** A person's label wins over the sign that was computed. */
function withSign(score: number, label: string): Omit<SentimentResult, 'confidence'> {
  if (label === 'negative') return { label: 'NEGATIVE', score: Math.min(score, NEGATIVE_BELOW) };
  if (label === 'positive') return { label: 'POSITIVE', score: Math.max(score, POSITIVE_ABOVE) };
  return { label: 'NEUTRAL', score: Math.min(POSITIVE_ABOVE, Math.max(NEGATIVE_BELOW, score)) };
}
