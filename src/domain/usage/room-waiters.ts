/** Calls of a workspace that wait at the same time; more are refused at once. */
const WAITERS_MAX = 1_000;
/** Room that another server has made is found after this long. */
const POLL_MS = 100;
/** Calls that try again after each that has ended here. */
const WOKEN_MAX = 64;

interface Lane {
  /** How to wake each, by its id. */
  waiters: Map<string, () => void>;
  poll: NodeJS.Timeout;
}

/** Calls that wait until there is room in their workspace's budgets, the oldest first. */
export class RoomWaiters {
  readonly #lanes = new Map<string, Lane>();

  /**
   * Waits until there may be room, or the time is over, or the caller has left.
   * @param id sorts the calls by their age
   * @returns false at once where too many wait already
   */
  wait(workspaceId: string, id: string, waitMs: number, signal: AbortSignal): Promise<boolean> {
    const lane = this.#lanes.get(workspaceId) ?? this.#open(workspaceId);
    if (lane.waiters.size >= WAITERS_MAX) return Promise.resolve(false);
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timeout);
        signal.removeEventListener('abort', wake);
        this.#remove(workspaceId, id);
        resolve(true);
      };
      const timeout = setTimeout(wake, waitMs);
      signal.addEventListener('abort', wake, { once: true });
      lane.waiters.set(id, wake);
      if (signal.aborted) wake();
    });
  }

  /** A call of the workspace has ended here: the oldest that wait try again. */
  wake(workspaceId: string): void {
    this.#wake(workspaceId, WOKEN_MAX);
  }

  #open(workspaceId: string): Lane {
    const poll = setInterval(() => this.#wake(workspaceId, WAITERS_MAX), POLL_MS);
    const lane: Lane = { waiters: new Map(), poll };
    this.#lanes.set(workspaceId, lane);
    return lane;
  }

  #wake(workspaceId: string, count: number): void {
    const waiters = [...(this.#lanes.get(workspaceId)?.waiters ?? [])];
    waiters.sort(([left], [right]) => (left < right ? -1 : 1));
    for (const [, wake] of waiters.slice(0, count)) wake();
  }

  #remove(workspaceId: string, id: string): void {
    const lane = this.#lanes.get(workspaceId);
    lane?.waiters.delete(id);
    if (lane === undefined || lane.waiters.size > 0) return;
    clearInterval(lane.poll);
    this.#lanes.delete(workspaceId);
  }
}
