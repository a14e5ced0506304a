import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { addDecimals, compareDecimals } from '../../shared/decimal.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { authorize, type Caller, type WorkspaceCaller } from '../access/caller.ts';
import { EmbeddingCache } from '../caching/embedding-cache.ts';
import { resolveDocumentFilter } from '../classification/classification-filter.ts';
import { classifyingModel } from '../classification/classifying-model.ts';
import type { DocumentFilter } from '../documents/document.ts';
import type { AiTask } from '../documents/document-service.ts';
import { chosenModel } from '../gateway/chosen-model.ts';
import { embeddedText } from '../gateway/embed-calls.ts';
import { NoProviderError } from '../gateway/errors.ts';
import type { CatalogModel, EmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';
import { EXTRACTIVE_MODEL } from '../summaries/summary.ts';
import { namingWork } from '../themes/theme-namer.ts';
import { WORKSPACE_SUBJECT } from './budget.ts';
import { readBudgets } from './budget-store.ts';
import {
  addLoads,
  askingTokens,
  type CostEstimate,
  type EstimatedTokens,
  embeddingTokens,
  namingLoad,
  priceOf,
  WORK_OF_TASK,
  type WorkLoad,
} from './cost-estimate.ts';
import { answerTokens, keptHashes, sampleTexts, sumDocuments } from './cost-estimate-store.ts';
import { countTokens } from './token-count.ts';

const MAX_TEXTS = 1_000;
const MAX_CHARACTERS = 2_000_000;
/** No model reads more of one text than its context; a chunked one is read to its end. */
const WHOLE_DOCUMENT = 1_000_000;
/** Of English; where there is no text to count, it is multiplied with nothing. */
const CHARACTERS_PER_TOKEN = 4;
const NOTHING: WorkLoad = { texts: { low: 0, high: 0 }, tokens: { low: 0, high: 0 } };

export interface EstimateRequest {
  operation: AiTask;
  /** Texts that are no documents. */
  texts?: readonly string[] | null;
  /** Documents; both may be given. */
  filter?: DocumentFilter | null;
  /** Id of a model; left out: the one that the workspace does such work with. */
  model?: string | null;
}

/** A model, and whether it is asked or makes vectors. */
type Worker = { asks: false; model: EmbeddingModel } | { asks: true; model: CatalogModel };

/** Says what work will cost before it is done. */
export class CostEstimateService {
  readonly #database: Database;
  readonly #catalog: ModelCatalog;
  readonly #router: Router;
  readonly #now: () => number;

  constructor(parts: { database: Database; catalog: ModelCatalog; router: Router; now?: () => number }) {
    this.#database = parts.database;
    this.#catalog = parts.catalog;
    this.#router = parts.router;
    this.#now = parts.now ?? Date.now;
  }

  /**
   * The low end leaves out what is done already: documents with vectors or labels, and texts whose vectors are kept. The
   * high end does everything again.
   * @throws InvalidInputError (nothing to do, too much at once, no known price), NotFoundError (taxonomy), NoProviderError
   */
  async estimate(caller: Caller, request: EstimateRequest): Promise<CostEstimate> {
    const member = authorize(caller, 'ANALYTICS_VIEW');
    const workspaceId = member.workspace.id;
    const texts = checkedTexts(request);
    const worker = await this.#workerOf(workspaceId, request);
    // Sentences are chosen here, by no model.
    if (worker === null) return { lowUsd: '0', highUsd: '0', tokens: 0, model: EXTRACTIVE_MODEL, fitsBudget: true };
    const ofTexts = await this.#loadOfTexts(workspaceId, worker, request.operation, texts);
    const ofDocuments =
      request.filter == null ? NOTHING : await this.#loadOfDocuments(workspaceId, worker, request, request.filter);
    const tokens = await this.#tokensOf(workspaceId, worker, request.operation, addLoads(ofTexts, ofDocuments));
    const { model } = worker;
    const price = priceOf(model, tokens);
    const fitsBudget = await this.#fits(member, price.highUsd);
    return { ...price, tokens: tokens.input.high + tokens.output.high, model: model.id, fitsBudget };
  }

  /** Null: no model is asked. */
  async #workerOf(workspaceId: string, { operation, model: id }: EstimateRequest): Promise<Worker | null> {
    const embedding = async (modelId?: string): Promise<Worker> => ({
      asks: false,
      model: await this.#catalog.embeddingModel(workspaceId, modelId),
    });
    const writing = async (modelId: string): Promise<Worker> => ({
      asks: true,
      model: await this.#catalog.model(workspaceId, modelId, 'GENERATE'),
    });
    if (operation === 'EMBED') return embedding(id ?? undefined);
    if (operation === 'THEMES') {
      const work = await namingWork(this.#catalog, this.#router, workspaceId);
      const chosen = work === null ? null : await chosenModel(this.#catalog, this.#router, workspaceId, work);
      const modelId = id ?? chosen?.id;
      return modelId === undefined ? null : writing(modelId);
    }
    if (operation === 'SUMMARISE') {
      const chosen = await chosenModel(this.#catalog, this.#router, workspaceId, 'summarise');
      const modelId = id ?? (chosen?.writes === true ? chosen.id : EXTRACTIVE_MODEL);
      return modelId === EXTRACTIVE_MODEL ? null : writing(modelId);
    }
    if (id != null) {
      return writing(id).catch((error: unknown) => {
        if (error instanceof NoProviderError) return embedding(id);
        throw error;
      });
    }
    const chosen = await classifyingModel(this.#catalog, this.#router, workspaceId);
    return chosen.writes ? writing(chosen.id) : embedding(chosen.id);
  }

  async #loadOfTexts(
    workspaceId: string,
    worker: Worker,
    operation: AiTask,
    texts: readonly string[],
  ): Promise<WorkLoad> {
    if (texts.length === 0) return NOTHING;
    const maxCharacters = charactersRead(worker, operation);
    const read = texts.map((text) => text.slice(0, maxCharacters));
    const missing = worker.asks ? read : await this.#withoutVectors(workspaceId, worker.model, read);
    const high = await countTokens(read);
    const low = missing.length === read.length ? high : await countTokens(missing);
    return { texts: { low: missing.length, high: read.length }, tokens: { low, high } };
  }

  async #withoutVectors(workspaceId: string, model: EmbeddingModel, texts: readonly string[]): Promise<string[]> {
    const spaces = (['document', 'query'] as const).map((purpose) => ({
      ...{ workspaceId, model: model.id, origin: model.live.origin, purpose },
    }));
    const byText = new Map(
      texts.map((text) => [text, spaces.map((space) => EmbeddingCache.hash(space, embeddedText(model, text)))]),
    );
    const hashes = [...byText.values()].flat();
    const kept = await this.#database.withWorkspace(workspaceId, (scope) => keptHashes(scope, model.id, hashes));
    // Equal texts are embedded once.
    return [...byText].filter(([, own]) => !own.some((hash) => kept.has(hash))).map(([text]) => text);
  }

  async #loadOfDocuments(
    workspaceId: string,
    worker: Worker,
    { operation }: EstimateRequest,
    filter: DocumentFilter,
  ): Promise<WorkLoad> {
    const asked = {
      doneBy: WORK_OF_TASK[operation].stored ?? { model: worker.model.id },
      embeddingModel: await this.#catalog.documentEmbeddingModelId(workspaceId),
      maxCharacters: charactersRead(worker, operation),
    };
    const read = async (scope: WorkspaceScope) => {
      const resolved = { ...asked, filter: await resolveDocumentFilter(scope, filter) };
      return { sums: await sumDocuments(scope, resolved), sample: await sampleTexts(scope, resolved) };
    };
    const { sums, sample } = await this.#database.withWorkspace(workspaceId, read);
    const sampled = sample.reduce((sum, text) => sum + text.length, 0);
    const tokensPerCharacter = sampled === 0 ? 1 / CHARACTERS_PER_TOKEN : (await countTokens(sample)) / sampled;
    const tokensOf = (characters: number) => Math.ceil(characters * tokensPerCharacter);
    return {
      texts: { low: sums.pending, high: sums.documents },
      tokens: { low: tokensOf(sums.pendingCharacters), high: tokensOf(sums.characters) },
    };
  }

  async #tokensOf(workspaceId: string, worker: Worker, operation: AiTask, load: WorkLoad): Promise<EstimatedTokens> {
    const work = WORK_OF_TASK[operation];
    if (!worker.asks || work.asking === null) return embeddingTokens(load);
    const history = await this.#database.withWorkspace(workspaceId, (scope) =>
      answerTokens(scope, work.operation, worker.model.id),
    );
    return operation === 'THEMES'
      ? askingTokens(namingLoad(load), work.asking, null)
      : askingTokens(load, work.asking, history);
  }

  async #fits({ workspace, apiKeyId }: WorkspaceCaller, highUsd: string): Promise<boolean> {
    const subjects = [WORKSPACE_SUBJECT, ...(apiKeyId === null ? [] : [apiKeyId])];
    const budgets = await this.#database.withWorkspace(workspace.id, (scope) =>
      readBudgets(scope, subjects, this.#now()),
    );
    return budgets.every(({ limitUsd, usedUsd, reservedUsd }) => {
      const taken = [usedUsd, reservedUsd].reduce(addDecimals, highUsd);
      return compareDecimals(taken, limitUsd) <= 0;
    });
  }
}

function checkedTexts({ texts, filter }: EstimateRequest): readonly string[] {
  const given = texts ?? [];
  if (given.length === 0 && filter == null) {
    throw InvalidInputError.at('texts', 'give texts, or a filter of documents; {} is all of them');
  }
  if (given.length > MAX_TEXTS) throw InvalidInputError.at('texts', `must have ${MAX_TEXTS} texts at the most`);
  if (given.reduce((sum, text) => sum + text.length, 0) > MAX_CHARACTERS) {
    throw InvalidInputError.at('texts', `must have ${MAX_CHARACTERS} characters at the most, all together`);
  }
  return given;
}

/** How much of one text goes to the model. */
function charactersRead(worker: Worker, operation: AiTask): number {
  const { asking } = WORK_OF_TASK[operation];
  if (worker.asks) return asking?.textCharacters ?? WHOLE_DOCUMENT;
  return asking === null ? WHOLE_DOCUMENT : worker.model.traits.maxInputTokens * CHARACTERS_PER_TOKEN;
}
