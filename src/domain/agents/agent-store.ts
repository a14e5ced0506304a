import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Agent } from './agent.ts';
import type { AgentType } from './agent-type.ts';

/** What of an agent is written when it is saved. */
export interface SavedAgent
  extends Pick<Agent, 'id' | 'name' | 'description' | 'configuration' | 'isActive' | 'schedule'> {
  runsOnNewDocuments: boolean;
  /** The next time of the schedule. */
  nextRunAt: Date | null;
}

/** By the clock that says when an agent is due. */
export async function databaseNow({ sql }: WorkspaceScope): Promise<Date> {
  const [row] = await sql<{ now: Date }[]>`select now()`;
  if (row === undefined) throw new Error('the database does not know the time');
  return row.now;
}

/** @returns whether there was room for it: a workspace has `max` at the most */
export async function insertAgent(
  { sql, workspaceId }: WorkspaceScope,
  agent: SavedAgent & Pick<Agent, 'type' | 'apiKeyId' | 'userId'>,
  max: number,
): Promise<boolean> {
  // Two at once would both find room for one.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`agents ${workspaceId}`}, 0))`;
  const inserted = await sql`
    insert into agents (workspace_id, id, type, name, description, configuration, is_active, schedule, next_run_at,
      runs_on_new_documents, api_key_id, user_id)
    select ${workspaceId}, ${agent.id}, ${agent.type}, ${agent.name}, ${agent.description},
      ${sql.json(agent.configuration)}, ${agent.isActive}, ${agent.schedule}, ${agent.nextRunAt}::timestamptz,
      ${agent.runsOnNewDocuments}, ${agent.apiKeyId}, ${agent.userId}
    where (select count(*) from agents where workspace_id = ${workspaceId}) < ${max}`;
  return inserted.count > 0;
}

/** Writes an agent that `lockAgent` has read. Documents that came before are forgotten where it listens no more. */
export async function updateAgent({ sql, workspaceId }: WorkspaceScope, agent: SavedAgent): Promise<void> {
  const listens = agent.isActive && agent.runsOnNewDocuments;
  await sql`
    update agents set name = ${agent.name}, description = ${agent.description},
      configuration = ${sql.json(agent.configuration)}, is_active = ${agent.isActive}, schedule = ${agent.schedule},
      next_run_at = ${agent.nextRunAt}::timestamptz, runs_on_new_documents = ${agent.runsOnNewDocuments},
      new_documents_since = case when ${listens} then new_documents_since end, updated_at = now()
    where workspace_id = ${workspaceId} and id = ${agent.id}`;
}

/** Its runs go with it. @returns whether there was such an agent */
export async function deleteAgent({ sql, workspaceId }: WorkspaceScope, id: string): Promise<boolean> {
  const deleted = await sql`delete from agents where workspace_id = ${workspaceId} and id = ${id}`;
  return deleted.count > 0;
}

/** An agent that nobody else changes, deletes or starts by its schedule until the end of the transaction. */
export async function lockAgent(scope: WorkspaceScope, id: string): Promise<Agent | null> {
  const [agent] = await scope.sql<Agent[]>`
    select ${agentColumns(scope)} from agents
    where workspace_id = ${scope.workspaceId} and id = ${id} for update`;
  return agent ?? null;
}

/** Newest first. */
export async function listAgents(
  scope: WorkspaceScope,
  type: AgentType | null,
  page: { limit: number; after: string | null },
): Promise<Agent[]> {
  return await scope.sql<Agent[]>`
    select ${agentColumns(scope)} from agents
    where workspace_id = ${scope.workspaceId} and (${page.after}::text is null or id < ${page.after})
      and (${type}::text is null or type = ${type})
    order by id desc limit ${page.limit}`;
}

/** In no order; those that are not there are left out. */
export async function findAgents(scope: WorkspaceScope, ids: readonly string[]): Promise<Agent[]> {
  return await scope.sql<Agent[]>`
    select ${agentColumns(scope)} from agents
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
}

/** Of each agent the share of its runs over the last days that ended well, by id; those without any are left out. */
export async function successRates(
  { sql, workspaceId }: WorkspaceScope,
  agentIds: readonly string[],
  days: number,
): Promise<Map<string, number>> {
  const rows = await sql<{ agentId: string; rate: number }[]>`
    select agent_id, avg((status = 'COMPLETED')::int)::float8 as rate from agent_runs
    where workspace_id = ${workspaceId} and agent_id = any(${[...agentIds]}::text[])
      and finished_at > now() - make_interval(days => ${days}) and status in ('COMPLETED', 'FAILED')
    group by agent_id`;
  return new Map(rows.map(({ agentId, rate }) => [agentId, rate]));
}

export function agentColumns({ sql }: WorkspaceScope) {
  return sql`id, type, name, description, configuration, is_active, schedule,
    case when is_active then next_run_at end as next_run_at, last_run_at, api_key_id, user_id, created_at, updated_at`;
}
