import type { Database } from '../../db/client.ts';
import type { ClassificationService } from '../classification/classification-service.ts';
import type { EmbeddingOptions, EmbeddingService } from '../embeddings/embedding-service.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { SummaryService } from '../summaries/summary-service.ts';
import type { ThemeService } from '../themes/theme-service.ts';
import type { Operation } from '../usage/usage-event.ts';
import type { Document } from './document.ts';
import type { AiTask, EmbeddingModelOf } from './document-service.ts';
import { findDocuments } from './document-store.ts';
import { type DocumentFailure, workInHalves } from './record-failure.ts';

/** Documents that are read and worked on together. */
const DOCUMENTS_PER_BATCH = 100;

/** How a task appears in the ledger. */
export const OPERATION_OF_TASK: Readonly<Record<AiTask, Operation>> = {
  EMBED: 'embed',
  CLASSIFY: 'classify',
  SENTIMENT: 'sentiment',
  INTENT: 'intent',
  SUMMARISE: 'summarise',
  // Where a model names what was found.
  THEMES: 'summarise',
};

export interface DocumentTaskParts {
  database: Database;
  embeddings: EmbeddingService;
  classifications: ClassificationService;
  summaries: SummaryService;
  themes: ThemeService;
  embeddingModelOf: EmbeddingModelOf;
}

/** What models do on documents, a task at a time. What was done before is passed over, and costs nothing again. */
export class DocumentTaskWork {
  readonly #parts: DocumentTaskParts;

  constructor(parts: DocumentTaskParts) {
    this.#parts = parts;
  }

  /**
   * Does a task on documents; on those that are gone there is nothing to do. One that cannot be done does not hold up
   * the others.
   * @returns the documents that failed
   * @throws what is no document's fault: see `workInHalves`
   */
  async perform(
    task: AiTask,
    call: ModelCall,
    documentIds: readonly string[],
    options: EmbeddingOptions,
  ): Promise<DocumentFailure[]> {
    if (task === 'EMBED') return this.#embed(call, documentIds, options);
    if (task === 'THEMES') {
      await this.#parts.themes.assign(call, documentIds, { wanted: true });
      return [];
    }
    const failures: DocumentFailure[] = [];
    for (let start = 0; start < documentIds.length; start += DOCUMENTS_PER_BATCH) {
      const ids = documentIds.slice(start, start + DOCUMENTS_PER_BATCH);
      const documents = await this.#read(call, ids);
      const failed = await workInHalves(documents, call.signal, (some) => this.#judge(task, call, some));
      failures.push(...failed.map(({ item, message }) => ({ documentId: item.id, message })));
      options.onProgress?.({ done: start + ids.length - failures.length, failed: failures.length });
    }
    return failures;
  }

  /** What a task does once all documents of a job are done. */
  async conclude(task: AiTask, call: ModelCall): Promise<void> {
    if (task === 'THEMES') await this.#parts.themes.refreshStale(call);
  }

  /** What is embedded by the workspace's own model is sorted into the themes that there are. */
  async #embed(call: ModelCall, documentIds: readonly string[], options: EmbeddingOptions): Promise<DocumentFailure[]> {
    const failures = await this.#parts.embeddings.embedDocuments(call, documentIds, options);
    if (options.modelId === undefined) await this.#parts.themes.assign(call, documentIds);
    return failures;
  }

  async #read(call: ModelCall, ids: readonly string[]): Promise<Document[]> {
    const { id: workspaceId } = call.caller.workspace;
    const model = await this.#parts.embeddingModelOf(workspaceId);
    return this.#parts.database.withWorkspace(workspaceId, (scope) => findDocuments(scope, ids, model));
  }

  async #judge(
    task: Exclude<AiTask, 'EMBED' | 'THEMES'>,
    call: ModelCall,
    documents: readonly Document[],
  ): Promise<void> {
    const { classifications, summaries } = this.#parts;
    if (task === 'SENTIMENT') await classifications.sentimentsOf(call, documents, 'throw');
    else if (task === 'SUMMARISE') {
      const { failure } = await summaries.summariesOf(call, documents);
      if (failure !== null) throw failure;
    } else {
      await classifications.classifyDocuments(call, documents, task === 'INTENT' ? 'intent' : 'feedback', 'throw');
    }
  }
}
