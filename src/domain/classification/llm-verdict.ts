import { z } from 'zod';
import { storableText } from '../../shared/text.ts';
import { SENTIMENT_TAXONOMY } from './classification.ts';
import { explicitLabel, explicitReason, HINT_CONFIDENCE } from './explicit-labels.ts';
import type { TextInput } from './judgement.ts';
import { MODEL_CONFIDENCE_MAX, type Verdict } from './learned-classifier.ts';
import { type AssignedLabel, spokenLabelName, type Taxonomy, type TaxonomyDimension } from './taxonomy.ts';
import { NAME_MAX_CHARACTERS } from './taxonomy-service.ts';

/** Names that vendors' schema modes take in all enumerations of a schema; beyond, they are compared here alone. */
const ENUMERATED_MAX = 400;
const REASONING_MAX_CHARACTERS = 500;

const CONFIDENCE = z.number().min(0).max(1);

/** What a model says of one document. */
export type DocumentAnswer = z.output<ReturnType<typeof answerSchema>>['documents'][number];

/** How a dimension is called in answers: not every name may be a field's. */
export function dimensionKey({ name }: TaxonomyDimension, place: number): string {
  return /^(?!dimension_)[A-Za-z][A-Za-z0-9_]{0,39}$/.test(name) ? name : `dimension_${place + 1}`;
}

/** An answer about documents, called by their keys. That there is one for each is not a matter of shape. */
export function answerSchema(taxonomy: Taxonomy, documentKeys: readonly string[]) {
  const isEnumerated = taxonomy.dimensions.reduce((sum, { labels }) => sum + labels.length, 0) <= ENUMERATED_MAX;
  const dimensions = taxonomy.dimensions.map((dimension, place) => {
    const answer = dimensionSchema(dimension, isEnumerated).describe(dimension.name);
    return [dimensionKey(dimension, place), answer] as const;
  });
  const feeling = (isSentiment(taxonomy) ? { score: z.number().min(-1).max(1) } : {}) as {
    score: z.ZodType<number | undefined>;
  };
  return z.object({
    documents: z.array(
      z.object({
        document: z.enum(documentKeys),
        reasoning: z.string(),
        labels: z.object(Object.fromEntries(dimensions)),
        ...feeling,
        confidence: CONFIDENCE,
      }),
    ),
  });
}

/** Single labels and several ones come out as a list. */
function dimensionSchema({ labels, multi, openEnded }: TaxonomyDimension, isEnumerated: boolean) {
  const names = labels.map(({ name }) => name);
  const open = z.string().trim().max(NAME_MAX_CHARACTERS);
  const closed = isEnumerated
    ? z.enum(names)
    : z.string().refine((given) => names.includes(given), 'is none of the labels of this dimension');
  const label = openEnded ? open : closed;
  if (multi) {
    const several = openEnded ? z.array(label) : z.array(label).min(1);
    return z.object({ labels: several, confidence: CONFIDENCE });
  }
  return z
    .object({ label: openEnded ? label.nullable() : label, confidence: CONFIDENCE })
    .transform((given) => ({ labels: given.label === null ? [] : [given.label], confidence: given.confidence }));
}

/** What is made of an answer. What a document says of itself, in a field or in so many words, wins. */
export function verdictOf(taxonomy: Taxonomy, input: TextInput, answer: DocumentAnswer): Verdict {
  const feels = isSentiment(taxonomy);
  const said = taxonomy.dimensions.map((dimension) =>
    // A field or a tag says a label and no score: how a text feels is read from the text.
    feels ? undefined : explicitLabel(dimension, input.text, input.hints),
  );
  const given = taxonomy.dimensions.map((dimension, place) => {
    const explicit = said[place];
    if (explicit !== undefined) return [assigned(dimension, explicit, HINT_CONFIDENCE)];
    const { labels = [], confidence = 0 } = answer.labels[dimensionKey(dimension, place)] ?? {};
    return distinctLabels(dimension, labels).map((label) => assigned(dimension, label, confidence));
  });
  const decisive = given.findIndex((labels) => labels.length > 0);
  const [dimension, explicit] = [taxonomy.dimensions[decisive], said[decisive]];
  const isSaid = dimension !== undefined && explicit !== undefined;
  const reasoning = isSaid ? explicitReason(dimension, explicit) : answer.reasoning;
  return {
    labels: given.flat(),
    confidence: isSaid ? HINT_CONFIDENCE : Math.min(answer.confidence, MODEL_CONFIDENCE_MAX),
    reasoning: storableText(reasoning.trim().slice(0, REASONING_MAX_CHARACTERS)),
    score: feels ? scoreWithSign(answer.score ?? 0, given[0]?.[0]?.label) : null,
  };
}

/** Nothing to be judged: no model is asked. */
export function emptyVerdict(taxonomy: Taxonomy): Verdict {
  return { labels: [], confidence: 0, reasoning: 'The text is empty.', score: isSentiment(taxonomy) ? 0 : null };
}

export function isSentiment({ builtIn, name }: Taxonomy): boolean {
  return builtIn && name === SENTIMENT_TAXONOMY;
}

function assigned({ name }: TaxonomyDimension, label: string, confidence: number): AssignedLabel {
  return { dimension: name, label: storableText(label), confidence: Math.min(confidence, MODEL_CONFIDENCE_MAX) };
}

/** In the taxonomy's spelling where it has one. */
function distinctLabels({ labels }: TaxonomyDimension, given: readonly string[]): string[] {
  const names = given.flatMap((label) => {
    const spoken = spokenLabelName(label);
    const known = labels.find(({ name }) => spokenLabelName(name) === spoken);
    return spoken === '' ? [] : [known?.name ?? label];
  });
  return [...new Set(names)];
}

/** A score that contradicts its label is none. */
function scoreWithSign(score: number, label: string | undefined): number {
  if (label === 'positive') return Math.max(score, 0);
  return label === 'negative' ? Math.min(score, 0) : score;
}
