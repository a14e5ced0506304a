import type { Database } from '../../db/client.ts';
import { writeChunkVectors } from '../../db/vector.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { chunkInput, chunkText } from '../documents/chunking.ts';
import {
  type EmbeddedDocument,
  markEmbedded,
  markFailed,
  type PendingDocument,
  pendingDocuments,
} from '../documents/document-store.ts';
import { type DocumentFailure, workInHalves } from '../documents/record-failure.ts';
import type { EmbeddedText, EmbedInput } from '../gateway/embed-calls.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { EmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { adoptPrepared, markPrepared, unpreparedDocuments } from './prepared-embedding-store.ts';
import { Turns } from './turns.ts';

/** Documents that are read, embedded and stored together. */
const DOCUMENTS_PER_BATCH = 64;
/** Batches under way at once: while one is stored the next is being embedded. */
const BATCHES_AT_ONCE = 3;
/** Chunks of one provider call: few enough that one of a slow model is over long before its time limit. */
const CHUNKS_PER_CALL = 64;
/**
 * Bulk calls of this process at a provider at once, whatever the number of jobs; the others wait their turn outside. A
 * workspace waits for another one's where both use the same provider, which is the built-in one, and for one of them there.
 */
const CALLS_AT_ONCE = 3;

export interface EmbeddingProgress {
  done: number;
  failed: number;
}

/** How documents are embedded, where not as usual. */
export interface EmbeddingOptions {
  /** Id of a model that is to have vectors of them; absent: the workspace's own. */
  modelId?: string;
  /** Documents that are read, embedded and stored together. */
  batchSize?: number;
  onProgress?: (progress: EmbeddingProgress) => void;
}

/** A model, and whether it is the one that the workspace's documents are found by. */
interface Target {
  model: EmbeddingModel;
  isOwn: boolean;
}

/** Gives documents their vectors. */
export class EmbeddingService {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #turns = new Turns(CALLS_AT_ONCE);

  constructor(parts: { database: Database; gateway: ModelGateway; catalog: ModelCatalog }) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
  }

  /** Vectors of texts that a client asks for. */
  embedTexts(call: ModelCall, input: EmbedInput): Promise<{ model: EmbeddingModel; embeddings: EmbeddedText[] }> {
    return this.#gateway.embed(call, input);
  }

  /**
   * Embeds those of the documents whose text has no vector of the model yet. Safe to run twice, and at the same time as
   * an edit: a text that changed meanwhile keeps its state. A document that the provider refuses is marked FAILED and
   * does not hold up the others.
   * @returns the documents that failed; all others have their vectors, are gone, or have a new text since
   * @throws LimitReachedError, NoProviderError; ProviderFailedError where the failure is not the texts' fault
   */
  async embedDocuments(
    call: ModelCall,
    documentIds: readonly string[],
    { modelId, batchSize = DOCUMENTS_PER_BATCH, onProgress }: EmbeddingOptions = {},
  ): Promise<DocumentFailure[]> {
    const target = await this.#targetOf(call.caller.workspace.id, modelId);
    const progress: EmbeddingProgress = { done: 0, failed: 0 };
    const failures: DocumentFailure[] = [];
    const starts = Array.from({ length: Math.ceil(documentIds.length / batchSize) }, (_, i) => i * batchSize);
    const runLane = async () => {
      for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
        call.signal.throwIfAborted();
        const ids = documentIds.slice(start, start + batchSize);
        const failed = await this.#embedBatch(call, target, ids).catch((error: unknown) => {
          starts.length = 0;
          throw error;
        });
        failures.push(...failed);
        progress.done += ids.length - failed.length;
        progress.failed += failed.length;
        onProgress?.(progress);
      }
    };
    // Every lane is waited for: what goes on after the job has ended would be counted for nobody.
    const lanes = await Promise.allSettled(Array.from({ length: BATCHES_AT_ONCE }, runLane));
    for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    return failures;
  }

  async #targetOf(workspaceId: string, modelId: string | undefined): Promise<Target> {
    const own = await this.#catalog.documentEmbeddingModel(workspaceId);
    if (modelId === undefined || modelId === own.id) return { model: own, isOwn: true };
    const model = await this.#catalog.embeddingModel(workspaceId, modelId);
    return { model, isOwn: model.id === own.id };
  }

  /** A batch that the provider refuses is halved until the document it refuses is alone. */
  async #embedBatch(call: ModelCall, target: Target, ids: readonly string[]): Promise<DocumentFailure[]> {
    const { id: workspaceId } = call.caller.workspace;
    const pending = await this.#database.withWorkspace(workspaceId, (scope) => pendingOf(scope, target, ids));
    const failed = await workInHalves(pending, call.signal, async (documents) => {
      await this.#store(call, target, await this.#embedChunks(call, target.model, documents));
    });
    if (target.isOwn && failed.length > 0) {
      await this.#database.withWorkspace(workspaceId, async (scope) => {
        for (const { item, message } of failed) await markFailed(scope, item, message);
      });
    }
    return failed.map(({ item, message }) => ({ documentId: item.id, message }));
  }

  async #embedChunks(
    call: ModelCall,
    model: EmbeddingModel,
    pending: readonly PendingDocument[],
  ): Promise<EmbeddedDocument[]> {
    const pieces = pending.map((document) => ({
      document,
      chunks: chunkText(document.text, { words: model.traits.chunkWords, title: document.title }),
    }));
    const texts = pieces.flatMap(({ document, chunks }) =>
      chunks.map((chunk) => chunkInput(document.title, document.text.slice(chunk.start, chunk.end))),
    );
    const place = { line: model.live.id ?? model.live.name, owner: call.caller.workspace.id };
    const embedded: EmbeddedText[] = [];
    for (let start = 0; start < texts.length; start += CHUNKS_PER_CALL) {
      const piece = texts.slice(start, start + CHUNKS_PER_CALL);
      const { embeddings } = await this.#turns.run(place, () =>
        this.#gateway.embed(call, { texts: piece, purpose: 'document', model: model.id, bulk: true }),
      );
      embedded.push(...embeddings);
    }
    let next = 0;
    return pieces.map(({ document, chunks }) => {
      const own = embedded.slice(next, next + chunks.length);
      next += chunks.length;
      return {
        id: document.id,
        contentHash: document.contentHash,
        tokenCount: own.reduce((sum, embedding) => sum + embedding.tokenCount, 0),
        chunks: chunks.map((chunk, i) => ({
          ordinal: chunk.ordinal,
          startOffset: chunk.start,
          endOffset: chunk.end,
          embedding: (own[i] as EmbeddedText).vector,
        })),
      };
    });
  }

  async #store(call: ModelCall, { model, isOwn }: Target, documents: readonly EmbeddedDocument[]): Promise<void> {
    await this.#database.withWorkspace(call.caller.workspace.id, async (scope) => {
      const mark = isOwn ? markEmbedded : markPrepared;
      const marked = await mark(scope, documents, model.id);
      const rows = documents
        .filter((document) => marked.has(document.id))
        .flatMap((document) => document.chunks.map((chunk) => ({ ...chunk, documentId: document.id })));
      await writeChunkVectors(scope, model.id, rows);
    });
  }
}

/** Those whose text has no vector of the model yet; what was prepared for it is taken over. */
async function pendingOf(
  scope: WorkspaceScope,
  { model, isOwn }: Target,
  ids: readonly string[],
): Promise<PendingDocument[]> {
  if (!isOwn) return unpreparedDocuments(scope, ids, model.id);
  await adoptPrepared(scope, ids, model.id);
  return pendingDocuments(scope, ids, model.id);
}
