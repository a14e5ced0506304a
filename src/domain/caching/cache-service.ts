import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { storableText } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { classifiableText } from '../classification/text-cues.ts';
import { chunkInput, chunkText } from '../documents/chunking.ts';
import { findDocuments } from '../documents/document-store.ts';
import { embeddedText } from '../gateway/embed-calls.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import { raiseCacheEpochs } from '../integrations/integration-store.ts';
import type { CacheKind } from '../usage/usage-event.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { limitWindowStart } from '../usage/usage-report.ts';
import { readCacheUse } from '../usage/usage-store.ts';
import type { AnswerCache } from './answer-cache.ts';
import { type CacheStats, cacheStats } from './cache.ts';
import { EmbeddingCache } from './embedding-cache.ts';
import { countCachedEmbeddings, dropCachedEmbeddings } from './embedding-cache-store.ts';
import { MAX_WARM_TEXTS, type WarmPayload } from './warming.ts';

const MAX_DOCUMENTS = 1_000;
const TEXT_MAX_CHARACTERS = 10_000;
const MAX_ISSUES = 100;

export interface CacheServiceParts {
  database: Database;
  catalog: ModelCatalog;
  recorder: UsageRecorder;
  embeddingCache: EmbeddingCache;
  answerCache: AnswerCache;
  /** Enqueues `warmCache`, in the transaction of the scope; gives the job's id. */
  enqueueWarming: (scope: WorkspaceScope, payload: WarmPayload) => Promise<string>;
}

/** What a client can see and do about the caches of its workspace. */
export class CacheService {
  readonly #parts: CacheServiceParts;

  constructor(parts: CacheServiceParts) {
    this.#parts = parts;
  }

  /** Of the last 30 days (UTC), today among them. Writes what this process has still to write first. */
  async stats(caller: Caller): Promise<CacheStats[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    const { database, recorder, embeddingCache, answerCache } = this.#parts;
    await Promise.all([recorder.flush(), embeddingCache.drain()]);
    const [uses, embeddings] = await database.withWorkspace(workspace.id, (scope) =>
      Promise.all([readCacheUse(scope, limitWindowStart(Date.now())), countCachedEmbeddings(scope)]),
    );
    return [
      cacheStats('EMBEDDING', embeddings, uses.get('EMBEDDING')),
      cacheStats('RESPONSE', answerCache.count(workspace.id), uses.get('RESPONSE')),
    ];
  }

  /**
   * Makes entries void: all of them, or those of some documents. Other servers follow as soon as they read the
   * workspace's settings again, within 2 seconds; only answers of single documents live on there, for up to 5 minutes.
   * @param kinds which caches; null: both
   * @returns how many there were: vectors in the database, and answers on this server
   */
  async invalidate(
    caller: Caller,
    which: { kind: CacheKind | null; documentIds: readonly string[] | null },
  ): Promise<number> {
    const { workspace } = authorize(caller, 'SETTINGS_MANAGE');
    const { kind, documentIds } = which;
    if (documentIds !== null && documentIds.length > MAX_DOCUMENTS) {
      throw InvalidInputError.at('documentIds', `may hold ${MAX_DOCUMENTS} ids a call`);
    }
    const { database, catalog, embeddingCache, answerCache } = this.#parts;
    const answers = kind !== 'EMBEDDING';
    const embeddings = kind !== 'RESPONSE';
    const hashes = embeddings && documentIds !== null ? await this.#hashesOf(workspace.id, documentIds) : null;
    await embeddingCache.drain();
    const dropped = await database.withWorkspace(workspace.id, async (scope) => {
      await raiseCacheEpochs(scope, { answers: answers && documentIds === null, embeddings });
      return embeddings ? dropCachedEmbeddings(scope, hashes) : 0;
    });
    catalog.directory.forget(workspace.id);
    if (embeddings) embeddingCache.forget(workspace.id);
    return dropped + (answers ? answerCache.drop(workspace.id, documentIds) : 0);
  }

  /**
   * Has texts embedded as queries, so that searches for them find their vectors.
   * @returns the job's id
   * @throws InvalidInputError
   */
  async warm(caller: Caller, texts: readonly string[]): Promise<string> {
    const { workspace, apiKeyId, userId } = authorize(caller, 'AI_USE');
    const checked = checkTexts(texts);
    return this.#parts.database.withWorkspace(workspace.id, (scope) =>
      this.#parts.enqueueWarming(scope, { texts: checked, apiKeyId, userId }),
    );
  }

  /** Documents were written or deleted: the answers that their texts are part of go. */
  documentsChanged(workspaceId: string, documentIds: readonly string[]): void {
    if (documentIds.length > 0) this.#parts.answerCache.drop(workspaceId, documentIds);
  }

  /** A workspace is gone, and its rows with it. */
  workspaceDeleted(workspaceId: string): void {
    this.#parts.answerCache.drop(workspaceId, null);
    this.#parts.embeddingCache.forget(workspaceId);
  }

  /** Of every text that these documents are embedded by: their chunks, and what classification reads of them. */
  async #hashesOf(workspaceId: string, documentIds: readonly string[]): Promise<string[]> {
    const { database, catalog } = this.#parts;
    const model = await catalog.embeddingModel(workspaceId);
    const documents = await database.withWorkspace(workspaceId, (scope) => findDocuments(scope, documentIds, model.id));
    const texts = documents.flatMap(({ title, text }) => [
      classifiableText(title, text),
      ...chunkText(text, { words: model.traits.chunkWords, title }).map(({ start, end }) =>
        chunkInput(title, text.slice(start, end)),
      ),
    ]);
    const space = { workspaceId, model: model.id, origin: model.live.origin, purpose: 'document' } as const;
    return texts.map((text) => EmbeddingCache.hash(space, embeddedText(model, text)));
  }
}

/** The texts, each once. @throws InvalidInputError */
function checkTexts(texts: readonly string[]): string[] {
  if (texts.length === 0 || texts.length > MAX_WARM_TEXTS) {
    throw InvalidInputError.at('texts', `must hold 1 to ${MAX_WARM_TEXTS} texts, and holds ${texts.length}`);
  }
  const issues = texts.flatMap((text, i): InputIssue[] => {
    const path = ['texts', String(i)];
    if (storableText(text).trim() === '') return [{ path, message: 'must not be empty' }];
    if (text.length <= TEXT_MAX_CHARACTERS) return [];
    return [{ path, message: `may have ${TEXT_MAX_CHARACTERS} characters, and has ${text.length}` }];
  });
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, MAX_ISSUES));
  return [...new Set(texts.map((text) => storableText(text).trim()))];
}
