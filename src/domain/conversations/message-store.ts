import type { PendingQuery, Row } from 'postgres';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { AnswerCitation, Attachment } from './answer.ts';
import type { Message, MessageFindings } from './message.ts';

export async function insertMessage(
  scope: WorkspaceScope,
  message: Pick<Message, 'id' | 'conversationId' | 'position' | 'role' | 'text'>,
): Promise<void> {
  await scope.sql`
    insert into messages (workspace_id, id, conversation_id, position, role, text)
    values (${scope.workspaceId}, ${message.id}, ${message.conversationId}, ${message.position}, ${message.role},
      ${message.text})`;
}

/** In no order; those that are not there are left out. */
export async function findMessages(scope: WorkspaceScope, ids: readonly string[]): Promise<Message[]> {
  const rows = await scope.sql<Message[]>`
    select ${columns(scope)} from messages
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
  return rows.map(toMessage);
}

/** Which messages of a conversation. */
export interface MessagePage {
  limit: number;
  /** Behind this position; null: from the first. */
  after: number | null;
  /** Before this position; null: to the last. */
  before: number | null;
  /** Whether the last ones of these are wanted, where there are more. */
  isFromEnd: boolean;
}

/** In the order of the conversation. */
export async function listMessages(
  scope: WorkspaceScope,
  conversationId: string,
  { limit, after, before, isFromEnd }: MessagePage,
): Promise<Message[]> {
  const rows = await scope.sql<Message[]>`
    select ${columns(scope)} from messages
    where workspace_id = ${scope.workspaceId} and conversation_id = ${conversationId}
      and position > ${after ?? 0} and position < ${before ?? 2_147_483_647}
    order by position ${isFromEnd ? scope.sql`desc` : scope.sql`asc`} limit ${limit}`;
  return (isFromEnd ? rows.toReversed() : [...rows]).map(toMessage);
}

/** What an answer has become, written once: at its end. */
export interface AnswerText {
  messageId: string;
  text: string;
  language: string | null;
  citations: readonly AnswerCitation[];
  model: string | null;
}

export async function storeAnswerText(scope: WorkspaceScope, answer: AnswerText): Promise<void> {
  await scope.sql`
    update messages set text = ${answer.text}, language = ${answer.language}, model = ${answer.model},
      citations = ${JSON.stringify(answer.citations)}::text::jsonb
    where workspace_id = ${scope.workspaceId} and id = ${answer.messageId}`;
}

/** What is left out stays as it is. */
export async function storeFindings(
  scope: WorkspaceScope,
  messageId: string,
  { sentiment, intent, suggestedActions }: MessageFindings,
): Promise<void> {
  const json = (value: unknown) => (value === undefined ? null : JSON.stringify(value));
  await scope.sql`
    update messages set
      sentiment = coalesce(${json(sentiment)}::text::jsonb, sentiment),
      intent = coalesce(${json(intent)}::text::jsonb, intent),
      suggested_actions = coalesce(${json(suggestedActions)}::text::jsonb, suggested_actions)
    where workspace_id = ${scope.workspaceId} and id = ${messageId}`;
}

export async function storeLanguage(scope: WorkspaceScope, messageId: string, language: string): Promise<void> {
  await scope.sql`
    update messages set language = ${language} where workspace_id = ${scope.workspaceId} and id = ${messageId}`;
}

/** An attachment with its content. */
export type NewAttachment = Attachment & { content: Uint8Array };

export async function insertAttachment(
  scope: WorkspaceScope,
  messageId: string,
  position: number,
  attachment: NewAttachment,
): Promise<void> {
  await scope.sql`
    insert into message_attachments (workspace_id, id, message_id, position, file_name, mime_type, content)
    values (${scope.workspaceId}, ${attachment.id}, ${messageId}, ${position}, ${attachment.fileName},
      ${attachment.mimeType}, ${attachment.content})`;
}

/** In their order. */
export async function listAttachments(scope: WorkspaceScope, messageId: string): Promise<Attachment[]> {
  return await scope.sql<Attachment[]>`
    select id, file_name, mime_type, length(content) as bytes from message_attachments
    where workspace_id = ${scope.workspaceId} and message_id = ${messageId} order by position`;
}

export async function deleteAttachments(scope: WorkspaceScope, messageId: string): Promise<void> {
  await scope.sql`
    delete from message_attachments where workspace_id = ${scope.workspaceId} and message_id = ${messageId}`;
}

/** Null where it is not there. */
export async function readAttachment(scope: WorkspaceScope, id: string): Promise<Uint8Array | null> {
  const [row] = await scope.sql<{ content: Uint8Array }[]>`
    select content from message_attachments where workspace_id = ${scope.workspaceId} and id = ${id}`;
  return row?.content ?? null;
}

function columns({ sql }: WorkspaceScope): PendingQuery<Row[]> {
  return sql`
    id, conversation_id, position, role, text, language, citations, sentiment, intent, suggested_actions, model,
    created_at`;
}

/** JSON has no instants. */
function toMessage(row: Message): Message {
  const { intent } = row;
  return intent === null ? row : { ...row, intent: { ...intent, classifiedAt: new Date(intent.classifiedAt) } };
}
