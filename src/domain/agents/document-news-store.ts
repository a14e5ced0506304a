import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { AGENT_CLOCK_TOPIC } from './agent.ts';

/** Rows that one transaction folds into agents. */
const FOLD_ROWS = 5_000;

/**
 * Notes, in the transaction that writes documents, that some of a collection have changed: where an agent of the workspace
 * runs by itself as documents come in, it does after the commit, whatever dies meanwhile.
 */
export async function noteChangedDocuments(scope: WorkspaceScope, collectionId: string): Promise<void> {
  const { sql, workspaceId } = scope;
  const noted = await sql`
    insert into document_news (workspace_id, collection_id)
    select ${workspaceId}, ${collectionId} where exists (
      select from agents where workspace_id = ${workspaceId} and is_active and runs_on_new_documents)`;
  if (noted.count > 0) scope.ring(AGENT_CLOCK_TOPIC);
}

/** Some workspaces in which something was noted. It hops from one to the next, however much was noted in each. */
export async function workspacesWithNews({ sql }: SystemScope, limit: number): Promise<string[]> {
  const rows = await sql<{ workspaceId: string }[]>`
    with recursive noted as (
      (select workspace_id from document_news order by workspace_id limit 1)
      union all
      select next.workspace_id from noted last cross join lateral (
        select workspace_id from document_news where workspace_id > last.workspace_id order by workspace_id limit 1
      ) next
    )
    select workspace_id from noted limit ${limit}`;
  return rows.map(({ workspaceId }) => workspaceId);
}

/**
 * Tells the agents that listen since when documents have come, and forgets the notes. A note whose transaction is not
 * over yet is not seen, and stays: it is told another time.
 * @returns whether there may be more notes than one transaction folds
 */
export async function tellAgents({ sql, workspaceId }: WorkspaceScope): Promise<boolean> {
  // Whoever else is at it has them run: two that take the same notes would wait for each other.
  const [lock] = await sql<{ isOurs: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended(${`document news ${workspaceId}`}, 0)) as is_ours`;
  if (lock?.isOurs !== true) return false;
  const [folded] = await sql<{ notes: number }[]>`
    with told as (
      delete from document_news where workspace_id = ${workspaceId} and id in (
        select id from document_news where workspace_id = ${workspaceId} order by id limit ${FOLD_ROWS})
      returning collection_id, since
    ), changed as (
      select collection_id, min(since) as since from told group by collection_id
    ), named as (
      select changed.*, collections.slug from changed
      join collections on collections.workspace_id = ${workspaceId} and collections.id = changed.collection_id
    ), news as (
      select agents.id, min(named.since) as since from agents join named on (
        coalesce(jsonb_array_length(agents.configuration -> 'collections'), 0) = 0
        or agents.configuration -> 'collections' ? named.collection_id
        or agents.configuration -> 'collections' ? named.slug)
      where agents.workspace_id = ${workspaceId} and agents.is_active and agents.runs_on_new_documents
      group by agents.id
    ), listening as (
      update agents set new_documents_since = least(new_documents_since, news.since)
      from news where agents.workspace_id = ${workspaceId} and agents.id = news.id
    )
    select count(*)::int as notes from told`;
  return folded?.notes === FOLD_ROWS;
}
