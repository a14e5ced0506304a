import { foreignKey, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { bytea, instant } from './columns.ts';
import { documents } from './documents.ts';

/** What a document says, in a few sentences. */
export const documentSummaries = pgTable(
  'document_summaries',
  {
    workspaceId: text('workspace_id').notNull(),
    documentId: text('document_id').notNull(),
    summary: text('summary').notNull(),
    model: text('model').notNull(),
    /** The document's content hash at the time: the text may have moved on. */
    contentHash: bytea('content_hash').notNull(),
    summarisedAt: instant('summarised_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.documentId] }),
    foreignKey({
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
  ],
);
