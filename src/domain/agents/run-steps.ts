import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { type JobContext, RetryLater } from '../../jobs/define-job.ts';
import { ringJobs } from '../../jobs/job-events.ts';
import { messageOf } from '../../jobs/job-store.ts';
import type { JsonValue } from '../../shared/json.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { beginStep, endStep, finishedSteps } from './agent-run-store.ts';
import { plainJson } from './plain-json.ts';

const NAME_MAX_CHARACTERS = 200;
/** Of one run: what has more parts does several of them in a step. */
const STEPS_MAX = 1_000;
/** After this long the next step begins in another turn, so that others' jobs come between. */
const TURN_MS = 300_000;

export interface RunStepsParts {
  database: Database;
  recorder: UsageRecorder;
  context: Pick<JobContext, 'checkpoint' | 'write' | 'logger'>;
  workspaceId: string;
  runId: string;
  jobId: string;
  /** Aborted by the run's end, and where the run goes on in another turn. */
  ended: AbortController;
}

/**
 * The steps of one attempt at a run. What a step came to is kept in the transaction of the job's own checkpoint, after the
 * ledger has what its calls have cost: a run that goes on behind it pays for none of them again.
 */
export class RunSteps {
  readonly #parts: RunStepsParts;
  readonly #kept: ReadonlyMap<string, JsonValue>;
  readonly #begun = new Set<string>();
  readonly #turnEndsAt = performance.now() + TURN_MS;
  #open: string | null = null;
  #finished: number;

  private constructor(parts: RunStepsParts, kept: ReadonlyMap<string, JsonValue>) {
    this.#parts = parts;
    this.#kept = kept;
    this.#finished = kept.size;
  }

  /** With what earlier attempts have finished. */
  static async open(parts: RunStepsParts): Promise<RunSteps> {
    const { database, workspaceId, runId } = parts;
    return new RunSteps(parts, await database.withWorkspace(workspaceId, (scope) => finishedSteps(scope, runId)));
  }

  /** See `AgentRunContext.step`. */
  async run<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result> {
    this.#begin(name);
    try {
      const kept = this.#kept.get(name);
      return kept === undefined ? await this.#take(name, work) : (kept as Result);
    } finally {
      this.#open = null;
    }
  }

  #begin(name: string): void {
    const { ended } = this.#parts;
    ended.signal.throwIfAborted();
    if (name === '' || name.length > NAME_MAX_CHARACTERS) {
      throw new RangeError(`the name of a step has 1 to ${NAME_MAX_CHARACTERS} characters`);
    }
    if (this.#open !== null) throw new Error(`the step "${name}" begins within the step "${this.#open}"`);
    if (this.#begun.has(name)) throw new Error(`the run has two steps of the name "${name}"`);
    if (this.#begun.size === STEPS_MAX) throw new RangeError(`a run has ${STEPS_MAX} steps at the most`);
    this.#begun.add(name);
    this.#open = name;
    if (performance.now() < this.#turnEndsAt || this.#kept.has(name)) return;
    this.#open = null;
    ended.abort(new RetryLater(0, 'the run goes on in its next turn'));
    ended.signal.throwIfAborted();
  }

  async #take<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result> {
    const { context, recorder, runId, ended } = this.#parts;
    const position = this.#begun.size;
    await context.write((scope) => this.#told(scope, beginStep(scope, runId, { name, position })));
    const startedAt = performance.now();
    const sinceStart = () => performance.now() - startedAt;
    let output: Result;
    try {
      output = plainJson(`the result of the step "${name}"`, await work());
    } catch (error) {
      // Whatever ends the attempt ends its step with it; see the trigger on jobs.
      if (!ended.signal.aborted) {
        const end = { durationMs: sinceStart(), error: messageOf(error) };
        await context
          .write((scope) => this.#told(scope, endStep(scope, runId, name, end)))
          .catch((err: unknown) =>
            context.logger.warn({ err, step: name }, 'it was not written that a step has failed'),
          );
      }
      throw error;
    }
    await recorder.settle();
    const end = { durationMs: sinceStart(), output };
    this.#finished += 1;
    // Finished steps alone are progress: a step that kills its process uses an attempt up each time.
    await context.checkpoint({ finishedSteps: this.#finished }, (scope) =>
      this.#told(scope, endStep(scope, runId, name, end)),
    );
    return output;
  }

  async #told(scope: WorkspaceScope, written: Promise<unknown>): Promise<void> {
    await written;
    ringJobs(scope, [this.#parts.jobId]);
  }
}
