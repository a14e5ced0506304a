import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  real,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { instant, stateEvents, transactionId } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** Work to be done, and what a client sees of it. */
export const jobs = pgTable(
  'jobs',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** The turn that it is run in, or was the last time; pg-boss has a row of each turn. */
    bossId: uuid('boss_id'),
    kind: text('kind').notNull(),
    queue: text('queue').notNull(),
    status: text('status').notNull(),
    payload: jsonb('payload').notNull().default({}),
    /** Counts up when an attempt begins and when it is over: what an earlier one writes changes nothing. */
    claim: integer('claim').notNull().default(0),
    /** The latest attempts that failed, oldest first. */
    history: jsonb('history').notNull().default([]),
    priority: integer('priority').notNull(),
    attempt: integer('attempt').notNull().default(0),
    maxAttempts: integer('max_attempts').notNull(),
    done: integer('done').notNull().default(0),
    failed: integer('failed').notNull().default(0),
    total: integer('total'),
    /** Items a second, as the job measured it when it last said how far it is. */
    ratePerSecond: real('rate_per_second'),
    /** Number of its last event. */
    eventSeq: integer('event_seq').notNull().default(0),
    /** The latest events that tell of another status or attempt, oldest first; eight at the most. */
    stateEvents: stateEvents('state_events').notNull().default(sql`'{}'`),
    result: jsonb('result'),
    error: text('error'),
    createdAt: instant('created_at').notNull().defaultNow(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
    nextAttemptAt: instant('next_attempt_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    index('jobs_dead').on(table.workspaceId, table.id).where(sql`status = 'DEAD'`),
    index('jobs_waiting')
      .on(table.queue, table.workspaceId, table.priority.desc().nullsFirst(), table.id)
      .where(sql`status = 'QUEUED'`),
    index('jobs_retrying').on(table.queue, table.workspaceId, table.nextAttemptAt).where(sql`status = 'RETRYING'`),
    index('jobs_running').on(table.workspaceId, table.bossId).where(sql`status = 'RUNNING'`),
  ],
);

/** What a finished step of a job came to, so that no later attempt takes it again. */
export const jobSteps = pgTable(
  'job_steps',
  {
    workspaceId: text('workspace_id').notNull(),
    jobId: text('job_id').notNull(),
    name: text('name').notNull(),
    result: jsonb('result'),
    /** The job's when it was kept; null where an earlier version has kept it. */
    claim: integer('claim'),
    finishedAt: instant('finished_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.jobId, table.name] }),
    foreignKey({
      name: 'job_steps_job_fk',
      columns: [table.workspaceId, table.jobId],
      foreignColumns: [jobs.workspaceId, jobs.id],
    }).onDelete('cascade'),
  ],
);

/** Idempotency keys of jobs: the same kind and key is the same job for a day. */
export const jobKeys = pgTable(
  'job_keys',
  {
    workspaceId: text('workspace_id').notNull(),
    kind: text('kind').notNull(),
    key: text('key').notNull(),
    jobId: text('job_id').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.kind, table.key] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    index('job_keys_by_age').on(table.createdAt),
  ],
);

/**
 * What happened to a job, numbered from 1, where the job's own row does not hold it: progress, and of its status and
 * attempts what is older. Written by triggers on `jobs`, so that no statement can change a job without telling: they tell
 * of every row whose `event_seq` the statement has not counted up itself.
 */
export const jobEvents = pgTable(
  'job_events',
  {
    workspaceId: text('workspace_id').notNull(),
    jobId: text('job_id').notNull(),
    seq: integer('seq').notNull(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
    status: text('status').notNull(),
    /** Whether it tells of progress alone; of these the older ones are dropped. */
    isProgress: boolean('is_progress').notNull(),
    done: integer('done').notNull(),
    failed: integer('failed').notNull(),
    total: integer('total'),
    ratePerSecond: real('rate_per_second'),
    message: text('message'),
    transactionId: transactionId('transaction_id').notNull().default(sql`pg_current_xact_id()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.jobId, table.seq] }),
    foreignKey({
      name: 'job_events_job_fk',
      columns: [table.workspaceId, table.jobId],
      foreignColumns: [jobs.workspaceId, jobs.id],
    }).onDelete('cascade'),
    index('job_events_by_transaction').on(table.workspaceId, table.transactionId),
  ],
);

/**
 * Which jobs a transaction has told a status or an attempt of, in a row a statement, or a few of one that changes hundreds; by
 * triggers on `jobs`, or by the statement itself where it writes the events too. Whoever follows
 * a workspace finds them by it, as long as what happened is news. Its rows go with their age, and by a trigger with their
 * workspace: a foreign key would lock the workspace's row in each transaction that starts or ends a job.
 */
export const jobNews = pgTable(
  'job_news',
  {
    workspaceId: text('workspace_id').notNull(),
    transactionId: transactionId('transaction_id').notNull().default(sql`pg_current_xact_id()`),
    part: bigint('part', { mode: 'bigint' }).generatedAlwaysAsIdentity(),
    jobIds: text('job_ids').array().notNull(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.transactionId, table.part] }),
    index('job_news_by_age').on(table.at),
  ],
);
