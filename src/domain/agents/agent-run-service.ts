import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { jobTopic } from '../../jobs/job-events.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { Agent } from './agent.ts';
import { checkedInput } from './agent-configuration.ts';
import { type AgentRun, isRunOver, type RunStep } from './agent-run.ts';
import {
  findRuns,
  inputOfRun,
  listRunsOfAgents,
  outputsOfSteps,
  runOfKey,
  smallInputsOfRuns,
  stepsOfRuns,
} from './agent-run-store.ts';
import type { AgentRuns } from './agent-runs.ts';
import { findAgents } from './agent-store.ts';
import { findAgentType } from './agent-types.ts';
import type { WritingBudget } from './writing-budget.ts';

const KEY_MAX_CHARACTERS = 200;
/** Of one run; it has no more than so many. */
const STEPS_MAX = 1_000;
/** Characters of inputs that are shown at once: a page of runs may have been asked about a hundred years of days each. */
const INPUTS_MAX_CHARACTERS = 32 * 1024 * 1024;
/** Of steps, as the database keeps them: a page of runs may have a hundred thousand, of 256 KiB each. */
const OUTPUTS_MAX_BYTES = 8 * 1024 * 1024;

/** A run that somebody asks for. */
export interface RunRequest {
  agentId: string;
  input: JsonObject | null;
  idempotencyKey: string | null;
}

export interface AgentRunServiceParts {
  database: Database;
  runs: AgentRuns;
  budget: WritingBudget;
}

/** Runs agents when somebody asks for it, and shows what becomes of it. */
export class AgentRunService {
  readonly #database: Database;
  readonly #runs: AgentRuns;
  readonly #budget: WritingBudget;

  constructor({ database, runs, budget }: AgentRunServiceParts) {
    this.#database = database;
    this.#runs = runs;
    this.#budget = budget;
  }

  /** Runs by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<AgentRun[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findRuns(scope, ids));
  }

  /** A page of the runs of each agent, in the order of the agents; newest first. */
  async listOf(
    caller: Caller,
    agentIds: readonly string[],
    page: { limit: number; after: string | null },
  ): Promise<AgentRun[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const runs = await this.#database.withWorkspace(workspace.id, (scope) => listRunsOfAgents(scope, agentIds, page));
    const byAgent = Map.groupBy(runs, ({ agentId }) => agentId);
    return agentIds.map((id) => byAgent.get(id) ?? []);
  }

  /** The steps of each run, in the order of the runs and in that in which they were begun. */
  async stepsOf(caller: Caller, runIds: readonly string[]): Promise<RunStep[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const steps = await this.#database.withWorkspace(workspace.id, (scope) => stepsOfRuns(scope, runIds, STEPS_MAX));
    const byRun = Map.groupBy(steps, ({ runId }) => runId);
    return runIds.map((runId) => byRun.get(runId) ?? []);
  }

  /**
   * What the steps of each run came to, by name, in the order of the runs; an error in place of what makes too much
   * together.
   */
  async stepOutputsOf(caller: Caller, runIds: readonly string[]): Promise<Map<string, JsonValue | Error>[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const kept = await this.#database.withWorkspace(workspace.id, (scope) =>
      outputsOfSteps(scope, runIds, OUTPUTS_MAX_BYTES),
    );
    const byRun = Map.groupBy(kept, ({ runId }) => runId);
    return runIds.map((runId) => {
      const outputs = byRun.get(runId) ?? [];
      return new Map(outputs.map(({ name, output, isLeftOut }) => [name, isLeftOut ? tooLong('output') : output]));
    });
  }

  /** What each run was asked for, in the order of the runs; an error where it is gone, or there are too many large ones. */
  async inputsOf(caller: Caller, runIds: readonly string[]): Promise<(JsonObject | Error)[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const read = <Result>(work: (scope: WorkspaceScope) => Promise<Result>) =>
      this.#database.withWorkspace(workspace.id, work);
    const { small, largeIds } = await read((scope) => smallInputsOfRuns(scope, runIds));
    const inputs = new Map<string, JsonObject | Error>(small);
    let characters = 0;
    for (const id of largeIds) {
      const input = characters > INPUTS_MAX_CHARACTERS ? null : await read((scope) => inputOfRun(scope, id));
      characters += input?.length ?? 0;
      inputs.set(
        id,
        input === null || characters > INPUTS_MAX_CHARACTERS ? tooLong('input') : (JSON.parse(input) as JsonObject),
      );
    }
    return runIds.map((id) => inputs.get(id) ?? new NotFoundError('agent run', id));
  }

  /**
   * Queues a run. The same key is the same run, whatever has become of the agent since.
   * @throws InvalidInputError, NotFoundError, BudgetExceededError; ConflictError where the agent is not active, or the key
   * was used for another input
   */
  async run(caller: Caller, { agentId, input, idempotencyKey }: RunRequest): Promise<AgentRun> {
    const member = authorize(caller, 'AI_USE');
    const { workspace, apiKeyId, userId } = member;
    if (idempotencyKey !== null && (idempotencyKey === '' || idempotencyKey.length > KEY_MAX_CHARACTERS)) {
      throw InvalidInputError.at('idempotencyKey', `must have 1 to ${KEY_MAX_CHARACTERS} characters`);
    }
    const { agent, known } = await this.#database.withWorkspace(workspace.id, async (scope) => ({
      agent: await existingAgent(scope, agentId),
      known: idempotencyKey === null ? null : await runOfKey(scope, agentId, idempotencyKey),
    }));
    const checked = checkedInputOf(agent, input ?? {});
    if (known !== null) return this.#sameRun(workspace.id, known, checked);
    assertActive(agent);
    await this.#budget.check(member);
    const run = await this.#database.withWorkspace(workspace.id, async (scope) => {
      // It may have been saved anew meanwhile.
      const current = await existingAgent(scope, agentId);
      assertActive(current);
      const asked = { agent: current, cause: 'MANUAL' as const, input: checked, owner: { apiKeyId, userId } };
      return this.#runs.start(scope, idempotencyKey === null ? asked : { ...asked, idempotencyKey });
    });
    return idempotencyKey === null ? run : this.#sameRun(workspace.id, run, checked);
  }

  /** @throws ConflictError where a run was asked for something else */
  async #sameRun(workspaceId: string, run: AgentRun, input: JsonObject): Promise<AgentRun> {
    const known = await this.#database.withWorkspace(workspaceId, (scope) => inputOfRun(scope, run.id));
    if (known !== null && isDeepStrictEqual(JSON.parse(known), input)) return run;
    throw new ConflictError('the idempotency key was used for another input of this agent');
  }

  /**
   * Cancels a run; what it has found stays. Cancelling it again changes nothing.
   * @throws NotFoundError, ConflictError where it is over
   */
  async cancel(caller: Caller, id: string): Promise<AgentRun> {
    const { workspace } = authorize(caller, 'AI_USE');
    const run = await this.#database.withWorkspace(workspace.id, (scope) => this.#runs.cancel(scope, id));
    if (run.status === 'CANCELLED') return run;
    throw new ConflictError(`the run is ${run.status}: there is nothing left to cancel`);
  }

  /**
   * A run as it is, and again after each change of it or its steps, up to its end. Who looks more seldom than it changes
   * is told how it stands then.
   * @throws NotFoundError
   */
  async follow(caller: Caller, id: string, signal: AbortSignal): Promise<AsyncGenerator<AgentRun, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const [first] = await this.find(caller, [id]);
    if (first === undefined) throw new NotFoundError('agent run', id);
    return followLog<AgentRun, number>({
      ...{ bus: this.#database.bus, topic: jobTopic(first.jobId), position: 0, signal },
      pauseMs: FOLLOW_PAUSE_MS,
      read: async (position) => {
        const [run] = await this.#database.withWorkspace(workspace.id, (scope) => findRuns(scope, [id]));
        if (run === undefined) return { entries: [], position, hasMore: false, isOver: true };
        const entries = run.revision > position ? [run] : [];
        return { entries, position: run.revision, hasMore: false, isOver: isRunOver(run.status) };
      },
    });
  }
}

/** Least time from one look at a run to the next: what an eye can follow. */
const FOLLOW_PAUSE_MS = 100;

async function existingAgent(scope: WorkspaceScope, id: string): Promise<Agent> {
  const [agent] = await findAgents(scope, [id]);
  if (agent === undefined) throw new NotFoundError('agent', id);
  return agent;
}

function assertActive({ name, isActive }: Agent): void {
  if (!isActive) throw new ConflictError(`the agent "${name}" is not active: set isActive with updateAgent to run it`);
}

function checkedInputOf({ type }: Agent, input: JsonObject): JsonObject {
  const definition = findAgentType(type);
  if (definition === null) throw new ConflictError(`this version of the product runs no agents of the type ${type}`);
  return storableJson(checkedInput(definition, input));
}

function tooLong(field: 'input' | 'output'): InvalidInputError {
  return InvalidInputError.at(
    field,
    `the ${field}s of so many runs are too long to be shown at once: ask for fewer runs`,
  );
}
