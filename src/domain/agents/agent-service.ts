import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { JsonObject } from '../../shared/json.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { AGENT_CLOCK_TOPIC, type Agent } from './agent.ts';
import { checkedConfiguration, configurationSchemaOf } from './agent-configuration.ts';
import { type AgentSchedule, parseSchedule, ScheduleError } from './agent-schedule.ts';
import {
  databaseNow,
  deleteAgent,
  findAgents,
  insertAgent,
  listAgents,
  lockAgent,
  type SavedAgent,
  successRates,
  updateAgent,
} from './agent-store.ts';
import type { AgentType, AgentTypeDefinition } from './agent-type.ts';
import { agentTypes, findAgentType } from './agent-types.ts';
import { OutOfReachError } from './errors.ts';
import { findReach } from './tools/run-reach.ts';

const NAME_MAX_CHARACTERS = 100;
const DESCRIPTION_MAX_CHARACTERS = 2_000;
/** Of one workspace. */
const AGENTS_MAX = 1_000;
const SUCCESS_DAYS_MAX = 365;

export interface NewAgent {
  type: AgentType;
  name: string;
  description: string | null;
  configuration: JsonObject | null;
  schedule: string | null;
  isActive: boolean;
}

/** What is left out stays as it is; a description or a schedule that is null goes. */
export interface AgentChanges {
  name?: string | undefined;
  description?: string | null | undefined;
  /** In place of the whole configuration before. */
  configuration?: JsonObject | undefined;
  schedule?: string | null | undefined;
  isActive?: boolean | undefined;
}

/** Cancels the runs of an agent that are waiting or under way, in the transaction of `scope`. */
export type CancelRunsOf = (scope: WorkspaceScope, agentId: string) => Promise<unknown>;

/** Sets agents up. */
export class AgentService {
  readonly #database: Database;
  readonly #cancelRunsOf: CancelRunsOf;

  constructor(database: Database, cancelRunsOf: CancelRunsOf) {
    this.#database = database;
    this.#cancelRunsOf = cancelRunsOf;
  }

  /** Newest first. @param type of this one alone; null: of all */
  async list(caller: Caller, type: AgentType | null, page: { limit: number; after: string | null }): Promise<Agent[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => listAgents(scope, type, page));
  }

  /** Agents by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Agent[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findAgents(scope, ids));
  }

  /**
   * The share of the runs of each agent, over the last days, that were completed rather than failed, in their order; null
   * where none has ended so.
   * @throws InvalidInputError
   */
  async successRates(caller: Caller, agentIds: readonly string[], days: number): Promise<(number | null)[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    if (days < 1 || days > SUCCESS_DAYS_MAX) throw InvalidInputError.at('days', `must be 1 to ${SUCCESS_DAYS_MAX}`);
    const rates = await this.#database.withWorkspace(workspace.id, (scope) => successRates(scope, agentIds, days));
    return agentIds.map((id) => rates.get(id) ?? null);
  }

  /** JSON Schema of an agent's configuration; of a type that this version does not have, one that allows nothing. */
  configurationSchema(type: AgentType): JsonObject {
    const definition = findAgentType(type);
    return definition === null ? { type: 'object', maxProperties: 0 } : configurationSchemaOf(definition);
  }

  /** @throws InvalidInputError, ConflictError where the workspace has as many as it may */
  async create(caller: Caller, given: NewAgent): Promise<Agent> {
    const { workspace, apiKeyId, userId } = authorize(caller, 'AGENTS_MANAGE');
    const definition = this.#definitionOf(given.type);
    const id = newId('Agent');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const configuration = checkedConfiguration(definition, given.configuration ?? {});
      const { schedule, ...checked } = checkedAgent({ ...given, configuration });
      await assertCollections(scope, checked.configuration);
      const nextRunAt = given.isActive && schedule !== null ? schedule.nextAfter(await databaseNow(scope)) : null;
      const agent = { ...checked, id, type: given.type, schedule: schedule?.expression ?? null, nextRunAt };
      if (!(await insertAgent(scope, { ...agent, apiKeyId, userId }, AGENTS_MAX))) {
        throw new ConflictError(`the workspace has ${AGENTS_MAX} agents: delete one that is not needed any more`);
      }
      scope.ring(AGENT_CLOCK_TOPIC);
      return this.#saved(scope, id);
    });
  }

  /** A schedule goes on where it was unless it is changed or the agent becomes active. @throws InvalidInputError, NotFoundError */
  async update(caller: Caller, id: string, changes: AgentChanges): Promise<Agent> {
    const { workspace } = authorize(caller, 'AGENTS_MANAGE');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const before = await lockAgent(scope, id);
      if (before === null) throw new NotFoundError('agent', id);
      const { schedule, ...checked } = checkedAgent({
        name: changes.name ?? before.name,
        description: changes.description === undefined ? before.description : changes.description,
        // What was saved under an earlier version is not judged by who renames the agent.
        configuration:
          changes.configuration === undefined
            ? before.configuration
            : checkedConfiguration(this.#definitionOf(before.type), changes.configuration),
        schedule: changes.schedule === undefined ? before.schedule : changes.schedule,
        isActive: changes.isActive ?? before.isActive,
      });
      if (changes.configuration !== undefined) await assertCollections(scope, checked.configuration);
      const expression = schedule?.expression ?? null;
      const goesOn = before.isActive && before.schedule === expression;
      const nextRunAt =
        !checked.isActive || schedule === null
          ? null
          : goesOn
            ? before.nextRunAt
            : schedule.nextAfter(await databaseNow(scope));
      await updateAgent(scope, { ...checked, id, schedule: expression, nextRunAt });
      scope.ring(AGENT_CLOCK_TOPIC);
      return this.#saved(scope, id);
    });
  }

  /**
   * Deletes an agent with its runs; those that are under way are cancelled. What it has found stays.
   * @throws NotFoundError
   */
  async delete(caller: Caller, id: string): Promise<void> {
    const { workspace } = authorize(caller, 'AGENTS_MANAGE');
    await this.#database.withWorkspace(workspace.id, async (scope) => {
      if ((await lockAgent(scope, id)) === null) throw new NotFoundError('agent', id);
      await this.#cancelRunsOf(scope, id);
      await deleteAgent(scope, id);
    });
  }

  #definitionOf(type: AgentType): AgentTypeDefinition {
    const definition = findAgentType(type);
    if (definition !== null) return definition;
    const there = agentTypes().map((each) => each.type);
    throw InvalidInputError.at('type', `is not in this version, which has ${there.join(', ') || 'none'}`);
  }

  async #saved(scope: WorkspaceScope, id: string): Promise<Agent> {
    const [agent] = await findAgents(scope, [id]);
    if (agent === undefined) throw new Error(`the agent ${id} was written and is not there`);
    return agent;
  }
}

function checkedAgent(
  given: Pick<NewAgent, 'name' | 'description' | 'schedule' | 'isActive'> & { configuration: JsonObject },
): Omit<SavedAgent, 'id' | 'schedule' | 'nextRunAt'> & { schedule: AgentSchedule | null } {
  const configuration = storableJson(given.configuration);
  return {
    name: checkedName(given.name),
    description: checkedDescription(given.description),
    configuration,
    isActive: given.isActive,
    runsOnNewDocuments: configuration.runOnNewDocuments === true,
    schedule: checkedSchedule(given.schedule),
  };
}

function checkedName(given: string): string {
  const name = storableText(given).trim();
  if (name === '' || name.length > NAME_MAX_CHARACTERS) {
    throw InvalidInputError.at('name', `must have 1 to ${NAME_MAX_CHARACTERS} characters`);
  }
  if (/\p{Cc}/u.test(name)) throw InvalidInputError.at('name', 'must be one line');
  return name;
}

/** An empty one is none. */
function checkedDescription(given: string | null): string | null {
  const description = storableText(given ?? '').trim();
  if (description.length > DESCRIPTION_MAX_CHARACTERS) {
    throw InvalidInputError.at('description', `must not have more than ${DESCRIPTION_MAX_CHARACTERS} characters`);
  }
  return description === '' ? null : description;
}

/** An empty one is none. */
function checkedSchedule(given: string | null): AgentSchedule | null {
  if (given === null || given.trim() === '') return null;
  try {
    return parseSchedule(given);
  } catch (error) {
    if (error instanceof ScheduleError) throw InvalidInputError.at('schedule', error.message);
    throw error;
  }
}

async function assertCollections(scope: WorkspaceScope, { collections }: JsonObject): Promise<void> {
  try {
    await findReach(scope, (collections ?? []) as string[]);
  } catch (error) {
    if (error instanceof OutOfReachError) throw InvalidInputError.at('configuration.collections', error.message);
    throw error;
  }
}
