import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { type JobContext, type JobIdentity, RetryLater } from '../../jobs/define-job.ts';
import type { JsonObject } from '../../shared/json.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import { jobCalls, withinAllowance } from '../gateway/job-call.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import { AI_TASKS, type AiTask, type EmbeddingModelOf } from './document-service.ts';
import { type DocumentTaskWork, OPERATION_OF_TASK } from './document-tasks.ts';
import type { ProcessPayload } from './process-payload.ts';
import { countProcessed, nextProcessed, type ProcessedDocuments } from './process-store.ts';

/** Documents between two checkpoints, where they are embedded alone: a multiple of what is under way at once. */
const EMBEDDED_PAGE = 500;
/** Where a model may be asked about each of them, a page takes longer. */
const JUDGED_PAGE = 100;
/** How long an attempt goes on before it makes room for other jobs: well below the shortest time limit of a queue. */
const TURN_MS = 150_000;
/** How long to leave a provider alone that stopped answering amid a job. */
const PROVIDER_PAUSE_MS = 60_000;
/** Failures that a job's result names one by one. */
const FAILURES_LISTED = 100;
/** Failures that the error of a job names. */
const FAILURES_NAMED = 5;

const TASK = z.enum(AI_TASKS);
const FAILURE = z.object({ documentId: z.string(), task: TASK, message: z.string() });
type TaskFailure = z.infer<typeof FAILURE>;

/** How far a job has come: what is counted is what was finished, whatever happens amid a page. */
const STATE = z.object({
  total: z.number(),
  done: z.number(),
  failed: z.number(),
  /** Documents that are worked on next: kept, because what is done to them may take them out of the filter. */
  page: z.array(z.string()),
  failures: z.array(FAILURE),
});
type State = z.infer<typeof STATE>;

/** What came of a job. */
export interface ProcessResult extends JsonObject {
  done: number;
  failed: number;
}

/** A follow-up that could not be done either. */
class StillFailingError extends Error {
  override readonly name = 'StillFailingError';

  constructor(failures: readonly TaskFailure[]) {
    const named = failures.slice(0, FAILURES_NAMED).map(({ documentId, message }) => `${documentId}: ${message}`);
    const more = failures.length > named.length ? `; and ${failures.length - named.length} more` : '';
    super(`${failures.length} of the documents failed again: ${named.join('; ')}${more}`);
  }
}

export interface ProcessRunParts {
  database: Database;
  tasks: DocumentTaskWork;
  embeddingModelOf: EmbeddingModelOf;
  /** Enqueues what tries the documents again that a task failed at. */
  followUp(
    scope: WorkspaceScope,
    payload: ProcessPayload,
    task: AiTask,
    documentIds: readonly string[],
  ): Promise<unknown>;
}

/** One attempt at a job that has models work on documents, page by page, from where the last one stopped. */
export class ProcessRun {
  readonly #parts: ProcessRunParts;
  readonly #payload: ProcessPayload & JobIdentity;
  readonly #context: JobContext;
  readonly #taskOrder: readonly AiTask[];
  readonly #pageSize: number;

  constructor(parts: ProcessRunParts, payload: ProcessPayload & JobIdentity, context: JobContext) {
    this.#parts = parts;
    this.#payload = payload;
    this.#context = context;
    // Vectors first: what is judged by vectors may find them in the cache.
    this.#taskOrder = AI_TASKS.filter((task) => payload.tasks.includes(task));
    this.#pageSize = this.#taskOrder.some((task) => task !== 'EMBED') ? JUDGED_PAGE : EMBEDDED_PAGE;
  }

  /**
   * @throws RetryLater at the end of an allowance, of a turn, or where a provider stopped answering after some pages;
   * StillFailingError; what is no document's fault
   */
  async run(): Promise<ProcessResult> {
    const { database } = this.#parts;
    const callFor = await jobCalls(database, this.#payload, this.#context.signal);
    if (callFor === null) return { done: 0, failed: 0 };
    const kept = await this.#context.resumed();
    let state = kept === null ? await this.#begin() : STATE.parse(kept);
    const turnEndsAt = performance.now() + TURN_MS;
    for (let pages = 0; state.page.length > 0; pages += 1) {
      if (performance.now() > turnEndsAt) throw new RetryLater(0, 'other jobs have their turn, then it goes on');
      this.#context.signal.throwIfAborted();
      this.#report(state);
      state = await this.#page(state, callFor).catch((error: unknown) => {
        throw pages > 0 ? asPause(error) : error;
      });
    }
    this.#report(state);
    for (const task of this.#taskOrder) {
      await withinAllowance(() => this.#parts.tasks.conclude(task, callFor(OPERATION_OF_TASK[task])));
    }
    return this.#finish(state);
  }

  async #begin(): Promise<State> {
    const which = await this.#which();
    const documents =
      which === null
        ? this.#listed().length
        : await this.#parts.database.withWorkspace(this.#payload.workspaceId, (scope) => countProcessed(scope, which));
    const total = documents * this.#taskOrder.length;
    const state = { total, done: 0, failed: 0, page: await this.#nextPage(null), failures: [] };
    // What a list holds does not change meanwhile.
    if (which !== null) await this.#context.checkpoint(state);
    return state;
  }

  /** Does all tasks on the documents of a page, and keeps that it is done together with what follows its failures up. */
  async #page(state: State, callFor: (operation: ModelCall['operation']) => ModelCall): Promise<State> {
    const { page } = state;
    const failures: TaskFailure[] = [];
    let done = state.done;
    for (const task of this.#taskOrder) {
      const before = { done, failed: state.failed + failures.length };
      const failed = await withinAllowance(
        () =>
          this.#parts.tasks.perform(task, callFor(OPERATION_OF_TASK[task]), page, {
            ...{ modelId: this.#payload.model, batchSize: this.#payload.batchSize },
            onProgress: (told) =>
              this.#report({ ...state, done: before.done + told.done, failed: before.failed + told.failed }),
          }),
        { tasks: [task], apiKeyId: this.#payload.apiKeyId },
      );
      done += page.length - failed.length;
      failures.push(...failed.map((failure) => ({ ...failure, task })));
    }
    const next: State = {
      ...{ total: state.total, done, failed: state.failed + failures.length },
      page: await this.#nextPage(page.at(-1) ?? null),
      failures: [...state.failures, ...failures].slice(0, FAILURES_LISTED),
    };
    // A follow-up begins anew with each attempt. A list's last page needs no checkpoint unless jobs were made for it.
    const isKept = next.page.length > 0 || failures.length > 0 || (await this.#which()) !== null;
    if (this.#payload.isFollowUp === true || !isKept) return next;
    await this.#context.checkpoint(next, async (scope) => {
      for (const [task, own] of Map.groupBy(failures, (failure) => failure.task)) {
        const ids = own.map(({ documentId }) => documentId);
        await this.#parts.followUp(scope, this.#payload, task, ids);
      }
    });
    return next;
  }

  #finish({ done, failed, failures }: State): ProcessResult {
    // Of a filter, some documents may have gone or come in since they were counted.
    this.#context.progress(done, failed, done + failed);
    if (failed === 0) return { done, failed };
    if (this.#payload.isFollowUp === true) throw new StillFailingError(failures);
    return { done, failed, failures, unlistedFailures: failed - failures.length };
  }

  async #nextPage(after: string | null): Promise<string[]> {
    const which = await this.#which();
    if (which === null) {
      // A follow-up is one page.
      const size = this.#payload.isFollowUp === true ? this.#listed().length : this.#pageSize;
      return this.#listed()
        .filter((id) => after === null || id > after)
        .slice(0, size);
    }
    return this.#parts.database.withWorkspace(this.#payload.workspaceId, (scope) =>
      nextProcessed(scope, which, after, this.#pageSize),
    );
  }

  /** Ids of a job that was given a list alone. */
  #listed(): string[] {
    return [...new Set(this.#payload.documentIds ?? [])].sort();
  }

  /** Null: a list of ids says which documents. */
  async #which(): Promise<ProcessedDocuments | null> {
    const { workspaceId, documentIds, filter, upTo, isBackfill, model } = this.#payload;
    if (filter === undefined && isBackfill !== true) return null;
    const embeddingModel = await this.#parts.embeddingModelOf(workspaceId);
    const missingOf = model ?? embeddingModel;
    const missing = isBackfill === true ? { model: missingOf, isOwn: missingOf === embeddingModel } : null;
    return { documentIds, filter: filter ?? null, upTo: upTo ?? '', missing, embeddingModel };
  }

  #report({ done, failed, total }: Pick<State, 'done' | 'failed' | 'total'>): void {
    this.#context.progress(done, failed, Math.max(total, done + failed));
  }
}

/** After some progress a provider's silence is a pause, which uses up no attempt; without any it may be for good. */
function asPause(error: unknown): unknown {
  if (!(error instanceof ProviderFailedError) || !error.retryable) return error;
  return new RetryLater(Math.max(error.retryAfterMs ?? 0, PROVIDER_PAUSE_MS), error.message);
}
