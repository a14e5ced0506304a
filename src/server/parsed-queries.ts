import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';

/** Of all that are kept. Parsed, a character takes 90 bytes in usual queries and up to 250 in the densest ones. */
export const KEPT_CHARACTERS = 200_000;
/** A longer text is parsed each time. */
export const LONGEST_KEPT = 20_000;
const KEPT_TEXTS = 1_000;

/**
 * What the server remembers of texts that it has parsed, bounded by their length: whoever reaches the server can send it
 * ever new ones, of megabytes, and needs no key for it.
 */
export function openParserCaches(): {
  documentCache: LRUCache<string, DocumentNode>;
  errorCache: LRUCache<string, object>;
} {
  return { documentCache: byLength<DocumentNode>(), errorCache: byLength<object>() };
}

function byLength<Value extends object>(): LRUCache<string, Value> {
  return new LRUCache<string, Value>({
    max: KEPT_TEXTS,
    maxSize: KEPT_CHARACTERS,
    maxEntrySize: LONGEST_KEPT,
    sizeCalculation: (_, text) => Math.max(text.length, 1),
  });
}
