import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';

export function isArray(value: JsonValue | undefined): value is JsonValue[] {
  return Array.isArray(value);
}

/** Lower case, letters and digits only: `SIC_Codes`, `sicCodes` and `sic codes` are one name. */
function normaliseKey(key: string): string {
  return key.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}

const isBlank = (value: JsonValue | undefined): boolean =>
  value === undefined ||
  value === null ||
  (typeof value === 'string' && value.trim() === '') ||
  (isArray(value) && value.length === 0);

/** Reads an object whose keys may be spelled in any way (`snake_case`, `camelCase`, `Title Case`). */
export class Fields {
  readonly #values = new Map<string, JsonValue>();

  /** The values of an earlier object win over those of a later one. */
  constructor(...objects: readonly (JsonValue | undefined)[]) {
    for (const object of objects) {
      if (!isJsonObject(object)) continue;
      for (const [key, value] of Object.entries(object)) {
        const name = normaliseKey(key);
        if (value !== undefined && !isBlank(value) && !this.#values.has(name)) this.#values.set(name, value);
      }
    }
  }

  /** The first of the named values that is there and not blank. Names are given normalised. */
  first(...names: readonly string[]): JsonValue | undefined {
    for (const name of names) {
      const value = this.#values.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** Every named value that is there, in the order of the names. */
  all(...names: readonly string[]): JsonValue[] {
    return names.map((name) => this.#values.get(name)).filter((value) => value !== undefined);
  }

  /** Every value whose normalised name matches. */
  matching(pattern: RegExp): JsonValue[] {
    return [...this.#values].filter(([name]) => pattern.test(name)).map(([, value]) => value);
  }
}

/** An object as fields, with what lies in the first envelope that is there (`{ issue: { … } }`) in front. */
export function unwrap(source: JsonObject, ...envelopes: readonly string[]): Fields {
  const outer = new Fields(source);
  const inner = envelopes.map((name) => outer.first(name)).find(isJsonObject);
  return inner === undefined ? outer : new Fields(inner, source);
}

/** The elements of a list in any of its usual forms: an array, `{ nodes: [] }`, `{ comments: [] }`, `{ edges: [{ node }] }`. */
export function listOf(value: JsonValue | undefined): JsonValue[] {
  if (isArray(value)) return value;
  if (!isJsonObject(value)) return [];
  const inner = new Fields(value).first('nodes', 'comments', 'items', 'values', 'data', 'edges', 'results');
  if (!isArray(inner)) return [];
  return inner.map((element) => (isJsonObject(element) && isJsonObject(element.node) ? element.node : element));
}
