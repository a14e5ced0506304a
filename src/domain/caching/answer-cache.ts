import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

const TIME_TO_LIVE_MS = 5 * 60_000;
/** Of answers in this process' memory. */
const MEMORY_BYTES = 64 * 1024 * 1024;
/** A longer answer is not kept. */
const MAX_ENTRY_BYTES = 1024 * 1024;
/** Raised when anything that can change an answer, beside its key, changes. */
const KEY_VERSION = 1;

interface Entry {
  workspaceId: string;
  /** JSON, so that nobody changes what others get. */
  answer: string;
  documentIds: readonly string[];
}

/**
 * Answers given in the last 5 minutes, by workspace, model and everything that can change them. In memory: the texts of
 * documents are part of the request, so an edited document has another key on every server, and here its answers are
 * dropped at once.
 */
export class AnswerCache {
  readonly #entries = new LRUCache<string, Entry>({
    maxSize: MEMORY_BYTES,
    maxEntrySize: MAX_ENTRY_BYTES,
    ttl: TIME_TO_LIVE_MS,
    sizeCalculation: (entry) => entry.answer.length * 2 + 500,
    dispose: (entry, key) => this.#forgetDocuments(entry, key),
  });
  /** Keys of the answers that a document is part of, as `<workspace> <document>`. */
  readonly #keysOfDocument = new Map<string, Set<string>>();

  /** @param epoch of the workspace's settings: raised, every answer of before is void, on every server */
  static key(workspaceId: string, epoch: number, fields: unknown): string {
    const digest = createHash('sha256')
      .update(JSON.stringify([KEY_VERSION, epoch, fields]))
      .digest('base64');
    return `${workspaceId}\0${digest}`;
  }

  get<Answer>(key: string): Answer | null {
    const entry = this.#entries.get(key);
    return entry === undefined ? null : (JSON.parse(entry.answer) as Answer);
  }

  set(key: string, workspaceId: string, answer: unknown, documentIds: readonly string[]): void {
    this.#entries.set(key, { workspaceId, answer: JSON.stringify(answer), documentIds });
    if (!this.#entries.has(key)) return;
    for (const id of documentIds) {
      const documentKey = `${workspaceId} ${id}`;
      const keys = this.#keysOfDocument.get(documentKey) ?? new Set();
      this.#keysOfDocument.set(documentKey, keys.add(key));
    }
  }

  /** Drops a workspace's answers: those that a document is part of, or all of them. Says how many there were. */
  drop(workspaceId: string, documentIds: readonly string[] | null): number {
    const keys =
      documentIds === null
        ? this.#keysOf(workspaceId)
        : documentIds.flatMap((id) => [...(this.#keysOfDocument.get(`${workspaceId} ${id}`) ?? [])]);
    return keys.filter((key) => this.#entries.delete(key)).length;
  }

  /** Answers of a workspace that are kept here. */
  count(workspaceId: string): number {
    return this.#keysOf(workspaceId).length;
  }

  #forgetDocuments({ workspaceId, documentIds }: Entry, key: string): void {
    for (const id of documentIds) {
      const documentKey = `${workspaceId} ${id}`;
      const keys = this.#keysOfDocument.get(documentKey);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfDocument.delete(documentKey);
    }
  }

  #keysOf(workspaceId: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(`${workspaceId}\0`));
  }
}
