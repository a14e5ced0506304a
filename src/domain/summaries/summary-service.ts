import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { authorize } from '../access/caller.ts';
import { type ChosenModel, chosenModel } from '../gateway/chosen-model.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { extractiveSummary } from './extractive-summary.ts';
import { LlmSummariser } from './llm-summariser.ts';
import { EXTRACTIVE_MODEL, type Summaries, type SummarisableDocument, type Summary } from './summary.ts';
import { readSummaries, type StoredSummary, storeSummaries } from './summary-store.ts';

/** How long texts are read before other requests get their turn on the thread. */
const TURN_MS = 8;

/**
 * Summaries of documents: by a model that writes, where the workspace has chosen one for `summarise`; else the document's
 * own sentences, chosen here at no cost. The product's own memory: stored whoever asks, made again when the text or the
 * choice has changed.
 */
export class SummaryService {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #byAsking: LlmSummariser;

  constructor(parts: { database: Database; gateway: ModelGateway; catalog: ModelCatalog }) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#byAsking = new LlmSummariser(parts.gateway);
  }

  /**
   * Summaries by document id; a document without a word has none. What was made is stored, whatever became of the rest,
   * which `failure` speaks of. Ten documents a call where a model is asked, else no call.
   * @throws ForbiddenError
   */
  async summariesOf(call: ModelCall, documents: readonly SummarisableDocument[]): Promise<Summaries> {
    const { workspace } = authorize(call.caller, 'DOCUMENTS_READ');
    const wanted = new Map(documents.map((document) => [document.id, document]));
    const [stored, model] = await Promise.all([
      this.#database.withWorkspace(workspace.id, (scope) => readSummaries(scope, [...wanted.keys()])),
      this.#writer(workspace.id),
    ]);
    const summaries = new Map<string, Summary>();
    for (const [id, row] of stored) {
      if (await holds(row, wanted.get(id), model)) summaries.set(id, { text: row.text, model: row.model });
    }
    const missing = [...wanted.values()].filter(({ id, text }) => !summaries.has(id) && text.trim() !== '');
    if (missing.length === 0) return { summaries, failure: null };
    const { said, failure } =
      model === null ? await extract(missing, call.signal) : await this.#byAsking.summarise(call, missing);
    const made = missing.flatMap(({ id, contentHash }, i): StoredSummary[] => {
      const summary = said[i];
      return summary == null ? [] : [{ ...summary, documentId: id, contentHash }];
    });
    if (made.length > 0) await this.#database.withWorkspace(workspace.id, (scope) => storeSummaries(scope, made));
    for (const { documentId, text, model: madeBy } of made) summaries.set(documentId, { text, model: madeBy });
    return { summaries, failure };
  }

  /**
   * What a text says that is no document's; it is not stored. Null where it has no words.
   * @throws ForbiddenError, what the model failed with
   */
  async summaryOfText(
    call: ModelCall,
    { title, text }: Pick<SummarisableDocument, 'title' | 'text'>,
  ): Promise<Summary | null> {
    const { workspace } = authorize(call.caller, 'DOCUMENTS_READ');
    if (text.trim() === '') return null;
    const asDocument: SummarisableDocument = { id: '', title, text, contentHash: new Uint8Array() };
    const model = await this.#writer(workspace.id);
    const { said, failure } =
      model === null ? await extract([asDocument], call.signal) : await this.#byAsking.summarise(call, [asDocument]);
    if (failure !== null) throw failure;
    return said[0] ?? null;
  }

  /** Null: nobody is asked. A chosen model that only makes vectors cannot write. */
  async #writer(workspaceId: string): Promise<ChosenModel | null> {
    const chosen = await chosenModel(this.#catalog, this.#gateway.router, workspaceId, 'summarise');
    return chosen?.writes === true ? chosen : null;
  }
}

async function holds(
  row: StoredSummary,
  document: SummarisableDocument | undefined,
  model: ChosenModel | null,
): Promise<boolean> {
  if (document === undefined || Buffer.compare(row.contentHash, document.contentHash) !== 0) return false;
  return model === null ? row.model === EXTRACTIVE_MODEL : model.mayHaveMade(row.model);
}

async function extract(documents: readonly SummarisableDocument[], signal: AbortSignal) {
  const said: (Summary | null)[] = [];
  let turnEndsAt = performance.now() + TURN_MS;
  for (const { title, text } of documents) {
    if (performance.now() > turnEndsAt) {
      await nextTurn();
      signal.throwIfAborted();
      turnEndsAt = performance.now() + TURN_MS;
    }
    const summary = extractiveSummary(title, text);
    said.push(summary === null ? null : { text: summary, model: EXTRACTIVE_MODEL });
  }
  return { said, failure: null };
}
