import { z } from 'zod';
import type { JsonSchema } from '../../plugins/contract.ts';

/**
 * Limits of values, which vendors' schema modes refuse or pass over, each other ones. They are checked when the answer
 * is here.
 */
const LEFT_TO_ZOD: ReadonlySet<string> = new Set([
  ...['$schema', 'default', 'minLength', 'maxLength', 'pattern', 'format', 'contentEncoding', 'contentMediaType'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  ...['minItems', 'maxItems', 'uniqueItems'],
]);
/** No vendor's strict mode has them. */
const IMPOSSIBLE: readonly string[] = ['allOf', 'not', 'prefixItems', 'patternProperties', 'propertyNames'];

/** JSON Schema (draft 2020-12) of what a model has to write for a zod schema to accept it. */
export function writtenJsonSchema(schema: z.ZodType): JsonSchema {
  return z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' });
}

/**
 * The same in the subset that all vendors' strict modes share: objects are closed, and all of their fields required.
 * @throws TypeError where the schema cannot be put so; it is the product's own, and has to be changed
 */
export function strictJsonSchema(schema: z.ZodType): JsonSchema {
  const written = writtenJsonSchema(schema);
  if (written.type !== 'object') throw new TypeError('the schema of an answer must be an object');
  return strictNode(written, 'answer');
}

function strictNode(node: object, path: string): JsonSchema {
  const strict: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (LEFT_TO_ZOD.has(keyword)) continue;
    if (IMPOSSIBLE.includes(keyword)) throw new TypeError(`${path}: a strict schema has no "${keyword}"`);
    if (keyword === 'properties' || keyword === '$defs') strict[keyword] = strictMap(value, path);
    else if (keyword === 'items') strict.items = strictNode(value, `${path}[]`);
    else if (keyword === 'anyOf' || keyword === 'oneOf') {
      strict.anyOf = (value as object[]).map((option) => strictNode(option, path));
    } else if (keyword === 'const') strict.enum = [value];
    else strict[keyword] = value;
  }
  return strict.type === 'object' ? closed(strict, path) : strict;
}

function strictMap(schemas: object, path: string): Record<string, JsonSchema> {
  const entries = Object.entries(schemas).map(([key, schema]) => [key, strictNode(schema, `${path}.${key}`)] as const);
  return Object.fromEntries(entries);
}

function closed(node: Record<string, unknown>, path: string): JsonSchema {
  if (typeof node.additionalProperties === 'object') throw new TypeError(`${path}: a strict schema names all fields`);
  const keys = Object.keys(node.properties ?? {});
  const required: readonly unknown[] = Array.isArray(node.required) ? node.required : [];
  const optional = keys.find((key) => !required.includes(key));
  if (optional !== undefined) {
    throw new TypeError(`${path}.${optional}: a field of a strict schema is never left out; make it nullable`);
  }
  return { ...node, properties: node.properties ?? {}, required: keys, additionalProperties: false };
}
