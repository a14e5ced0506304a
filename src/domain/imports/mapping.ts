import { z } from 'zod';
import { InvalidInputError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import { type DateOrder, usualDateOrder } from './dates.ts';

const COLUMN = z.string().min(1);

const GIVEN = z.strictObject({
  title: COLUMN.optional(),
  text: COLUMN.optional(),
  externalId: COLUMN.optional(),
  createdAt: COLUMN.optional(),
  metadata: z.array(COLUMN).max(1_000).optional(),
  conversation: COLUMN.optional(),
  author: COLUMN.optional(),
  source: z.boolean().optional(),
  documents: z.boolean().optional(),
  header: z.boolean().optional(),
  dateOrder: z.enum(['DMY', 'MDY']).optional(),
});

/** The fields of a mapping that name one column. */
export const COLUMN_FIELDS = ['title', 'text', 'externalId', 'createdAt', 'conversation', 'author'] as const;
export type ColumnField = (typeof COLUMN_FIELDS)[number];

/** Which column of a file is which field of a document. What is named nowhere is left out. */
export interface Mapping extends Partial<Record<ColumnField, string>> {
  /** Columns that become keys of the metadata. */
  metadata: string[];
  /** Whether the whole record is the document's source, which the extractor of its kind makes a text of. */
  source: boolean;
  /** Of JSONL: whether each line is a document as `upsertDocuments` takes it. */
  documents: boolean;
  /** Of CSV: whether the first record names the columns. */
  header: boolean;
  /** How 03/04/2026 is read. */
  dateOrder: DateOrder;
}

export type GivenMapping = z.infer<typeof GIVEN>;

/**
 * A client's mapping, its columns not checked yet.
 * @throws InvalidInputError
 */
export function readGivenMapping(given: JsonObject | null): GivenMapping | null {
  if (given === null) return null;
  const parsed = GIVEN.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    parsed.error.issues.slice(0, 20).map((issue) => ({
      path: ['mapping', ...issue.path.map(String)],
      message: issue.code === 'unrecognized_keys' ? `has ${issue.keys.join(', ')}, which is no field` : issue.message,
    })),
  );
}

/**
 * The mapping that a client gave, for a file that has these columns.
 * @param rows the first of its records, cell by cell
 * @throws InvalidInputError that says which columns there are
 */
export function checkedMapping(
  given: GivenMapping,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  isCsv: boolean,
): Mapping {
  const known = new Map(columns.map((column) => [column.trim().toLowerCase(), column]));
  const issues: { path: string[]; message: string }[] = [];
  const columnOf = (path: string[], name: string): string => {
    const column = columns.includes(name) ? name : known.get(name.trim().toLowerCase());
    if (column === undefined) issues.push({ path: ['mapping', ...path], message: `${unknown(name, columns)}` });
    return column ?? name;
  };
  const mapping: Mapping = {
    metadata: (given.metadata ?? []).map((name, i) => columnOf(['metadata', String(i)], name)),
    source: given.source ?? false,
    documents: given.documents ?? false,
    header: given.header ?? true,
    dateOrder: 'MDY',
  };
  for (const field of COLUMN_FIELDS) {
    const name = given[field];
    if (name !== undefined) mapping[field] = columnOf([field], name);
  }
  const dates = rows.map((row) => row[columns.indexOf(mapping.createdAt ?? '')] ?? '');
  mapping.dateOrder = given.dateOrder ?? usualDateOrder(dates);
  if (mapping.documents && isCsv) issues.push({ path: ['mapping', 'documents'], message: 'is for JSONL alone' });
  if (issues.length === 0 && !hasText(mapping) && columns.length > 0) {
    issues.push({ path: ['mapping', 'text'], message: `must name a column; the file has ${listed(columns)}` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, 100));
  return mapping;
}

/** Whether anything gives the documents a text. */
export function hasText(mapping: Mapping): boolean {
  return mapping.documents || mapping.source || mapping.text !== undefined || mapping.title !== undefined;
}

function unknown(name: string, columns: readonly string[]): string {
  return `names ${JSON.stringify(name.slice(0, 80))}, which is no column; the file has ${listed(columns)}`;
}

/** Columns as an error names them. */
export function listed(columns: readonly string[]): string {
  const shown = columns.slice(0, 50).map((column) => JSON.stringify(column.slice(0, 80)));
  const rest = columns.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
