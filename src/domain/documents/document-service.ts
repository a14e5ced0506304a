import type { Database } from '../../db/client.ts';
import { isRolledBackByConflict } from '../../db/failures.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller, type WorkspaceCaller } from '../access/caller.ts';
import {
  AlreadyAnsweredError,
  type IdempotentRequest,
  idempotentRequest,
  keepAnswer,
  readAnswer,
} from '../caching/idempotent-answers.ts';
import { resolveDocumentFilter } from '../classification/classification-filter.ts';
import type { MeterService } from '../usage/meter-service.ts';
import { limitOf } from '../usage/tiers.ts';
import { findCollections } from './collection-store.ts';
import type { Document, DocumentFilter } from './document.ts';
import { isNarrowing } from './document-filter.ts';
import {
  countDocuments,
  type DocumentList,
  type DocumentPlace,
  type DocumentsAsked,
  deleteDocuments,
  findDocuments,
  listDocumentsAsAsked,
  lockByExternalIds,
  type NewDocument,
  type StoredDocument,
  writeDocuments,
} from './document-store.ts';
import { type DocumentInput, prepareDocuments } from './prepare-documents.ts';

export const AI_TASKS = ['EMBED', 'CLASSIFY', 'SENTIMENT', 'INTENT', 'SUMMARISE', 'THEMES'] as const;
export type AiTask = (typeof AI_TASKS)[number];

export const MAX_DOCUMENTS_PER_CALL = 1_000;
/** Writers that lock the same documents agree on an order; what may still collide is written again. */
const WRITE_ATTEMPTS = 4;
/** Rows that one statement deletes; a filter that matches more is worked off piece by piece. */
const DELETE_PIECE = 1_000;

export interface UpsertInput {
  collectionId: string;
  documents: DocumentInput[];
  tasks: AiTask[];
  idempotencyKey: string | null;
}

/** What an upsert did. The same idempotency key gets the same one again. */
export interface UpsertOutcome {
  /** In the order of the input. */
  documentIds: string[];
  created: number;
  updated: number;
  unchanged: number;
  /** Null where there was nothing left to do. */
  jobId: string | null;
}

/** Enqueues the work on written documents, in the transaction that writes them. */
export interface DocumentTasks {
  enqueue(
    scope: WorkspaceScope,
    work: { documentIds: string[]; tasks: AiTask[]; caller: WorkspaceCaller },
  ): Promise<string>;
}

/** Id of the model that a workspace's documents are embedded with. */
export type EmbeddingModelOf = (workspaceId: string) => Promise<string>;

/**
 * Told of the documents of a workspace that were written or deleted, as soon as that is committed; of none where an
 * upsert found everything as it was.
 */
export type DocumentsChanged = (workspaceId: string, documentIds: readonly string[]) => void;

/** Of the money that embedding costs. */
export interface BudgetCheck {
  /** Whether any budget is in force. */
  isNeeded(caller: WorkspaceCaller): Promise<boolean>;
  /** @throws BudgetExceededError where the budgets have not enough left to embed the texts, by a low estimate */
  check(caller: WorkspaceCaller, texts: readonly string[]): Promise<void>;
}

/** Tells, in the transaction that writes them, that documents of a collection have changed. */
export type NoteChanged = (scope: WorkspaceScope, collectionId: string) => Promise<void>;

/** What a larger work writes with its documents. */
export type WriteAlongside = (scope: WorkspaceScope, outcome: UpsertOutcome) => Promise<void>;

/** With the model that was the workspace's when the call came. */
type ResolvedUpsert = UpsertInput & { embeddingModel: string };

interface Written {
  outcome: UpsertOutcome;
  changedIds: string[];
}

export class DocumentService {
  readonly #database: Database;
  readonly #meters: MeterService;
  readonly #checkBudget: BudgetCheck;
  readonly #tasks: DocumentTasks;
  readonly #embeddingModelOf: EmbeddingModelOf;
  readonly #noteChanged: NoteChanged;
  readonly #onChange: DocumentsChanged;

  constructor(parts: {
    database: Database;
    meters: MeterService;
    checkBudget: BudgetCheck;
    tasks: DocumentTasks;
    embeddingModelOf: EmbeddingModelOf;
    noteChanged: NoteChanged;
    onChange: DocumentsChanged;
  }) {
    this.#database = parts.database;
    this.#meters = parts.meters;
    this.#checkBudget = parts.checkBudget;
    this.#tasks = parts.tasks;
    this.#embeddingModelOf = parts.embeddingModelOf;
    this.#noteChanged = parts.noteChanged;
    this.#onChange = parts.onChange;
  }

  /**
   * Writes documents and, in the same transaction, the job that works on them. All or nothing.
   * @throws InvalidInputError, NotFoundError (collection), ConflictError (idempotency key), LimitReachedError,
   * BudgetExceededError
   */
  async upsert(caller: Caller, input: UpsertInput): Promise<UpsertOutcome> {
    const member = authorize(caller, 'DOCUMENTS_WRITE');
    if (input.tasks.length > 0) authorize(caller, 'AI_USE');
    if (input.documents.length > MAX_DOCUMENTS_PER_CALL) {
      throw InvalidInputError.at(
        'documents',
        `may hold ${MAX_DOCUMENTS_PER_CALL} documents a call, and holds ${input.documents.length}`,
      );
    }
    const request =
      input.idempotencyKey === null ? null : idempotentRequest('upsertDocuments', input.idempotencyKey, input);
    const { collection, answer } = await this.#database.withWorkspace(member.workspace.id, async (scope) => ({
      answer: request === null ? null : await readAnswer<UpsertOutcome>(scope, request),
      collection: (await findCollections(scope, [input.collectionId]))[0],
    }));
    if (answer !== null) return answer;
    if (collection === undefined) throw new NotFoundError('collection', input.collectionId);
    const prepared = await prepareDocuments(collection, input.documents);
    const upsert = { ...input, embeddingModel: await this.#embeddingModelOf(member.workspace.id) };
    await this.#checkAllowance(member, upsert, prepared);
    const { outcome, changedIds } = await this.#writeOnce(member, upsert, prepared, request);
    this.#onChange(member.workspace.id, changedIds);
    return outcome;
  }

  /**
   * Writes documents that are prepared already, no external id twice, with the job that works on them, as a part of
   * larger work. No allowance is asked for: the job waits for one.
   * @param alongside done in the same transaction, and again where another one was in the way
   */
  async writePrepared(
    caller: WorkspaceCaller,
    input: Pick<UpsertInput, 'collectionId' | 'tasks'>,
    prepared: readonly NewDocument[],
    alongside: WriteAlongside,
  ): Promise<UpsertOutcome> {
    const embeddingModel = await this.#embeddingModelOf(caller.workspace.id);
    const upsert: ResolvedUpsert = { ...input, embeddingModel, documents: [], idempotencyKey: null };
    const { outcome, changedIds } = await this.#writeOnce(caller, upsert, prepared, null, alongside);
    this.#onChange(caller.workspace.id, changedIds);
    return outcome;
  }

  /** Again where another transaction was in the way; with the quicker one's answer where the same request has one. */
  async #writeOnce(
    caller: WorkspaceCaller,
    input: ResolvedUpsert,
    prepared: readonly NewDocument[],
    request: IdempotentRequest | null,
    alongside?: WriteAlongside,
  ): Promise<Written> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#database.withWorkspace(caller.workspace.id, async (scope) => {
          const written = await this.#write(scope, caller, input, prepared, request);
          await alongside?.(scope, written.outcome);
          return written;
        });
      } catch (error) {
        if (error instanceof AlreadyAnsweredError && request !== null) {
          const quicker = await this.#database.withWorkspace(caller.workspace.id, (scope) =>
            readAnswer<UpsertOutcome>(scope, request),
          );
          if (quicker !== null) return { outcome: quicker, changedIds: [] };
        }
        if (!isRolledBackByConflict(error) || attempt === WRITE_ATTEMPTS) throw error;
      }
    }
  }

  /** Refuses before anything is written where the tier's allowance or a budget is not enough to embed what is new. */
  async #checkAllowance(
    caller: WorkspaceCaller,
    input: ResolvedUpsert,
    prepared: readonly NewDocument[],
  ): Promise<void> {
    if (!input.tasks.includes('EMBED')) return;
    const isLimited = limitOf(caller.workspace.tier, 'EMBEDDINGS') !== null;
    if (!isLimited && !(await this.#checkBudget.isNeeded(caller))) return;
    const known = await this.#database.withWorkspace(caller.workspace.id, (scope) =>
      this.#lock(scope, input, prepared),
    );
    const toEmbed = prepared.filter((document) => needsEmbedding(document, known));
    await this.#meters.check(caller.workspace, 'EMBEDDINGS', toEmbed.length);
    await this.#checkBudget.check(
      caller,
      toEmbed.map(({ text }) => text),
    );
  }

  async #write(
    scope: WorkspaceScope,
    caller: WorkspaceCaller,
    input: ResolvedUpsert,
    prepared: readonly NewDocument[],
    request: IdempotentRequest | null,
  ): Promise<Written> {
    const known = await this.#lock(scope, input, prepared);
    const rows = prepared.map((document) => ({
      ...document,
      createdAt: document.createdAt ?? known.get(document.externalId ?? '')?.createdAt ?? null,
    }));
    const written = await writeDocuments(scope, rows);
    if (written.length > 0) await this.#noteChanged(scope, input.collectionId);
    const byKey = new Map(written.map((document) => [document.externalId ?? document.id, document]));
    // Another writer may have stored the very same documents between the lock and the write.
    const unseen = rows.filter((row) => !byKey.has(row.externalId ?? row.id) && !known.has(row.externalId ?? ''));
    for (const [externalId, document] of await this.#lock(scope, input, unseen)) known.set(externalId, document);
    const done = rows.map((row) => {
      const stored = byKey.get(row.externalId ?? row.id);
      const id = stored?.id ?? known.get(row.externalId ?? '')?.id;
      if (id === undefined) throw new Error(`the document ${row.id} was not written`);
      const created = stored?.created === true;
      return { id, created, changed: stored !== undefined, pending: created || needsEmbedding(row, known) };
    });
    // What is labelled already is passed over by the job.
    const labels = input.tasks.some((task) => task !== 'EMBED');
    const todo = done.filter((document) => labels || (input.tasks.includes('EMBED') && document.pending));
    const jobId =
      input.tasks.length === 0 || todo.length === 0
        ? null
        : await this.#tasks.enqueue(scope, {
            documentIds: todo.map((document) => document.id),
            tasks: input.tasks,
            caller,
          });
    const created = done.filter((document) => document.created).length;
    const unchanged = done.filter((document) => !document.changed).length;
    const outcome: UpsertOutcome = {
      documentIds: done.map((document) => document.id),
      created,
      updated: done.length - created - unchanged,
      unchanged,
      jobId,
    };
    if (request !== null) await keepAnswer(scope, request, outcome);
    return { outcome, changedIds: done.filter(({ changed }) => changed).map(({ id }) => id) };
  }

  async #lock(scope: WorkspaceScope, input: ResolvedUpsert, prepared: readonly NewDocument[]) {
    const externalIds = prepared.flatMap((document) => document.externalId ?? []);
    if (externalIds.length === 0) return new Map<string, StoredDocument>();
    const stored = await lockByExternalIds(scope, input.collectionId, externalIds, input.embeddingModel);
    return new Map(stored.map((document) => [document.externalId, document]));
  }

  /** Documents by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Document[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const model = await this.#embeddingModelOf(workspace.id);
    return this.#database.readWorkspace(workspace.id, (scope) => findDocuments(scope, ids, model));
  }

  /** @throws NotFoundError, InvalidInputError for a filter that makes no sense; so do `count` and `delete` */
  async list(
    caller: Caller,
    filter: DocumentFilter | null,
    place: DocumentPlace,
    asked: DocumentsAsked,
  ): Promise<DocumentList> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const model = await this.#embeddingModelOf(workspace.id);
    return this.#database.readWorkspace(workspace.id, async (scope) =>
      listDocumentsAsAsked(scope, await resolveDocumentFilter(scope, filter), place, model, asked),
    );
  }

  async count(caller: Caller, filter: DocumentFilter | null): Promise<number> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const model = await this.#embeddingModelOf(workspace.id);
    return this.#database.readWorkspace(workspace.id, async (scope) =>
      countDocuments(scope, await resolveDocumentFilter(scope, filter), model),
    );
  }

  /** Deletes documents by id or filter, with their vectors and labels. Returns how many there were. */
  async delete(
    caller: Caller,
    which: { ids: readonly string[] | null; filter: DocumentFilter | null },
  ): Promise<number> {
    const { workspace } = authorize(caller, 'DOCUMENTS_WRITE');
    const { ids, filter } = which;
    if ((ids === null) === (filter === null)) throw InvalidInputError.at('ids', 'give either ids or a filter');
    if (ids === null && !isNarrowing(filter)) {
      throw InvalidInputError.at('filter', 'must narrow: an empty filter would delete every document');
    }
    if (ids !== null && ids.length > MAX_DOCUMENTS_PER_CALL) {
      throw InvalidInputError.at('ids', `may hold ${MAX_DOCUMENTS_PER_CALL} ids a call`);
    }
    const resolved = await this.#database.readWorkspace(workspace.id, (scope) => resolveDocumentFilter(scope, filter));
    const target = ids !== null ? { ids } : { filter: resolved as DocumentFilter };
    const model = await this.#embeddingModelOf(workspace.id);
    let deleted = 0;
    for (;;) {
      const piece = await this.#database.withWorkspace(workspace.id, (scope) =>
        deleteDocuments(scope, target, DELETE_PIECE, model),
      );
      this.#onChange(workspace.id, piece);
      deleted += piece.length;
      if (piece.length < DELETE_PIECE) return deleted;
    }
  }
}

/** Whether a document's text has no vector yet, as far as the stored rows tell. */
function needsEmbedding(
  document: NewDocument,
  known: ReadonlyMap<string, { contentHash: Uint8Array; pending: boolean }>,
): boolean {
  const stored = document.externalId === null ? undefined : known.get(document.externalId);
  if (stored === undefined) return true;
  return stored.pending || Buffer.compare(stored.contentHash, document.contentHash) !== 0;
}
