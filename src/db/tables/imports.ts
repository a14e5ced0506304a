import { bigint, boolean, foreignKey, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { collections } from './documents.ts';
import { jobs } from './jobs.ts';
import { workspaces } from './workspaces.ts';

/** A file whose records become documents, and how far that is. It goes with its job. */
export const imports = pgTable(
  'imports',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    jobId: text('job_id').notNull(),
    collectionId: text('collection_id').notNull(),
    /** As the client named it. */
    fileName: text('file_name').notNull(),
    fileBytes: bigint('file_bytes', { mode: 'number' }).notNull(),
    /** How the file is to be read: format, encoding, delimiter, columns. */
    dialect: jsonb('dialect').notNull(),
    /** Which column is which field. */
    mapping: jsonb('mapping').notNull(),
    tasks: jsonb('tasks').notNull(),
    /** What a reader of the report should know of how the file was read. */
    notes: jsonb('notes').notNull(),
    /** Null until the file was counted. */
    totalRecords: integer('total_records'),
    imported: integer('imported').notNull().default(0),
    failed: integer('failed').notNull().default(0),
    created: integer('created').notNull().default(0),
    updated: integer('updated').notNull().default(0),
    unchanged: integer('unchanged').notNull().default(0),
    /** Rows in import_errors. */
    errorsKept: integer('errors_kept').notNull().default(0),
    /** Every batch before this one is stored. */
    nextBatch: integer('next_batch').notNull().default(0),
    /** Where the batch `next_batch` begins; null: at the first record. */
    resumeAt: jsonb('resume_at'),
    /** Batches after `next_batch` that are stored already. */
    doneBatches: integer('done_batches').array().notNull().default([]),
    createdAt: instant('created_at').notNull().defaultNow(),
    startedAt: instant('started_at'),
    finishedAt: instant('finished_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    foreignKey({
      columns: [table.workspaceId, table.jobId],
      foreignColumns: [jobs.workspaceId, jobs.id],
    }).onDelete('cascade'),
    foreignKey({
      columns: [table.workspaceId, table.collectionId],
      foreignColumns: [collections.workspaceId, collections.id],
    }).onDelete('cascade'),
    index('imports_by_job').on(table.workspaceId, table.jobId),
  ],
);

/** Records of a file that could not become documents. */
export const importErrors = pgTable(
  'import_errors',
  {
    workspaceId: text('workspace_id').notNull(),
    importId: text('import_id').notNull(),
    /** 1 for the first record of the file. */
    recordNumber: integer('record_number').notNull(),
    /** Where the record begins. */
    line: integer('line').notNull(),
    message: text('message').notNull(),
    /** As it stood in the file, long values cut. */
    record: jsonb('record').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.importId, table.recordNumber] }),
    foreignKey({
      columns: [table.workspaceId, table.importId],
      foreignColumns: [imports.workspaceId, imports.id],
    }).onDelete('cascade'),
  ],
);

/** Conversations that an import has brought messages of. */
export const importConversations = pgTable(
  'import_conversations',
  {
    workspaceId: text('workspace_id').notNull(),
    importId: text('import_id').notNull(),
    conversation: text('conversation').notNull(),
    summarised: boolean('summarised').notNull().default(false),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.importId, table.conversation] }),
    foreignKey({
      columns: [table.workspaceId, table.importId],
      foreignColumns: [imports.workspaceId, imports.id],
    }).onDelete('cascade'),
  ],
);

/**
 * Files in the file store that have to go one day, also those of an upload that was cut off and of a workspace that is
 * gone: so without a foreign key.
 */
export const importFiles = pgTable(
  'import_files',
  {
    workspaceId: text('workspace_id').notNull(),
    importId: text('import_id').notNull(),
    fileKey: text('file_key').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.importId] }),
    index('import_files_by_expiry').on(table.expiresAt),
  ],
);
