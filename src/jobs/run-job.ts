import type { Job, JobResult, PgBoss } from 'pg-boss';
import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import type { JsonValue } from '../shared/json.ts';
import { bossDatabaseInside } from './boss-database.ts';
import {
  InvalidJobPayloadError,
  JOB_ENVELOPE,
  type JobDefinition,
  type JobEnvelope,
  type JobKind,
  RetryLater,
} from './define-job.ts';
import {
  type Attempt,
  completeAttempt,
  giveUp,
  messageOf,
  retryAttempt,
  startAttempt,
  writeProgress,
} from './job-store.ts';
import { QUEUE_POLICIES, type QueueName, retryDelayMs } from './policies.ts';
import { ProgressWriter } from './progress-writer.ts';
import { wakeWorkers } from './queue.ts';

export interface JobRunnerOptions {
  boss: PgBoss;
  database: Database;
  definitions: readonly JobDefinition[];
  logger: Logger;
}

/** Polling finds a delayed job too, but up to a whole interval late; for long delays that does not matter. */
const WAKE_WITHIN_MS = 600_000;
/** The database's clock decides whether a job is due. */
const WAKE_MARGIN_MS = 20;

type Outcome = { result: JsonValue | undefined } | { error: unknown };

type Claimed = Job<unknown> & { name: string };

/**
 * Runs claimed jobs, one attempt each, and keeps our row of them true. That row decides what is still to be done: where
 * pg-boss hands out a job again that it had not yet heard the end of, nothing is run twice.
 */
export class JobRunner {
  readonly #options: JobRunnerOptions;
  readonly #definitions: ReadonlyMap<string, JobDefinition>;
  readonly #running = new Map<AbortController, Promise<JobResult>>();

  constructor(options: JobRunnerOptions) {
    this.#options = options;
    this.#definitions = new Map(options.definitions.map((definition) => [definition.kind, definition]));
    if (this.#definitions.size < options.definitions.length) throw new Error('two jobs are defined for one kind');
  }

  /** Resolves when no job is running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Ends the attempts that are being made; each job is run again without having lost one. */
  abort(reason: string): void {
    for (const controller of this.#running.keys()) controller.abort(new RetryLater(0, reason));
  }

  /** Never rejects. */
  async run(queue: QueueName, claimed: Claimed): Promise<JobResult> {
    const controller = new AbortController();
    const result = this.#run(queue, claimed, controller).catch((error: unknown): JobResult => {
      // Our row could not be written. pg-boss hands the job out again, and it is put right then.
      this.#options.logger.error({ err: error, bossId: claimed.id }, 'a job could not be recorded');
      return { id: claimed.id, status: 'failed', output: { message: messageOf(error) } };
    });
    this.#running.set(controller, result);
    return result.finally(() => this.#running.delete(controller));
  }

  async #run(queue: QueueName, claimed: Claimed, controller: AbortController): Promise<JobResult> {
    const completed: JobResult = { id: claimed.id, status: 'completed' };
    const dead: JobResult = { id: claimed.id, status: 'deadletter' };
    const envelope = JOB_ENVELOPE.safeParse(claimed.data);
    if (!envelope.success) {
      this.#options.logger.error({ bossId: claimed.id }, 'a job without a workspace was given up');
      return dead;
    }
    const { workspaceId, jobId } = envelope.data;
    const { database } = this.#options;
    const start = await database.withWorkspace(workspaceId, (scope) => startAttempt(scope, jobId, claimed.id));
    if (start.outcome !== 'started') return start.outcome === 'dead' ? dead : completed;

    const outcome = await this.#attempt(queue, claimed, controller, envelope.data, start);
    if ('result' in outcome) {
      await database.withWorkspace(workspaceId, (scope) => completeAttempt(scope, start, outcome.result));
      return completed;
    }
    const { error } = outcome;
    if (isFinal(error, start)) {
      await database.withWorkspace(workspaceId, (scope) => giveUp(scope, start, error));
      return dead;
    }
    await this.#retry(queue, claimed, workspaceId, start, error);
    // pg-boss holds this answer against the attempt it handed out, which is settled, and so leaves the job alone.
    return completed;
  }

  async #attempt(
    queue: QueueName,
    claimed: Claimed,
    controller: AbortController,
    envelope: JobEnvelope,
    attempt: Attempt,
  ): Promise<Outcome> {
    const { workspaceId, jobId, kind } = envelope;
    const logger = this.#options.logger.child({ workspaceId, jobId, kind, attempt: attempt.attempt });
    const progress = new ProgressWriter(
      (report) => this.#options.database.withWorkspace(workspaceId, (scope) => writeProgress(scope, attempt, report)),
      (error) => logger.warn({ err: error }, 'progress of a job could not be written'),
    );
    const { timeoutSeconds } = QUEUE_POLICIES[queue];
    const timeout = setTimeout(
      () => controller.abort(new Error(`the job took longer than ${timeoutSeconds} seconds`)),
      timeoutSeconds * 1000,
    );
    const loseClaim = () => controller.abort(claimed.signal.reason);
    claimed.signal.addEventListener('abort', loseClaim, { once: true });
    try {
      const ended = untilAborted(controller.signal);
      const definition = this.#definitionOf(kind);
      const payload = { ...definition.parse(envelope.payload), workspaceId, jobId };
      const result = await Promise.race([
        definition.run(payload, {
          signal: controller.signal,
          attempt: attempt.attempt,
          logger,
          progress: (done, failed, total) => progress.report({ done, failed, total: total ?? null }),
        }),
        ended,
      ]);
      return { result };
    } catch (error) {
      if (!(error instanceof RetryLater)) logger.warn({ err: error }, 'a job failed');
      return { error };
    } finally {
      clearTimeout(timeout);
      claimed.signal.removeEventListener('abort', loseClaim);
      await progress.close();
    }
  }

  #definitionOf(kind: string): JobDefinition {
    const definition = this.#definitions.get(kind as JobKind);
    // Not final: while versions are being replaced, a newer worker may know the kind.
    if (definition === undefined) throw new Error(`this worker knows no job of the kind ${kind}`);
    return definition;
  }

  /** Our row and pg-boss's are put to the next attempt in one transaction. */
  async #retry(queue: QueueName, claimed: Claimed, workspaceId: string, attempt: Attempt, error: unknown) {
    const later = error instanceof RetryLater;
    const delayMs = later ? error.delayMs : retryDelayMs(queue, attempt.attempt);
    const at = new Date(Date.now() + delayMs);
    const { boss, database } = this.#options;
    await database.withWorkspace(workspaceId, async (scope) => {
      const isCurrent = await retryAttempt(scope, attempt, { at, usedUp: !later, error });
      if (!isCurrent) return;
      const db = bossDatabaseInside(scope);
      await boss.fail(queue, claimed, { message: messageOf(error) }, { db });
      await boss.update(queue, undefined, { id: claimed.id, startAfter: at, db });
    });
    if (delayMs > WAKE_WITHIN_MS) return;
    setTimeout(() => wakeWorkers(boss, queue), delayMs + WAKE_MARGIN_MS).unref();
  }
}

function isFinal(error: unknown, attempt: Attempt): boolean {
  if (error instanceof RetryLater) return false;
  return error instanceof InvalidJobPayloadError || attempt.attempt >= attempt.maxAttempts;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  return aborted;
}
