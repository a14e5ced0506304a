/** What texts are sorted into: one or more dimensions, each with its labels. */
export interface Taxonomy {
  readonly name: string;
  /** True for those that come with the product; a workspace cannot change them. */
  readonly builtIn: boolean;
  readonly dimensions: readonly TaxonomyDimension[];
}

/** One question that is asked of a text, such as its type or its urgency. */
export interface TaxonomyDimension {
  readonly name: string;
  /** A text may have several labels of this dimension. */
  readonly multi: boolean;
  /** A text may have none of the labels; other names may come from explicit hints. */
  readonly openEnded: boolean;
  readonly labels: readonly TaxonomyLabel[];
}

/** One answer. A name alone is enough to begin with; a description and examples make it better. */
export interface TaxonomyLabel {
  readonly name: string;
  readonly description: string;
  /** Texts that carry this label, in the words of people. */
  readonly examples: readonly string[];
}

/** A label that a person gave. */
export interface LabelChoice {
  readonly dimension: string;
  readonly label: string;
}

/** A label that a classifier gave. */
export interface AssignedLabel extends LabelChoice {
  /** 0..1: how often a label given with this confidence is expected to be right. */
  readonly confidence: number;
}

/** `featureRequest`, `Feature-Request` and `feature_request` all become `feature request`. */
export function spokenLabelName(name: string): string {
  return name
    .normalize('NFKC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}
