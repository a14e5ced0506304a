import { z } from 'zod';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { Logger } from '../observability/logger.ts';
import type { JsonObject, JsonValue } from '../shared/json.ts';
import type { QueueName } from './policies.ts';

/** What a job does; the values of the API's `JobKind`. */
export type JobKind =
  | 'EMBED'
  | 'CLASSIFY'
  | 'SENTIMENT'
  | 'INTENT'
  | 'THEMES'
  | 'PROCESS_DOCUMENTS'
  | 'BACKFILL_EMBEDDINGS'
  | 'IMPORT'
  | 'AGENT_RUN'
  | 'GENERATE'
  | 'DAILY_REPORT'
  | 'MAINTENANCE';

/** Which job of which workspace is being run. */
export interface JobIdentity {
  workspaceId: string;
  jobId: string;
}

export interface JobContext {
  /** Aborted when the attempt takes too long, its claim is lost, or the process stops. What follows is not recorded. */
  signal: AbortSignal;
  /** 1 for the first attempt. */
  attempt: number;
  logger: Logger;
  /**
   * Says how far the job is. Cheap enough to be called for every record: at most four writes a second reach the
   * database, and the last one always does.
   * @param total absent while it is not known
   */
  progress(done: number, failed: number, total?: number): void;
  /**
   * Does a part of the job once. Its result is kept, in a transaction of its own once `work` is over; where the process
   * dies or the attempt fails after that, the next attempt is given the kept result, and `work` is not run again. Where
   * that happens during `work`, it is run again from its beginning. An attempt that has finished a step and is then cut
   * off with its process does not count against the job.
   * @param name 1 to 200 characters; within a job no two steps have the same, and each attempt calls them alike
   * @param work answers with plain JSON of at most 256 KiB
   * @throws StepResultError where the result cannot be kept
   * @throws AttemptOverError where another worker goes on with the job, or it was cancelled
   */
  step<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result>;
  /**
   * Keeps how far the job has come, in place of what was kept before: for work of any length, where a step for each
   * piece would leave as many rows behind. A value other than the one before is progress, as a finished step is.
   * @param value plain JSON of at most 256 KiB
   * @param also done in the same transaction: it is done exactly if the value is kept
   * @throws StepResultError, AttemptOverError, as `step`
   */
  checkpoint(value: JsonValue, also?: (scope: WorkspaceScope) => Promise<unknown>): Promise<void>;
  /**
   * Writes in a transaction that counts as long as the attempt does, and is no progress.
   * @throws AttemptOverError, as `step`
   */
  write(work: (scope: WorkspaceScope) => Promise<unknown>): Promise<void>;
  /** What the last checkpoint of an earlier attempt has kept; null where there is none. */
  resumed(): Promise<JsonValue | null>;
}

/** A kind of job: where it goes, what it takes, and what it does. */
export interface JobDefinition<Payload extends object = object> {
  readonly kind: JobKind;
  readonly queue: QueueName;
  /** @throws InvalidJobPayloadError */
  parse(payload: unknown): Payload;
  /**
   * Runs the job; may run more than once, so that it has to be harmless to start again.
   * @returns what a client sees as the job's result
   * @throws RetryLater to be delayed without using up an attempt; FinalJobError to be given up at once; anything else uses an attempt up
   */
  run(payload: Payload & JobIdentity, context: JobContext): Promise<JsonValue | undefined>;
}

/** What no other attempt would change: the job is given up at once. */
export class FinalJobError extends Error {
  override readonly name: string = 'FinalJobError';
}

/** A payload that is not what the job's schema says. */
export class InvalidJobPayloadError extends FinalJobError {
  override readonly name = 'InvalidJobPayloadError';

  constructor(kind: JobKind, error: z.ZodError) {
    super(`the payload of a ${kind} job is not valid: ${z.prettifyError(error)}`, { cause: error });
  }
}

/** Thrown by a job to be run again later without having used up an attempt, e.g. at a rate limit. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;
  /** What the payloads of jobs have that would meet the same; null: of others nothing is known. */
  readonly alike: JsonObject | null;

  /**
   * @param reason shown to clients as the job's error while it waits
   * @param alike jobs of the workspace of the same queue and kind whose payload has these values wait as well, some
   * hundreds for each that was told, without finding it out one by one
   */
  constructor(delayMs: number, reason: string, alike: JsonObject | null = null) {
    super(reason);
    this.delayMs = Math.max(0, delayMs);
    this.alike = alike;
  }
}

/**
 * Declares a job.
 * @param definition.schema of a payload that is plain JSON; checked when the job is enqueued and again when it is run
 * @param definition.queue where it goes unless its priority says otherwise; `standard` by default
 */
export function defineJob<Payload extends object>(definition: {
  kind: JobKind;
  queue?: QueueName;
  schema: z.ZodType<Payload>;
  run(payload: Payload & JobIdentity, context: JobContext): Promise<JsonValue | undefined>;
}): JobDefinition<Payload> {
  const { kind, schema } = definition;
  return {
    kind,
    queue: definition.queue ?? 'standard',
    parse(payload) {
      const parsed = schema.safeParse(payload);
      if (!parsed.success) throw new InvalidJobPayloadError(kind, parsed.error);
      return parsed.data;
    },
    run: (payload, context) => definition.run(payload, context),
  };
}
