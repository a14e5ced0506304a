import type { Database } from '../../db/client.ts';
import type { FileStore } from '../../db/file-store.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobDefinition } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import type { ClassificationService } from '../classification/classification-service.ts';
import type { DocumentService, EmbeddingModelOf } from '../documents/document-service.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import type { SummaryService } from '../summaries/summary-service.ts';
import { deleteExpiredFiles } from './import-files.ts';
import { ImportService } from './import-service.ts';
import { IMPORT_ATTEMPTS, type ImportPayload, importJob } from './jobs.ts';

export interface ImportingParts {
  database: Database;
  files: FileStore;
  queue: JobQueue;
  documents: DocumentService;
  classifications: ClassificationService;
  summaries: SummaryService;
  embeddingModelOf: EmbeddingModelOf;
}

/** Everything that imports are made of. */
export interface Importing {
  service: ImportService;
  /** To be worked by the workers. */
  job: JobDefinition;
  upkeep: MaintenanceStep;
}

export function openImporting(parts: ImportingParts): Importing {
  const { database, files, queue, documents, classifications, summaries, embeddingModelOf } = parts;
  const enqueue = (
    scope: WorkspaceScope,
    phase: ImportPayload['phase'],
    importId: string,
    { apiKeyId, userId }: WorkspaceCaller,
  ) => queue.enqueue(scope, job, { importId, phase, apiKeyId, userId }, { maxAttempts: IMPORT_ATTEMPTS });
  const job: JobDefinition<ImportPayload> = importJob({
    ...{ database, files, documents, embeddingModelOf },
    summarise: (call, content) => summaries.summaryOfText(call, content),
    sentimentsOf: (call, messages, whenProvidersFail) =>
      classifications.sentimentsOf(call, messages, whenProvidersFail),
    enqueueConversations: (scope, importId, caller) => enqueue(scope, 'conversations', importId, caller),
  });
  const service = new ImportService({
    ...{ database, files },
    enqueue: (scope, importId, caller) => enqueue(scope, 'records', importId, caller),
  });
  const upkeep = {
    name: 'files of imports',
    run: (signal: AbortSignal) => deleteExpiredFiles(database, files, signal),
  };
  return { service, job: job as unknown as JobDefinition, upkeep };
}
