import { spokenLabelName, type TaxonomyDimension } from './taxonomy.ts';

const LONGEST_OPEN_LABEL = 60;
/** Of a label that was said; a person who looks at this very text may still know better. */
export const HINT_CONFIDENCE = 0.99;
/** What vendors call the part of a product that something is about. */
export const AREA_WORDS: readonly string[] = ['component', 'module', 'area'];

/**
 * A label that was said rather than guessed: in the caller's hints, or, for an open-ended dimension, in a line of the
 * text such as "Product area: billing". A closed dimension takes only its own labels; an open one any short name.
 */
export function explicitLabel(
  dimension: TaxonomyDimension,
  text: string,
  hints: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const hint = hints && Object.hasOwn(hints, dimension.name) ? hints[dimension.name] : undefined;
  const said = hint ?? (dimension.openEnded ? saidInText(dimension.name, text) : undefined);
  if (said === undefined) return undefined;
  const spoken = spokenLabelName(said);
  const match = dimension.labels.find(({ name }) => spokenLabelName(name) === spoken);
  if (match) return match.name;
  const name = said.trim();
  return dimension.openEnded && spoken !== '' && name.length <= LONGEST_OPEN_LABEL ? name : undefined;
}

/** Why such a label was given. */
export function explicitReason({ name }: TaxonomyDimension, said: string): string {
  return `The text comes with the ${spokenLabelName(name)} "${said}".`;
}

/**
 * The label of a closed dimension that a document's tags spell, as its place; undefined where they spell none or several.
 * A tag names a topic as often as a verdict, so it speaks for a label and does not decide.
 */
export function taggedLabel(dimension: TaxonomyDimension, tags: readonly string[] | undefined): number | undefined {
  if (dimension.openEnded || tags === undefined) return undefined;
  const spoken = new Set(tags.map((tag) => singular(spokenLabelName(tag))));
  const places = dimension.labels.flatMap(({ name }, place) =>
    spoken.has(singular(spokenLabelName(name))) ? [place] : [],
  );
  return places.length === 1 ? places[0] : undefined;
}

function singular(spoken: string): string {
  return spoken.replace(/(?<=\p{L}{2}[^s])s$/u, '');
}

function saidInText(dimensionName: string, text: string): string | undefined {
  const wanted = spokenLabelName(dimensionName);
  const names = wanted.endsWith('area') ? [wanted, ...AREA_WORDS] : [wanted];
  for (const line of text.slice(0, 4000).split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && colon < 40 && names.includes(spokenLabelName(line.slice(0, colon)))) {
      const value = line.slice(colon + 1).trim();
      if (value) return value;
    }
  }
  return undefined;
}
