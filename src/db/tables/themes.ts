import { doublePrecision, foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytea, instant } from './columns.ts';
import { collections, documents } from './documents.ts';
import { workspaces } from './workspaces.ts';

/** What themes were found in: a collection, or the workspace as a whole. */
export const themeSets = pgTable(
  'theme_sets',
  {
    workspaceId: text('workspace_id').notNull(),
    /** The collection's id, or the workspace's. */
    scope: text('scope').notNull(),
    /** Null where it is the workspace. */
    collectionId: text('collection_id'),
    /** How often themes were found here. A run that began from an older revision than the one it ends at has lost. */
    revision: integer('revision').notNull(),
    /** The model of the vectors that they were found by. */
    model: text('model').notNull(),
    /** The mean of those vectors: Float32 numbers, little-endian, as a theme's centroid. */
    mean: bytea('mean').notNull(),
    /** How many documents had vectors then. */
    documentCount: integer('document_count').notNull(),
    clusteredAt: instant('clustered_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.scope] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    foreignKey({
      columns: [table.workspaceId, table.collectionId],
      foreignColumns: [collections.workspaceId, collections.id],
    }).onDelete('cascade'),
  ],
);

export const themes = pgTable(
  'themes',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    scope: text('scope').notNull(),
    name: text('name').notNull(),
    /** The id of the model that wrote the name; null: it is made of the keywords. */
    namedBy: text('named_by'),
    /** ["…"], the most telling one first. */
    keywords: jsonb('keywords').notNull(),
    /** The direction of its documents' vectors, seen from the set's mean. */
    centroid: bytea('centroid').notNull(),
    /** How near a vector has to be to belong here: a cosine. */
    threshold: doublePrecision('threshold').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    /** Since when it is not found any more. It is kept for a while: it may come back. */
    retiredAt: instant('retired_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({
      columns: [table.workspaceId, table.scope],
      foreignColumns: [themeSets.workspaceId, themeSets.scope],
    }).onDelete('cascade'),
    index('themes_by_scope').on(table.workspaceId, table.scope, table.id),
  ],
);

/** Which theme of a set each document belongs to that was looked at. */
export const documentThemes = pgTable(
  'document_themes',
  {
    workspaceId: text('workspace_id').notNull(),
    documentId: text('document_id').notNull(),
    scope: text('scope').notNull(),
    /** Null: to none. */
    themeId: text('theme_id'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.documentId, table.scope] }),
    foreignKey({
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.workspaceId, table.themeId],
      foreignColumns: [themes.workspaceId, themes.id],
    }).onDelete('cascade'),
    index('document_themes_by_theme').on(table.workspaceId, table.themeId, table.documentId),
  ],
);
