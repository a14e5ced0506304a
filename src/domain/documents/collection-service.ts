import type { Database } from '../../db/client.ts';
import { isUniqueViolation } from '../../db/failures.ts';
import { ConflictError, InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { checkSlug, slugOf } from '../workspaces/slug.ts';
import { embeddingCoverages, findCollections, insertCollection, listCollections } from './collection-store.ts';
import type { Collection, DocumentKind } from './document.ts';
import type { EmbeddingModelOf } from './document-service.ts';

const NAME_MAX_CHARACTERS = 200;

export class CollectionService {
  readonly #database: Database;
  readonly #embeddingModelOf: EmbeddingModelOf;

  constructor(database: Database, embeddingModelOf: EmbeddingModelOf) {
    this.#database = database;
    this.#embeddingModelOf = embeddingModelOf;
  }

  /** @throws ConflictError where the slug is taken */
  async create(caller: Caller, input: { name: string; slug: string | null; kind: DocumentKind }): Promise<Collection> {
    const { workspace } = authorize(caller, 'DOCUMENTS_WRITE');
    const name = storableText(input.name).trim();
    if (name === '' || name.length > NAME_MAX_CHARACTERS) {
      throw InvalidInputError.at('name', `must have 1 to ${NAME_MAX_CHARACTERS} characters`);
    }
    const slug = input.slug === null ? slugOf(name) : checkSlug(input.slug);
    const collection: Collection = { id: newId('Collection'), name, slug, kind: input.kind, createdAt: new Date() };
    try {
      await this.#database.withWorkspace(workspace.id, (scope) => insertCollection(scope, collection));
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConflictError(`there is a collection with the slug "${slug}" already`);
      throw error;
    }
    return collection;
  }

  async list(caller: Caller, page: { limit: number; after: string | null }): Promise<Collection[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.readWorkspace(workspace.id, (scope) => listCollections(scope, page));
  }

  /** Collections by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Collection[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.readWorkspace(workspace.id, (scope) => findCollections(scope, ids));
  }

  /** By collection, the share of documents that have a vector of the workspace's model; 1 where there are none. */
  async embeddingCoverages(caller: Caller, ids: readonly string[]): Promise<number[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const model = await this.#embeddingModelOf(workspace.id);
    const coverages = await this.#database.readWorkspace(workspace.id, (scope) =>
      embeddingCoverages(scope, ids, model),
    );
    return ids.map((id) => coverages.get(id) ?? 1);
  }
}
