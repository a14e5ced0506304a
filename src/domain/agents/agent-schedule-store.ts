import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Agent } from './agent.ts';
import { OPEN_RUNS_MAX } from './agent-run.ts';
import { agentColumns } from './agent-store.ts';

/** From the start of one run to that of the next one that documents bring: an import brings few of them. */
export const DOCUMENTS_PAUSE_SECONDS = 30;

/** An agent of any workspace. */
export interface AgentReference {
  workspaceId: string;
  id: string;
}

/** Agents whose schedule is due, the most overdue first. */
export async function agentsDue({ sql }: SystemScope, limit: number): Promise<AgentReference[]> {
  return await sql<AgentReference[]>`
    select workspace_id, id from agents
    where is_active and next_run_at is not null and next_run_at <= now() order by next_run_at limit ${limit}`;
}

/** Agents that documents have come for and that can run now: none of their runs is waiting or under way. */
export async function agentsWithNews({ sql }: SystemScope, limit: number): Promise<AgentReference[]> {
  return await sql<AgentReference[]>`
    select workspace_id, id from agents
    where new_documents_since is not null and ${canRunOnDocuments({ sql })}
    order by new_documents_since limit ${limit}`;
}

/** Milliseconds until the next schedule is due, and whether documents wait for an agent that cannot run yet. */
export async function nextDue({ sql }: SystemScope): Promise<{ dueInMs: number | null; hasNews: boolean }> {
  const [row] = await sql<{ dueInMs: number | null; hasNews: boolean }[]>`
    select (extract(epoch from min(next_run_at) - clock_timestamp()) * 1000)::float8 as due_in_ms,
      exists (select from agents where new_documents_since is not null) as has_news
    from agents where is_active and next_run_at is not null`;
  return row ?? { dueInMs: null, hasNews: false };
}

/**
 * An agent whose schedule is due, which nobody else starts meanwhile; null where somebody has, or is about to.
 * @returns `isBusy` where a run of the schedule is open, or as many runs as an agent may have
 */
export async function claimDueAgent(
  scope: WorkspaceScope,
  id: string,
): Promise<{ agent: Agent; now: Date; isBusy: boolean } | null> {
  const { sql, workspaceId } = scope;
  const [agent] = await sql<(Agent & { now: Date; isBusy: boolean })[]>`
    select ${agentColumns(scope)}, now() as now, (
      select coalesce(bool_or(cause = 'SCHEDULE'), false) or count(*) >= ${OPEN_RUNS_MAX} from agent_runs r
      where r.workspace_id = agents.workspace_id and r.agent_id = agents.id and r.finished_at is null) as is_busy
    from agents
    where workspace_id = ${workspaceId} and id = ${id} and is_active and next_run_at <= now()
    for update skip locked`;
  return agent === undefined ? null : { agent, now: agent.now, isBusy: agent.isBusy };
}

/** Of an agent that was claimed. */
export async function moveSchedule({ sql, workspaceId }: WorkspaceScope, id: string, nextRunAt: Date | null) {
  await sql`
    update agents set next_run_at = ${nextRunAt}::timestamptz where workspace_id = ${workspaceId} and id = ${id}`;
}

/**
 * An agent that documents have come for, which nobody else starts for them meanwhile, and since when they came; what comes
 * from now on is for its next run. What its last run for documents has failed over is among them. Null where somebody has
 * started it, or is about to.
 */
export async function claimAgentWithNews(
  scope: WorkspaceScope,
  id: string,
): Promise<{ agent: Agent; since: Date } | null> {
  const { sql, workspaceId } = scope;
  const [agent] = await sql<(Agent & { since: Date })[]>`
    select ${agentColumns(scope)}, least(new_documents_since, (
      select case when r.status = 'FAILED' then (r.input ->> 'changedSince')::timestamptz end from agent_runs r
      where r.workspace_id = agents.workspace_id and r.agent_id = agents.id and r.cause = 'DOCUMENTS'
      order by r.id desc limit 1)) as since
    from agents
    where workspace_id = ${workspaceId} and id = ${id} and new_documents_since is not null
      and ${canRunOnDocuments(scope)}
    for update skip locked`;
  if (agent === undefined) return null;
  await sql`update agents set new_documents_since = null where workspace_id = ${workspaceId} and id = ${id}`;
  return { agent, since: agent.since };
}

function canRunOnDocuments({ sql }: Pick<SystemScope, 'sql'>) {
  return sql`is_active and runs_on_new_documents
    and (last_run_at is null or last_run_at <= now() - make_interval(secs => ${DOCUMENTS_PAUSE_SECONDS}))
    and not exists (
      select from agent_runs r
      where r.workspace_id = agents.workspace_id and r.agent_id = agents.id and r.finished_at is null)`;
}
