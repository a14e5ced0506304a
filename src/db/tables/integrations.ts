import { boolean, foreignKey, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bytea, instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/** Plugins that were registered at run time, for every server to load; not of any workspace. */
export const providerPlugins = pgTable('provider_plugins', {
  /** Of the plugin's manifest. */
  id: text('id').primaryKey(),
  /** `package`, `path` or `url`. */
  sourceKind: text('source_kind').notNull(),
  source: text('source').notNull(),
  version: text('version').notNull(),
  registeredAt: instant('registered_at').notNull().defaultNow(),
});

/** Providers that a workspace has configured. */
export const integrations = pgTable(
  'integrations',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** What the ids of its models begin with. */
    name: text('name').notNull(),
    pluginId: text('plugin_id').notNull(),
    /** Without credentials. */
    config: jsonb('config').notNull(),
    /** Sealed under a key of its own, which is sealed under the server's. */
    credentials: bytea('credentials'),
    fallbackId: text('fallback_id'),
    isActive: boolean('is_active').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    uniqueIndex('integrations_name').on(table.workspaceId, table.name),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    foreignKey({
      columns: [table.workspaceId, table.fallbackId],
      foreignColumns: [table.workspaceId, table.id],
    }),
  ],
);

/** What a workspace has chosen; a workspace without a row has chosen nothing. */
export const workspaceSettings = pgTable(
  'workspace_settings',
  {
    workspaceId: text('workspace_id').primaryKey(),
    preferences: jsonb('preferences').notNull(),
    policies: jsonb('policies').notNull(),
    /** By kind of work: which model, what to fall back to, with which parameters. */
    models: jsonb('models').notNull(),
    /** Part of the key of every cached answer: raised, all of them are void. */
    answerEpoch: integer('answer_epoch').notNull().default(0),
    /** Part of the key of every vector that a server remembers: raised, it looks into the table again. */
    embeddingEpoch: integer('embedding_epoch').notNull().default(0),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade')],
);
