import { sql } from 'drizzle-orm';
import {
  doublePrecision,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { agentRuns } from './agents.ts';
import { instant, transactionId } from './columns.ts';
import { documents } from './documents.ts';
import { workspaces } from './workspaces.ts';

/** What agents have found, one row however often it is found again. It outlives its agent. */
export const insights = pgTable(
  'insights',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** Of the agent that found it, which may be gone. */
    agentId: text('agent_id').notNull(),
    /** What makes it the same one of that agent. */
    key: text('key').notNull(),
    kind: text('kind').notNull(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    confidence: doublePrecision('confidence').notNull(),
    priority: text('priority').notNull(),
    dataPoints: jsonb('data_points').notNull(),
    suggestedActions: jsonb('suggested_actions').notNull(),
    status: text('status').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** When it was last found or judged. */
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** Of its making: what is new is told by snapshots. */
    transactionId: transactionId('transaction_id').notNull().default(sql`pg_current_xact_id()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    uniqueIndex('insights_once').on(table.workspaceId, table.agentId, table.key),
    // The last columns are what lists are narrowed by: they are looked at in the index.
    index('insights_listed').on(table.workspaceId, table.id, table.kind, table.priority, table.status),
    index('insights_by_transaction').on(table.workspaceId, table.transactionId),
  ],
);

export const insightDocuments = pgTable(
  'insight_documents',
  {
    workspaceId: text('workspace_id').notNull(),
    insightId: text('insight_id').notNull(),
    documentId: text('document_id').notNull(),
    /** From 1, the most telling one first. */
    position: integer('position').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.insightId, table.documentId] }),
    foreignKey({
      name: 'insight_documents_insight_fk',
      columns: [table.workspaceId, table.insightId],
      foreignColumns: [insights.workspaceId, insights.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'insight_documents_document_fk',
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    index('insight_documents_by_document').on(table.workspaceId, table.documentId),
  ],
);

/** Which runs have found an insight. */
export const insightRuns = pgTable(
  'insight_runs',
  {
    workspaceId: text('workspace_id').notNull(),
    runId: text('run_id').notNull(),
    insightId: text('insight_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.runId, table.insightId] }),
    foreignKey({
      name: 'insight_runs_run_fk',
      columns: [table.workspaceId, table.runId],
      foreignColumns: [agentRuns.workspaceId, agentRuns.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'insight_runs_insight_fk',
      columns: [table.workspaceId, table.insightId],
      foreignColumns: [insights.workspaceId, insights.id],
    }).onDelete('cascade'),
    index('insight_runs_by_insight').on(table.workspaceId, table.insightId),
  ],
);

/** What companies were seen to do, one row however often and by whichever agent it is found. */
export const signals = pgTable(
  'signals',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    companyId: text('company_id').notNull(),
    type: text('type').notNull(),
    /** What makes it the same one of that company and type. */
    key: text('key').notNull(),
    strength: text('strength').notNull(),
    confidence: doublePrecision('confidence').notNull(),
    data: jsonb('data').notNull(),
    /** Of the agent that found it first, which may be gone. */
    agentId: text('agent_id').notNull(),
    /** That agent's name at the time. */
    detectedBy: text('detected_by').notNull(),
    status: text('status').notNull(),
    detectedAt: instant('detected_at').notNull(),
    expiresAt: instant('expires_at'),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** When it was last found or judged. */
    updatedAt: instant('updated_at').notNull().defaultNow(),
    /** Of its making: what is new is told by snapshots. */
    transactionId: transactionId('transaction_id').notNull().default(sql`pg_current_xact_id()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      name: 'signals_company_fk',
      columns: [table.workspaceId, table.companyId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    uniqueIndex('signals_once').on(table.workspaceId, table.companyId, table.type, table.key),
    index('signals_listed').on(table.workspaceId, table.id, table.type, table.status),
    index('signals_by_transaction').on(table.workspaceId, table.transactionId),
    index('signals_expiring').on(table.expiresAt).where(sql`status = 'ACTIVE' and expires_at is not null`),
  ],
);

/** The documents that a signal was found in. */
export const signalEvidence = pgTable(
  'signal_evidence',
  {
    workspaceId: text('workspace_id').notNull(),
    signalId: text('signal_id').notNull(),
    documentId: text('document_id').notNull(),
    addedAt: instant('added_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.signalId, table.documentId] }),
    foreignKey({
      name: 'signal_evidence_signal_fk',
      columns: [table.workspaceId, table.signalId],
      foreignColumns: [signals.workspaceId, signals.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'signal_evidence_document_fk',
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    index('signal_evidence_by_document').on(table.workspaceId, table.documentId),
  ],
);

/** Which runs have found a signal. */
export const signalRuns = pgTable(
  'signal_runs',
  {
    workspaceId: text('workspace_id').notNull(),
    runId: text('run_id').notNull(),
    signalId: text('signal_id').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.runId, table.signalId] }),
    foreignKey({
      name: 'signal_runs_run_fk',
      columns: [table.workspaceId, table.runId],
      foreignColumns: [agentRuns.workspaceId, agentRuns.id],
    }).onDelete('cascade'),
    foreignKey({
      name: 'signal_runs_signal_fk',
      columns: [table.workspaceId, table.signalId],
      foreignColumns: [signals.workspaceId, signals.id],
    }).onDelete('cascade'),
    index('signal_runs_by_signal').on(table.workspaceId, table.signalId),
  ],
);
