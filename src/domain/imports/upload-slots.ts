import { UnavailableError } from '../../shared/errors.ts';

/** Each holds its first megabyte, and into a bucket three parts of 8 MiB. */
const UPLOADS_AT_ONCE = 12;
/** So that one workspace leaves room for others. */
const UPLOADS_OF_WORKSPACE = 3;
const WAITING_MAX = 200;
const WAIT_MAX_MS = 30_000;

/** What is left out is as for imports. */
export interface SlotLimits {
  waitMaxMs?: number;
  atOnce?: number;
  ofWorkspace?: number;
}

interface Waiting {
  workspaceId: string;
  begin: () => void;
}

/** Bounds how many uploads one server stores at once. Those beyond wait, and their clients stop sending meanwhile. */
export class UploadSlots {
  readonly #waitMaxMs: number;
  readonly #atOnce: number;
  readonly #ofWorkspace: number;
  readonly #held = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #heldInAll = 0;

  constructor({
    waitMaxMs = WAIT_MAX_MS,
    atOnce = UPLOADS_AT_ONCE,
    ofWorkspace = UPLOADS_OF_WORKSPACE,
  }: SlotLimits = {}) {
    this.#waitMaxMs = waitMaxMs;
    this.#atOnce = atOnce;
    this.#ofWorkspace = ofWorkspace;
  }

  /** @throws UnavailableError where too many wait, or for too long; the signal's reason where it is aborted while waiting */
  async run<Result>(workspaceId: string, work: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#isFree(workspaceId)) this.#take(workspaceId);
    else await this.#wait(workspaceId, signal);
    try {
      return await work();
    } finally {
      this.#giveBack(workspaceId);
    }
  }

  #isFree(workspaceId: string): boolean {
    return this.#heldInAll < this.#atOnce && (this.#held.get(workspaceId) ?? 0) < this.#ofWorkspace;
  }

  #take(workspaceId: string): void {
    this.#heldInAll += 1;
    this.#held.set(workspaceId, (this.#held.get(workspaceId) ?? 0) + 1);
  }

  async #wait(workspaceId: string, signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.size >= WAITING_MAX) throw tooMany();
    const begun = Promise.withResolvers<void>();
    const waiting = { workspaceId, begin: begun.resolve };
    // Out of the line at once: a slot that is given back in the same turn would go to nobody.
    const refuse = (reason: unknown) => {
      this.#waiting.delete(waiting);
      begun.reject(reason);
    };
    const leave = () => refuse(signal?.reason);
    const timer = setTimeout(() => refuse(tooMany()), this.#waitMaxMs);
    signal?.addEventListener('abort', leave, { once: true });
    this.#waiting.add(waiting);
    try {
      await begun.promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', leave);
    }
  }

  /** The slot goes to whoever has waited longest and may have it. */
  #giveBack(workspaceId: string): void {
    this.#heldInAll -= 1;
    const left = (this.#held.get(workspaceId) ?? 1) - 1;
    if (left > 0) this.#held.set(workspaceId, left);
    else this.#held.delete(workspaceId);
    for (const waiting of this.#waiting) {
      if (!this.#isFree(waiting.workspaceId)) continue;
      this.#waiting.delete(waiting);
      this.#take(waiting.workspaceId);
      waiting.begin();
      return;
    }
  }
}

function tooMany(): UnavailableError {
  return new UnavailableError('too many files are coming in at once: send this one again in a while');
}
