import { LRUCache } from 'lru-cache';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { LexemeFrequency } from './query-terms.ts';
import { type ChunkSelection, countDocuments, countMatchingVectors, documentFrequencies } from './search-store.ts';

/** How long a count may be out of date. Only weights and plans hang on these counts, no answer does. */
const TTL_MS = 30_000;
const MAX_WORKSPACES = 500;
const MAX_LEXEMES = 5_000;
const MAX_SELECTIONS = 500;

interface Counts {
  documents: number | null;
  frequencies: Map<string, number>;
  matching: Map<string, number>;
}

/** What searches count again and again, remembered for each workspace. */
export class WorkspaceStatistics {
  readonly #counts = new LRUCache<string, Counts>({ max: MAX_WORKSPACES, ttl: TTL_MS });

  /** How many documents there are, and in how many of them each lexeme stands. */
  async frequencies(
    scope: WorkspaceScope,
    lexemes: readonly string[],
  ): Promise<{ documents: number; frequencies: LexemeFrequency[] }> {
    const counts = this.#of(scope.workspaceId);
    const documents = counts.documents ?? (await countDocuments(scope));
    counts.documents = documents;
    const missing = lexemes.filter((lexeme) => !counts.frequencies.has(lexeme));
    const counted = missing.length === 0 ? [] : await documentFrequencies(scope, missing, documents);
    const fresh = new Map(counted.map((row) => [row.lexeme, row.frequency]));
    const frequencies = lexemes.map((lexeme) => ({
      lexeme,
      frequency: fresh.get(lexeme) ?? counts.frequencies.get(lexeme) ?? 0,
    }));
    remember(counts.frequencies, fresh, MAX_LEXEMES);
    return { documents, frequencies };
  }

  /** How many vectors a filter leaves, counted up to `limit`. */
  async matchingVectors(scope: WorkspaceScope, selection: ChunkSelection, limit: number): Promise<number> {
    const { matching } = this.#of(scope.workspaceId);
    const key = JSON.stringify([selection.model.id, selection.filter ?? null, limit]);
    const count = matching.get(key) ?? (await countMatchingVectors(scope, selection, limit));
    remember(matching, new Map([[key, count]]), MAX_SELECTIONS);
    return count;
  }

  /** To be called where documents of a workspace came, changed or went. */
  forget(workspaceId: string): void {
    this.#counts.delete(workspaceId);
  }

  #of(workspaceId: string): Counts {
    const known = this.#counts.get(workspaceId);
    if (known !== undefined) return known;
    const counts: Counts = { documents: null, frequencies: new Map(), matching: new Map() };
    this.#counts.set(workspaceId, counts);
    return counts;
  }
}

function remember(known: Map<string, number>, fresh: ReadonlyMap<string, number>, limit: number): void {
  if (known.size + fresh.size > limit) known.clear();
  for (const [key, value] of fresh) known.set(key, value);
}
