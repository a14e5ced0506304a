import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import type { JsonValue } from '../shared/json.ts';
import { AttemptEnding } from './attempt-ending.ts';
import { FinalJobError, type JobDefinition, type JobKind, RetryLater } from './define-job.ts';
import { storageProblem } from './job-result.ts';
import { AttemptOverError, JobSteps } from './job-steps.ts';
import { type Attempt, type AttemptEnd, writeProgress } from './job-store.ts';
import { QUEUE_POLICIES, type QueueName, retryDelayMs } from './policies.ts';
import { ProgressWriter } from './progress-writer.ts';
import { type StartedJob, staleAttempts } from './turn-store.ts';

export interface JobRunnerOptions {
  database: Database;
  definitions: readonly JobDefinition[];
  logger: Logger;
}

interface RunningAttempt {
  workspaceId: string;
  jobId: string;
  claim: number;
  turnLost: AbortSignal;
  ending: AttemptEnding;
}

/** Makes attempts at jobs. */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #definitions: ReadonlyMap<JobKind, JobDefinition>;
  readonly #running = new Set<RunningAttempt>();
  readonly #watchedTurns = new WeakSet<AbortSignal>();
  #abortedFor: string | null = null;

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#definitions = new Map(options.definitions.map((definition) => [definition.kind, definition]));
    if (this.#definitions.size < options.definitions.length) throw new Error('two jobs are defined for one kind');
  }

  /** Ends the attempts that are being made and makes no more; each job is run again without having lost one. */
  abort(reason: string): void {
    this.#abortedFor = reason;
    for (const { ending } of this.#running) ending.abort(new RetryLater(0, reason));
  }

  /** Ends attempts of which the database says that they are over: the job was cancelled, or another worker has it. */
  async abortStale(): Promise<void> {
    if (this.#running.size === 0) return;
    const looked = [...this.#running];
    const stale = new Set(await this.#options.database.withSystem((scope) => staleAttempts(scope, looked)));
    for (const { jobId, ending } of looked) if (stale.has(jobId)) ending.abort(new AttemptOverError());
  }

  /**
   * Makes one attempt.
   * @param turnLost aborted when the job may have gone to another worker
   * @returns how it ended, or null where it was over before: what it came to is not recorded
   */
  async run(workspaceId: string, queue: QueueName, job: StartedJob, turnLost: AbortSignal): Promise<AttemptEnd | null> {
    const ending = new AttemptEnding();
    const running = { workspaceId, jobId: job.jobId, claim: job.claim, turnLost, ending };
    const { timeoutSeconds } = QUEUE_POLICIES[queue];
    const timeout = setTimeout(
      () => ending.abort(new Error(`the job took longer than ${timeoutSeconds} seconds`)),
      timeoutSeconds * 1000,
    );
    this.#watchTurn(turnLost);
    this.#running.add(running);
    if (this.#abortedFor !== null) ending.abort(new RetryLater(0, this.#abortedFor));
    if (turnLost.aborted) ending.abort(new AttemptOverError());
    try {
      return await this.#attempt(workspaceId, job, ending);
    } catch (error) {
      return this.#failure(workspaceId, queue, job, error);
    } finally {
      this.#running.delete(running);
      clearTimeout(timeout);
    }
  }

  /** One listener a turn: each of its jobs would otherwise have to be found again among those of the others. */
  #watchTurn(turnLost: AbortSignal): void {
    if (this.#watchedTurns.has(turnLost)) return;
    this.#watchedTurns.add(turnLost);
    const endAll = () => {
      for (const running of this.#running)
        if (running.turnLost === turnLost) running.ending.abort(new AttemptOverError());
    };
    turnLost.addEventListener('abort', endAll, { once: true });
  }

  async #attempt(workspaceId: string, job: StartedJob, ending: AttemptEnding): Promise<AttemptEnd> {
    const { database } = this.#options;
    const { jobId, kind, attempt } = job;
    const parent = this.#options.logger;
    let logger: Logger | undefined;
    // Most jobs say nothing and take no steps: what they do not ask for is not made.
    const ownLogger = () => {
      logger ??= parent.child({ workspaceId, jobId, kind, attempt });
      return logger;
    };
    let steps: JobSteps | undefined;
    const ownSteps = () => {
      steps ??= new JobSteps(database, workspaceId, job, ending);
      return steps;
    };
    let progress: ProgressWriter | undefined;
    let isOver = false;
    const report = (done: number, failed: number, total: number | null) => {
      if (isOver) return;
      progress ??= this.#progressOf(workspaceId, job, ending, ownLogger);
      progress.report({ done, failed, total });
    };
    try {
      ending.throwIfAborted();
      const definition = this.#definitionOf(kind);
      const payload = { ...definition.parse(job.payload), workspaceId, jobId };
      const work = definition.run(payload, {
        get signal() {
          return ending.signal;
        },
        attempt,
        get logger() {
          return ownLogger();
        },
        progress: (done, failed, total) => report(done, failed, total ?? null),
        step: (name, part) => ownSteps().run(name, part),
        checkpoint: (value, also) => ownSteps().checkpoint(value, also),
        write: (part) => ownSteps().write(part),
        resumed: () => ownSteps().resumed(),
      });
      const result = await ending.orReason(work);
      return { outcome: 'completed', attempt: job, result: storable(result), hasSteps: steps?.areKept ?? false };
    } finally {
      isOver = true;
      if (progress !== undefined) await progress.close();
    }
  }

  #progressOf(workspaceId: string, job: StartedJob, ending: AttemptEnding, logger: () => Logger): ProgressWriter {
    return new ProgressWriter(
      async (report) => {
        const isCurrent = await this.#options.database.withWorkspace(workspaceId, (scope) =>
          writeProgress(scope, job, report),
        );
        if (!isCurrent) ending.abort(new AttemptOverError());
      },
      (error) => logger().warn({ err: error }, 'progress of a job could not be written'),
    );
  }

  #definitionOf(kind: JobKind): JobDefinition {
    const definition = this.#definitions.get(kind);
    // Not final: while versions are being replaced, a newer worker may know the kind.
    if (definition === undefined) throw new Error(`this worker knows no job of the kind ${kind}`);
    return definition;
  }

  #failure(workspaceId: string, queue: QueueName, job: StartedJob, error: unknown): AttemptEnd | null {
    if (error instanceof AttemptOverError) return null;
    if (error instanceof RetryLater) {
      return { outcome: 'retry', attempt: job, delayMs: error.delayMs, usedUp: false, error };
    }
    const { jobId, kind, attempt } = job;
    this.#options.logger.warn({ err: error, workspaceId, jobId, kind, attempt }, 'a job failed');
    if (isFinal(error, job)) return { outcome: 'dead', attempt: job, error };
    return { outcome: 'retry', attempt: job, delayMs: retryDelayMs(queue, attempt), usedUp: true, error };
  }
}

function isFinal(error: unknown, attempt: Attempt): boolean {
  return error instanceof FinalJobError || attempt.attempt >= attempt.maxAttempts;
}

function storable(result: JsonValue | undefined): JsonValue | undefined {
  const problem = result === undefined ? null : storageProblem(result);
  if (problem !== null) throw new Error(`the result of the job cannot be stored: ${problem}`);
  return result;
}
