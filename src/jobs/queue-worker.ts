import { setTimeout as sleep } from 'node:timers/promises';
import type { FetchOptions } from 'pg-boss';
import { HEARTBEAT_SECONDS, QUEUE_POLICIES, type QueueName, type QueuePolicy } from './policies.ts';
import { type ClaimedTurn, runTurn, type TurnParts } from './run-turn.ts';
import { TURN, turnsTopic } from './turns.ts';

/** Turns that one look takes: each is a workspace, or a few more jobs of one. */
const TURNS_PER_LOOK = 10;

/** How long few free slots wait for more: one after the other, each would be followed by a turn of one job. */
const GATHER_MS = 5;

const HEARTBEAT_INTERVAL_MS = (HEARTBEAT_SECONDS * 1000) / 3;

/** How much of a queue's work runs side by side in a process; by default what its policy says. */
export type WorkerSize = Partial<Pick<QueuePolicy, 'slots' | 'slotsPerWorkspace' | 'jobsPerTurn'>>;

/** Works one queue: takes turns as long as it has slots, and runs the jobs of each beside those of the others. */
export class QueueWorker {
  readonly #parts: TurnParts;
  readonly #queue: QueueName;
  readonly #policy: QueuePolicy;
  readonly #turns = new Map<string, { turn: ClaimedTurn; ended: Promise<void> }>();
  readonly #used = new Map<string, number>();
  #free: number;
  #stopListening: () => void = () => undefined;
  #heartbeat: NodeJS.Timeout | null = null;
  #isStopping = false;
  #isWoken = false;
  #wake: () => void = () => undefined;
  #loop: Promise<void> = Promise.resolve();

  constructor(parts: TurnParts, queue: QueueName, size: WorkerSize = {}) {
    this.#parts = parts;
    this.#queue = queue;
    this.#policy = { ...QUEUE_POLICIES[queue], ...size };
    this.#free = this.#policy.slots;
  }

  start(): void {
    this.#stopListening = this.#parts.database.bus.listen(turnsTopic(this.#queue), () => this.#wakeUp());
    if (this.#parts.database.kind !== 'embedded') {
      this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_INTERVAL_MS);
    }
    this.#loop = this.#run();
  }

  /** Takes no more turns. Resolves once the jobs of those that it has are over. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#stopListening();
    this.#wakeUp();
    await this.#loop;
    await Promise.all([...this.#turns.values()].map(({ ended }) => ended));
    if (this.#heartbeat !== null) clearInterval(this.#heartbeat);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      if (this.#free < Math.min(this.#policy.jobsPerTurn, this.#policy.slots)) await sleep(GATHER_MS);
      this.#isWoken = false;
      // What a dead worker's turn brings back may be more than there are slots.
      const wanted = Math.max(0, Math.min(this.#free, TURNS_PER_LOOK));
      const taken = wanted === 0 ? 0 : await this.#take(wanted);
      if (taken === 0 || taken < wanted) await this.#untilWoken();
    }
  }

  async #take(wanted: number): Promise<number> {
    const full = [...this.#used].flatMap(([id, used]) => (used >= this.#policy.slotsPerWorkspace ? [id] : []));
    // What pg-boss's own workers leave out groups with; its type names it for them alone.
    const options: FetchOptions & { ignoreGroups?: string[] } = { batchSize: wanted, ignoreGroups: full };
    const { boss } = this.#parts;
    const claimed = await boss.fetch(this.#queue, options).catch((error: unknown) => {
      this.#logFailure(error);
      return [];
    });
    const turns = claimed.flatMap((row): ClaimedTurn[] => {
      const { retryCount = 0 } = row as { retryCount?: number };
      const { data, error } = TURN.safeParse(row.data);
      if (data !== undefined)
        return [{ id: row.id, retryCount, queue: this.#queue, ...data, lost: new AbortController() }];
      this.#parts.logger.warn({ err: error, turn: row.id, queue: this.#queue }, 'what stood in line is no turn');
      return [];
    });
    const [begun, doubled] = apart(turns);
    const known = new Set(turns.map(({ id }) => id));
    const over = [...doubled, ...claimed.filter(({ id }) => !known.has(id))];
    // One slot is each turn's own; what is left goes to the first.
    for (const { workspaceId } of begun) this.#use(workspaceId, 1);
    for (const turn of begun) this.#begin(turn);
    if (over.length > 0) await boss.complete(this.#queue, over).catch(this.#logFailure);
    return claimed.length;
  }

  readonly #logFailure = (error: unknown) => {
    this.#parts.logger.error({ err: error, queue: this.#queue }, 'a queue could not be looked at');
  };

  #begin(turn: ClaimedTurn): void {
    const { workspaceId } = turn;
    const left = Math.min(this.#free, this.#policy.slotsPerWorkspace - (this.#used.get(workspaceId) ?? 0));
    const granted = 1 + Math.max(0, Math.min(left, this.#policy.jobsPerTurn - 1));
    this.#use(workspaceId, granted - 1);
    const ended = runTurn(this.#parts, turn, {
      granted,
      release: (slots) => this.#use(workspaceId, -slots),
      isOpen: () => !this.#isStopping,
    }).finally(() => this.#turns.delete(turn.id));
    this.#turns.set(turn.id, { turn, ended });
  }

  /** @param slots more than before; negative: fewer */
  #use(workspaceId: string, slots: number): void {
    const before = this.#used.get(workspaceId) ?? 0;
    const isFull = this.#free <= 0 || before >= this.#policy.slotsPerWorkspace;
    const used = before + slots;
    this.#free -= slots;
    if (used === 0) this.#used.delete(workspaceId);
    else this.#used.set(workspaceId, used);
    if (isFull && slots < 0) this.#wakeUp();
  }

  #wakeUp(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Or until it is time to look anyway. */
  async #untilWoken(): Promise<void> {
    if (this.#isWoken || this.#isStopping) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#policy.pollingSeconds * 1000);
    timer.unref();
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
  }

  /** Tells that this process lives. A turn that is not found any more was given to another one. */
  async #beat(): Promise<void> {
    const turns = [...this.#turns.values()].map(({ turn }) => turn);
    if (turns.length === 0) return;
    try {
      const { settled } = (await this.#parts.boss.touch(this.#queue, turns)) as { settled?: string[] };
      const held = new Set(settled ?? turns.map(({ id }) => id));
      for (const turn of turns) if (!held.has(turn.id) && this.#turns.has(turn.id)) turn.lost.abort();
    } catch (error) {
      this.#parts.logger.warn({ err: error, queue: this.#queue }, 'the heartbeat of the worker was not written');
    }
  }
}

/**
 * Tells the first turn of each workspace from those beside it, which are one too many: the first puts the workspace in
 * line again. What was handed out before may have jobs, and is always begun.
 */
function apart(turns: readonly ClaimedTurn[]): [begun: ClaimedTurn[], doubled: ClaimedTurn[]] {
  const seen = new Set<string>();
  const begun: ClaimedTurn[] = [];
  const doubled: ClaimedTurn[] = [];
  for (const turn of turns) {
    const isFirst = !turn.isSpare && !seen.has(turn.workspaceId);
    (isFirst || turn.isSpare || turn.retryCount > 0 ? begun : doubled).push(turn);
    if (isFirst) seen.add(turn.workspaceId);
  }
  return [begun, doubled];
}
