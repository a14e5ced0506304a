import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  doublePrecision,
  foreignKey,
  index,
  integer,
  json,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** What a workspace has set up to work for it: a type of agent, how it is configured, and when it runs. */
export const agents = pgTable(
  'agents',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    type: text('type').notNull(),
    name: text('name').notNull(),
    description: text('description'),
    /** As its owner gave it: defaults are filled in when it runs. */
    configuration: jsonb('configuration').notNull().default({}),
    isActive: boolean('is_active').notNull(),
    /** A cron expression, with its time zone; null: it does not run by itself. */
    schedule: text('schedule'),
    /** When the schedule is due; whoever moves it on starts the run. Null: never. */
    nextRunAt: instant('next_run_at'),
    lastRunAt: instant('last_run_at'),
    /** Whether documents that come in have it run: what its configuration says of it. */
    runsOnNewDocuments: boolean('runs_on_new_documents').notNull().default(false),
    /** Since when documents have come that no run was started for yet; null: since none. */
    newDocumentsSince: instant('new_documents_since'),
    /** Whose usage runs are that nobody asked for. */
    apiKeyId: text('api_key_id'),
    userId: text('user_id'),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    index('agents_due').on(table.nextRunAt).where(sql`is_active and next_run_at is not null`),
    index('agents_listening').on(table.workspaceId).where(sql`is_active and runs_on_new_documents`),
    index('agents_with_news').on(table.workspaceId, table.id).where(sql`new_documents_since is not null`),
  ],
);

/**
 * One piece of work of an agent. Its status, error, times and items are those of its job, brought here by a trigger on
 * `jobs`: no statement can change the one without the other.
 */
export const agentRuns = pgTable(
  'agent_runs',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    agentId: text('agent_id').notNull(),
    /** A job is dropped long before the run that it did. */
    jobId: text('job_id').notNull(),
    type: text('type').notNull(),
    /** What it was started by: MANUAL, SCHEDULE or DOCUMENTS. */
    cause: text('cause').notNull(),
    idempotencyKey: text('idempotency_key'),
    status: text('status').notNull(),
    input: jsonb('input').notNull(),
    /** The agent's, when the run was asked for. */
    configuration: jsonb('configuration').notNull(),
    /** As it was written, its fields in their order. */
    output: json('output'),
    error: text('error'),
    itemsProcessed: integer('items_processed').notNull().default(0),
    itemsTotal: integer('items_total'),
    /** Whose usage it is. */
    apiKeyId: text('api_key_id'),
    userId: text('user_id'),
    /** Counts up with each change of the run or its steps. */
    revision: integer('revision').notNull().default(1),
    /** What the ledger says, once that is settled; null until then. */
    apiCalls: integer('api_calls'),
    tokensUsed: integer('tokens_used'),
    costUsd: numeric('cost_usd'),
    createdAt: instant('created_at').notNull().defaultNow(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      name: 'agent_runs_agent_fk',
      columns: [table.workspaceId, table.agentId],
      foreignColumns: [agents.workspaceId, agents.id],
    }).onDelete('cascade'),
    uniqueIndex('agent_runs_of_job').on(table.workspaceId, table.jobId),
    uniqueIndex('agent_runs_once')
      .on(table.workspaceId, table.agentId, table.idempotencyKey)
      .where(sql`idempotency_key is not null`),
    index('agent_runs_of_agent').on(table.workspaceId, table.agentId, table.id),
    index('agent_runs_finished').on(table.workspaceId, table.agentId, table.finishedAt, table.status),
    index('agent_runs_unfinished').on(table.workspaceId, table.agentId).where(sql`finished_at is null`),
    index('agent_runs_unsettled').on(table.finishedAt).where(sql`cost_usd is null`),
    index('agent_runs_by_end').using('brin', table.finishedAt),
  ],
);

/** The parts of a run, of which each is done once: what it came to is what the next attempt goes on from. */
export const agentRunSteps = pgTable(
  'agent_run_steps',
  {
    workspaceId: text('workspace_id').notNull(),
    runId: text('run_id').notNull(),
    name: text('name').notNull(),
    /** From 1, in the order in which they were begun. */
    position: integer('position').notNull(),
    status: text('status').notNull(),
    attempts: integer('attempts').notNull(),
    /** Of the attempt that ended it. */
    durationMs: doublePrecision('duration_ms'),
    /** As it was written, its fields in their order. */
    output: json('output'),
    error: text('error'),
    startedAt: instant('started_at').notNull().defaultNow(),
    finishedAt: instant('finished_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.runId, table.name] }),
    foreignKey({
      name: 'agent_run_steps_run_fk',
      columns: [table.workspaceId, table.runId],
      foreignColumns: [agentRuns.workspaceId, agentRuns.id],
    }).onDelete('cascade'),
  ],
);

/**
 * That documents of a collection were written, for agents that run by themselves as they come in: a row a write. Upkeep
 * takes rows away as it tells the agents, and sees those of a transaction once that is over, whenever that is.
 */
export const documentNews = pgTable(
  'document_news',
  {
    workspaceId: text('workspace_id').notNull(),
    id: bigint('id', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    collectionId: text('collection_id').notNull(),
    since: instant('since').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);
