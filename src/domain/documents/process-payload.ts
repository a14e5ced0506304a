import { z } from 'zod';
import { DOCUMENT_KINDS, type DocumentFilter, EMBEDDING_STATUSES } from './document.ts';
import { AI_TASKS, MAX_DOCUMENTS_PER_CALL } from './document-service.ts';

export const BATCH_SIZE_MAX = 100;

const STRINGS = z.array(z.string());

/**
 * As `resolveDocumentFilter` gives it. Instants are read from JSON too: a payload is checked before and after it was stored.
 * A condition that this release does not know is refused: left out, the filter would match more than was asked for.
 */
export const STORED_FILTER = z.strictObject({
  collectionIds: STRINGS.nullish(),
  kinds: z.array(z.enum(DOCUMENT_KINDS)).nullish(),
  metadata: z.record(z.string(), z.json()).nullish(),
  createdAfter: z.coerce.date().nullish(),
  createdBefore: z.coerce.date().nullish(),
  embedding: z.array(z.enum(EMBEDDING_STATUSES)).nullish(),
  classification: z.object({ taxonomy: z.string(), labels: STRINGS, minConfidence: z.number().nullish() }).nullish(),
  themeIds: STRINGS.nullish(),
} satisfies Record<keyof DocumentFilter, z.ZodType>);

/** What models are to do on which documents. */
export const PROCESS_PAYLOAD = z.object({
  /** These; with a filter or `isBackfill`, those of them that are in it. Absent: all that are in it. */
  documentIds: STRINGS.max(MAX_DOCUMENTS_PER_CALL).optional(),
  filter: STORED_FILTER.optional(),
  /** Those without a current vector of the model alone. */
  isBackfill: z.boolean().optional(),
  /** Id of the last document that there was: what is written later has jobs of its own. Null: there was none. */
  upTo: z.string().nullish(),
  tasks: z.array(z.enum(AI_TASKS)),
  /** Id of the model to embed by; absent: the workspace's own. */
  model: z.string().optional(),
  /** Documents that are embedded together. */
  batchSize: z.number().int().min(1).max(BATCH_SIZE_MAX).optional(),
  /** What an earlier job failed at: a failure is the job's, which is tried again, and ends in the dead letters. */
  isFollowUp: z.boolean().optional(),
  /** Of the job; those that follow it up have the same. */
  priority: z.number().int().optional(),
  /** Whose usage it is. */
  apiKeyId: z.string().nullable(),
  userId: z.string().nullable(),
});
export type ProcessPayload = z.infer<typeof PROCESS_PAYLOAD>;
