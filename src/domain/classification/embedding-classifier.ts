import { calibratedSharpness, softmax } from './confidence.ts';
import { type DimensionRow, prepareDimension, withTaughtLabels } from './dimension-rows.ts';
import {
  centredDirection,
  DEFAULT_SPACE,
  dotProduct,
  type EmbeddingSpace,
  type EmbedTexts,
  meanVector,
} from './embedding-space.ts';
import { explicitLabel, explicitReason, HINT_CONFIDENCE, taggedLabel } from './explicit-labels.ts';
import { type KernelRidgeModel, type KernelRidgeProblem, scoreKernelRidge } from './kernel-ridge.ts';
import { fitKernelRidgeAnywhere } from './kernel-ridge-fitting.ts';
import type { AssignedLabel, LabelChoice, Taxonomy, TaxonomyDimension } from './taxonomy.ts';
import { type Cue, findCues, PRIOR_SCORES } from './text-cues.ts';

/** What a person said about a text: its labels, and the text or its vector, or both. */
export interface Correction {
  readonly text?: string;
  readonly vector?: Float32Array;
  readonly labels: readonly LabelChoice[];
}

/** A text to classify, with its vector from the same model that `ClassifierOptions.embed` uses. See `classifiableText`. */
export interface ClassifierInput {
  readonly text: string;
  readonly vector: Float32Array;
  /** Labels that are known from elsewhere (a form field, a column), by dimension. They win where the dimension allows them. */
  readonly hints?: Readonly<Record<string, string>>;
  /** What people tagged it with. A tag that spells a label speaks for it. */
  readonly tags?: readonly string[];
}

export interface ClassifiedText {
  /** One a closed dimension, none or one an open-ended one, one or more a multi dimension. */
  readonly labels: readonly AssignedLabel[];
  /** Confidence of the first dimension that has a label; 0 where none has. */
  readonly confidence: number;
  /** One sentence: what decided the first dimension. */
  readonly reasoning: string;
  /** Whether a person's correction of nearly the same text decided the first dimension. */
  readonly recalled: boolean;
  /** Probability of every label by dimension, where the vectors were asked. */
  readonly probabilities: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface ClassifierOptions {
  readonly embed: EmbedTexts;
  readonly space?: Partial<EmbeddingSpace>;
  /** Most examples used, the newest corrections first; fitting time grows with its cube. Default 2,000. */
  readonly maxExamples?: number;
  /** A label of less confidence is not given, also in closed dimensions. Default 0. */
  readonly abstainBelow?: number;
}

export interface Classifier {
  classify(inputs: readonly ClassifierInput[]): readonly ClassifiedText[];
}

interface FittedDimension {
  readonly dimension: TaxonomyDimension;
  readonly rows: readonly DimensionRow[];
  readonly bankKeys: readonly (string | undefined)[];
  readonly mean: Float32Array;
  readonly model: KernelRidgeModel;
  readonly sharpness: number;
}

interface Verdict {
  readonly labels: readonly AssignedLabel[];
  readonly reason: string | undefined;
  readonly recalled?: boolean;
  readonly probabilities?: Readonly<Record<string, number>>;
}

const DEFAULT_MAX_EXAMPLES = 2_000;
const ROWS_TO_CALIBRATE = 40;
/** Share of the best score from which a multi dimension gives a label as well. */
const MULTI_LABEL_SHARE = 0.5;
/** How strongly corrections must speak for a label to be its reason. */
const RECALLED_FROM = 0.3;
/** As much as a strong cue: a tag decides where the text leaves it open, and loses to a text that is clear. */
const TAG_WEIGHT = 0.4;
/** A single label of an open-ended dimension is given where it is likelier than all the others together. */
const OPEN_PROBABILITY_MIN = 0.5;
/** Scores lie between about -1 and 1: a correction of the same text outweighs everything else. */
const CORRECTION_WEIGHT = 2;

/**
 * Learns a taxonomy from its label names, descriptions and examples, from the product's own prototype sentences where a
 * label's name is a known one, and from people's corrections: kernel ridge regression over all of them, without an LLM.
 *
 * @param corrections newest first; beyond `maxExamples` the oldest are left out
 * @returns a classifier that is immutable: a new correction means a new classifier
 */
export async function createClassifier(
  given: Taxonomy,
  corrections: readonly Correction[],
  options: ClassifierOptions,
): Promise<Classifier> {
  const taxonomy = withTaughtLabels(given, corrections);
  const space: EmbeddingSpace = { ...DEFAULT_SPACE, ...options.space };
  const maxExamples = options.maxExamples ?? DEFAULT_MAX_EXAMPLES;
  const known = await embedCorrections(corrections.slice(0, maxExamples), options.embed);
  const fitted: FittedDimension[] = [];
  for (const dimension of taxonomy.dimensions) {
    if (dimension.labels.length === 0) continue;
    const prepared = await prepareDimension(taxonomy, dimension, known, options.embed, maxExamples);
    fitted.push(await fitDimension(dimension, prepared.rows, prepared.bankKeys, space));
  }
  const abstainBelow = options.abstainBelow ?? 0;
  return {
    classify: (inputs) => inputs.map((input) => classifyOne(taxonomy, fitted, input, space, abstainBelow)),
  };
}

async function embedCorrections(corrections: readonly Correction[], embed: EmbedTexts) {
  const texts = corrections.flatMap(({ text, vector }) => (vector === undefined && text !== undefined ? [text] : []));
  const vectors = texts.length > 0 ? [...(await embed(texts))].reverse() : [];
  return corrections.map((correction) => {
    const vector = correction.vector ?? (correction.text === undefined ? undefined : vectors.pop());
    if (!vector) throw new RangeError('A correction needs a text or a vector');
    return { ...correction, vector };
  });
}

async function fitDimension(
  dimension: TaxonomyDimension,
  rows: readonly DimensionRow[],
  bankKeys: readonly (string | undefined)[],
  space: EmbeddingSpace,
): Promise<FittedDimension> {
  const mean = meanVector(rows.map(({ vector }) => vector));
  const dimensions = mean.length;
  const labelCount = dimension.labels.length;
  const problem: KernelRidgeProblem = {
    rows: new Float32Array(rows.length * dimensions),
    rowCount: rows.length,
    dimensions,
    targets: new Float64Array(rows.length * labelCount),
    labelCount,
    weights: Float64Array.from(rows, ({ weight }) => weight),
    gamma: space.rbfGamma,
    lambda: space.ridgeLambda,
  };
  rows.forEach(({ vector, labels }, row) => {
    problem.rows.set(centredDirection(vector, mean), row * dimensions);
    for (const label of labels) problem.targets[row * labelCount + label] = 1 / labels.length;
  });
  const model = await fitKernelRidgeAnywhere(problem);
  const fromPeople = rows.flatMap(({ origin }, row) => (origin === 'example' || origin === 'correction' ? [row] : []));
  const leftOutScores = model.leftOutScores.slice();
  for (const row of fromPeople) {
    const cues = findCues(rows[row]?.text ?? '');
    bankKeys.forEach((key, label) => {
      const at = row * labelCount + label;
      leftOutScores[at] = (leftOutScores[at] ?? 0) + wordScore(key, cues);
    });
  }
  const calibrated = fromPeople.length >= ROWS_TO_CALIBRATE;
  const sharpness = calibrated
    ? calibratedSharpness(leftOutScores, problem.targets, labelCount, fromPeople)
    : space.sharpness;
  return { dimension, rows, bankKeys, mean, model, sharpness };
}

function wordScore(bankKey: string | undefined, cues: readonly Cue[]): number {
  if (bankKey === undefined) return 0;
  const prior = PRIOR_SCORES[bankKey] ?? 0;
  return cues.reduce((sum, cue) => sum + (cue.key === bankKey ? cue.weight : 0), prior);
}

function classifyOne(
  taxonomy: Taxonomy,
  fitted: readonly FittedDimension[],
  input: ClassifierInput,
  space: EmbeddingSpace,
  abstainBelow: number,
): ClassifiedText {
  if (input.text.trim() === '') {
    return { labels: [], confidence: 0, reasoning: 'The text is empty.', recalled: false, probabilities: {} };
  }
  const cues = findCues(input.text);
  const verdicts = taxonomy.dimensions.map((dimension): Verdict => {
    const said = explicitLabel(dimension, input.text, input.hints);
    if (said !== undefined) {
      const label = { dimension: dimension.name, label: said, confidence: HINT_CONFIDENCE };
      return { labels: [label], reason: explicitReason(dimension, said) };
    }
    const model = fitted.find((candidate) => candidate.dimension === dimension);
    return model ? judge(model, input, cues, space, abstainBelow) : { labels: [], reason: undefined };
  });
  const labels = verdicts.flatMap((verdict) => verdict.labels);
  const decisive = verdicts.find((verdict) => verdict.labels.length > 0);
  return {
    labels,
    confidence: labels[0]?.confidence ?? 0,
    reasoning: decisive?.reason ?? 'No label is near enough to be given.',
    recalled: decisive?.recalled ?? false,
    probabilities: Object.fromEntries(
      verdicts.flatMap(({ probabilities }, index) => {
        const name = taxonomy.dimensions[index]?.name;
        return probabilities && name !== undefined ? [[name, probabilities]] : [];
      }),
    ),
  };
}

function judge(
  fitted: FittedDimension,
  input: ClassifierInput,
  cues: readonly Cue[],
  space: EmbeddingSpace,
  abstainBelow: number,
): Verdict {
  const { dimension, bankKeys, rows } = fitted;
  const similarities = rows.map(({ vector }) => dotProduct(vector, input.vector));
  const scores = scoreKernelRidge(fitted.model, centredDirection(input.vector, fitted.mean));
  const memory = recalledLabels(fitted, similarities, space);
  const tagged = taggedLabel(dimension, input.tags);
  scores.forEach((score, label) => {
    const said = wordScore(bankKeys[label], cues) + (label === tagged ? TAG_WEIGHT : 0);
    scores[label] = score + said + CORRECTION_WEIGHT * (memory[label] ?? 0);
  });
  const probabilities = softmax(scores, fitted.sharpness);
  const best = probabilities.indexOf(Math.max(...probabilities));
  if (best < 0) throw new RangeError('A vector to classify holds numbers that are not finite');
  const byName = Object.fromEntries(dimension.labels.map(({ name }, label) => [name, probabilities[label] ?? 0]));
  const nearest = Math.max(...similarities);
  const bestProbability = probabilities[best] ?? 0;
  const isFar = dimension.openEnded && nearest < space.related;
  const isOpenDoubt = dimension.openEnded && !dimension.multi && bestProbability < OPEN_PROBABILITY_MIN;
  if (bestProbability < abstainBelow || isFar || isOpenDoubt) {
    return { labels: [], reason: undefined, probabilities: byName };
  }
  const fit = dimension.openEnded ? Math.min(1, nearest / space.sameMeaning) : 1;
  const confidences = dimension.multi ? severalLabels(scores, fitted.sharpness) : singleLabel(probabilities, best);
  const chosen = confidences
    .map(([label, confidence]) => {
      const name = dimension.labels[label]?.name ?? '';
      return { dimension: dimension.name, label: name, confidence: fit * confidence };
    })
    .sort((left, right) => right.confidence - left.confidence);
  const recalled = (memory[best] ?? 0) > RECALLED_FROM;
  const reason = explain(fitted, best, similarities, cues, recalled);
  return { labels: chosen, reason, recalled, probabilities: byName };
}

function singleLabel(probabilities: Float64Array, best: number): readonly (readonly [number, number])[] {
  return [[best, probabilities[best] ?? 0]];
}

/**
 * The labels whose score is at least half of the best one, each as sure as it stands out from the labels not given.
 * A score of 0 is that of a text far from every example.
 */
function severalLabels(scores: Float64Array, sharpness: number): readonly (readonly [number, number])[] {
  const best = Math.max(...scores);
  const given = (score: number) => score === best || (score > 0 && score >= MULTI_LABEL_SHARE * best);
  const others = scores.filter((score) => !given(score));
  const background = others.length > 0 ? others.reduce((sum, score) => sum + score, 0) / others.length : 0;
  return [...scores].flatMap((score, label) =>
    given(score) ? [[label, 1 / (1 + Math.exp(-sharpness * (score - background)))] as const] : [],
  );
}

/** How strongly corrections of nearly the same text speak for each label: 1 where the nearest means the same and all agree. */
function recalledLabels(fitted: FittedDimension, similarities: readonly number[], space: EmbeddingSpace): Float64Array {
  const votes = new Float64Array(fitted.dimension.labels.length);
  const floor = (space.related + space.sameMeaning) / 2;
  let strongest = 0;
  let total = 0;
  fitted.rows.forEach(({ origin, labels }, row) => {
    const closeness = ((similarities[row] ?? 0) - floor) / (space.sameMeaning - floor);
    if (origin !== 'correction' || closeness <= 0) return;
    strongest = Math.max(strongest, Math.min(1, closeness));
    const vote = closeness ** 4 / labels.length;
    total += closeness ** 4;
    for (const label of labels) votes[label] = (votes[label] ?? 0) + vote;
  });
  return total === 0 ? votes : votes.map((vote) => (strongest * vote) / total);
}

function explain(
  { dimension, rows, bankKeys }: FittedDimension,
  label: number,
  similarities: readonly number[],
  cues: readonly Cue[],
  recalled: boolean,
): string {
  const name = dimension.labels[label]?.name ?? '';
  if (recalled) return `A person labelled a nearly identical text "${name}".`;
  let nearest: { text: string; similarity: number } | undefined;
  rows.forEach((row, index) => {
    const similarity = similarities[index] ?? 0;
    if (!row.labels.includes(label) || row.text === undefined || row.origin === 'name') return;
    if (!nearest || similarity > nearest.similarity) nearest = { text: row.text, similarity };
  });
  const cue = cues.find(({ key }) => key === bankKeys[label]);
  const words = cue ? `; it says "${shorten(cue.quote)}"` : '';
  if (!nearest) return `Nearest to the name of "${name}"${words}.`;
  return `Nearest to the examples of "${name}": "${shorten(nearest.text)}"${words}.`;
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= 90 ? line : `${line.slice(0, 89)}…`;
}
