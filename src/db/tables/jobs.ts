import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uuid } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** What a client sees of a job; pg-boss has its own row of it, `bossId`. */
export const jobs = pgTable(
  'jobs',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    bossId: uuid('boss_id').notNull(),
    kind: text('kind').notNull(),
    queue: text('queue').notNull(),
    status: text('status').notNull(),
    priority: integer('priority').notNull(),
    attempt: integer('attempt').notNull().default(0),
    maxAttempts: integer('max_attempts').notNull(),
    done: integer('done').notNull().default(0),
    failed: integer('failed').notNull().default(0),
    total: integer('total'),
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
    index('jobs_by_status').on(table.workspaceId, table.status, table.id),
  ],
);
