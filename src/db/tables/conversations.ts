import { sql } from 'drizzle-orm';
import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bytea, instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** A thread of questions and answers. */
export const conversations = pgTable(
  'conversations',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** CHAT; or IMAGE, which is made for one description and in no list. */
    purpose: text('purpose').notNull().default('CHAT'),
    title: text('title'),
    /** How the answers sound, and whom they speak for. */
    persona: text('persona'),
    metadata: jsonb('metadata').notNull().default({}),
    /** Of the messages up to `summary_position`: what a model is told of them where they do not fit its window. */
    summary: text('summary'),
    summaryPosition: integer('summary_position').notNull().default(0),
    /** Position of the last message. */
    messageCount: integer('message_count').notNull().default(0),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    index('conversations_listed').on(table.workspaceId, table.id).where(sql`purpose = 'CHAT'`),
  ],
);

/** What was said. An answer has its row from the moment of the question, and its text when it is finished. */
export const messages = pgTable(
  'messages',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    conversationId: text('conversation_id').notNull(),
    /** From 1, within the conversation. */
    position: integer('position').notNull(),
    role: text('role').notNull(),
    text: text('text').notNull().default(''),
    language: text('language'),
    citations: jsonb('citations').notNull().default([]),
    sentiment: jsonb('sentiment'),
    intent: jsonb('intent'),
    suggestedActions: jsonb('suggested_actions').notNull().default([]),
    model: text('model'),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      name: 'messages_conversation_fk',
      columns: [table.workspaceId, table.conversationId],
      foreignColumns: [conversations.workspaceId, conversations.id],
    }).onDelete('cascade'),
    uniqueIndex('messages_in_order').on(table.workspaceId, table.conversationId, table.position),
  ],
);

/** Pictures that came with a message. */
export const messageAttachments = pgTable(
  'message_attachments',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    messageId: text('message_id').notNull(),
    /** From 1, within the message. */
    position: integer('position').notNull(),
    fileName: text('file_name').notNull(),
    mimeType: text('mime_type').notNull(),
    content: bytea('content').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      name: 'message_attachments_message_fk',
      columns: [table.workspaceId, table.messageId],
      foreignColumns: [messages.workspaceId, messages.id],
    }).onDelete('cascade'),
    index('message_attachments_of_message').on(table.workspaceId, table.messageId, table.position),
  ],
);

/** The making of an answer. */
export const generations = pgTable(
  'generations',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    conversationId: text('conversation_id').notNull(),
    questionId: text('question_id').notNull(),
    /** The message that the answer is. */
    messageId: text('message_id').notNull(),
    status: text('status').notNull(),
    options: jsonb('options').notNull(),
    /** Whose usage it is. */
    apiKeyId: text('api_key_id'),
    userId: text('user_id'),
    requestId: text('request_id').notNull(),
    /** The model that began the text as it stands; null before the first. */
    model: text('model'),
    attempts: jsonb('attempts').notNull().default([]),
    usage: jsonb('usage').notNull(),
    /** Number of its last event. */
    lastSeq: integer('last_seq').notNull().default(0),
    /** Process that makes it; null: whoever comes first may. */
    owner: text('owner'),
    /** Counts up each time that a process takes it: what an earlier one writes changes nothing. */
    claim: integer('claim').notNull().default(0),
    /** Takes that began an answer and were lost, with the one under way. */
    tries: integer('tries').notNull().default(0),
    leaseUntil: instant('lease_until'),
    stopRequestedAt: instant('stop_requested_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
    /** Once the log is dropped: number of the event that voided what was before it; 0 where none did. */
    restartSeq: integer('restart_seq'),
    /** Once the log is dropped: characters of the text that were told by `restart_seq` and each event after it. */
    textMarks: integer('text_marks').array(),
    logDroppedAt: instant('log_dropped_at'),
    /** When it is looked for what the answer's own process has not found out about it; null: there is nothing more. */
    findingsDueAt: instant('findings_due_at'),
    /** Times that another process has looked for it. */
    findingsTries: integer('findings_tries').notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      name: 'generations_conversation_fk',
      columns: [table.workspaceId, table.conversationId],
      foreignColumns: [conversations.workspaceId, conversations.id],
    }).onDelete('cascade'),
    uniqueIndex('generations_of_message').on(table.workspaceId, table.messageId),
    uniqueIndex('generations_one_at_a_time')
      .on(table.workspaceId, table.conversationId)
      .where(sql`finished_at is null`),
    index('generations_unfinished').on(table.createdAt).where(sql`finished_at is null`),
    index('generations_with_log').on(table.finishedAt).where(sql`finished_at is not null and log_dropped_at is null`),
    index('generations_with_findings_due').on(table.findingsDueAt).where(sql`findings_due_at is not null`),
  ],
);

/** What happened while an answer was made, numbered from 1 without a gap. */
export const generationEvents = pgTable(
  'generation_events',
  {
    workspaceId: text('workspace_id').notNull(),
    generationId: text('generation_id').notNull(),
    seq: integer('seq').notNull(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
    kind: text('kind').notNull(),
    data: jsonb('data').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.generationId, table.seq] }),
    foreignKey({
      name: 'generation_events_generation_fk',
      columns: [table.workspaceId, table.generationId],
      foreignColumns: [generations.workspaceId, generations.id],
    }).onDelete('cascade'),
  ],
);
