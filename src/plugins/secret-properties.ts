import { isJsonObject } from '../shared/json.ts';
import type { JsonSchema } from './contract.ts';

/** Schemas that refer to each other go on for as long as the value does, and never beyond. */
const MAX_DEPTH = 20;

/** Where a value holds credentials, by the schema of the configuration: `"secret": true` marks one, at any depth. */
export function secretPathsIn(schema: JsonSchema, value: unknown): string[][] {
  return walk(schema, schema, value, [], 0);
}

/** Whether a path is one of these, or lies below one. */
export function isWithin(path: readonly string[], places: readonly string[][]): boolean {
  return places.some((place) => place.every((step, level) => path[level] === step));
}

/** Where the values of an object are that are no objects themselves. */
export function leafPathsIn(value: unknown, path: string[] = []): string[][] {
  if (!isJsonObject(value) || Object.keys(value).length === 0) return path.length === 0 ? [] : [path];
  return Object.entries(value).flatMap(([key, inner]) => leafPathsIn(inner, [...path, key]));
}

/** Keywords whose value is a schema, a list of schemas, or a map of them by names that are not keywords. */
const SCHEMA_MAPS = ['properties', 'patternProperties', '$defs', 'definitions'];
/** Keywords that `secretPathsIn` does not go into. */
const UNREAD = ['dependentSchemas', 'dependencies', 'not', 'contains', 'propertyNames', 'contentSchema']
  .concat(['unevaluatedProperties', 'unevaluatedItems'])
  .concat(['additionalItems']);
/** They lead to other places of a schema than `secretPathsIn` would go to. */
const UNREAD_REFERENCES = ['$dynamicRef', '$recursiveRef', '$anchor', '$dynamicAnchor', '$recursiveAnchor'];

/** The keyword of a configuration's schema that may hide a credential from `secretPathsIn`; null where none does. */
export function keywordHidingSecrets(schema: JsonSchema): string | null {
  return marksSecret(schema) ? hidingKeyword(schema, 0) : null;
}

function hidingKeyword(schema: unknown, depth: number): string | null {
  if (Array.isArray(schema)) return firstFound(schema, (inner) => hidingKeyword(inner, depth));
  if (!isJsonObject(schema)) return null;
  if (depth > MAX_DEPTH) return `more than ${MAX_DEPTH} levels`;
  const { $id, $ref } = schema;
  if (depth > 0 && $id !== undefined) return 'a nested $id';
  if (typeof $ref === 'string' && $ref !== '#' && !$ref.startsWith('#/')) return `$ref to ${$ref}`;
  const reference = UNREAD_REFERENCES.find((keyword) => schema[keyword] !== undefined);
  if (reference !== undefined) return reference;
  const unread = UNREAD.find((keyword) => mayHoldSecret(schema[keyword]));
  if (unread !== undefined) return unread;
  return firstFound(Object.entries(schema), ([keyword, value]) => {
    // What these hold is data.
    if (['const', 'enum', 'default', 'examples'].includes(keyword)) return null;
    const inner = SCHEMA_MAPS.includes(keyword) && isJsonObject(value) ? Object.values(value) : value;
    return hidingKeyword(inner, depth + 1);
  });
}

function marksSecret(value: unknown): boolean {
  return hasEntry(value, (key, inner) => key === 'secret' && inner === true);
}

/** A reference may lead to one. */
function mayHoldSecret(value: unknown): boolean {
  return marksSecret(value) || hasEntry(value, (key) => key === '$ref');
}

function hasEntry(value: unknown, isIt: (key: string, inner: unknown) => boolean): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, inner]) => isIt(key, inner) || hasEntry(inner, isIt));
}

function firstFound<Item>(items: readonly Item[], find: (item: Item) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function walk(root: JsonSchema, schema: unknown, value: unknown, path: string[], depth: number): string[][] {
  if (!isJsonObject(schema) || depth > MAX_DEPTH) return [];
  if (schema.secret === true) return [path];
  const parts = ['allOf', 'anyOf', 'oneOf'].flatMap((keyword) => (schema[keyword] ?? []) as unknown[]);
  const applied = [...parts, schema.if, schema.then, schema.else, referred(root, schema.$ref)];
  const found = applied.flatMap((part) => walk(root, part, value, path, depth + 1));
  const inner = Array.isArray(value) ? value.entries() : isJsonObject(value) ? Object.entries(value) : [];
  for (const [step, item] of inner) {
    const below = schemasBelow(schema, step);
    found.push(...below.flatMap((each) => walk(root, each, item, [...path, String(step)], depth + 1)));
  }
  return found;
}

/** The schemas that a schema holds one item or property of its value to. */
function schemasBelow(schema: Record<string, unknown>, step: string | number): unknown[] {
  if (typeof step === 'number') return [(schema.prefixItems as unknown[] | undefined)?.[step] ?? schema.items];
  const { properties = {}, patternProperties = {}, additionalProperties } = schema as Record<string, object>;
  const named = Object.hasOwn(properties, step) ? [(properties as Record<string, unknown>)[step]] : [];
  const matched = Object.entries(patternProperties)
    .filter(([pattern]) => new RegExp(pattern, 'u').test(step))
    .map(([, each]) => each as unknown);
  return named.length + matched.length > 0 ? [...named, ...matched] : [additionalProperties];
}

/** A schema of the same document, such as `#/$defs/token`. */
function referred(root: JsonSchema, reference: unknown): unknown {
  if (reference === '#') return root;
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  const steps = reference.slice(2).split('/');
  return steps.reduce<unknown>(
    (schema, step) => inStep(schema, decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')),
    root,
  );
}

/** A step may also be the place in a list, as in `#/allOf/0`. */
function inStep(schema: unknown, step: string): unknown {
  return typeof schema === 'object' && schema !== null ? (schema as Record<string, unknown>)[step] : undefined;
}
