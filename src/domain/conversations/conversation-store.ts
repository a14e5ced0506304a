import type { PendingQuery, Row } from 'postgres';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Conversation } from './conversation.ts';

/** @param purpose IMAGE: it is made for one description, and is in no list */
export async function insertConversation(
  scope: WorkspaceScope,
  { id, title, persona, metadata }: Pick<Conversation, 'id' | 'title' | 'persona' | 'metadata'>,
  purpose: 'CHAT' | 'IMAGE' = 'CHAT',
): Promise<Conversation> {
  const [row] = await scope.sql<Conversation[]>`
    insert into conversations (workspace_id, id, purpose, title, persona, metadata)
    values (${scope.workspaceId}, ${id}, ${purpose}, ${title}, ${persona}, ${JSON.stringify(metadata)}::text::jsonb)
    returning ${columns(scope)}`;
  return row as Conversation;
}

/** In no order; those that are not there, or are made for one description, are left out. */
export async function findConversations(scope: WorkspaceScope, ids: readonly string[]): Promise<Conversation[]> {
  return await scope.sql<Conversation[]>`
    select ${columns(scope)} from conversations
    where workspace_id = ${scope.workspaceId} and purpose = 'CHAT' and id = any(${[...ids]}::text[])`;
}

/** Newest first. */
export async function listConversations(
  scope: WorkspaceScope,
  page: { limit: number; after: string | null },
): Promise<Conversation[]> {
  return await scope.sql<Conversation[]>`
    select ${columns(scope)} from conversations
    where workspace_id = ${scope.workspaceId} and purpose = 'CHAT'
      and (${page.after}::text is null or id < ${page.after})
    order by id desc limit ${page.limit}`;
}

/**
 * Makes room for messages at the end of a conversation; until the end of the transaction nobody else writes there.
 * @returns the position of the first of them; null where there is no such conversation
 */
export async function takePositions(scope: WorkspaceScope, id: string, messages: number): Promise<number | null> {
  const [row] = await scope.sql<{ messageCount: number }[]>`
    update conversations set message_count = message_count + ${messages}
    where workspace_id = ${scope.workspaceId} and id = ${id} returning message_count`;
  return row === undefined ? null : row.messageCount - messages + 1;
}

/** Keeps what the messages up to a position say, unless it is known up to a later one already. */
export async function storeSummary(
  scope: WorkspaceScope,
  id: string,
  { summary, position }: { summary: string; position: number },
): Promise<void> {
  await scope.sql`
    update conversations set summary = ${summary}, summary_position = ${position}
    where workspace_id = ${scope.workspaceId} and id = ${id} and summary_position < ${position}`;
}

function columns({ sql }: WorkspaceScope): PendingQuery<Row[]> {
  return sql`id, title, persona, metadata, summary, summary_position, created_at`;
}
