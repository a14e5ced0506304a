import { LRUCache } from 'lru-cache';

/** Share of the bound that is left after making room: room is made for many entries at once. */
const LEFT_AFTER_TRIM = 0.9;

export interface WorkspaceMemoryOptions<Entry> {
  /** Of all entries together. */
  maxBytes: number;
  /** A larger entry is not kept. */
  maxEntryBytes: number;
  timeToLiveMs: number;
  /** Must give the same for the same entry. */
  bytesOf: (entry: Entry) => number;
  /** Told of every entry that goes, whatever the reason. */
  onRemoved?: (workspaceId: string, key: string, entry: Entry) => void;
}

/**
 * Entries of many workspaces within one bound. Where it is reached, the workspaces that hold the most lose what they
 * have not used for longest, down to one level: a busy workspace never pushes out those that hold less.
 */
export class WorkspaceMemory<Entry extends object> {
  readonly #options: WorkspaceMemoryOptions<Entry>;
  readonly #workspaces = new Map<string, LRUCache<string, Entry>>();
  #bytes = 0;

  constructor(options: WorkspaceMemoryOptions<Entry>) {
    this.#options = options;
  }

  /** Of all entries that are kept; never above the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  get(workspaceId: string, key: string): Entry | undefined {
    return this.#workspaces.get(workspaceId)?.get(key);
  }

  /** @returns whether it is kept */
  set(workspaceId: string, key: string, entry: Entry): boolean {
    const bytes = this.#options.bytesOf(entry);
    this.delete(workspaceId, [key]);
    if (bytes > this.#options.maxEntryBytes) return false;
    this.#bytes += bytes;
    this.#own(workspaceId).set(key, entry);
    if (this.#bytes > this.#options.maxBytes) this.#trim();
    return this.#workspaces.get(workspaceId)?.has(key) === true;
  }

  /** Says how many of them there were. */
  delete(workspaceId: string, keys: readonly string[]): number {
    const own = this.#workspaces.get(workspaceId);
    return own === undefined ? 0 : keys.filter((key) => own.delete(key)).length;
  }

  /** Everything of a workspace; says how much it was. */
  clear(workspaceId: string): number {
    const own = this.#workspaces.get(workspaceId);
    const count = this.count(workspaceId);
    own?.clear();
    this.#workspaces.delete(workspaceId);
    return count;
  }

  /** Entries of a workspace that are not over their time. */
  count(workspaceId: string): number {
    const own = this.#workspaces.get(workspaceId);
    own?.purgeStale();
    return own?.size ?? 0;
  }

  #own(workspaceId: string): LRUCache<string, Entry> {
    const known = this.#workspaces.get(workspaceId);
    if (known !== undefined) return known;
    const { maxBytes, timeToLiveMs, bytesOf, onRemoved } = this.#options;
    const own = new LRUCache<string, Entry>({
      maxSize: maxBytes,
      ttl: timeToLiveMs,
      // Else each look at an age may set a timer of a millisecond.
      ttlResolution: 0,
      sizeCalculation: bytesOf,
      dispose: (entry, key) => {
        this.#bytes -= bytesOf(entry);
        onRemoved?.(workspaceId, key, entry);
      },
    });
    this.#workspaces.set(workspaceId, own);
    return own;
  }

  /** What is over its time goes first, then what lies above the level at which all that is kept fits. */
  #trim(): void {
    for (const own of this.#workspaces.values()) own.purgeStale();
    const wanted = this.#options.maxBytes * LEFT_AFTER_TRIM;
    const level = levelOf(
      [...this.#workspaces.values()].map((own) => own.calculatedSize),
      wanted,
    );
    for (const [workspaceId, own] of this.#workspaces) {
      while (own.calculatedSize > level) own.pop();
      if (own.size === 0) this.#workspaces.delete(workspaceId);
    }
  }
}

/** The size to which the largest have to come down for all of them to fit. */
function levelOf(sizes: number[], wanted: number): number {
  let left = wanted;
  for (const [i, size] of sizes.sort((a, b) => a - b).entries()) {
    const equalShare = left / (sizes.length - i);
    if (size > equalShare) return equalShare;
    left -= size;
  }
  return Number.POSITIVE_INFINITY;
}
