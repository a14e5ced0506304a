// How stored vectors are compared, by their length. They and the queries have norm 1: in full precision -(a <#> b), the
// inner product, is the cosine. Rounded to half precision a vector is up to 1e-4 longer or shorter, by more than the
// thresholds allow for, so there `<=>` divides by what it is.
import { MAX_STORED_DIMENSIONS, vectorColumn, vectorLiteral } from '../../db/vector.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Fragment } from '../documents/document-filter.ts';
import type { SearchModel } from './search.ts';

/** The type whose distance the index knows. */
export function indexedType(dimensions: number): string {
  if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAX_STORED_DIMENSIONS) {
    throw new Error(`no stored vector has ${dimensions} dimensions`);
  }
  return `${vectorColumn(dimensions).type}(${dimensions})`;
}

/** The expression of `chunks` that is indexed; a query uses the index only where it has the very same one. */
export function indexedExpression(dimensions: number): string {
  return `${vectorColumn(dimensions).name}::${indexedType(dimensions)}`;
}

/** The operators that the index is made with. */
export function indexedOperators(dimensions: number): string {
  return `${vectorColumn(dimensions).type}_cosine_ops`;
}

/** The vectors of a table or subquery. */
export function storedVector({ sql }: WorkspaceScope, { dimensions }: SearchModel, table: string): Fragment {
  return sql`${sql(`${table}.${vectorColumn(dimensions).name}`)}`;
}

/** A vector to compare stored ones with. */
export function targetVector({ sql }: WorkspaceScope, { dimensions }: SearchModel, vector: Float32Array): Fragment {
  return sql`${vectorLiteral(vector)}::${sql.unsafe(vectorColumn(dimensions).type)}`;
}

/** Cosine of a stored vector and a target of the same type. */
export function similarity(
  { sql }: WorkspaceScope,
  { dimensions }: SearchModel,
  stored: Fragment,
  target: Fragment,
): Fragment {
  return vectorColumn(dimensions).type === 'vector'
    ? sql`-(${stored} <#> ${target})`
    : sql`1 - (${stored} <=> ${target})`;
}

/** What an index scan of `chunks` is ordered by. */
export function indexedDistance(
  { sql }: WorkspaceScope,
  { dimensions }: SearchModel,
  table: string,
  target: Fragment,
): Fragment {
  const expression = sql.unsafe(`${table}.${indexedExpression(dimensions)}`);
  return sql`(${expression}) <=> (${target})::${sql.unsafe(indexedType(dimensions))}`;
}
