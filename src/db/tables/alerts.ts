import {
  bigint,
  date,
  doublePrecision,
  foreignKey,
  index,
  jsonb,
  numeric,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { bytea, instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** What a workspace was warned of. */
export const alerts = pgTable(
  'alerts',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** In the order in which a workspace's alerts are committed: they are written one after the other, under a lock. */
    seq: bigint('seq', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    /** BUDGET or METER. */
    source: text('source').notNull(),
    /** Of a budget '' or the id of a key, of a meter its name. */
    subject: text('subject').notNull(),
    /** DAY, MONTH or SLIDING. */
    window: text('window').notNull(),
    /** First day of the budget's period; of a meter the day it was raised. */
    startsOn: date('starts_on', { mode: 'string' }).notNull(),
    /** WARNING or CRITICAL. */
    level: text('level').notNull(),
    limitAmount: numeric('limit_amount').notNull(),
    usedAmount: numeric('used_amount').notNull(),
    percent: doublePrecision('percent').notNull(),
    raisedAt: instant('raised_at').notNull().defaultNow(),
    /** When the level was armed again; null while the alert stands. */
    endedAt: instant('ended_at'),
    acknowledgedAt: instant('acknowledged_at'),
    /** Id of the key or user, or `root`. */
    acknowledgedBy: text('acknowledged_by'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    uniqueIndex('alerts_once').on(
      table.workspaceId,
      table.source,
      table.subject,
      table.window,
      table.startsOn,
      table.level,
      table.limitAmount,
    ),
    index('alerts_in_order').on(table.workspaceId, table.seq),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** Where a workspace wants its alerts sent. */
export const alertWebhooks = pgTable(
  'alert_webhooks',
  {
    workspaceId: text('workspace_id').primaryKey(),
    /** Address and secret, sealed under a key of their own, which is sealed under the server's. */
    sealed: bytea('sealed').notNull(),
    setAt: instant('set_at').notNull().defaultNow(),
  },
  (table) => [foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade')],
);

/** The usage of each past day (UTC), as it was when it was last added up. */
export const dailySummaries = pgTable(
  'daily_summaries',
  {
    workspaceId: text('workspace_id').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    /** Requests and vector queries that are in it: where the day has more, some were written late. */
    counted: bigint('counted', { mode: 'number' }).notNull(),
    totals: jsonb('totals').notNull(),
    byProvider: jsonb('by_provider').notNull(),
    madeAt: instant('made_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.day] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);
