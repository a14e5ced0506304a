import { LRUCache } from 'lru-cache';
import type { PgBoss } from 'pg-boss';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import { newId } from '../shared/ids.ts';
import { dropDeadLetters } from './dead-letters.ts';
import type { JobDefinition, JobKind } from './define-job.ts';
import { holdJobKey } from './job-key-store.ts';
import { insertJobs, type NewJob, requeueJobs } from './job-store.ts';
import { defaultMaxAttempts, PRIORITY, type QueueName, queueFor } from './policies.ts';
import { Turns } from './turns.ts';

const KEY_MAX_CHARACTERS = 200;

/** Jobs that one statement writes. */
const JOBS_PER_INSERT = 500;

/** From so many waiting jobs of a workspace on, another one needs no turn. */
const BACKLOG = 50;

const BUSY_MS = 1_000;
const BUSY_MAX = 10_000;

export interface BulkEnqueueOptions {
  /** 1 to 10; within its workspace and queue 10 goes first. 8 and more moves standard work to the queue `high`. */
  priority?: number;
  /** Attempts before the job is given up; by default what its queue's policy says. */
  maxAttempts?: number;
}

export interface EnqueueOptions extends BulkEnqueueOptions {
  /**
   * 1 to 200 characters. Within 24 hours the same workspace, kind and key is the same job: a second one is not made,
   * and the id of the first is the answer.
   */
  idempotencyKey?: string;
}

/** Where work is handed over to workers. */
export class JobQueue {
  readonly #turns: Turns;
  readonly #boss: PgBoss;
  /** Workspaces and queues to which something came a moment ago: there it is worth to look before a turn is sent. */
  readonly #isBusy = new LRUCache<string, boolean>({ max: BUSY_MAX, ttl: BUSY_MS });

  constructor(boss: PgBoss) {
    this.#boss = boss;
    this.#turns = new Turns(boss);
  }

  /**
   * Enqueues a job as part of the transaction of `scope`: there is a job exactly if what was written with it is there.
   * Workers start on it as soon as the transaction is committed.
   * @returns the job's id
   * @throws InvalidJobPayloadError
   */
  async enqueue<Payload extends object>(
    scope: WorkspaceScope,
    definition: JobDefinition<Payload>,
    payload: NoInfer<Payload>,
    options: EnqueueOptions = {},
  ): Promise<string> {
    const job = newJob(definition, payload, options);
    if (options.idempotencyKey !== undefined) {
      const holder = await holdKey(scope, job, options.idempotencyKey);
      if (holder !== job.id) return holder;
    }
    await this.#put(scope, [job]);
    return job.id;
  }

  /**
   * The same for any number of jobs of one kind, at a fraction of the cost of each.
   * @returns their ids, in the order of the payloads
   * @throws InvalidJobPayloadError before anything is written
   */
  async enqueueAll<Payload extends object>(
    scope: WorkspaceScope,
    definition: JobDefinition<Payload>,
    payloads: readonly NoInfer<Payload>[],
    options: BulkEnqueueOptions = {},
  ): Promise<string[]> {
    const jobs = payloads.map((payload) => newJob(definition, payload, options));
    for (let start = 0; start < jobs.length; start += JOBS_PER_INSERT) {
      await this.#put(scope, jobs.slice(start, start + JOBS_PER_INSERT));
    }
    return jobs.map(({ id }) => id);
  }

  /**
   * Has jobs that are over run again, with all their attempts and the steps that they have finished.
   * @param jobIds of jobs that are DEAD, FAILED or CANCELLED; others are left as they are
   * @returns those that were put back
   */
  async requeue(scope: WorkspaceScope, jobIds: readonly string[]): Promise<string[]> {
    const requeued = await requeueJobs(scope, jobIds);
    const ids = requeued.map(({ id }) => id);
    await dropDeadLetters(this.#boss, scope, ids);
    for (const queue of new Set(requeued.map((job) => job.queue))) await this.#turns.send(scope, queue);
    return ids;
  }

  /**
   * A job that finds none of its workspace waiting puts it in line. One that finds many is sure to be seen. In between it
   * brings a spare turn: what waits may all have been started before this transaction is committed.
   */
  async #put(scope: WorkspaceScope, jobs: readonly NewJob[]): Promise<void> {
    const queue = jobs[0]?.queue;
    if (queue === undefined) return;
    const lane = `${queue} ${scope.workspaceId}`;
    if (this.#isBusy.get(lane)) {
      const waiting = await insertJobs(scope, jobs, BACKLOG);
      if (waiting < BACKLOG) await this.#turns.send(scope, queue, waiting > 0);
      this.#isBusy.set(lane, waiting > 0);
      return;
    }
    await Promise.all([insertJobs(scope, jobs, BACKLOG), this.#turns.send(scope, queue)]);
    this.#isBusy.set(lane, true);
  }
}

function newJob<Payload extends object>(
  definition: JobDefinition<Payload>,
  payload: Payload,
  options: BulkEnqueueOptions,
): NewJob {
  const priority = options.priority ?? (definition.queue === 'high' ? PRIORITY.high : PRIORITY.usual);
  if (!Number.isInteger(priority) || priority < PRIORITY.min || priority > PRIORITY.max) {
    throw new RangeError(`a job's priority is a whole number from ${PRIORITY.min} to ${PRIORITY.max}`);
  }
  const queue: QueueName = queueFor(definition.queue, priority);
  const maxAttempts = options.maxAttempts ?? defaultMaxAttempts(queue);
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) throw new RangeError('a job has at least one attempt');
  const kind: JobKind = definition.kind;
  return { id: newId('Job'), kind, queue, priority, maxAttempts, payload: definition.parse(payload) };
}

function holdKey(scope: WorkspaceScope, { id, kind }: NewJob, key: string): Promise<string> {
  if (key === '' || key.length > KEY_MAX_CHARACTERS) {
    throw new RangeError(`a job's idempotency key has 1 to ${KEY_MAX_CHARACTERS} characters`);
  }
  return holdJobKey(scope, { kind, key, jobId: id });
}
