import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { GENERATIONS_WAITING_TOPIC } from './generation.ts';
import { GenerationRun, type GenerationRunParts } from './generation-run.ts';
import { endAllLeases, type Lease, renewLeases, type TakenGeneration, takeGenerations } from './generation-store.ts';

/** Answers that one process makes at a time; the rest waits for the first that has room. */
const AT_ONCE = 200;
/** That are taken in one go; those who ask meanwhile find the rest of the room. */
const TAKEN_AT_ONCE = 16;
/** How long an answer is left to a process that is not heard of. */
const LEASE_SECONDS = 8;
/** How often a process says that it lives, and looks for what nobody makes. */
const BEAT_MS = 2_000;
/** How long answers may go on when the process is to end, before others take them over. */
const DRAIN_MS = 5_000;

export interface GenerationRunnerParts extends GenerationRunParts {
  /** Answers at a time; 200 where left out. */
  atOnce?: number;
  /** 5 seconds where left out. */
  drainMs?: number;
}

/** Room for one answer in this process. */
export interface Place {
  lease: Lease;
  /** Makes the answer that was written down with the lease. */
  run(taken: TakenGeneration): void;
  /** Nothing was written down. */
  leave(): void;
}

/**
 * Makes answers in this process: those that were asked for here at once, and those that wait or were left by a process
 * that is gone, as long as there is room.
 */
export class GenerationRunner {
  readonly #parts: GenerationRunnerParts;
  readonly #lease: Lease = { owner: randomUUID(), seconds: LEASE_SECONDS };
  readonly #atOnce: number;
  readonly #running = new Map<GenerationRun, Promise<void>>();
  /** Places that are given and not run yet. */
  #given = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopListening: (() => void) | null = null;
  #taking: Promise<void> | null = null;
  #mayWait = false;
  #isStopped = false;

  constructor(parts: GenerationRunnerParts) {
    this.#parts = parts;
    this.#atOnce = parts.atOnce ?? AT_ONCE;
  }

  /** Begins to take what waits. Embedded, what an earlier process has left is taken at once. */
  async start(): Promise<void> {
    if (this.#isStopped || this.#timer !== null) return;
    const { database } = this.#parts;
    this.#timer = setInterval(() => this.#beat(), BEAT_MS);
    this.#timer.unref();
    this.#stopListening = database.bus.listen(GENERATIONS_WAITING_TOPIC, () => this.#take());
    if (database.kind === 'embedded') await database.withSystem(endAllLeases);
    this.#take();
  }

  /** Null where this process has no room, or is to end. */
  place(): Place | null {
    if (this.#isStopped || this.#room === 0) {
      this.#mayWait = true;
      return null;
    }
    this.#given += 1;
    return {
      lease: this.#lease,
      run: (taken) => {
        this.#given -= 1;
        this.#run(taken);
      },
      leave: () => {
        this.#given -= 1;
      },
    };
  }

  /** Takes no more; what is under way may go on for five seconds, and is left to other processes then. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#stopListening?.();
    await this.#taking;
    const beat = setInterval(() => this.#renew(), BEAT_MS);
    const ended = Promise.all(this.#running.values());
    const { drainMs = DRAIN_MS, database } = this.#parts;
    await Promise.race([ended, sleep(drainMs, undefined, { ref: false })]);
    for (const run of this.#running.keys()) run.handOver();
    const wasRunning = this.#running.size > 0;
    await Promise.all(this.#running.values());
    clearInterval(beat);
    if (wasRunning) database.bus.ring(GENERATIONS_WAITING_TOPIC);
  }

  get #room(): number {
    return Math.max(0, this.#atOnce - this.#running.size - this.#given);
  }

  #run(taken: TakenGeneration): void {
    const run = new GenerationRun(this.#parts, taken);
    const ended = run.run().finally(() => {
      this.#running.delete(run);
      if (this.#mayWait) this.#take();
    });
    this.#running.set(run, ended);
    if (this.#isStopped) run.handOver();
  }

  #beat(): void {
    this.#renew();
    this.#take();
  }

  #renew(): void {
    const runs = [...this.#running.keys()];
    if (runs.length === 0) return;
    const ids = runs.map(({ id }) => id);
    const renewed = this.#parts.database.withSystem((scope) => renewLeases(scope, this.#lease, ids));
    renewed.then(
      (toStop) => {
        for (const run of runs) if (toStop.includes(run.id)) run.stop();
      },
      (error: unknown) => this.#warn(error),
    );
  }

  #take(): void {
    const room = Math.min(this.#room, TAKEN_AT_ONCE);
    if (this.#isStopped || room === 0 || this.#taking !== null) return;
    this.#mayWait = false;
    this.#given += room;
    const taken = this.#parts.database.withSystem((scope) => takeGenerations(scope, this.#lease, room));
    this.#taking = taken
      .then(
        (generations) => {
          this.#given -= room;
          if (generations.length === room) this.#mayWait = true;
          for (const generation of generations) this.#run(generation);
        },
        (error: unknown) => {
          this.#given -= room;
          this.#warn(error);
        },
      )
      .finally(() => {
        this.#taking = null;
        if (this.#mayWait) this.#take();
      });
  }

  #warn(error: unknown): void {
    this.#parts.logger.warn({ err: error }, 'unfinished answers could not be looked after; it is tried again');
  }
}
