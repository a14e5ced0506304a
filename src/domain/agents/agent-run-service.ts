import { isDeepStrictEqual } from 'node:util';
import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { jobTopic } from '../../jobs/job-events.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { Agent } from './agent.ts';
import { checkedInput } from './agent-configuration.ts';
import { type AgentRun, isRunOver, type RunStep } from './agent-run.ts';
import { findRuns, listRunsOfAgents, runOfKey, stepsOfRuns } from './agent-run-store.ts';
import type { AgentRuns } from './agent-runs.ts';
import { findAgents } from './agent-store.ts';
import { findAgentType } from './agent-types.ts';
import type { WritingBudget } from './writing-budget.ts';

const KEY_MAX_CHARACTERS = 200;
/** Of one run; it has no more than so many. */
const STEPS_MAX = 1_000;

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
    if (known !== null) return sameRun(known, checked);
    assertActive(agent);
    await this.#budget.check(member);
    const run = await this.#database.withWorkspace(workspace.id, async (scope) => {
      // It may have been saved anew meanwhile.
      const current = await existingAgent(scope, agentId);
      assertActive(current);
      const asked = { agent: current, cause: 'MANUAL' as const, input: checked, owner: { apiKeyId, userId } };
      return this.#runs.start(scope, idempotencyKey === null ? asked : { ...asked, idempotencyKey });
    });
    return sameRun(run, checked);
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
      ...{ bus: this.#database.bus, topic: jobTopic(workspace.id, first.jobId), position: 0, signal },
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

function sameRun(run: AgentRun, input: JsonObject): AgentRun {
  if (isDeepStrictEqual(run.input, input)) return run;
  throw new ConflictError('the idempotency key was used for another input of this agent');
}
