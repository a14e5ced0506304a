import { createHash } from 'node:crypto';
import { ID_PREFIXES } from '../../shared/ids.ts';
import type { Document } from '../documents/document.ts';
import { BUILT_IN_TAXONOMIES } from './built-in-taxonomies.ts';
import type { SentimentLabel } from './sentiment.ts';
import { type AssignedLabel, spokenLabelName, type Taxonomy } from './taxonomy.ts';

/** A taxonomy as a workspace finds it: a built-in one, or its own. */
export interface WorkspaceTaxonomy extends Taxonomy {
  /** Of a built-in one the same in every workspace and on every server. */
  readonly id: string;
}

/** The labels of a text in one taxonomy. */
export interface Classification {
  id: string;
  /** Null where a text was classified that is no document: nothing is stored then. */
  documentId: string | null;
  taxonomy: string;
  labels: readonly AssignedLabel[];
  /** 0..1: of the first dimension that has a label, or, by a model that writes, of all labels together. */
  confidence: number;
  reasoning: string | null;
  /** The model that answered or whose vectors decided, or `person`. */
  model: string;
  /** Id of the user or the key that corrected it, or `root`. */
  correctedBy: string | null;
  classifiedAt: Date;
}

/** How a text feels. */
export interface Sentiment {
  label: SentimentLabel;
  /** -1 to 1 */
  score: number;
  confidence: number;
  model: string;
}

/** What classifying reads of a document. */
export type ClassifiableDocument = Pick<Document, 'id' | 'title' | 'text' | 'contentHash' | 'metadata' | 'source'>;

/** The `model` of labels that a person gave. */
export const PERSON = 'person';

export const SENTIMENT_TAXONOMY = 'sentiment';

export const FEEDBACK_TYPES = ['BUG', 'FEATURE_REQUEST', 'IMPROVEMENT', 'QUESTION', 'PRAISE', 'COMPLAINT'] as const;
export type FeedbackType = (typeof FEEDBACK_TYPES)[number];

export const URGENCIES = ['NORMAL', 'URGENT', 'CRITICAL'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** What kind of feedback it is; null in other taxonomies. */
export function feedbackType(classification: Classification): FeedbackType | null {
  const label = feedbackLabel(classification, 'type')?.toUpperCase();
  return FEEDBACK_TYPES.find((type) => type === label) ?? null;
}

/** The part of the product that feedback is about, where that was said. */
export function productArea(classification: Classification): string | null {
  return feedbackLabel(classification, 'product_area') ?? null;
}

export function urgency(classification: Classification): Urgency | null {
  const label = feedbackLabel(classification, 'urgency')?.toUpperCase();
  return URGENCIES.find((value) => value === label) ?? null;
}

function feedbackLabel({ taxonomy, labels }: Classification, dimension: string): string | undefined {
  return taxonomy === 'feedback' ? labels.find((label) => label.dimension === dimension)?.label : undefined;
}

/** `Churn risk` and `churnRisk` become `churn_risk`: how taxonomies are named, and found whatever way they are written. */
export function taxonomyName(given: string): string {
  return spokenLabelName(given.slice(0, 500)).replaceAll(' ', '_');
}

const ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** The taxonomies that come with the product, with ids that depend on their names alone. */
export const BUILT_INS: readonly WorkspaceTaxonomy[] = BUILT_IN_TAXONOMIES.map((taxonomy) => {
  const digest = createHash('sha256').update(taxonomy.name).digest().subarray(0, 25);
  const suffix = Array.from(digest, (byte) => ID_ALPHABET[byte % 32]).join('');
  return { ...taxonomy, id: `${ID_PREFIXES.Taxonomy}_0${suffix}` };
});

export function builtInByName(name: string): WorkspaceTaxonomy | null {
  return BUILT_INS.find((taxonomy) => taxonomy.name === name) ?? null;
}
