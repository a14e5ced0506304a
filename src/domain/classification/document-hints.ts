import { type Fields, listOf, unwrap } from '../documents/extractors/json.ts';
import { inlineValue } from '../documents/extractors/values.ts';
import type { ClassifiableDocument } from './classification.ts';
import { AREA_WORDS } from './explicit-labels.ts';
import { spokenLabelName, type Taxonomy } from './taxonomy.ts';

type DocumentFields = Pick<ClassifiableDocument, 'metadata' | 'source'>;

/** A record may lie in an envelope of the system that sent it. */
const ENVELOPES = ['fields', 'feedback', 'post', 'item', 'review', 'ticket', 'issue', 'submission', 'data'];
const TAG_FIELDS = ['tags', 'labels', 'tag', 'label'];
const TAGS_MAX = 50;

/** What a document's own fields say about a taxonomy's dimensions, such as its `type` or its product area. */
export function hintsOf(taxonomy: Taxonomy, document: DocumentFields): Record<string, string> {
  const places = fieldsOf(document);
  const hints: Record<string, string> = {};
  for (const { name } of taxonomy.dimensions) {
    const said = fieldNames(name).flatMap((field) => places.map((fields) => firstName(fields, field)));
    const hint = said.find((value) => value !== '');
    if (hint !== undefined) hints[name] = hint;
  }
  return hints;
}

/** The tags that people gave a document in the system that it comes from, or in its metadata. */
export function tagsOf(document: DocumentFields): string[] {
  const values = fieldsOf(document).flatMap((fields) => fields.all(...TAG_FIELDS));
  const names = values.flatMap((value) => {
    const list = listOf(value);
    return list.length > 0 ? list.map((tag) => inlineValue(tag)) : inlineValue(value).split(/[,;]/);
  });
  return names.map((name) => name.trim()).slice(0, TAGS_MAX);
}

function fieldsOf({ metadata, source }: DocumentFields): Fields[] {
  return [unwrap(metadata), unwrap(source, ...ENVELOPES)];
}

/** What a dimension is called as a field: without its spaces, and an area also as what vendors call one. */
function fieldNames(dimension: string): string[] {
  const name = spokenLabelName(dimension).replaceAll(' ', '');
  return name.endsWith('area') ? [name, ...AREA_WORDS, ...AREA_WORDS.map((word) => `${word}s`)] : [name];
}

function firstName(fields: Fields, field: string): string {
  const value = fields.first(field);
  return inlineValue(listOf(value)[0] ?? value);
}
