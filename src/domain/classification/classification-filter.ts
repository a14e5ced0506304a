import type { WorkspaceReads } from '../../db/workspace-scope.ts';
import { type InputIssue, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import type { ClassificationFilter, DocumentFilter } from '../documents/document.ts';
import { builtInByName, taxonomyName } from './classification.ts';
import { spokenLabelName, type Taxonomy } from './taxonomy.ts';
import { findTaxonomyByName } from './taxonomy-store.ts';

const LABELS_NAMED_MAX = 50;

/**
 * A filter with its taxonomy and labels in the spelling in which they are stored: `PRAISE` finds `praise`.
 * @throws NotFoundError (no such taxonomy), InvalidInputError (a label or a confidence that no document can have)
 */
export async function resolveDocumentFilter<Given extends DocumentFilter | null>(
  scope: WorkspaceReads,
  filter: Given,
): Promise<Given> {
  const given = filter?.classification;
  if (filter === null || given == null) return filter;
  const name = taxonomyName(given.taxonomy);
  const taxonomy = builtInByName(name) ?? (await findTaxonomyByName(scope, name));
  if (taxonomy === null) throw new NotFoundError('taxonomy', given.taxonomy);
  const { minConfidence } = given;
  return { ...filter, classification: { taxonomy: name, labels: labelsIn(taxonomy, given), minConfidence } };
}

function labelsIn(taxonomy: Taxonomy, { labels, minConfidence }: ClassificationFilter): string[] {
  const issues: InputIssue[] = [];
  if (minConfidence != null && !(minConfidence >= 0 && minConfidence <= 1)) {
    issues.push({ path: ['filter', 'classification', 'minConfidence'], message: 'must be 0 to 1' });
  }
  const takesAny = taxonomy.dimensions.some(({ openEnded }) => openEnded);
  const names = taxonomy.dimensions.flatMap((dimension) => dimension.labels.map((label) => label.name));
  const found = labels.flatMap((label, i) => {
    const given = label.slice(0, 500).trim();
    const known = names.filter((name) => spokenLabelName(name) === spokenLabelName(given));
    if (known.length > 0) return known;
    if (takesAny) return [given];
    const path = ['filter', 'classification', 'labels', String(i)];
    issues.push({ path, message: `"${taxonomy.name}" has no such label; there are: ${listed(names)}` });
    return [];
  });
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, LABELS_NAMED_MAX));
  return found;
}

function listed(names: readonly string[]): string {
  const more = names.length > LABELS_NAMED_MAX ? ` and ${names.length - LABELS_NAMED_MAX} more` : '';
  return `${names.slice(0, LABELS_NAMED_MAX).join(', ')}${more}`;
}
