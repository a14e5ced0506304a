import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import { type CachedEmbedding, readCachedEmbeddings, storeCachedEmbeddings } from './embedding-cache-store.ts';

const DAY_MS = 86_400_000;
const TIME_TO_LIVE_MS = 7 * DAY_MS;
/** Of vectors in this process' memory: some 16,000 of 768 dimensions. */
const MEMORY_BYTES = 64 * 1024 * 1024;
/** Texts waiting to be stored; beyond it new ones stay in memory alone. */
const MAX_WAITING = 20_000;

/** What makes a vector what it is. Raised when anything that can change it changes. */
const KEY_VERSION = 1;

/** Which vectors a lookup is about. */
export interface CacheSpace {
  workspaceId: string;
  model: string;
  purpose: 'document' | 'query';
  /** Where another length than the model's own was asked for. */
  dimensions?: number;
}

/**
 * Vectors of texts seen before, by workspace, model, purpose and content: in memory, and behind it in the database for
 * 7 days, where every server finds them.
 */
export class EmbeddingCache {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #memory = new LRUCache<string, CachedEmbedding>({
    maxSize: MEMORY_BYTES,
    ttl: TIME_TO_LIVE_MS,
    sizeCalculation: (entry) => entry.vector.byteLength + 200,
  });
  #waiting = 0;
  readonly #writes = new Set<Promise<void>>();

  constructor(database: Database, logger: Logger) {
    this.#database = database;
    this.#logger = logger;
  }

  static hash(space: CacheSpace, text: string): string {
    const shape = space.dimensions === undefined ? '' : `\0${space.dimensions}`;
    return createHash('sha256').update(`${KEY_VERSION}\0${space.purpose}${shape}\0${text}`).digest('hex');
  }

  /** Known vectors by hash. `memoryOnly` spares the database where a bulk load seldom repeats itself. */
  async read(space: CacheSpace, hashes: readonly string[], memoryOnly: boolean): Promise<Map<string, CachedEmbedding>> {
    const found = new Map<string, CachedEmbedding>();
    const missing: string[] = [];
    for (const hash of hashes) {
      const entry = this.#memory.get(memoryKey(space, hash));
      if (entry === undefined) missing.push(hash);
      else found.set(hash, entry);
    }
    if (missing.length === 0 || memoryOnly) return found;
    const stored = await this.#database.withWorkspace(space.workspaceId, (scope) =>
      readCachedEmbeddings(scope, space.model, missing),
    );
    for (const [hash, entry] of stored) {
      this.#memory.set(memoryKey(space, hash), entry);
      found.set(hash, entry);
    }
    return found;
  }

  /** Remembers vectors; the database has them a moment later, and a write that fails costs a vector made again. */
  store(space: CacheSpace, entries: ReadonlyMap<string, CachedEmbedding>, memoryOnly: boolean): void {
    for (const [hash, entry] of entries) this.#memory.set(memoryKey(space, hash), entry);
    if (memoryOnly || entries.size === 0 || this.#waiting + entries.size > MAX_WAITING) return;
    this.#waiting += entries.size;
    const expiresAt = new Date(Date.now() + TIME_TO_LIVE_MS);
    const write = this.#database
      .withWorkspace(space.workspaceId, (scope) => storeCachedEmbeddings(scope, space.model, entries, expiresAt))
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'embeddings could not be cached'))
      .finally(() => {
        this.#waiting -= entries.size;
        this.#writes.delete(write);
      });
    this.#writes.add(write);
  }

  /** Waits for what is being stored. */
  async drain(): Promise<void> {
    await Promise.all(this.#writes);
  }
}

function memoryKey(space: CacheSpace, hash: string): string {
  return `${space.workspaceId}\0${space.model}\0${hash}`;
}
