import { createHash } from 'node:crypto';
import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import { type CachedEmbedding, readCachedEmbeddings, storeCachedEmbeddings } from './embedding-cache-store.ts';
import { WorkspaceMemory } from './workspace-memory.ts';

const DAY_MS = 86_400_000;
const TIME_TO_LIVE_MS = 7 * DAY_MS;
/** Of vectors in this process' memory, of all workspaces: some 18,000 of 768 dimensions. */
const MEMORY_BYTES = 64 * 1024 * 1024;
const ENTRY_OVERHEAD_BYTES = 500;
/** Texts waiting to be stored; beyond it new ones stay in memory alone. */
const MAX_WAITING = 20_000;

/** What makes a vector what it is. Raised when anything that can change it changes. */
const KEY_VERSION = 2;

/** Which vectors a lookup is about. */
export interface CacheSpace {
  workspaceId: string;
  /**
   * Of the workspace's settings. Raised, what every server remembers is void as soon as it reads them again, within 2
   * seconds; what the database has is not.
   */
  epoch: number;
  model: string;
  /** What runs the model, see `LiveIntegration.origin`: another server behind the same name makes other vectors. */
  origin: string;
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
  readonly #memory: WorkspaceMemory<CachedEmbedding>;
  #waiting = 0;
  readonly #writes = new Set<Promise<void>>();

  constructor(database: Database, logger: Logger, { maxBytes = MEMORY_BYTES }: { maxBytes?: number } = {}) {
    this.#database = database;
    this.#logger = logger;
    this.#memory = new WorkspaceMemory({
      maxBytes,
      maxEntryBytes: maxBytes,
      timeToLiveMs: TIME_TO_LIVE_MS,
      bytesOf: ({ vector }) => vector.byteLength + ENTRY_OVERHEAD_BYTES,
    });
  }

  static hash(space: Omit<CacheSpace, 'epoch'>, text: string): string {
    const { purpose, dimensions = null, origin } = space;
    return createHash('sha256')
      .update(JSON.stringify([KEY_VERSION, origin, purpose, dimensions, text]))
      .digest('hex');
  }

  /** Known vectors by hash. `memoryOnly` spares the database where a bulk load seldom repeats itself. */
  async read(space: CacheSpace, hashes: readonly string[], memoryOnly: boolean): Promise<Map<string, CachedEmbedding>> {
    const found = new Map<string, CachedEmbedding>();
    const missing: string[] = [];
    for (const hash of hashes) {
      const entry = this.remembered(space, hash);
      if (entry === undefined) missing.push(hash);
      else found.set(hash, entry);
    }
    if (missing.length === 0 || memoryOnly) return found;
    const stored = await this.#database.withWorkspace(space.workspaceId, (scope) =>
      readCachedEmbeddings(scope, space.model, missing),
    );
    for (const [hash, entry] of stored) {
      this.#remember(space, hash, entry);
      found.set(hash, entry);
    }
    return found;
  }

  /** A vector that this process has in memory. */
  remembered(space: CacheSpace, hash: string): CachedEmbedding | undefined {
    return this.#memory.get(space.workspaceId, memoryKey(space, hash));
  }

  /** Remembers vectors; the database has them a moment later, and a write that fails costs a vector made again. */
  store(space: CacheSpace, entries: ReadonlyMap<string, CachedEmbedding>, memoryOnly: boolean): void {
    for (const [hash, entry] of entries) this.#remember(space, hash, entry);
    if (memoryOnly || entries.size === 0 || this.#waiting + entries.size > MAX_WAITING) return;
    this.#waiting += entries.size;
    const expiresAt = new Date(Date.now() + TIME_TO_LIVE_MS);
    const write = this.#database
      .withWorkspace(space.workspaceId, (scope) => storeCachedEmbeddings(scope, space, entries, expiresAt))
      .catch((error: unknown) => this.#logger.warn({ err: error }, 'embeddings could not be cached'))
      .finally(() => {
        this.#waiting -= entries.size;
        this.#writes.delete(write);
      });
    this.#writes.add(write);
  }

  /** Frees what this server remembers of a workspace; the database keeps what it has. */
  forget(workspaceId: string): number {
    return this.#memory.clear(workspaceId);
  }

  /** Of all vectors that are remembered. */
  get bytes(): number {
    return this.#memory.bytes;
  }

  /** Waits for what is being stored. */
  async drain(): Promise<void> {
    await Promise.all(this.#writes);
  }

  #remember(space: CacheSpace, hash: string, { vector, tokenCount }: CachedEmbedding): void {
    // A piece of a batch's buffer would keep the whole of it in memory.
    const own = vector.byteLength === vector.buffer.byteLength ? vector : vector.slice();
    this.#memory.set(space.workspaceId, memoryKey(space, hash), { vector: own, tokenCount });
  }
}

function memoryKey(space: CacheSpace, hash: string): string {
  return `${space.epoch}\0${space.model}\0${hash}`;
}
