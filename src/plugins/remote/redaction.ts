import type { JsonSchema } from '../contract.ts';
import { secretPathsIn } from '../secret-properties.ts';

const REDACTED = '[redacted]';
/** A shorter one hides nothing, and would tear up every sentence that it is part of. */
const SECRET_MIN_CHARACTERS = 4;
const MAX_DEPTH = 10;

/** Takes the credentials of one configuration out of what a plugin says. */
export type Redaction = <Value>(value: Value) => Value;

/** @param schema of the configuration: `"secret": true` marks a credential, at any depth */
export function redactionOf(schema: JsonSchema, config: unknown): Redaction {
  const places = secretPathsIn(schema, config);
  const secrets = [...new Set(places.flatMap((path) => stringsIn(valueAt(config, path))))]
    .filter((secret) => secret.length >= SECRET_MIN_CHARACTERS)
    .sort((left, right) => right.length - left.length);
  if (secrets.length === 0) return (value) => value;
  const hide = (text: string) => secrets.reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text);
  return (value) => walk(value, hide, 0) as typeof value;
}

function walk(value: unknown, hide: (text: string) => string, depth: number): unknown {
  if (typeof value === 'string') return hide(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return REDACTED;
  if (Array.isArray(value)) return value.map((inner) => walk(inner, hide, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner, hide, depth + 1)]));
}

function valueAt(config: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string, unknown> | undefined)?.[step], config);
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
