import { foreignKey, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core';
import { bytea, halfvec, instant, tsvector, vector } from './columns.ts';
import { workspaces } from './workspaces.ts';

export const collections = pgTable(
  'collections',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    name: text('name').notNull(),
    slug: text('slug').notNull(),
    kind: text('kind').notNull(),
    createdAt: instant('created_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    uniqueIndex('collections_slug').on(table.workspaceId, table.slug),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

export const documents = pgTable(
  'documents',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    collectionId: text('collection_id').notNull(),
    externalId: text('external_id'),
    kind: text('kind').notNull(),
    title: text('title'),
    /** What the extractor made of `source`. */
    text: text('text').notNull(),
    /** As it came. */
    source: jsonb('source').notNull(),
    metadata: jsonb('metadata').notNull(),
    language: text('language'),
    /** SHA-256 of title and text: what is unchanged is not embedded again. */
    contentHash: bytea('content_hash').notNull(),
    /** Of identifiers and title (weight A) and text (weight D), for keyword search. */
    lexemes: tsvector('lexemes').notNull(),
    /** MISSING, STALE (the text has changed since), READY or FAILED. */
    embeddingStatus: text('embedding_status').notNull(),
    embeddingModel: text('embedding_model'),
    embeddingError: text('embedding_error'),
    embeddedAt: instant('embedded_at'),
    tokenCount: integer('token_count'),
    chunkCount: integer('chunk_count').notNull().default(0),
    createdAt: instant('created_at').notNull(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    uniqueIndex('documents_external_id').on(table.workspaceId, table.collectionId, table.externalId),
    foreignKey({
      columns: [table.workspaceId, table.collectionId],
      foreignColumns: [collections.workspaceId, collections.id],
    }).onDelete('cascade'),
    index('documents_by_age').on(table.workspaceId, table.createdAt, table.id),
    index('documents_by_kind').on(table.workspaceId, table.kind, table.id),
    index('documents_by_embedding').on(table.workspaceId, table.embeddingStatus, table.id),
  ],
);

/** A piece of a document with the vector that one model gave it. */
export const chunks = pgTable(
  'chunks',
  {
    workspaceId: text('workspace_id').notNull(),
    model: text('model').notNull(),
    documentId: text('document_id').notNull(),
    ordinal: integer('ordinal').notNull(),
    /** Where the piece begins and ends in the document's text, in UTF-16 code units. */
    startOffset: integer('start_offset').notNull(),
    endOffset: integer('end_offset').notNull(),
    /** Of up to 1,900 dimensions. One of both is set. */
    embedding: vector('embedding'),
    /** Of more: in full precision a row would not fit its page. */
    wideEmbedding: halfvec('wide_embedding'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.model, table.documentId, table.ordinal] }),
    foreignKey({
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    index('chunks_by_document').on(table.workspaceId, table.documentId),
  ],
);

/**
 * Which text of a document the vectors are of that a model other than the workspace's has made, ahead of a change of
 * models. Of the workspace's own model the document itself says it.
 */
export const preparedEmbeddings = pgTable(
  'prepared_embeddings',
  {
    workspaceId: text('workspace_id').notNull(),
    model: text('model').notNull(),
    documentId: text('document_id').notNull(),
    /** The document's content hash at the time. */
    contentHash: bytea('content_hash').notNull(),
    tokenCount: integer('token_count').notNull(),
    chunkCount: integer('chunk_count').notNull(),
    embeddedAt: instant('embedded_at').notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.model, table.documentId] }),
    foreignKey({
      columns: [table.workspaceId, table.documentId],
      foreignColumns: [documents.workspaceId, documents.id],
    }).onDelete('cascade'),
    index('prepared_embeddings_by_document').on(table.workspaceId, table.documentId),
  ],
);

/** Vectors of texts that are no document's: questions, and texts embedded on request. Kept for 7 days. */
export const embeddingCache = pgTable(
  'embedding_cache',
  {
    workspaceId: text('workspace_id').notNull(),
    model: text('model').notNull(),
    /** SHA-256 of the purpose and the text. */
    contentHash: bytea('content_hash').notNull(),
    /** Float32 numbers, little-endian. */
    embedding: bytea('embedding').notNull(),
    tokenCount: integer('token_count').notNull(),
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.model, table.contentHash] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    index('embedding_cache_by_expiry').on(table.expiresAt),
  ],
);
