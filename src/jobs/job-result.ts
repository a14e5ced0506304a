import { z } from 'zod';

const JSON_VALUE = z.json();

/** An escape that stands in JSON for a NUL or half of a surrogate pair: Postgres refuses a text that holds either. */
const UNSTORABLE = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

/** Why a value cannot be stored as JSON, or null where it can. */
export function storageProblem(value: unknown): string | null {
  const parsed = JSON_VALUE.safeParse(value);
  if (!parsed.success) return `it is not plain JSON: ${z.prettifyError(parsed.error)}`;
  return UNSTORABLE.test(JSON.stringify(value)) ? 'it holds a NUL character or half of a surrogate pair' : null;
}
