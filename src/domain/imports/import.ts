import type { JsonObject } from '../../shared/json.ts';
import type { AiTask } from '../documents/document-service.ts';
import type { Dialect, Position } from './dialect.ts';
import type { Mapping } from './mapping.ts';

/** A file whose records become documents. */
export interface Import {
  id: string;
  jobId: string;
  collectionId: string;
  fileName: string;
  fileBytes: number;
  dialect: Dialect;
  mapping: Mapping;
  tasks: AiTask[];
  /** What somebody should know who reads the report. */
  notes: string[];
  /** Null until the file was counted. */
  totalRecords: number | null;
  /** Records that are stored; of them some are `created`, the rest `updated` or `unchanged`. */
  imported: number;
  failed: number;
  created: number;
  updated: number;
  unchanged: number;
  /** Errors that can be read; `failed` counts them all. */
  errorsKept: number;
  createdAt: Date;
  startedAt: Date | null;
  /** When the last record was stored; null until then, and for ever where the job was cancelled. */
  finishedAt: Date | null;
}

/** How far the batches of an import are. */
export interface Checkpoint {
  /** Every batch before this one is stored. */
  nextBatch: number;
  /** Where the batch `nextBatch` begins; null: at the first record. */
  resumeAt: BatchStart | null;
  /** Batches behind it that are stored. */
  doneBatches: number[];
}

/** Where a batch begins. */
export interface BatchStart extends Position {
  /** Records before it. */
  records: number;
}

/** A record that could not become a document. */
export interface ImportError {
  /** 1 for the first record of the file. */
  recordNumber: number;
  /** Where the record begins. */
  line: number;
  message: string;
  /** As it stood in the file, long values cut. */
  record: JsonObject;
}

/** Errors of one import that are kept; what is more is counted. */
export const ERRORS_KEPT = 10_000;

/** Where the file of an import is kept. */
export function fileKeyOf(workspaceId: string, importId: string): string {
  return `${workspaceId}/imports/${importId}/source`;
}
