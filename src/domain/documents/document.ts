import type { JsonObject } from '../../shared/json.ts';

export const DOCUMENT_KINDS = [
  'TEXT',
  'FEEDBACK',
  'COMPANY',
  'JIRA_ISSUE',
  'PULL_REQUEST',
  'COMMIT',
  'MESSAGE',
] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

export const EMBEDDING_STATUSES = ['MISSING', 'STALE', 'READY', 'FAILED'] as const;
export type EmbeddingStatus = (typeof EMBEDDING_STATUSES)[number];

export interface Collection {
  id: string;
  name: string;
  slug: string;
  kind: DocumentKind;
  createdAt: Date;
}

/** A document as it is stored. */
export interface Document {
  id: string;
  collectionId: string;
  externalId: string | null;
  kind: DocumentKind;
  title: string | null;
  text: string;
  source: JsonObject;
  metadata: JsonObject;
  language: string | null;
  contentHash: Uint8Array;
  embeddingStatus: EmbeddingStatus;
  embeddingModel: string | null;
  embeddedAt: Date | null;
  tokenCount: number | null;
  chunkCount: number;
  createdAt: Date;
  updatedAt: Date;
}

/** Which documents: what is absent does not narrow; lists mean "one of". */
export interface DocumentFilter {
  collectionIds?: readonly string[] | null;
  kinds?: readonly DocumentKind[] | null;
  /** Containment: every key and value given here is in the document's metadata, also nested. */
  metadata?: JsonObject | null;
  createdAfter?: Date | null;
  createdBefore?: Date | null;
  embedding?: readonly EmbeddingStatus[] | null;
  classification?: ClassificationFilter | null;
  /** In one of these themes. */
  themeIds?: readonly string[] | null;
}

export interface ClassificationFilter {
  taxonomy: string;
  labels: readonly string[];
  minConfidence?: number | null;
}
