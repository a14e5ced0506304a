import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import type { PgBoss } from 'pg-boss';
import type { Database } from '../db/client.ts';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { Logger } from '../observability/logger.ts';
import { type DeadLetter, sendDeadLetters } from './dead-letters.ts';
import { RetryLater } from './define-job.ts';
import { dropSteps } from './job-step-store.ts';
import { type AttemptEnd, type CompletedAttempt, endAttempts, messageOf } from './job-store.ts';
import type { LaneKeeper } from './lane-keeper.ts';
import { completeAndStart } from './next-jobs-store.ts';
import type { QueueName } from './policies.ts';
import type { JobRunner } from './run-job.ts';
import { delayAlike, hasMore, type Picked, pickJobs, pickMoreJobs, type StartedJob } from './turn-store.ts';
import type { Turns } from './turns.ts';

/** Jobs that wait as well for what one of their kind was told to wait for. */
const ALIKE_MAX = 500;

/** How long a turn goes on taking jobs: it has to be over before pg-boss takes it for lost. */
const GOES_ON_MS = 20_000;

/** How long the first of its jobs that is over waits for others to be over too. */
const GATHER_MS = 5;

/** A turn that this process has taken from the line. */
export interface ClaimedTurn {
  id: string;
  /** Times that it was handed out before; pg-boss settles it for its latest holder alone. */
  retryCount: number;
  queue: QueueName;
  workspaceId: string;
  isSpare: boolean;
  /** Aborted when it was given to another worker. */
  lost: AbortController;
}

export interface TurnParts {
  boss: PgBoss;
  database: Database;
  turns: Turns;
  runner: JobRunner;
  keeper: LaneKeeper;
  logger: Logger;
}

/** The slots that a turn has in its worker. */
export interface TurnSlots {
  granted: number;
  /** @param slots that the turn needs no more; negative: further ones that it has to have */
  release(slots: number): void;
  /** Whether the worker goes on taking jobs. */
  isOpen(): boolean;
}

/** Never rejects. What could not be recorded is put right by the worker that is given the turn next. */
export async function runTurn(parts: TurnParts, turn: ClaimedTurn, slots: TurnSlots): Promise<void> {
  const { boss, logger } = parts;
  const jobs = new TurnJobs(parts, turn, slots);
  try {
    const { started } = await pick(parts, turn, slots.granted).catch((error: unknown) => {
      slots.release(slots.granted);
      throw error;
    });
    slots.release(slots.granted - started.length);
    await jobs.run(started);
    await boss.complete(turn.queue, turn);
  } catch (error) {
    logger.error({ err: error, turn: turn.id, queue: turn.queue }, 'a turn could not be recorded; it is taken again');
    await boss.fail(turn.queue, turn, { message: messageOf(error) }).catch((err: unknown) => {
      logger.error({ err, turn: turn.id }, 'a turn could not be given back; it is taken over when its time is over');
    });
  }
}

/**
 * Hands jobs to a turn, and puts the workspace in line again where it has more. Where it stands there already, this turn
 * was one too many: two turns of a workspace become one again.
 */
function pick({ boss, database, turns }: TurnParts, turn: ClaimedTurn, limit: number): Promise<Picked> {
  return database.withWorkspace(turn.workspaceId, async (scope) => {
    const [picked, more, isInLine] = await Promise.all([
      pickJobs(scope, turn, limit),
      hasMore(scope, turn.queue),
      turn.isSpare ? true : turns.isInLine(scope, turn.queue),
    ]);
    await sendDeadLetters(boss, scope, picked.dead);
    if (more && picked.started.length > 0 && !isInLine) await turns.send(scope, turn.queue);
    return picked;
  });
}

/** An attempt that is over. */
interface Ended {
  job: StartedJob;
  /** Null where it was over before: nothing of it is recorded. */
  end: AttemptEnd | null;
}

interface Recorded {
  job: StartedJob;
  end: AttemptEnd;
}

/**
 * Runs the jobs of a turn and writes how they end: those that end while others are being written go together. As long as
 * no other workspace stands in line, the turn goes on with further jobs, which are taken in the same transaction.
 */
class TurnJobs {
  readonly #parts: TurnParts;
  readonly #turn: ClaimedTurn;
  readonly #slots: TurnSlots;
  readonly #begunAt = performance.now();
  #ended: Ended[] = [];
  #running = 0;
  #tell: () => void = () => undefined;
  #failures: unknown[] = [];

  constructor(parts: TurnParts, turn: ClaimedTurn, slots: TurnSlots) {
    this.#parts = parts;
    this.#turn = turn;
    this.#slots = slots;
  }

  /** @throws what kept an end from being recorded, once all jobs are over */
  async run(jobs: readonly StartedJob[]): Promise<void> {
    this.#start(jobs);
    while (this.#running > 0 || this.#ended.length > 0) {
      await this.#untilEnded();
      const ended = this.#ended;
      this.#ended = [];
      const more = await this.#record(ended).catch((error: unknown) => {
        this.#failures.push(error);
        return [];
      });
      this.#slots.release(ended.length - more.length);
      this.#start(more);
    }
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  #start(jobs: readonly StartedJob[]): void {
    const { workspaceId, queue, lost } = this.#turn;
    this.#running += jobs.length;
    for (const job of jobs) {
      const over = (end: AttemptEnd | null) => {
        this.#running -= 1;
        this.#ended.push({ job, end });
        this.#tell();
      };
      this.#parts.runner.run(workspaceId, queue, job, lost.signal).then(over, (error: unknown) => {
        this.#failures.push(error);
        over(null);
      });
    }
  }

  /** Those that end at once are heard of together. */
  async #untilEnded(): Promise<void> {
    if (this.#ended.length === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#tell = resolve;
      await promise;
    }
    // Taken one by one, jobs would cost a look at all that wait each.
    await (this.#running > 0 && this.#goesOn ? sleep(GATHER_MS) : immediate());
  }

  /** @returns further jobs that were started */
  async #record(all: readonly Ended[]): Promise<StartedJob[]> {
    const ended = all.flatMap(({ job, end }): Recorded[] => (end === null ? [] : [{ job, end }]));
    if (ended.length === 0) return [];
    const { boss, database, keeper } = this.#parts;
    // What a dead worker's turn brought back may be more than its slots: those are not filled again.
    const limit = this.#goesOn ? Math.max(0, Math.min(all.length, this.#slots.granted - this.#running)) : 0;
    const completed = ended.flatMap(({ end }) => (leavesNothing(end) ? [end] : []));
    if (completed.length === ended.length) {
      return database.writeWorkspace(this.#turn.workspaceId, (statement) =>
        completeAndStart(statement, this.#turn, completed, limit),
      );
    }
    const picked = await database.withWorkspace(this.#turn.workspaceId, async (scope) => {
      const current = await endAttempts(
        scope,
        ended.map(({ end }) => end),
      );
      await this.#follow(scope, ended, current);
      const more = limit > 0 ? await pickMoreJobs(scope, this.#turn, limit) : NONE;
      await sendDeadLetters(boss, scope, more.dead);
      return more;
    });
    for (const { end } of ended) if (end.outcome === 'retry') keeper.lookIn(end.delayMs);
    return picked.started;
  }

  /** What the end of jobs brings with it, other than that the next may begin. */
  async #follow(scope: WorkspaceScope, ended: readonly Recorded[], current: ReadonlySet<string>): Promise<void> {
    const { boss, turns } = this.#parts;
    const { queue } = this.#turn;
    const withSteps = ended.filter(({ end }) => end.outcome === 'completed' && end.hasSteps).map(jobIdOf);
    if (withSteps.length > 0)
      await dropSteps(
        scope,
        withSteps.filter((id) => current.has(id)),
      );
    const dead = ended.flatMap(deadLetterOf).filter(({ jobId }) => current.has(jobId));
    await sendDeadLetters(boss, scope, dead);
    await delayThoseAlike(scope, queue, ended);
    if (ended.some(({ end }) => end.outcome === 'retry' && end.delayMs === 0)) await turns.send(scope, queue);
  }

  get #goesOn(): boolean {
    const isOld = performance.now() - this.#begunAt > GOES_ON_MS;
    return !isOld && this.#slots.isOpen() && !this.#turn.lost.signal.aborted && this.#failures.length === 0;
  }
}

const NONE: Picked = { started: [], dead: [] };

function leavesNothing(end: AttemptEnd): end is CompletedAttempt {
  return end.outcome === 'completed' && !end.hasSteps;
}

/** Of a workspace that is over its allowance, the rest waits too, without each being started for it. */
async function delayThoseAlike(scope: WorkspaceScope, queue: QueueName, ended: readonly Recorded[]): Promise<void> {
  const told = new Map<string, Parameters<typeof delayAlike>[1]>();
  for (const { end, job } of ended) {
    if (end.outcome !== 'retry' || !(end.error instanceof RetryLater) || end.error.alike === null) continue;
    const { alike, delayMs } = end.error;
    const { kind } = job;
    const reason = messageOf(end.error);
    told.set(JSON.stringify([kind, alike]), { queue, kind, alike, delayMs, reason, limit: ALIKE_MAX });
  }
  for (const jobs of told.values()) await delayAlike(scope, jobs);
}

function jobIdOf({ job }: Recorded): string {
  return job.jobId;
}

function deadLetterOf({ end, job }: Recorded): DeadLetter[] {
  return end.outcome === 'dead' ? [{ jobId: job.jobId, kind: job.kind, error: messageOf(end.error) }] : [];
}
