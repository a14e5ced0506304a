import { foreignKey, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** Model calls of the last minute, of workspaces that limit them alone: added up in steps, so that rows stay few. */
export const rateLimitCalls = pgTable(
  'rate_limit_calls',
  {
    workspaceId: text('workspace_id').notNull(),
    /** The end of the step: no call counts for less than a minute. */
    at: instant('at').notNull(),
    /** '' where no key made the calls. */
    apiKeyId: text('api_key_id').notNull(),
    calls: integer('calls').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.at, table.apiKeyId] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);
