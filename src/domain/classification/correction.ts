import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { storableText } from '../../shared/text.ts';
import { SENTIMENT_TAXONOMY } from './classification.ts';
import { PERSON_CONFIDENCE } from './learned-classifier.ts';
import {
  type AssignedLabel,
  type LabelChoice,
  spokenLabelName,
  type Taxonomy,
  type TaxonomyDimension,
} from './taxonomy.ts';
import { NAME_MAX_CHARACTERS } from './taxonomy-service.ts';

const LABELS_MAX = 50;
const SENTIMENT_SCORES: Readonly<Record<string, number>> = { positive: 1, negative: -1, neutral: 0, mixed: 0 };

/**
 * A person's labels, in the taxonomy's own spelling.
 * @throws InvalidInputError that says what dimensions and labels there are
 */
export function checkLabels(taxonomy: Taxonomy, choices: readonly LabelChoice[]): AssignedLabel[] {
  if (choices.length < 1 || choices.length > LABELS_MAX) {
    throw InvalidInputError.at('labels', `must have 1 to ${LABELS_MAX} labels, not ${choices.length}`);
  }
  const issues: InputIssue[] = [];
  const given: AssignedLabel[] = [];
  choices.forEach((choice, i) => {
    const wanted = spokenLabelName(choice.dimension.slice(0, 500));
    const dimension = taxonomy.dimensions.find(({ name }) => spokenLabelName(name) === wanted);
    if (dimension === undefined) {
      const names = taxonomy.dimensions.map(({ name }) => name).join(', ');
      issues.push({
        path: ['labels', String(i), 'dimension'],
        message: `"${taxonomy.name}" has no such dimension; there are: ${names}`,
      });
      return;
    }
    const path = ['labels', String(i), 'label'];
    const label = labelIn(dimension, choice.label);
    if (label === null) {
      issues.push({ path, message: `"${dimension.name}" has no such label; ${allowedIn(dimension)}` });
    } else if (
      given.some((other) => other.dimension === dimension.name && (!dimension.multi || other.label === label))
    ) {
      const message = dimension.multi ? `"${label}" is there twice` : `"${dimension.name}" takes one label`;
      issues.push({ path, message });
    } else {
      given.push({ dimension: dimension.name, label, confidence: PERSON_CONFIDENCE });
    }
  });
  if (issues.length > 0) throw new InvalidInputError(issues);
  return given;
}

/** The labels after a correction: dimensions that the person did not speak of keep what they had. */
export function withCorrection(
  taxonomy: Taxonomy,
  before: readonly AssignedLabel[],
  given: readonly AssignedLabel[],
): AssignedLabel[] {
  return taxonomy.dimensions.flatMap(({ name }) => {
    const said = given.filter(({ dimension }) => dimension === name);
    return said.length > 0 ? said : before.filter(({ dimension }) => dimension === name);
  });
}

/** What a person's labels are worth between -1 and 1; null in other taxonomies than that of sentiment. */
export function sentimentScore(taxonomy: Taxonomy, labels: readonly AssignedLabel[]): number | null {
  if (!taxonomy.builtIn || taxonomy.name !== SENTIMENT_TAXONOMY) return null;
  return SENTIMENT_SCORES[labels[0]?.label ?? ''] ?? 0;
}

function labelIn(dimension: TaxonomyDimension, given: string): string | null {
  const name = storableText(given.slice(0, 500)).trim();
  const wanted = spokenLabelName(name);
  const known = dimension.labels.find((label) => spokenLabelName(label.name) === wanted);
  if (known !== undefined) return known.name;
  return dimension.openEnded && wanted !== '' && name.length <= NAME_MAX_CHARACTERS ? name : null;
}

function allowedIn(dimension: TaxonomyDimension): string {
  if (dimension.openEnded) return `it takes any name of up to ${NAME_MAX_CHARACTERS} characters`;
  const names = dimension.labels.map(({ name }) => name);
  const more = names.length > 50 ? ` and ${names.length - 50} more` : '';
  return `there are: ${names.slice(0, 50).join(', ')}${more}`;
}
