import type { Database } from '../db/client.ts';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { JsonValue } from '../shared/json.ts';
import type { AttemptEnding } from './attempt-ending.ts';
import { storageProblem } from './job-result.ts';
import { CHECKPOINT, findStep, holdAttempt, keepStep, replaceStep } from './job-step-store.ts';
import type { Attempt } from './job-store.ts';

/** Larger results belong into a table or a file of their own; the step then returns where. */
export const STEP_RESULT_MAX_BYTES = 262_144;
const STEP_NAME_MAX_CHARACTERS = 200;

/** A step whose result cannot be kept. Its work was done, and is done again by the next attempt. */
export class StepResultError extends Error {
  override readonly name = 'StepResultError';

  constructor(step: string, reason: string) {
    super(`the result of the step ${JSON.stringify(step)} cannot be kept: ${reason}`);
  }
}

/** Another attempt goes on with the job, or it was cancelled: what this one does counts no more. */
export class AttemptOverError extends Error {
  override readonly name = 'AttemptOverError';

  constructor() {
    super('this attempt at the job is over: the job was cancelled, or another worker goes on with it');
  }
}

/** The steps of one attempt at a job. */
export class JobSteps {
  readonly #database: Database;
  readonly #workspaceId: string;
  readonly #attempt: Attempt;
  readonly #ending: Pick<AttemptEnding, 'throwIfAborted'>;
  readonly #begun = new Set<string>();
  #areKept = false;

  constructor(
    database: Database,
    workspaceId: string,
    attempt: Attempt,
    ending: Pick<AttemptEnding, 'throwIfAborted'>,
  ) {
    this.#database = database;
    this.#workspaceId = workspaceId;
    this.#attempt = attempt;
    this.#ending = ending;
  }

  /** Whether this attempt has kept or looked for any. */
  get areKept(): boolean {
    return this.#areKept;
  }

  /** See `JobContext.step`. */
  async run<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result> {
    if (name === '' || name.length > STEP_NAME_MAX_CHARACTERS) {
      throw new RangeError(`the name of a step has 1 to ${STEP_NAME_MAX_CHARACTERS} characters`);
    }
    if (this.#begun.has(name)) throw new Error(`the job has two steps of the name ${JSON.stringify(name)}`);
    this.#begun.add(name);
    this.#areKept = true;
    this.#ending.throwIfAborted();
    const kept = await this.#database.withWorkspace(this.#workspaceId, (scope) =>
      findStep(scope, this.#attempt.jobId, name),
    );
    if (kept !== null) return kept.result as Result;
    this.#ending.throwIfAborted();
    const result = await work();
    assertKeepable(name, result);
    const isCurrent = await this.#database.withWorkspace(this.#workspaceId, (scope) =>
      keepStep(scope, this.#attempt, name, result),
    );
    if (!isCurrent) throw new AttemptOverError();
    return result;
  }

  /** See `JobContext.checkpoint`. */
  async checkpoint(value: JsonValue, also?: (scope: WorkspaceScope) => Promise<unknown>): Promise<void> {
    assertKeepable(CHECKPOINT, value);
    this.#areKept = true;
    this.#ending.throwIfAborted();
    await this.#database.withWorkspace(this.#workspaceId, async (scope) => {
      if (!(await replaceStep(scope, this.#attempt, CHECKPOINT, value))) throw new AttemptOverError();
      await also?.(scope);
    });
  }

  /** See `JobContext.write`. */
  async write(work: (scope: WorkspaceScope) => Promise<unknown>): Promise<void> {
    this.#ending.throwIfAborted();
    await this.#database.withWorkspace(this.#workspaceId, async (scope) => {
      if (!(await holdAttempt(scope, this.#attempt))) throw new AttemptOverError();
      await work(scope);
    });
  }

  /** See `JobContext.resumed`. */
  async resumed(): Promise<JsonValue | null> {
    this.#areKept = true;
    const kept = await this.#database.withWorkspace(this.#workspaceId, (scope) =>
      findStep(scope, this.#attempt.jobId, CHECKPOINT),
    );
    return kept?.result ?? null;
  }
}

/** @throws StepResultError */
function assertKeepable(step: string, result: unknown): void {
  const problem = storageProblem(result);
  if (problem !== null) throw new StepResultError(step, problem);
  const bytes = Buffer.byteLength(JSON.stringify(result));
  if (bytes <= STEP_RESULT_MAX_BYTES) return;
  throw new StepResultError(step, `it has ${bytes} bytes of JSON, and ${STEP_RESULT_MAX_BYTES} are the most`);
}
