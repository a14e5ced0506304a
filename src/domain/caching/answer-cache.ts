import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { WorkspaceMemory } from './workspace-memory.ts';

const TIME_TO_LIVE_MS = 5 * 60_000;
/** Of answers in this process' memory, of all workspaces. */
const MEMORY_BYTES = 64 * 1024 * 1024;
/** A longer answer is not kept. */
const MAX_ENTRY_BYTES = 1024 * 1024;
/** What an entry takes beside its text, and each document that it is part of. */
const ENTRY_OVERHEAD_BYTES = 600;
const DOCUMENT_OVERHEAD_BYTES = 400;
/** Documents whose last drop is remembered for the sake of the answers that were under way. */
const MAX_DROPS_REMEMBERED = 50_000;
/** Raised when anything that can change an answer, beside its key, changes. */
const KEY_VERSION = 1;

interface Entry {
  /** JSON, so that nobody changes what others get. */
  answer: string;
  documentIds: readonly string[];
}

/** An answer that is to be kept. */
export interface NewAnswer {
  answer: unknown;
  /** Documents whose text it was made from. */
  documentIds: readonly string[];
  /** `AnswerCache.moment` when the call came: what was dropped since is not kept. */
  since: number;
}

/**
 * Answers given in the last 5 minutes, by workspace, model and everything that can change them. In memory: the texts of
 * documents are part of the request, so an edited document has another key on every server, and here its answers are
 * dropped at once.
 */
export class AnswerCache {
  readonly #entries: WorkspaceMemory<Entry>;
  /** Keys of the answers that a document is part of, as `<workspace> <document>`. */
  readonly #keysOfDocument = new Map<string, Set<string>>();
  /** When the answers of a document, or of a whole workspace, were last dropped. */
  readonly #drops = new LRUCache<string, number>({ max: MAX_DROPS_REMEMBERED });
  #moment = 0;

  constructor({ maxBytes = MEMORY_BYTES }: { maxBytes?: number } = {}) {
    this.#entries = new WorkspaceMemory({
      maxBytes,
      maxEntryBytes: MAX_ENTRY_BYTES,
      timeToLiveMs: TIME_TO_LIVE_MS,
      bytesOf: ({ answer, documentIds }) =>
        answer.length * 2 + ENTRY_OVERHEAD_BYTES + documentIds.length * DOCUMENT_OVERHEAD_BYTES,
      onRemoved: (workspaceId, key, entry) => this.#forgetDocuments(workspaceId, key, entry),
    });
  }

  /** @param epoch of the workspace's settings: raised, every answer of before is void, on every server */
  static key(workspaceId: string, epoch: number, fields: unknown): string {
    const digest = hash('sha256', JSON.stringify([KEY_VERSION, epoch, fields]), 'base64');
    return `${workspaceId}\0${digest}`;
  }

  /** Rises with every drop. */
  get moment(): number {
    return this.#moment;
  }

  /** Of all answers that are kept. */
  get bytes(): number {
    return this.#entries.bytes;
  }

  get<Answer>(workspaceId: string, key: string): Answer | null {
    const entry = this.#entries.get(workspaceId, key);
    return entry === undefined ? null : (JSON.parse(entry.answer) as Answer);
  }

  set(workspaceId: string, key: string, { answer, documentIds, since }: NewAnswer): void {
    const documentKeys = documentIds.map((id) => documentKey(workspaceId, id));
    if ([workspaceId, ...documentKeys].some((dropped) => (this.#drops.get(dropped) ?? 0) > since)) return;
    if (!this.#entries.set(workspaceId, key, { answer: JSON.stringify(answer), documentIds })) return;
    for (const document of documentKeys) {
      const keys = this.#keysOfDocument.get(document) ?? new Set();
      this.#keysOfDocument.set(document, keys.add(key));
    }
  }

  /**
   * Drops a workspace's answers: those that a document is part of, or all of them. Says how many there were. What is
   * being made meanwhile is not kept either.
   */
  drop(workspaceId: string, documentIds: readonly string[] | null): number {
    this.#moment += 1;
    if (documentIds === null) {
      this.#drops.set(workspaceId, this.#moment);
      return this.#entries.clear(workspaceId);
    }
    let dropped = 0;
    for (const id of documentIds) {
      const document = documentKey(workspaceId, id);
      this.#drops.set(document, this.#moment);
      dropped += this.#entries.delete(workspaceId, [...(this.#keysOfDocument.get(document) ?? [])]);
    }
    return dropped;
  }

  /** Answers of a workspace that are kept here. */
  count(workspaceId: string): number {
    return this.#entries.count(workspaceId);
  }

  #forgetDocuments(workspaceId: string, key: string, { documentIds }: Entry): void {
    for (const id of documentIds) {
      const document = documentKey(workspaceId, id);
      const keys = this.#keysOfDocument.get(document);
      keys?.delete(key);
      if (keys?.size === 0) this.#keysOfDocument.delete(document);
    }
  }
}

function documentKey(workspaceId: string, documentId: string): string {
  return `${workspaceId} ${documentId}`;
}
