import type { Database } from '../../db/client.ts';
import { writeChunkVectors } from '../../db/vector.ts';
import { chunkInput, chunkText } from '../documents/chunking.ts';
import {
  type EmbeddedDocument,
  markEmbedded,
  markFailed,
  type PendingDocument,
  pendingDocuments,
} from '../documents/document-store.ts';
import type { EmbeddedText, EmbedInput } from '../gateway/embed-calls.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { EmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { Turns } from './turns.ts';

/** Documents that are read, embedded and stored together. */
const DOCUMENTS_PER_BATCH = 64;
/** Batches under way at once: while one is stored the next is being embedded. */
const BATCHES_AT_ONCE = 3;
/** Chunks of one provider call: few enough that one of a slow model is over long before its time limit. */
const CHUNKS_PER_CALL = 64;
/** Bulk calls of this process at a provider at once, whatever the number of jobs; the others wait their turn outside. */
const CALLS_AT_ONCE = 3;
/** What a provider refuses because of the text itself: everything else is not the document's fault. */
const REFUSALS_OF_A_TEXT: ReadonlySet<string> = new Set([
  'bad_request',
  'context_length',
  'content_filter',
  'too_large',
]);
const ERROR_MAX_CHARACTERS = 500;

export interface EmbeddingProgress {
  done: number;
  failed: number;
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
   * Embeds those of the documents whose text has no vector of the workspace's model yet. Safe to run twice, and at the
   * same time as an edit: a text that changed meanwhile keeps its state. A document that the provider refuses is marked
   * FAILED and does not hold up the others.
   * @throws LimitReachedError; ProviderFailedError where the failure is not the texts' fault
   */
  async embedDocuments(
    call: ModelCall,
    documentIds: readonly string[],
    onProgress: (progress: EmbeddingProgress) => void,
  ): Promise<EmbeddingProgress> {
    const model = await this.#catalog.documentEmbeddingModel(call.caller.workspace.id);
    const progress: EmbeddingProgress = { done: 0, failed: 0 };
    const starts = Array.from(
      { length: Math.ceil(documentIds.length / DOCUMENTS_PER_BATCH) },
      (_, i) => i * DOCUMENTS_PER_BATCH,
    );
    const runLane = async () => {
      for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
        call.signal.throwIfAborted();
        const ids = documentIds.slice(start, start + DOCUMENTS_PER_BATCH);
        const failed = await this.#embedBatch(call, model, ids).catch((error: unknown) => {
          starts.length = 0;
          throw error;
        });
        progress.done += ids.length - failed;
        progress.failed += failed;
        onProgress(progress);
      }
    };
    // Every lane is waited for: what goes on after the job has ended would be counted for nobody.
    const lanes = await Promise.allSettled(Array.from({ length: BATCHES_AT_ONCE }, runLane));
    for (const lane of lanes) if (lane.status === 'rejected') throw lane.reason;
    return progress;
  }

  /** Returns how many failed for good. */
  async #embedBatch(call: ModelCall, model: EmbeddingModel, ids: readonly string[]): Promise<number> {
    const { id: workspaceId } = call.caller.workspace;
    const pending = await this.#database.withWorkspace(workspaceId, (scope) => pendingDocuments(scope, ids, model.id));
    return this.#embedPending(call, model, pending);
  }

  /** A batch that the provider refuses is halved until the document it refuses is alone. */
  async #embedPending(call: ModelCall, model: EmbeddingModel, pending: readonly PendingDocument[]): Promise<number> {
    if (pending.length === 0) return 0;
    try {
      await this.#store(call, model, await this.#embedChunks(call, model, pending));
      return 0;
    } catch (error) {
      if (!(error instanceof ProviderFailedError) || !REFUSALS_OF_A_TEXT.has(error.kind)) throw error;
      const [alone] = pending;
      if (pending.length === 1 && alone !== undefined) {
        const reason = error.message.slice(0, ERROR_MAX_CHARACTERS);
        await this.#database.withWorkspace(call.caller.workspace.id, (scope) => markFailed(scope, alone, reason));
        return 1;
      }
      const middle = Math.ceil(pending.length / 2);
      const first = await this.#embedPending(call, model, pending.slice(0, middle));
      return first + (await this.#embedPending(call, model, pending.slice(middle)));
    }
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
    const embedded: EmbeddedText[] = [];
    for (let start = 0; start < texts.length; start += CHUNKS_PER_CALL) {
      const piece = texts.slice(start, start + CHUNKS_PER_CALL);
      const { embeddings } = await this.#turns.run(() =>
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

  async #store(call: ModelCall, model: EmbeddingModel, documents: readonly EmbeddedDocument[]): Promise<void> {
    await this.#database.withWorkspace(call.caller.workspace.id, async (scope) => {
      const marked = await markEmbedded(scope, documents, model.id);
      const rows = documents
        .filter((document) => marked.has(document.id))
        .flatMap((document) => document.chunks.map((chunk) => ({ ...chunk, documentId: document.id })));
      await writeChunkVectors(scope, model.id, rows);
    });
  }
}
