import type { EmbedTexts } from './embedding-space.ts';
import { borrowBank } from './prototype-families.ts';
import {
  type LabelChoice,
  spokenLabelName,
  type Taxonomy,
  type TaxonomyDimension,
  type TaxonomyLabel,
} from './taxonomy.ts';

/** One text that a dimension's model learns from. */
export interface DimensionRow {
  readonly origin: 'name' | 'prototype' | 'example' | 'correction';
  readonly vector: Float32Array;
  readonly text: string | undefined;
  /** Places of its labels in the dimension. */
  readonly labels: readonly number[];
  readonly weight: number;
}

interface KnownText {
  readonly text?: string;
  readonly vector: Float32Array;
  readonly labels: readonly LabelChoice[];
}

/** A label's name counts as two examples. */
const NAME_WEIGHT = 2;
const PROTOTYPE_WEIGHT = 0.6;
/** As many as a dimension may have that is written by hand: fitting and judging take time with each. */
const OPEN_LABELS_MAX = 200;
/** With this many examples of a label, its prototypes count half. */
const EXAMPLES_TO_HALVE_PROTOTYPES = 3;

/**
 * A taxonomy whose open-ended dimensions also have the labels that people gave in corrections.
 * @param corrections newest first; the newest spelling of a label is the one that is given
 */
export function withTaughtLabels(
  taxonomy: Taxonomy,
  corrections: readonly { readonly labels: readonly LabelChoice[] }[],
): Taxonomy {
  const choices = corrections.flatMap(({ labels }) => labels);
  const dimensions = taxonomy.dimensions.map((dimension) => {
    if (!dimension.openEnded) return dimension;
    const labels = new Map(dimension.labels.map((label) => [spokenLabelName(label.name), label]));
    for (const choice of choices) {
      const spoken = spokenLabelName(choice.label);
      if (choice.dimension !== dimension.name || labels.has(spoken) || labels.size >= OPEN_LABELS_MAX) continue;
      labels.set(spoken, { name: choice.label, description: '', examples: [] });
    }
    return { ...dimension, labels: [...labels.values()] };
  });
  return { ...taxonomy, dimensions };
}

/** Gathers and embeds what a dimension learns from. `bankKeys` says which bank each label has, for text cues. */
export async function prepareDimension(
  taxonomy: Taxonomy,
  dimension: TaxonomyDimension,
  corrections: readonly KnownText[],
  embed: EmbedTexts,
  maxExamples: number,
): Promise<{ rows: readonly DimensionRow[]; bankKeys: readonly (string | undefined)[] }> {
  const place = new Map(dimension.labels.map(({ name }, index) => [spokenLabelName(name), index]));
  const corrected = corrections.flatMap(({ text, vector, labels }): DimensionRow[] => {
    const places = labels.flatMap((choice) =>
      choice.dimension === dimension.name ? [place.get(spokenLabelName(choice.label))] : [],
    );
    const known = places.filter((label) => label !== undefined);
    return known.length === 0 ? [] : [{ origin: 'correction', vector, text, labels: known, weight: 1 }];
  });
  const counts = dimension.labels.map((_, label) => corrected.filter((row) => row.labels.includes(label)).length);
  const borrowed = dimension.labels.map(({ name }) => borrowBank(name, dimension.name));
  // Where few labels of a dimension have a bank, those would draw everything to themselves.
  const bankShare = taxonomy.builtIn ? 1 : borrowed.filter((loan) => loan !== undefined).length / borrowed.length;
  const banks = dimension.labels.map((label, i) => (taxonomy.builtIn ? label.examples : borrowed[i]?.bank.examples));
  const sizes = banks.flatMap((bank) => (bank === undefined || bank.length === 0 ? [] : [bank.length]));
  const bankSize = sizes.reduce((sum, size) => sum + size, 0) / sizes.length;
  const examplesALabel = Math.floor((maxExamples - corrected.length) / dimension.labels.length);
  const drafts = dimension.labels.flatMap((label, index) => {
    const examples = taxonomy.builtIn ? [] : label.examples.slice(0, Math.max(0, examplesALabel));
    const prototypes = banks[index] ?? [];
    const halvings = (examples.length + (counts[index] ?? 0)) / EXAMPLES_TO_HALVE_PROTOTYPES;
    // A label that takes more sentences to show is not likelier for that.
    const balance = prototypes.length === 0 ? 1 : Math.min(1, bankSize / prototypes.length);
    const prototypeWeight = (PROTOTYPE_WEIGHT * balance * bankShare ** 2) / (1 + halvings);
    return [
      ...nameRows(label, index),
      ...prototypes.map((text) => draft('prototype', text, index, prototypeWeight)),
      ...examples.map((text) => draft('example', text, index, 1)),
    ];
  });
  const vectors = await embed(drafts.map(({ text }) => text));
  const rows = drafts.flatMap((row, index): DimensionRow[] => {
    const vector = vectors[index];
    return vector ? [{ ...row, vector }] : [];
  });
  if (rows.length !== drafts.length)
    throw new RangeError(`embed answered ${vectors.length} vectors for ${drafts.length} texts`);
  return { rows: [...rows, ...corrected], bankKeys: borrowed.map((loan) => loan?.key) };
}

type DraftRow = Omit<DimensionRow, 'vector' | 'text'> & { readonly text: string };

function draft(origin: DimensionRow['origin'], text: string, label: number, weight: number): DraftRow {
  return { origin, text, labels: [label], weight };
}

/** What is embedded for a label's name. */
export function labelText({ name }: TaxonomyLabel): string {
  return spokenLabelName(name) || name;
}

function nameRows(label: TaxonomyLabel, index: number): DraftRow[] {
  const spoken = labelText(label);
  const described = label.description.trim();
  const named = draft('name', spoken, index, NAME_WEIGHT);
  return described ? [named, draft('name', `${spoken}: ${described}`, index, NAME_WEIGHT)] : [named];
}
