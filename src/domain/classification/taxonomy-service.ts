import type { Database } from '../../db/client.ts';
import { ConflictError, type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { BUILT_INS, builtInByName, taxonomyName, type WorkspaceTaxonomy } from './classification.ts';
import { spokenLabelName, type TaxonomyDimension, type TaxonomyLabel } from './taxonomy.ts';
import { findTaxonomies, listTaxonomies, raiseRevision, upsertTaxonomy } from './taxonomy-store.ts';

const TAXONOMIES_MAX = 100;
const DIMENSIONS_MAX = 10;
const LABELS_MAX = 200;
const LABEL_EXAMPLES_MAX = 200;
const EXAMPLES_MAX = 2_000;
export const NAME_MAX_CHARACTERS = 60;
const DESCRIPTION_MAX_CHARACTERS = 500;
const EXAMPLE_MAX_CHARACTERS = 2_000;

export interface TaxonomyInput {
  name: string;
  dimensions: readonly TaxonomyDimension[];
}

/** The taxonomies that a workspace sorts texts into. */
export class TaxonomyService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The built-in ones first, then the workspace's own by name. */
  async list(caller: Caller): Promise<WorkspaceTaxonomy[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return [...BUILT_INS, ...(await this.#database.withWorkspace(workspace.id, listTaxonomies))];
  }

  /** Taxonomies by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<WorkspaceTaxonomy[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const builtIn = BUILT_INS.filter(({ id }) => ids.includes(id));
    const own = ids.filter((id) => !builtIn.some((taxonomy) => taxonomy.id === id));
    if (own.length === 0) return builtIn;
    return [...builtIn, ...(await this.#database.withWorkspace(workspace.id, (scope) => findTaxonomies(scope, own)))];
  }

  /**
   * Makes a taxonomy, or replaces the one with this name; labels that models have given in it are computed again when
   * they are read. What people have corrected stays.
   * @throws ConflictError where the name is that of a built-in one
   */
  async upsert(caller: Caller, input: TaxonomyInput): Promise<WorkspaceTaxonomy> {
    const { workspace } = authorize(caller, 'SETTINGS_MANAGE');
    const { name, dimensions } = checkTaxonomy(input);
    if (builtInByName(name) !== null) {
      throw new ConflictError(`the taxonomy "${name}" is built in and cannot be changed: choose another name`);
    }
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const { taxonomy, changed } = await upsertTaxonomy(scope, { id: newId('Taxonomy'), name, dimensions });
      if (!changed) return taxonomy;
      await raiseRevision(scope, name);
      const count = (await listTaxonomies(scope)).length;
      if (count > TAXONOMIES_MAX) {
        throw InvalidInputError.at('name', `a workspace has up to ${TAXONOMIES_MAX} taxonomies of its own`);
      }
      return taxonomy;
    });
  }
}

/** The taxonomy as it is stored. @throws InvalidInputError that names everything wrong with it */
function checkTaxonomy(input: TaxonomyInput): { name: string; dimensions: TaxonomyDimension[] } {
  const issues: InputIssue[] = [];
  const name = taxonomyName(storableText(input.name));
  if (name === '' || name.length > NAME_MAX_CHARACTERS) {
    issues.push({ path: ['name'], message: `must have letters or digits, up to ${NAME_MAX_CHARACTERS} characters` });
  }
  checkCount(issues, ['dimensions'], input.dimensions.length, 1, DIMENSIONS_MAX, 'dimensions');
  const dimensions = input.dimensions
    .slice(0, DIMENSIONS_MAX)
    .map((dimension, i) => checkDimension(issues, ['dimensions', String(i)], dimension));
  checkDistinct(issues, ['dimensions'], dimensions);
  const examples = dimensions.flatMap(({ labels }) => labels.map((label) => label.examples.length));
  const total = examples.reduce((sum, count) => sum + count, 0);
  if (total > EXAMPLES_MAX) {
    issues.push({ path: ['dimensions'], message: `has ${total} examples in all; up to ${EXAMPLES_MAX} are allowed` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, 50));
  return { name, dimensions };
}

function checkDimension(issues: InputIssue[], path: string[], dimension: TaxonomyDimension): TaxonomyDimension {
  const labelsPath = [...path, 'labels'];
  checkCount(issues, labelsPath, dimension.labels.length, dimension.openEnded ? 0 : 1, LABELS_MAX, 'labels');
  const labels = dimension.labels
    .slice(0, LABELS_MAX)
    .map((label, i) => checkLabel(issues, [...labelsPath, String(i)], label));
  checkDistinct(issues, labelsPath, labels);
  const name = checkName(issues, [...path, 'name'], dimension.name);
  return { name, multi: dimension.multi, openEnded: dimension.openEnded, labels };
}

function checkLabel(issues: InputIssue[], path: string[], label: TaxonomyLabel): TaxonomyLabel {
  const description = storableText(label.description).trim();
  if (description.length > DESCRIPTION_MAX_CHARACTERS) {
    issues.push({
      path: [...path, 'description'],
      message: `must have up to ${DESCRIPTION_MAX_CHARACTERS} characters`,
    });
  }
  checkCount(issues, [...path, 'examples'], label.examples.length, 0, LABEL_EXAMPLES_MAX, 'examples');
  const examples = label.examples.slice(0, LABEL_EXAMPLES_MAX).map((given, i) => {
    const example = storableText(given).trim();
    if (example === '' || example.length > EXAMPLE_MAX_CHARACTERS) {
      const message = `must have 1 to ${EXAMPLE_MAX_CHARACTERS} characters`;
      issues.push({ path: [...path, 'examples', String(i)], message });
    }
    return example;
  });
  return { name: checkName(issues, [...path, 'name'], label.name), description, examples };
}

function checkName(issues: InputIssue[], path: string[], given: string): string {
  const name = storableText(given).trim();
  if (name.length > NAME_MAX_CHARACTERS || spokenLabelName(name) === '') {
    issues.push({ path, message: `must have letters or digits, up to ${NAME_MAX_CHARACTERS} characters` });
  }
  return name;
}

function checkCount(issues: InputIssue[], path: string[], count: number, min: number, max: number, what: string): void {
  if (count < min || count > max) issues.push({ path, message: `must have ${min} to ${max} ${what}, not ${count}` });
}

/** Names that differ in case or punctuation alone are the same to the classifier. */
function checkDistinct(issues: InputIssue[], path: string[], named: readonly { name: string }[]): void {
  const seen = new Set<string>();
  named.forEach(({ name }, i) => {
    const spoken = spokenLabelName(name);
    if (spoken !== '' && seen.has(spoken)) {
      issues.push({ path: [...path, String(i), 'name'], message: `"${name.slice(0, 60)}" is there twice` });
    }
    seen.add(spoken);
  });
}
