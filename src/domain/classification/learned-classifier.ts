import { storableText } from '../../shared/text.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { EmbeddingModel } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { SENTIMENT_TAXONOMY } from './classification.ts';
import type { CorrectedDocument } from './classification-store.ts';
import { labelText, withTaughtLabels } from './dimension-rows.ts';
import {
  type ClassifierInput,
  type ClassifierOptions,
  type Correction,
  createClassifier,
} from './embedding-classifier.ts';
import { DEFAULT_SPACE } from './embedding-space.ts';
import { borrowBank } from './prototype-families.ts';
import { createSentimentAnalyzer } from './sentiment.ts';
import type { AssignedLabel, Taxonomy } from './taxonomy.ts';
import { classifiableText } from './text-cues.ts';

/** Corrections that a classifier learns from, the newest first. */
export const CORRECTIONS_MAX = 2_000;

/** A model may be as sure as this; 1 is a person's word. */
export const MODEL_CONFIDENCE_MAX = 0.999;
export const PERSON_CONFIDENCE = 1;

/** What a classifier made of one text, in a shape that can be stored. */
export interface Verdict {
  labels: AssignedLabel[];
  confidence: number;
  reasoning: string | null;
  /** Of the sentiment taxonomy alone: -1 to 1. */
  score: number | null;
}

export type LearnedClassifier = (inputs: readonly ClassifierInput[]) => Verdict[];

export interface Lesson {
  taxonomy: Taxonomy;
  corrections: readonly CorrectedDocument[];
  model: EmbeddingModel;
}

/**
 * Fits the classifier of a taxonomy. The product's own texts are nobody's usage; those of the workspace are its own
 * usage, though not part of what the request that happens to come first says it spent.
 */
export async function learnClassifier(
  gateway: ModelGateway,
  call: ModelCall,
  { taxonomy, corrections, model }: Lesson,
): Promise<LearnedClassifier> {
  const isOurs = productTexts(taxonomy, corrections);
  const embedTheirs = async (texts: readonly string[]) => {
    const input = { texts, purpose: 'document' as const, model: model.id };
    const { embeddings } = await gateway.embed({ ...call, tally: null }, input);
    return embeddings.map(({ vector }) => vector);
  };
  const embed = async (texts: readonly string[]) => {
    const ours = texts.filter((text) => isOurs(text));
    const theirs = texts.filter((text) => !isOurs(text));
    const ourVectors = ours.length === 0 ? [] : await gateway.embedOwnTexts(call, ours, model.id);
    const theirVectors = theirs.length === 0 ? [] : await embedTheirs(theirs);
    const remaining = { ours: ourVectors.values(), theirs: theirVectors.values() };
    return texts.map((text) => {
      const next = isOurs(text) ? remaining.ours.next() : remaining.theirs.next();
      if (next.done === true) throw new RangeError(`the gateway gave too few vectors for ${texts.length} texts`);
      return next.value;
    });
  };
  const taught = corrections.map(({ title, text, labels }) => ({
    text: classifiableText(title, text),
    labels: labels.filter(({ confidence }) => confidence === PERSON_CONFIDENCE),
  }));
  const vectors = taught.length === 0 ? [] : await embedTheirs(taught.map(({ text }) => text));
  const known = taught.map((correction, i): Correction => ({ ...correction, vector: vectors[i] as Float32Array }));
  const { sameMeaning } = model.traits;
  // Spaces that put equal texts nearer to each other do so with unrelated ones too.
  const related = (DEFAULT_SPACE.related / DEFAULT_SPACE.sameMeaning) * sameMeaning;
  const options: ClassifierOptions = { embed, space: { sameMeaning, related }, maxExamples: CORRECTIONS_MAX };
  return taxonomy.builtIn && taxonomy.name === SENTIMENT_TAXONOMY
    ? learnSentiment(known, options)
    : learnLabels(taxonomy, known, options);
}

async function learnLabels(
  taxonomy: Taxonomy,
  corrections: readonly Correction[],
  options: ClassifierOptions,
): Promise<LearnedClassifier> {
  const classifier = await createClassifier(taxonomy, corrections, options);
  return (inputs) =>
    classifier.classify(inputs).map(({ labels, confidence, reasoning }) => ({
      labels: labels.map((given) => ({
        dimension: given.dimension,
        label: storableText(given.label),
        confidence: Math.min(given.confidence, MODEL_CONFIDENCE_MAX),
      })),
      confidence: Math.min(confidence, MODEL_CONFIDENCE_MAX),
      reasoning: storableText(reasoning),
      score: null,
    }));
}

async function learnSentiment(
  corrections: readonly Correction[],
  options: ClassifierOptions,
): Promise<LearnedClassifier> {
  const analyzer = await createSentimentAnalyzer(corrections, options);
  return (inputs) =>
    // A field or a tag says a label and no score: how a text feels is read from the text.
    analyzer.analyze(inputs.map(({ text, vector }) => ({ text, vector }))).map((result) => {
      const confidence = Math.min(result.confidence, MODEL_CONFIDENCE_MAX);
      const label = { dimension: SENTIMENT_TAXONOMY, label: result.label.toLowerCase(), confidence };
      return { labels: [label], confidence, reasoning: null, score: result.score };
    });
}

/**
 * Tells the texts that come with the product from a workspace's: all of a built-in taxonomy but the names of the labels
 * that people added to it, and what others borrow.
 */
function productTexts(taxonomy: Taxonomy, corrections: readonly CorrectedDocument[]): (text: string) => boolean {
  if (taxonomy.builtIn) {
    const names = ({ dimensions }: Taxonomy) => dimensions.flatMap(({ labels }) => labels.map(labelText));
    const ours = new Set(names(taxonomy));
    const theirs = new Set(names(withTaughtLabels(taxonomy, corrections)).filter((name) => !ours.has(name)));
    return (text) => !theirs.has(text);
  }
  const borrowed = taxonomy.dimensions.flatMap((dimension) =>
    dimension.labels.flatMap(({ name }) => borrowBank(name, dimension.name)?.bank.examples ?? []),
  );
  const texts = new Set(borrowed);
  return (text) => texts.has(text);
}
