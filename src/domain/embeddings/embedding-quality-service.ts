import type { Database } from '../../db/client.ts';
import { NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { findCollections } from '../documents/collection-store.ts';
import type { EmbeddingModelOf } from '../documents/document-service.ts';
import { type EmbeddingQuality, judgeVectors } from './embedding-quality.ts';
import { countMissing, countVectors, measureVectors, modelsWithVectors } from './embedding-quality-store.ts';

/** Vectors of one model that are looked at: a read of some 300 MB at 768 dimensions. Of more, a sample of documents. */
const SAMPLE_VECTORS = 100_000;

/** Judges the vectors of a workspace, in the database. */
export class EmbeddingQualityService {
  readonly #database: Database;
  readonly #embeddingModelOf: EmbeddingModelOf;

  constructor(database: Database, embeddingModelOf: EmbeddingModelOf) {
    this.#database = database;
    this.#embeddingModelOf = embeddingModelOf;
  }

  /**
   * The quality of each model's vectors, the workspace's own model first: of all models that have any, or of the one
   * that is asked for.
   * @throws ForbiddenError, NotFoundError (collection)
   */
  async qualities(
    caller: Caller,
    { collectionId, model }: { collectionId: string | null; model: string | null },
  ): Promise<EmbeddingQuality[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    const own = await this.#embeddingModelOf(workspace.id);
    const models = await this.#database.withWorkspace(workspace.id, async (scope) => {
      if (collectionId !== null && (await findCollections(scope, [collectionId])).length === 0) {
        throw new NotFoundError('collection', collectionId);
      }
      return model === null ? [...new Set([own, ...(await modelsWithVectors(scope))])] : [model];
    });
    const qualities: EmbeddingQuality[] = [];
    // A transaction each, so that the embedded database serves others in between.
    for (const each of models) qualities.push(await this.#judge(workspace.id, each, collectionId));
    return qualities;
  }

  async #judge(workspaceId: string, model: string, collectionId: string | null): Promise<EmbeddingQuality> {
    return this.#database.withWorkspace(workspaceId, async (scope) => {
      const total = await countVectors(scope, model, collectionId);
      const oneIn = Math.max(1, Math.ceil(total / SAMPLE_VECTORS));
      const figures = await measureVectors(scope, model, collectionId, oneIn);
      return judgeVectors(model, { ...figures, total }, await countMissing(scope, model, collectionId));
    });
  }
}
