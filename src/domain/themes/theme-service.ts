import type { Database } from '../../db/client.ts';
import { NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { findCollections } from '../documents/collection-store.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { DocumentEmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { Clusters } from './clustering.ts';
import { isOutOfDate, type Theme } from './theme.ts';
import { ThemeNamer } from './theme-namer.ts';
import { type ThemeProgress, ThemeRun } from './theme-run.ts';
import {
  countThemeDocuments,
  findThemes,
  listThemeSets,
  listThemes,
  readDocumentThemes,
  readStoredThemes,
  readThemeSet,
  readTrendCounts,
  type SetState,
  storeAssignments,
  wantThemeSets,
} from './theme-store.ts';
import { inThemeThread } from './theme-thread.ts';
import {
  countEmbedded,
  countEmbeddedByCollection,
  type DocumentVectors,
  readDocumentVectors,
  unsortedDocuments,
} from './themed-documents.ts';
import { trendDays, trendOf } from './trend.ts';
import { emptyRows } from './vector-rows.ts';

/** Documents that are sorted together. */
const DOCUMENTS_PER_PAGE = 500;
/** How often documents are sorted again where the themes change meanwhile. */
const ASSIGN_TRIES = 5;

export interface ThemeServiceParts {
  database: Database;
  gateway: ModelGateway;
  catalog: ModelCatalog;
}

/**
 * What a workspace's documents are about: themes of each collection and of the workspace as a whole, found by jobs. A
 * request reads what is stored and finds nothing itself.
 */
export class ThemeService {
  readonly #database: Database;
  readonly #catalog: ModelCatalog;
  readonly #namer: ThemeNamer;
  /** The last run of each scope in this process, by scope. */
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(parts: ThemeServiceParts) {
    this.#database = parts.database;
    this.#catalog = parts.catalog;
    this.#namer = new ThemeNamer(parts);
  }

  /**
   * The themes of a collection, or of the whole workspace, the largest first.
   * @throws NotFoundError (no such collection)
   */
  async list(
    caller: Caller,
    collectionId: string | null,
    page: { limit: number; after: { documentCount: number; id: string } | null },
  ): Promise<(Theme & { documentCount: number })[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      if (collectionId !== null && (await findCollections(scope, [collectionId])).length === 0) {
        throw new NotFoundError('collection', collectionId);
      }
      return listThemes(scope, collectionId ?? workspace.id, page);
    });
  }

  /** Themes by id, in no order; those that are not there (any more) are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Theme[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findThemes(scope, ids));
  }

  /** How many documents themes have, in the order of the ids. */
  async documentCounts(caller: Caller, ids: readonly string[]): Promise<number[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const counts = await this.#database.withWorkspace(workspace.id, (scope) => countThemeDocuments(scope, ids));
    return ids.map((id) => counts.get(id) ?? 0);
  }

  /** By how much the share of each theme has changed; see `trendOf`. */
  async trends(caller: Caller, themes: readonly Theme[], now = new Date()): Promise<(number | null)[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const scopes = [...new Set(themes.map(({ scope }) => scope))];
    const days = { ...trendDays(now), now };
    const counts = await this.#database.withWorkspace(workspace.id, (scope) => readTrendCounts(scope, scopes, days));
    const none = { recent: 0, before: 0 };
    return themes.map(({ id, scope }) =>
      trendOf(counts.get(scope)?.get(id) ?? none, counts.get(scope)?.get('') ?? none),
    );
  }

  /** The themes of documents, in their order; null for one that nobody sorted yet. */
  async ofDocuments(caller: Caller, documentIds: readonly string[]): Promise<(Theme[] | null)[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const themes = await this.#database.withWorkspace(workspace.id, (scope) => readDocumentThemes(scope, documentIds));
    return documentIds.map((id) => themes.get(id) ?? null);
  }

  /**
   * Sorts documents into the themes that there are, each into the nearest one that it is near enough to. Those without a
   * current vector are passed over.
   * @param options.wanted have `refreshStale` find themes in their collections and the workspace, where nobody did yet
   */
  async assign(call: ModelCall, documentIds: readonly string[], options: { wanted?: boolean } = {}): Promise<void> {
    const workspaceId = authorize(call.caller, 'AI_USE').workspace.id;
    const modelId = await this.#catalog.documentEmbeddingModelId(workspaceId);
    const sets = await this.#database.withWorkspace(workspaceId, async (scope) => {
      if (options.wanted === true) await wantThemeSets(scope, documentIds, modelId);
      return listThemeSets(scope);
    });
    const found = sets.filter(({ revision, model }) => revision > 0 && model === modelId);
    if (found.length === 0) return;
    const model = await this.#catalog.documentEmbeddingModel(workspaceId);
    for (let start = 0; start < documentIds.length; start += DOCUMENTS_PER_PAGE) {
      call.signal.throwIfAborted();
      const ids = documentIds.slice(start, start + DOCUMENTS_PER_PAGE);
      const read = await this.#database.withWorkspace(workspaceId, (scope) => readDocumentVectors(scope, model, ids));
      for (const set of found) await this.#assignIn(call, set, read);
    }
  }

  /**
   * Finds themes anew wherever they are wanted and a fifth of the documents, or five where there are fewer, have come or
   * gone since, or where the embedding model is another one.
   */
  async refreshStale(call: ModelCall, progress: ThemeProgress = () => undefined): Promise<void> {
    const workspaceId = authorize(call.caller, 'AI_USE').workspace.id;
    const model = await this.#catalog.documentEmbeddingModelId(workspaceId);
    const [sets, all, byCollection] = await this.#database.withWorkspace(workspaceId, (scope) =>
      Promise.all([listThemeSets(scope), countEmbedded(scope, model, null), countEmbeddedByCollection(scope, model)]),
    );
    for (const set of sets) {
      const documentCount = set.collectionId === null ? all : (byCollection.get(set.collectionId) ?? 0);
      const isWanted = set.revision === 0 && documentCount > 0;
      if (isWanted || (set.revision > 0 && isOutOfDate(set, { model, documentCount }))) {
        await this.#run(call, set.collectionId, set.revision, progress);
      }
    }
  }

  /**
   * Finds the themes of a collection, or of the whole workspace, anew. Themes that are found again keep their ids and
   * names; those that are not are retired. Until it is done the old ones stand, and for good where it is not.
   * @throws NotFoundError (no such collection); NoProviderError
   */
  async refresh(
    call: ModelCall,
    collectionId: string | null,
    progress: ThemeProgress = () => undefined,
  ): Promise<void> {
    const workspaceId = authorize(call.caller, 'AI_USE').workspace.id;
    const set = await this.#database.withWorkspace(workspaceId, async (scope) => {
      if (collectionId !== null && (await findCollections(scope, [collectionId])).length === 0) {
        throw new NotFoundError('collection', collectionId);
      }
      return readThemeSet(scope, collectionId ?? workspaceId);
    });
    await this.#run(call, collectionId, set?.revision ?? 0, progress);
  }

  /** One at a time for each scope in this process; what another one has found meanwhile is not found once more. */
  async #run(call: ModelCall, collectionId: string | null, revision: number, progress: ThemeProgress): Promise<void> {
    const workspaceId = call.caller.workspace.id;
    const scopeId = collectionId ?? workspaceId;
    for (let running = this.#running.get(scopeId); running !== undefined; running = this.#running.get(scopeId)) {
      await running.catch(() => undefined);
      call.signal.throwIfAborted();
    }
    const work = this.#runOnce(call, collectionId, revision, progress);
    this.#running.set(scopeId, work);
    try {
      await work;
    } finally {
      this.#running.delete(scopeId);
    }
  }

  async #runOnce(
    call: ModelCall,
    collectionId: string | null,
    revision: number,
    progress: ThemeProgress,
  ): Promise<void> {
    const workspaceId = call.caller.workspace.id;
    const scopeId = collectionId ?? workspaceId;
    const now = await this.#database.withWorkspace(workspaceId, (scope) => readThemeSet(scope, scopeId));
    if ((now?.revision ?? 0) > revision) return;
    const model = await this.#catalog.documentEmbeddingModel(workspaceId);
    const run = new ThemeRun({ database: this.#database, namer: this.#namer }, call, model, collectionId);
    await run.run(progress);
    await this.#catchUp(call, model, collectionId);
  }

  /** Sorts what was embedded while a run was under way, which knew nothing of it. */
  async #catchUp(call: ModelCall, model: DocumentEmbeddingModel, collectionId: string | null): Promise<void> {
    const workspaceId = call.caller.workspace.id;
    const scopeId = collectionId ?? workspaceId;
    for (let known = ''; ; ) {
      const { ids, sets } = await this.#database.withWorkspace(workspaceId, async (scope) => ({
        ids: await unsortedDocuments(scope, model.id, collectionId, DOCUMENTS_PER_PAGE),
        sets: await listThemeSets(scope),
      }));
      const set = sets.find(({ scope }) => scope === scopeId);
      // The same again: they are being written or deleted just now, and their own jobs sort them.
      if (ids.length === 0 || set === undefined || ids.join() === known) return;
      known = ids.join();
      const read = await this.#database.withWorkspace(workspaceId, (scope) => readDocumentVectors(scope, model, ids));
      await this.#assignIn(call, set, read);
    }
  }

  async #assignIn(call: ModelCall, { scope: scopeId, collectionId }: SetState, read: DocumentVectors): Promise<void> {
    const workspaceId = call.caller.workspace.id;
    const { documentIds, rows } = ofCollection(read, collectionId);
    if (rows.count === 0) return;
    for (let tries = 0; tries < ASSIGN_TRIES; tries += 1) {
      const { set, themes } = await this.#database.withWorkspace(workspaceId, async (scope) => ({
        set: await readThemeSet(scope, scopeId),
        themes: (await readStoredThemes(scope, scopeId)).filter(({ retiredAt }) => retiredAt === null),
      }));
      if (set === null || set.mean.length !== rows.dimensions) return;
      const centroids = emptyRows(themes.length, rows.dimensions);
      for (const [place, { centroid }] of themes.entries()) centroids.values.set(centroid, place * rows.dimensions);
      const thresholds = Float64Array.from(themes, ({ threshold }) => threshold);
      const clusters: Clusters = { mean: set.mean, centroids, thresholds };
      const assigned = await inThemeThread({ kind: 'assign', clusters, rows }, call.signal);
      const themeIds = Array.from(assigned.clusters, (place) => themes[place]?.id ?? null);
      const isStored = await this.#database.withWorkspace(workspaceId, (scope) =>
        storeAssignments(scope, { scope: scopeId, revision: set.revision }, { documentIds, themeIds }),
      );
      if (isStored) return;
    }
  }
}

function ofCollection(
  read: DocumentVectors,
  collectionId: string | null,
): Pick<DocumentVectors, 'documentIds' | 'rows'> {
  if (collectionId === null) return read;
  const { dimensions, values } = read.rows;
  const places = [...read.collectionIds.keys()].filter((place) => read.collectionIds[place] === collectionId);
  const rows = emptyRows(places.length, dimensions);
  for (const [row, place] of places.entries()) {
    rows.values.set(values.subarray(place * dimensions, (place + 1) * dimensions), row * dimensions);
  }
  return { documentIds: places.map((place) => read.documentIds[place] as string), rows };
}
