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
import { bytea, instant } from './columns.ts';
import { documents } from './documents.ts';
import { workspaces } from './workspaces.ts';

/** A workspace's own taxonomies. */
export const taxonomies = pgTable(
  'taxonomies',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    name: text('name').notNull(),
    dimensions: jsonb('dimensions').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    uniqueIndex('taxonomies_name').on(table.workspaceId, table.name),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** How often what a taxonomy teaches has changed: labels of an older revision are computed again when they are read. */
export const taxonomyRevisions = pgTable(
  'taxonomy_revisions',
  {
    workspaceId: text('workspace_id').notNull(),
    taxonomy: text('taxonomy').notNull(),
    revision: integer('revision').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.taxonomy] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** The labels of a document in one taxonomy: given by a model, or by a person, whose word wins. */
export const classifications = pgTable(
  'classifications',
  {
    workspaceId: text('workspace_id').notNull(),
    documentId: text('document_id').notNull(),
    taxonomy: text('taxonomy').notNull(),
    id: text('id').notNull(),
    /** [{ dimension, label, confidence }] */
    labels: jsonb('labels').notNull(),
    confidence: doublePrecision('confidence').notNull(),
    /** Of the sentiment taxonomy alone: -1 to 1. */
    score: doublePrecision('score'),
    reasoning: text('reasoning'),
    model: text('model').notNull(),
    correctedBy: text('corrected_by'),
    /** The document's content hash and the taxonomy's revision at the time: either may have moved on. */
    contentHash: bytea('content_hash').notNull(),
    revision: integer('revision').notNull(),
    classifiedAt: instant('classified_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.documentId, table.taxonomy] }),
    foreignKey({
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    uniqueIndex('classifications_id').on(table.workspaceId, table.id),
    index('classifications_corrected').on(table.workspaceId, table.taxonomy, table.correctedBy),
  ],
);
