import type { PgBoss } from 'pg-boss';
import type { Database } from '../db/client.ts';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { Logger } from '../observability/logger.ts';
import { type DeadLetter, sendDeadLetters } from './dead-letters.ts';
import { RetryLater } from './define-job.ts';
import { dropSteps } from './job-step-store.ts';
import { type AttemptEnd, endAttempts, messageOf } from './job-store.ts';
import type { LaneKeeper } from './lane-keeper.ts';
import type { QueueName } from './policies.ts';
import type { JobRunner } from './run-job.ts';
import { delayAlike, hasMore, type Picked, pickJobs, type StartedJob } from './turn-store.ts';
import type { Turns } from './turns.ts';

/** Jobs that wait as well for what one of their kind was told to wait for. */
const ALIKE_MAX = 500;

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

/** What a turn tells of the slots that it has. */
export interface TurnSlots {
  granted: number;
  /** Told once, as soon as it is known how many jobs there are. */
  onStarted(jobs: number): void;
  /** Told of each job. */
  onEnded(): void;
}

/** Never rejects. What could not be recorded is put right by the worker that is given the turn next. */
export async function runTurn(parts: TurnParts, turn: ClaimedTurn, slots: TurnSlots): Promise<void> {
  const { boss, logger } = parts;
  const recorder = new EndRecorder(parts, turn);
  let isStarted = false;
  try {
    const { started } = await pick(parts, turn, slots.granted);
    slots.onStarted(started.length);
    isStarted = true;
    const attempts = started.map(async (job: StartedJob) => {
      const end = await parts.runner.run(turn.workspaceId, turn.queue, job, turn.lost.signal).finally(slots.onEnded);
      if (end !== null) await recorder.record(end, job);
    });
    const failed = (await Promise.allSettled(attempts)).find((attempt) => attempt.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    await boss.complete(turn.queue, turn);
  } catch (error) {
    if (!isStarted) slots.onStarted(0);
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

interface Ended {
  end: AttemptEnd;
  job: StartedJob;
}

/** Writes how a turn's jobs end: those that end while others are being written go together. */
class EndRecorder {
  readonly #parts: TurnParts;
  readonly #turn: ClaimedTurn;
  #pending: Ended[] = [];
  #next: Promise<void> | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: TurnParts, turn: ClaimedTurn) {
    this.#parts = parts;
    this.#turn = turn;
  }

  record(end: AttemptEnd, job: StartedJob): Promise<void> {
    this.#pending.push({ end, job });
    if (this.#next === null) {
      const write = async () => {
        this.#next = null;
        const pending = this.#pending;
        this.#pending = [];
        await this.#write(pending);
      };
      this.#next = this.#last.then(write, write);
      this.#last = this.#next;
    }
    return this.#next;
  }

  async #write(ended: readonly Ended[]): Promise<void> {
    const { boss, database, turns, keeper } = this.#parts;
    const delaysMs = ended.flatMap(({ end }) => (end.outcome === 'retry' ? [end.delayMs] : []));
    await database.withWorkspace(this.#turn.workspaceId, async (scope) => {
      const current = await endAttempts(
        scope,
        ended.map(({ end }) => end),
      );
      const withSteps = ended.filter(({ end }) => end.outcome === 'completed' && end.hasSteps);
      if (withSteps.length > 0)
        await dropSteps(
          scope,
          withSteps.map(jobIdOf).filter((id) => current.has(id)),
        );
      const dead = ended.flatMap(deadLetterOf).filter(({ jobId }) => current.has(jobId));
      await sendDeadLetters(boss, scope, dead);
      await delayThoseAlike(scope, this.#turn.queue, ended);
      if (delaysMs.includes(0)) await turns.send(scope, this.#turn.queue);
    });
    for (const delayMs of delaysMs) keeper.lookIn(delayMs);
  }
}

/** Of a workspace that is over its allowance, the rest waits too, without each being started for it. */
async function delayThoseAlike(scope: WorkspaceScope, queue: QueueName, ended: readonly Ended[]): Promise<void> {
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

function jobIdOf({ job }: Ended): string {
  return job.jobId;
}

function deadLetterOf({ end, job }: Ended): DeadLetter[] {
  return end.outcome === 'dead' ? [{ jobId: job.jobId, kind: job.kind, error: messageOf(end.error) }] : [];
}
