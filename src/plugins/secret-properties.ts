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
  if (typeof reference !== 'string' || !reference.startsWith('#/')) return undefined;
  const steps = reference.slice(2).split('/');
  return steps.reduce<unknown>(
    (schema, step) => (isJsonObject(schema) ? schema[step.replaceAll('~1', '/').replaceAll('~0', '~')] : undefined),
    root,
  );
}
