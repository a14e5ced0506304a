import type { ExecutionResult } from 'graphql';

/** From here on the bytes of a result are shared, and not only its text. */
const LARGE_CHARACTERS = 8 * 1024;

const texts = new WeakMap<ExecutionResult, string | Buffer>();

/**
 * A result as JSON: made once for all who are told the same one, and where it is large, as bytes that each connection
 * sends as they are. It may have no errors, which are told one by one.
 */
export function textOfResult(result: ExecutionResult): string | Buffer {
  const known = texts.get(result);
  if (known !== undefined) return known;
  const text = JSON.stringify(result);
  const shared = text.length > LARGE_CHARACTERS ? Buffer.from(text) : text;
  texts.set(result, shared);
  return shared;
}
