import { z } from 'zod';
import type { Logger } from '../observability/logger.ts';
import type { JsonValue } from '../shared/json.ts';
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
   * @throws RetryLater to be delayed without using up an attempt; anything else uses one up
   */
  run(payload: Payload & JobIdentity, context: JobContext): Promise<JsonValue | undefined>;
}

/** A payload that is not what the job's schema says. Trying again would not change it, so the job is given up at once. */
export class InvalidJobPayloadError extends Error {
  override readonly name = 'InvalidJobPayloadError';

  constructor(kind: JobKind, error: z.ZodError) {
    super(`the payload of a ${kind} job is not valid: ${z.prettifyError(error)}`, { cause: error });
  }
}

/** Thrown by a job to be run again later without having used up an attempt, e.g. at a rate limit. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;

  /** @param reason shown to clients as the job's error while it waits */
  constructor(delayMs: number, reason: string) {
    super(reason);
    this.delayMs = Math.max(0, delayMs);
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

/** What pg-boss stores of a job. */
export const JOB_ENVELOPE = z.object({
  kind: z.string(),
  workspaceId: z.string(),
  jobId: z.string(),
  payload: z.record(z.string(), z.unknown()),
});

export type JobEnvelope = z.infer<typeof JOB_ENVELOPE>;
