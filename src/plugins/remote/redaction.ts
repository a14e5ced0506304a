import { hideSecrets, secretForms } from '../../shared/secret-forms.ts';
import type { JsonSchema } from '../contract.ts';
import { secretPathsIn } from '../secret-properties.ts';

const REDACTED = '[redacted]';
const MAX_DEPTH = 10;

/** Takes the credentials of one configuration out of what a plugin says. */
export type Redaction = <Value>(value: Value) => Value;

/** @param schema of the configuration: `"secret": true` marks a credential, at any depth */
export function redactionOf(schema: JsonSchema, config: unknown): Redaction {
  const places = secretPathsIn(schema, config);
  const forms = secretForms(places.flatMap((path) => stringsIn(valueAt(config, path))));
  if (forms.length === 0) return (value) => value;
  const hide = (text: string) => hideSecrets(text, forms);
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
