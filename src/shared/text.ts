import { InvalidInputError } from './errors.ts';
import { JSON_MAX_DEPTH, type JsonValue } from './json.ts';

/** Postgres stores neither NUL nor half a surrogate pair. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/**
 * The same for every string and key of a JSON value.
 * @throws InvalidInputError where it is nested deeper than 100 levels
 */
export function storableJson<Value extends JsonValue>(value: Value): Value {
  return clean(value, 0) as Value;
}

function clean(value: JsonValue, depth: number): JsonValue {
  if (depth > JSON_MAX_DEPTH)
    throw new InvalidInputError([{ path: [], message: `JSON may be nested ${JSON_MAX_DEPTH} levels deep` }]);
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map((inner) => clean(inner, depth + 1));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [storableText(key), clean(inner, depth + 1)]),
    );
  }
  return value;
}
