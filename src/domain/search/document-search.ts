import type { Database } from '../../db/client.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { storableText } from '../../shared/text.ts';
import { authorize } from '../access/caller.ts';
import { resolveDocumentFilter } from '../classification/classification-filter.ts';
import type { DocumentFilter } from '../documents/document.ts';
import { findDocuments } from '../documents/document-store.ts';
import { type ModelCall, usageEventOf } from '../gateway/model-call.ts';
import type { DocumentEmbeddingModel, EmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { findReranker, RERANKED_HITS, rerankPage } from './reranking.ts';
import {
  MAX_PAGE_SIZE,
  type PageWindow,
  pageWindow,
  type RankedHit,
  type SearchFusion,
  type SearchMode,
  type SearchModel,
  type SearchPage,
  type SearchRequest,
} from './search.ts';
import type { SearchService } from './search-service.ts';

const QUERY_MAX_CHARACTERS = 100_000;

export interface DocumentSearchInput {
  query: string;
  mode: SearchMode;
  fusion: SearchFusion;
  filter: DocumentFilter | null;
  first: number;
  after: string | null;
  minSimilarity: number | null;
  /** Have a reranker order the best 50. */
  rerank: boolean;
}

/** Search as a client asks for it: the query embedded through the gateway, the vector query counted. */
export class DocumentSearch {
  readonly #database: Database;
  readonly #search: SearchService;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #recorder: UsageRecorder;

  constructor(parts: {
    database: Database;
    search: SearchService;
    gateway: ModelGateway;
    catalog: ModelCatalog;
    recorder: UsageRecorder;
  }) {
    this.#database = parts.database;
    this.#search = parts.search;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#recorder = parts.recorder;
  }

  /**
   * @throws InvalidInputError, NotFoundError (the filter's taxonomy), LimitReachedError, ProviderFailedError;
   * NoProviderError where nothing reranks
   */
  async search(call: ModelCall, input: DocumentSearchInput): Promise<SearchPage> {
    authorize(call.caller, 'DOCUMENTS_READ');
    checkQuery(input.query);
    const workspaceId = call.caller.workspace.id;
    const model = await this.#catalog.documentEmbeddingModel(workspaceId);
    const request = { ...input, workspaceId, model: searchModel(model) };
    // What cannot be answered is refused before anything is spent on it.
    const window = pageWindow(request);
    const reranker = input.rerank ? await findReranker(this.#catalog, workspaceId) : null;
    const filter = await this.#database.withWorkspace(workspaceId, (scope) =>
      resolveDocumentFilter(scope, input.filter),
    );
    const queryVector = input.mode === 'KEYWORD' ? null : await this.#embedQuery(call, model, input.query);
    const asked = { ...request, filter, queryVector };
    const page = await this.#search.search(reranker === null ? asked : { ...asked, first: RERANKED_HITS, after: null });
    if (queryVector !== null) this.#recordVectorQueries(call, model, 1, page.plan.durationMs);
    return reranker === null ? page : this.#rerank(call, asked, { model: reranker, page, window });
  }

  async #rerank(
    call: ModelCall,
    { workspaceId, query, model: { id } }: SearchRequest,
    ranked: { model: string; page: SearchPage; window: PageWindow },
  ): Promise<SearchPage> {
    const ids = ranked.page.hits.map(({ documentId }) => documentId);
    const found = await this.#database.withWorkspace(workspaceId, (scope) => findDocuments(scope, ids, id));
    const documents = new Map(found.map((document) => [document.id, document]));
    return rerankPage(this.#gateway, call, { ...ranked, query, documents });
  }

  /** The nearest documents of each document, in the order of the ids. */
  async similarToMany(
    call: ModelCall,
    documentIds: readonly string[],
    options: { first: number; minSimilarity: number; filter?: DocumentFilter },
  ): Promise<RankedHit[][]> {
    authorize(call.caller, 'DOCUMENTS_READ');
    if (options.first < 1 || options.first > MAX_PAGE_SIZE)
      throw InvalidInputError.at('first', `must be 1 to ${MAX_PAGE_SIZE}`);
    const startedAt = performance.now();
    const workspaceId = call.caller.workspace.id;
    const model = await this.#catalog.documentEmbeddingModel(workspaceId);
    const similar = await this.#search.similarToMany({
      ...options,
      workspaceId,
      documentIds,
      model: searchModel(model),
    });
    this.#recordVectorQueries(call, model, documentIds.length, performance.now() - startedAt);
    return documentIds.map((id) => similar.get(id) ?? []);
  }

  async #embedQuery(call: ModelCall, model: EmbeddingModel, query: string): Promise<Float32Array | null> {
    const { embeddings } = await this.#gateway.embed(call, { texts: [query], purpose: 'query', model: model.id });
    return embeddings[0]?.vector ?? null;
  }

  #recordVectorQueries(call: ModelCall, model: EmbeddingModel, vectorQueries: number, latencyMs: number): void {
    const target = { provider: 'signalbox', model: model.id, operation: 'vector_query', outcome: 'SUCCEEDED' } as const;
    const event = usageEventOf(call, target, { vectorQueries, latencyMs });
    this.#recorder.record(event);
    call.tally?.add(event);
  }
}

function searchModel(model: DocumentEmbeddingModel): SearchModel {
  return { id: model.id, dimensions: model.dimensions, hybridVectorWeight: model.traits.hybridVectorWeight };
}

function checkQuery(query: string): void {
  if (storableText(query).trim() === '') throw InvalidInputError.at('query', 'must not be empty');
  if (query.length > QUERY_MAX_CHARACTERS) {
    throw InvalidInputError.at('query', `may have ${QUERY_MAX_CHARACTERS} characters, and has ${query.length}`);
  }
}
