/** Of pictures that one process shows to models at once; as base64, and in a request, they take four times that. */
const ROOM_BYTES = 64 * 1024 * 1024;
/** So that one workspace leaves room for others. */
const OF_WORKSPACE_BYTES = 32 * 1024 * 1024;

/** What an answer needs room for. */
export interface PictureSize {
  workspaceId: string;
  /** Of all its pictures; 0: it waits for nobody. */
  bytes: number;
  /** Aborted when it is not wanted any more. */
  signal: AbortSignal;
}

interface Waiting extends PictureSize {
  begin: () => void;
}

/**
 * Bounds the pictures in memory. An answer has its own there for as long as it is made: until then another model may have to
 * be shown them. Those beyond wait in their order; a workspace that has its share holds up nobody else.
 */
export class PictureRoom {
  readonly #roomBytes: number;
  readonly #ofWorkspaceBytes: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #heldInAll = 0;

  constructor({ bytes = ROOM_BYTES, ofWorkspaceBytes = OF_WORKSPACE_BYTES } = {}) {
    this.#roomBytes = bytes;
    this.#ofWorkspaceBytes = ofWorkspaceBytes;
  }

  /** The parts of the work, once there is room for its pictures, which is given back at its end. @throws the signal's reason */
  async *during<Part>(size: PictureSize, work: () => AsyncGenerator<Part, void>): AsyncGenerator<Part, void> {
    if (size.bytes === 0) {
      yield* work();
      return;
    }
    await this.#take(size);
    try {
      yield* work();
    } finally {
      this.#giveBack(size);
    }
  }

  async #take(size: PictureSize): Promise<void> {
    const { signal } = size;
    signal.throwIfAborted();
    const begun = Promise.withResolvers<void>();
    const waiting = { ...size, begin: begun.resolve };
    // Out of the line at once: room that is given back in the same turn would go to nobody.
    const leave = () => {
      this.#waiting.delete(waiting);
      begun.reject(signal.reason);
      this.#beginNext();
    };
    signal.addEventListener('abort', leave, { once: true });
    this.#waiting.add(waiting);
    this.#beginNext();
    try {
      await begun.promise;
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  #giveBack(size: PictureSize): void {
    this.#hold(size, -size.bytes);
    this.#beginNext();
  }

  /** In their order, also where a later one is smaller: large ones would wait for ever. */
  #beginNext(): void {
    const behind = new Set<string>();
    for (const waiting of this.#waiting) {
      const { workspaceId, bytes } = waiting;
      const held = this.#held.get(workspaceId) ?? 0;
      if (behind.has(workspaceId) || (held > 0 && held + bytes > this.#ofWorkspaceBytes)) {
        behind.add(workspaceId);
        continue;
      }
      if (this.#heldInAll > 0 && this.#heldInAll + bytes > this.#roomBytes) return;
      this.#waiting.delete(waiting);
      this.#hold(waiting, bytes);
      waiting.begin();
    }
  }

  #hold({ workspaceId }: PictureSize, bytes: number): void {
    this.#heldInAll += bytes;
    const held = (this.#held.get(workspaceId) ?? 0) + bytes;
    if (held > 0) this.#held.set(workspaceId, held);
    else this.#held.delete(workspaceId);
  }
}
