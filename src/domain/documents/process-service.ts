import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { PRIORITY } from '../../jobs/policies.ts';
import { type InputIssue, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller, type WorkspaceCaller } from '../access/caller.ts';
import { resolveDocumentFilter } from '../classification/classification-filter.ts';
import { NoProviderError } from '../gateway/errors.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { MeterService } from '../usage/meter-service.ts';
import { limitOf } from '../usage/tiers.ts';
import { findCollections } from './collection-store.ts';
import type { DocumentFilter } from './document.ts';
import { type AiTask, MAX_DOCUMENTS_PER_CALL } from './document-service.ts';
import type { QueuedDocumentTasks } from './jobs.ts';
import { BATCH_SIZE_MAX } from './process-payload.ts';
import { lastDocumentId, pendingSize } from './process-store.ts';

/** Of the money that embedding costs. */
export interface EmbeddingBudgetCheck {
  isNeeded(caller: WorkspaceCaller): Promise<boolean>;
  /** @throws BudgetExceededError where the budgets have not enough left to embed so much text, by a low estimate */
  checkBytes(caller: WorkspaceCaller, bytes: number): Promise<void>;
}

export interface ProcessRequest {
  documentIds?: readonly string[] | null;
  /** `{}` is all documents. */
  filter?: DocumentFilter | null;
  tasks: readonly AiTask[];
  priority?: number | null;
}

export interface BackfillRequest {
  collectionId?: string | null;
  documentIds?: readonly string[] | null;
  /** Id of a model; left out: the workspace's own. */
  model?: string | null;
  batchSize?: number | null;
}

export interface ProcessServiceParts {
  database: Database;
  catalog: ModelCatalog;
  meters: MeterService;
  budget: EmbeddingBudgetCheck;
  tasks: QueuedDocumentTasks;
}

/** Has models work on documents that are there already. */
export class ProcessService {
  readonly #parts: ProcessServiceParts;

  constructor(parts: ProcessServiceParts) {
    this.#parts = parts;
  }

  /**
   * Enqueues tasks over documents, by their ids or by a filter; ids that are not there are passed over, and documents
   * that are written later are not part of it.
   * @returns the job's id
   * @throws ForbiddenError, InvalidInputError, NotFoundError (taxonomy of the filter), LimitReachedError and
   * BudgetExceededError, where ids are given and there is not enough left to embed their texts
   */
  async processDocuments(caller: Caller, request: ProcessRequest): Promise<string> {
    const member = authorizeBoth(caller);
    const { documentIds, filter, tasks, priority } = request;
    checkProcess(request);
    if (documentIds != null && tasks.includes('EMBED')) await this.#checkAllowance(member, documentIds);
    return this.#start(member, async (scope) => {
      const upTo = await lastDocumentId(scope);
      const { apiKeyId, userId } = member;
      const work = { tasks: [...new Set(tasks)], priority: priority ?? PRIORITY.usual, apiKeyId, userId };
      if (documentIds != null) {
        return this.#parts.tasks.start(scope, 'PROCESS_DOCUMENTS', { ...work, documentIds: [...documentIds] });
      }
      const resolved = (await resolveDocumentFilter(scope, filter ?? null)) ?? {};
      return this.#parts.tasks.start(scope, 'PROCESS_DOCUMENTS', { ...work, filter: plain(resolved), upTo });
    });
  }

  /**
   * Enqueues the embedding of all documents that have no current vector of a model, also of those that it has refused
   * before; of the collection and the ids alone where they are given.
   * @returns the job's id
   * @throws ForbiddenError, InvalidInputError, NotFoundError (collection), LimitReachedError and BudgetExceededError as
   * `processDocuments`
   */
  async backfillEmbeddings(caller: Caller, request: BackfillRequest): Promise<string> {
    const member = authorizeBoth(caller);
    const { collectionId, documentIds, model, batchSize } = request;
    checkBackfill(request);
    const modelId = model == null ? undefined : await this.#embeddingModel(member.workspace.id, model);
    if (documentIds != null && modelId === undefined) await this.#checkAllowance(member, documentIds);
    return this.#start(member, async (scope) => {
      if (collectionId != null && (await findCollections(scope, [collectionId])).length === 0) {
        throw new NotFoundError('collection', collectionId);
      }
      const { apiKeyId, userId } = member;
      return this.#parts.tasks.start(scope, 'BACKFILL_EMBEDDINGS', {
        ...{ tasks: ['EMBED'], isBackfill: true, upTo: await lastDocumentId(scope), apiKeyId, userId },
        ...(documentIds == null ? {} : { documentIds: [...documentIds] }),
        ...(collectionId == null ? {} : { filter: { collectionIds: [collectionId] } }),
        ...(modelId === undefined ? {} : { model: modelId }),
        ...(batchSize == null ? {} : { batchSize }),
      });
    });
  }

  #start(member: WorkspaceCaller, enqueue: (scope: WorkspaceScope) => Promise<string>): Promise<string> {
    return this.#parts.database.withWorkspace(member.workspace.id, enqueue);
  }

  async #embeddingModel(workspaceId: string, model: string): Promise<string> {
    try {
      return (await this.#parts.catalog.embeddingModel(workspaceId, model)).id;
    } catch (error) {
      if (error instanceof NoProviderError || error instanceof NotFoundError) {
        throw InvalidInputError.at('model', error.message);
      }
      throw error;
    }
  }

  /** Of a filter it is found out as the job goes: it waits where the allowance or the budget is used up. */
  async #checkAllowance(member: WorkspaceCaller, documentIds: readonly string[]): Promise<void> {
    const { catalog, meters, budget, database } = this.#parts;
    const { workspace } = member;
    if (limitOf(workspace.tier, 'EMBEDDINGS') === null && !(await budget.isNeeded(member))) return;
    const model = await catalog.documentEmbeddingModelId(workspace.id);
    const pending = await database.withWorkspace(workspace.id, (scope) => pendingSize(scope, documentIds, model));
    await meters.check(workspace, 'EMBEDDINGS', pending.documents);
    await budget.checkBytes(member, pending.bytes);
  }
}

function authorizeBoth(caller: Caller): WorkspaceCaller {
  const member = authorize(caller, 'DOCUMENTS_WRITE');
  authorize(caller, 'AI_USE');
  return member;
}

function checkProcess({ documentIds, filter, tasks, priority }: ProcessRequest): void {
  const issues: InputIssue[] = [];
  if ((documentIds == null) === (filter == null)) {
    issues.push({ path: ['filter'], message: 'give documentIds or a filter, and not both; {} is all documents' });
  }
  if (tasks.length === 0) issues.push({ path: ['tasks'], message: 'must name a task' });
  if (priority != null && !(priority >= PRIORITY.min && priority <= PRIORITY.max)) {
    issues.push({ path: ['priority'], message: `must be ${PRIORITY.min} to ${PRIORITY.max}` });
  }
  refuse([...issues, ...idIssues(documentIds)]);
}

function checkBackfill({ documentIds, batchSize }: BackfillRequest): void {
  const isSize = batchSize == null || (batchSize >= 1 && batchSize <= BATCH_SIZE_MAX);
  const issues = isSize ? [] : [{ path: ['batchSize'], message: `must be 1 to ${BATCH_SIZE_MAX}` }];
  refuse([...issues, ...idIssues(documentIds)]);
}

function idIssues(documentIds: readonly string[] | null | undefined): InputIssue[] {
  if (documentIds == null || documentIds.length <= MAX_DOCUMENTS_PER_CALL) return [];
  const message = `may hold ${MAX_DOCUMENTS_PER_CALL} ids, and holds ${documentIds.length}; a filter may match any number`;
  return [{ path: ['documentIds'], message }];
}

function refuse(issues: readonly InputIssue[]): void {
  if (issues.length > 0) throw new InvalidInputError([...issues]);
}

/** As a payload has it: lists of its own. */
function plain(filter: DocumentFilter) {
  const { collectionIds, kinds, embedding, classification, themeIds, ...others } = filter;
  return {
    ...others,
    collectionIds: collectionIds == null ? null : [...collectionIds],
    kinds: kinds == null ? null : [...kinds],
    embedding: embedding == null ? null : [...embedding],
    themeIds: themeIds == null ? null : [...themeIds],
    classification: classification == null ? null : { ...classification, labels: [...classification.labels] },
  };
}
