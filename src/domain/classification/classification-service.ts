import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { EmbeddingModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import {
  builtInByName,
  type ClassifiableDocument,
  type Classification,
  PERSON,
  SENTIMENT_TAXONOMY,
  type Sentiment,
  taxonomyName,
} from './classification.ts';
import {
  findClassifications,
  lockDocument,
  readClassifications,
  readCorrections,
  type StoredClassification,
  storeClassifications,
  storeCorrection,
} from './classification-store.ts';
import { ClassifierCache } from './classifier-cache.ts';
import { checkLabels, sentimentScore, withCorrection } from './correction.ts';
import { hintsOf, tagsOf } from './document-hints.ts';
import type { ClassifierInput } from './embedding-classifier.ts';
import { CORRECTIONS_MAX, learnClassifier, PERSON_CONFIDENCE, type Verdict } from './learned-classifier.ts';
import type { SentimentLabel } from './sentiment.ts';
import type { LabelChoice, Taxonomy } from './taxonomy.ts';
import { findTaxonomyByName, raiseRevision, readRevision } from './taxonomy-store.ts';
import { classifiableText } from './text-cues.ts';

const TEXT_MAX_CHARACTERS = 1_000_000;
const LEARNING_TIMEOUT_MS = 120_000;
/** Texts judged before other requests get their turn on the thread. */
const TEXTS_AT_ONCE = 16;

export interface ClassificationServiceParts {
  database: Database;
  gateway: ModelGateway;
  catalog: ModelCatalog;
  cache?: ClassifierCache;
}

export interface TextToClassify {
  title: string | null;
  text: string;
  taxonomy: string;
}

/** What to do when every provider failed: leave those documents out, or tell, so that a job tries again. */
export type WhenProvidersFail = 'omit' | 'throw';

/** A taxonomy as the workspace has it now. */
interface TaxonomyState {
  taxonomy: Taxonomy;
  revision: number;
  stored: Map<string, StoredClassification>;
}

interface Judged {
  model: EmbeddingModel;
  verdicts: Verdict[];
}

type TextInput = Omit<ClassifierInput, 'vector'>;

/**
 * Labels of documents and texts, learned from taxonomies and from what people have corrected. A person's word wins over
 * a model's, for that document and as an example for others like it.
 */
export class ClassificationService {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #cache: ClassifierCache;

  constructor(parts: ClassificationServiceParts) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#cache = parts.cache ?? new ClassifierCache();
  }

  /**
   * Labels of a text, which are not stored; null where every provider failed.
   * @throws InvalidInputError, NotFoundError (no such taxonomy), LimitReachedError, NoProviderError
   */
  async classifyText(call: ModelCall, input: TextToClassify): Promise<Classification | null> {
    const judged = await this.#judgeText(call, input);
    if (judged === null) return null;
    const { verdict, taxonomy, model } = judged;
    const { labels, confidence, reasoning } = verdict;
    const origin = { id: newId('Classification'), documentId: null, taxonomy, model: model.id, correctedBy: null };
    return { ...origin, labels, confidence, reasoning, classifiedAt: new Date() };
  }

  /** How a text feels; null where every provider failed. Throws as `classifyText` does. */
  async sentimentOfText(call: ModelCall, text: string): Promise<Sentiment | null> {
    const judged = await this.#judgeText(call, { title: null, text, taxonomy: SENTIMENT_TAXONOMY });
    return judged === null ? null : sentimentOf({ ...judged.verdict, model: judged.model.id });
  }

  /**
   * Labels by document id. Stored ones are given while they hold: until the text, the model or what the taxonomy teaches
   * changes, and for ever where a person gave them. All others are made with one call of the gateway, and stored
   * whatever the caller may write: they are the product's own memory.
   * @throws NotFoundError (no such taxonomy), LimitReachedError, NoProviderError; ProviderFailedError where asked to
   */
  async classifyDocuments(
    call: ModelCall,
    documents: readonly ClassifiableDocument[],
    taxonomy: string,
    whenProvidersFail: WhenProvidersFail = 'omit',
  ): Promise<Map<string, Classification>> {
    return this.#classify(call, documents, taxonomy, whenProvidersFail);
  }

  /** How documents feel, by id; stored and thrown as `classifyDocuments` does. */
  async sentimentsOf(
    call: ModelCall,
    documents: readonly ClassifiableDocument[],
    whenProvidersFail: WhenProvidersFail = 'omit',
  ): Promise<Map<string, Sentiment>> {
    const classified = await this.#classify(call, documents, SENTIMENT_TAXONOMY, whenProvidersFail);
    return new Map([...classified].map(([id, classification]) => [id, sentimentOf(classification)]));
  }

  /** Stored classifications by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Classification[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findClassifications(scope, ids));
  }

  /**
   * Takes a person's word for a document's labels. Dimensions that are not named keep what they had. The next text like
   * this one is judged accordingly, on every server, in this workspace alone.
   * @throws NotFoundError, InvalidInputError
   */
  async correct(
    caller: Caller,
    input: { documentId: string; taxonomy: string; labels: readonly LabelChoice[] },
  ): Promise<Classification> {
    const { workspace, userId, apiKeyId } = authorize(caller, 'DOCUMENTS_WRITE');
    const name = taxonomyName(input.taxonomy);
    const corrected = await this.#database.withWorkspace(workspace.id, async (scope) => {
      const taxonomy = builtInByName(name) ?? (await findTaxonomyByName(scope, name));
      if (taxonomy === null) throw new NotFoundError('taxonomy', input.taxonomy);
      const given = checkLabels(taxonomy, input.labels);
      const revision = await raiseRevision(scope, name);
      const contentHash = await lockDocument(scope, input.documentId);
      if (contentHash === null) throw new NotFoundError('document', input.documentId);
      const before = (await readClassifications(scope, name, [input.documentId])).get(input.documentId);
      return storeCorrection(scope, {
        id: newId('Classification'),
        documentId: input.documentId,
        taxonomy: name,
        labels: withCorrection(taxonomy, before?.labels ?? [], given),
        confidence: PERSON_CONFIDENCE,
        score: sentimentScore(taxonomy, given),
        reasoning: null,
        model: PERSON,
        correctedBy: userId ?? apiKeyId ?? 'root',
        contentHash,
        revision,
      });
    });
    this.#cache.forget(workspace.id, name);
    return corrected;
  }

  async #judgeText(
    call: ModelCall,
    input: TextToClassify,
  ): Promise<{ verdict: Verdict; taxonomy: string; model: EmbeddingModel } | null> {
    authorize(call.caller, 'AI_USE');
    checkText(input);
    const state = await this.#read(call, input.taxonomy, []);
    try {
      const text = classifiableText(input.title, input.text);
      const { model, verdicts } = await this.#judge(call, state, [{ text }]);
      return { verdict: verdicts[0] as Verdict, taxonomy: state.taxonomy.name, model };
    } catch (error) {
      if (isProviderFailure(error)) return null;
      throw error;
    }
  }

  async #classify(
    call: ModelCall,
    documents: readonly ClassifiableDocument[],
    taxonomy: string,
    whenProvidersFail: WhenProvidersFail,
  ): Promise<Map<string, StoredClassification>> {
    authorize(call.caller, 'DOCUMENTS_READ');
    const wanted = new Map(documents.map((document) => [document.id, document]));
    const model = await this.#catalog.documentEmbeddingModelId(call.caller.workspace.id);
    const state = await this.#read(call, taxonomy, [...wanted.keys()]);
    const holding = [...state.stored].filter(([id, row]) => this.#holds(row, wanted.get(id), state.revision, model));
    const classified = new Map(holding);
    const missing = [...wanted.values()].filter(({ id }) => !classified.has(id));
    if (missing.length === 0) return classified;
    try {
      for (const row of await this.#make(call, state, missing)) classified.set(row.documentId, row);
    } catch (error) {
      if (whenProvidersFail === 'throw' || !isProviderFailure(error)) throw error;
    }
    return classified;
  }

  async #read(call: ModelCall, given: string, documentIds: readonly string[]): Promise<TaxonomyState> {
    const name = taxonomyName(given);
    const builtIn = builtInByName(name);
    // They travel together. The revision comes first: what is learned afterwards may be newer than it says, never older.
    const [revision, taxonomy, stored] = await this.#database.withWorkspace(call.caller.workspace.id, (scope) =>
      Promise.all([
        readRevision(scope, name),
        builtIn ?? findTaxonomyByName(scope, name),
        documentIds.length === 0 ? new Map() : readClassifications(scope, name, documentIds),
      ]),
    );
    if (taxonomy === null) throw new NotFoundError('taxonomy', given);
    return { taxonomy, revision, stored };
  }

  #holds(
    row: StoredClassification,
    document: ClassifiableDocument | undefined,
    revision: number,
    model: string,
  ): boolean {
    if (row.correctedBy !== null) return true;
    return (
      document !== undefined &&
      row.revision === revision &&
      row.model === model &&
      Buffer.compare(row.contentHash, document.contentHash) === 0
    );
  }

  async #make(
    call: ModelCall,
    state: TaxonomyState,
    documents: readonly ClassifiableDocument[],
  ): Promise<StoredClassification[]> {
    const { taxonomy, revision } = state;
    const texts = documents.map((document) => ({
      text: classifiableText(document.title, document.text),
      hints: hintsOf(taxonomy, document),
      tags: tagsOf(document),
    }));
    const { model, verdicts } = await this.#judge(call, state, texts);
    const origin = { taxonomy: taxonomy.name, model: model.id, correctedBy: null, revision, classifiedAt: new Date() };
    const made = documents.map(({ id, contentHash }, i): StoredClassification => {
      return { ...(verdicts[i] as Verdict), ...origin, id: newId('Classification'), documentId: id, contentHash };
    });
    const ids = documents.map(({ id }) => id);
    const stored = await this.#database.withWorkspace(call.caller.workspace.id, async (scope) => {
      const [, rows] = await Promise.all([
        storeClassifications(scope, taxonomy.name, made),
        readClassifications(scope, taxonomy.name, ids),
      ]);
      return rows;
    });
    return made.map((row) => stored.get(row.documentId) ?? row);
  }

  /** Outside of any transaction: a provider may take its time, and the embedded database has one connection. */
  async #judge(call: ModelCall, state: TaxonomyState, texts: readonly TextInput[]): Promise<Judged> {
    const { model, embeddings } = await this.#gateway.embed(call, {
      texts: texts.map(({ text }) => text),
      purpose: 'document',
    });
    const classify = await this.#classifier(call, state, model);
    const inputs = texts.map((input, i) => ({ ...input, vector: embeddings[i]?.vector as Float32Array }));
    const verdicts: Verdict[] = [];
    for (let start = 0; start < inputs.length; start += TEXTS_AT_ONCE) {
      if (start > 0) await nextTurn();
      verdicts.push(...classify(inputs.slice(start, start + TEXTS_AT_ONCE)));
    }
    return { model, verdicts };
  }

  #classifier(call: ModelCall, { taxonomy, revision }: TaxonomyState, model: EmbeddingModel) {
    const { id } = call.caller.workspace;
    const untaught = taxonomy.builtIn && revision === 0;
    const key = { workspaceId: untaught ? null : id, taxonomy: taxonomy.name, model: model.id, revision };
    return this.#cache.get(key, async () => {
      const corrections = untaught
        ? []
        : await this.#database.withWorkspace(id, (scope) => readCorrections(scope, taxonomy.name, CORRECTIONS_MAX));
      // Others wait for it too: it goes on when the caller that came first leaves.
      const lasting = { ...call, signal: AbortSignal.timeout(LEARNING_TIMEOUT_MS) };
      return learnClassifier(this.#gateway, lasting, { taxonomy, corrections, model });
    });
  }
}

function checkText({ title, text }: TextToClassify): void {
  const tooLong = `must have up to ${TEXT_MAX_CHARACTERS.toLocaleString('en-US')} characters`;
  if (text.trim() === '') throw InvalidInputError.at('text', 'must not be empty');
  if (text.length > TEXT_MAX_CHARACTERS) throw InvalidInputError.at('text', tooLong);
  if (title !== null && title.length > TEXT_MAX_CHARACTERS) throw InvalidInputError.at('title', tooLong);
}

function sentimentOf({ labels, score, confidence, model }: Verdict & { model: string }): Sentiment {
  const label = (labels[0]?.label.toUpperCase() ?? 'NEUTRAL') as SentimentLabel;
  return { label, score: score ?? 0, confidence, model };
}

/** Learning asks a provider for the product's own texts without the gateway's attempts around it. */
function isProviderFailure(error: unknown): boolean {
  return error instanceof ProviderFailedError || error instanceof ProviderError;
}
