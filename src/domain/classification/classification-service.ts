import type { Database } from '../../db/client.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { ChosenModel } from '../gateway/chosen-model.ts';
import { isProviderFailure } from '../gateway/errors.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
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
import { classifyingModel } from './classifying-model.ts';
import { checkLabels, sentimentScore, withCorrection } from './correction.ts';
import { hintsOf, tagsOf } from './document-hints.ts';
import { EmbeddingJudge, type LearningMatter } from './embedding-judge.ts';
import type { Judgement, Judgements, TextInput } from './judgement.ts';
import { PERSON_CONFIDENCE, type Verdict } from './learned-classifier.ts';
import { LLM_CORRECTIONS_MAX, LLM_TEXT_CHARACTERS, LlmClassifier } from './llm-classifier.ts';
import type { SentimentLabel } from './sentiment.ts';
import type { LabelChoice, Taxonomy } from './taxonomy.ts';
import { findTaxonomyByName, raiseRevision, readRevision } from './taxonomy-store.ts';
import { classifiableText } from './text-cues.ts';

const TEXT_MAX_CHARACTERS = 1_000_000;

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

/** What is judged: words in full, of which as much is read as the judge can use. */
type Judgeable = Omit<TextInput, 'text'> & Pick<TextToClassify, 'title' | 'text'>;

/**
 * Labels of documents and texts, from taxonomies and from what people have corrected: by the vectors of an embedding
 * model, or by asking a model that writes, where the workspace has chosen one. A person's word wins over a model's, for
 * that document and as an example for others like it.
 */
export class ClassificationService {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #cache: ClassifierCache;
  readonly #byVectors: EmbeddingJudge;
  readonly #byAsking: LlmClassifier;

  constructor(parts: ClassificationServiceParts) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#cache = parts.cache ?? new ClassifierCache();
    this.#byVectors = new EmbeddingJudge(parts.gateway, this.#cache);
    this.#byAsking = new LlmClassifier(parts.gateway);
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
    const origin = { id: newId('Classification'), documentId: null, taxonomy, model, correctedBy: null };
    return { ...origin, labels, confidence, reasoning, classifiedAt: new Date() };
  }

  /**
   * Labels of texts in their order, which are not stored: as `classifyDocuments`, with one call of the gateway for all of
   * them, or one for each ten. Null where a text is empty, or nothing fits it.
   * @throws InvalidInputError, NotFoundError (no such taxonomy), LimitReachedError, NoProviderError, ProviderFailedError
   */
  async classifyTexts(
    call: ModelCall,
    { taxonomy, texts }: { taxonomy: string; texts: readonly string[] },
  ): Promise<(Verdict | null)[]> {
    authorize(call.caller, 'AI_USE');
    const places = [...texts.keys()].filter((place) => texts[place]?.trim() !== '');
    const given = places.map((place) => ({ title: null, text: texts[place] ?? '' }));
    for (const each of given) checkText({ ...each, taxonomy });
    const [state, model] = await Promise.all([this.#read(call, taxonomy, []), this.#model(call)]);
    const { judged, failure } = await this.#judge(call, state, model, given);
    if (failure !== null) throw failure;
    const verdicts = new Map(places.map((place, i) => [place, judged[i]?.verdict ?? null]));
    return texts.map((_, place) => verdicts.get(place) ?? null);
  }

  /** How a text feels; null where every provider failed. Throws as `classifyText` does. */
  async sentimentOfText(call: ModelCall, text: string): Promise<Sentiment | null> {
    const judged = await this.#judgeText(call, { title: null, text, taxonomy: SENTIMENT_TAXONOMY });
    return judged === null ? null : sentimentOf({ ...judged.verdict, model: judged.model });
  }

  /**
   * Labels by document id. Stored ones are given while they hold: until the text, the model or what the taxonomy teaches
   * changes, and for ever where a person gave them. All others are made with one call of the gateway, or with one for
   * each ten where a model is asked, and stored whatever the caller may write: they are the product's own memory.
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

  async #judgeText(call: ModelCall, input: TextToClassify): Promise<(Judgement & { taxonomy: string }) | null> {
    authorize(call.caller, 'AI_USE');
    checkText(input);
    const [state, model] = await Promise.all([this.#read(call, input.taxonomy, []), this.#model(call)]);
    const { judged, failure } = await this.#judge(call, state, model, [{ title: input.title, text: input.text }]);
    if (failure !== null && !isProviderFailure(failure)) throw failure;
    return judged[0] == null ? null : { ...judged[0], taxonomy: state.taxonomy.name };
  }

  async #classify(
    call: ModelCall,
    documents: readonly ClassifiableDocument[],
    taxonomy: string,
    whenProvidersFail: WhenProvidersFail,
  ): Promise<Map<string, StoredClassification>> {
    authorize(call.caller, 'DOCUMENTS_READ');
    const wanted = new Map(documents.map((document) => [document.id, document]));
    const [state, model] = await Promise.all([this.#read(call, taxonomy, [...wanted.keys()]), this.#model(call)]);
    const classified = new Map<string, StoredClassification>();
    for (const [id, row] of state.stored) {
      if (await this.#holds(row, wanted.get(id), state.revision, model)) classified.set(id, row);
    }
    const missing = [...wanted.values()].filter(({ id }) => !classified.has(id));
    if (missing.length === 0) return classified;
    const { rows, failure } = await this.#make(call, state, model, missing);
    if (failure !== null && (whenProvidersFail === 'throw' || !isProviderFailure(failure))) throw failure;
    for (const row of rows) classified.set(row.documentId, row);
    return classified;
  }

  #model(call: ModelCall): Promise<ChosenModel> {
    return classifyingModel(this.#catalog, this.#gateway.router, call.caller.workspace.id);
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

  async #holds(
    row: StoredClassification,
    document: ClassifiableDocument | undefined,
    revision: number,
    model: ChosenModel,
  ): Promise<boolean> {
    if (row.correctedBy !== null) return true;
    return (
      document !== undefined &&
      row.revision === revision &&
      Buffer.compare(row.contentHash, document.contentHash) === 0 &&
      (await model.mayHaveMade(row.model))
    );
  }

  /** Stores what was judged, whatever became of the rest. */
  async #make(
    call: ModelCall,
    state: TaxonomyState,
    model: ChosenModel,
    documents: readonly ClassifiableDocument[],
  ): Promise<{ rows: StoredClassification[]; failure: unknown }> {
    const { taxonomy, revision } = state;
    const texts = documents.map((document): Judgeable => {
      const { id, title, text } = document;
      return { documentId: id, title, text, hints: hintsOf(taxonomy, document), tags: tagsOf(document) };
    });
    const { judged, failure } = await this.#judge(call, state, model, texts);
    const origin = { taxonomy: taxonomy.name, correctedBy: null, revision, classifiedAt: new Date() };
    const made = documents.flatMap(({ id, contentHash }, i): StoredClassification[] => {
      const judgement = judged[i];
      if (judgement == null) return [];
      const given = { ...judgement.verdict, model: judgement.model };
      return [{ ...given, ...origin, id: newId('Classification'), documentId: id, contentHash }];
    });
    if (made.length === 0) return { rows: made, failure };
    const ids = made.map(({ documentId }) => documentId);
    const stored = await this.#database.withWorkspace(call.caller.workspace.id, async (scope) => {
      const [, rows] = await Promise.all([
        storeClassifications(scope, taxonomy.name, made),
        readClassifications(scope, taxonomy.name, ids),
      ]);
      return rows;
    });
    return { rows: made.map((row) => stored.get(row.documentId) ?? row), failure };
  }

  /** Outside of any transaction: a provider may take its time, and the embedded database has one connection. */
  async #judge(
    call: ModelCall,
    state: TaxonomyState,
    model: ChosenModel,
    given: readonly Judgeable[],
  ): Promise<Judgements> {
    const matter = this.#matter(call, state);
    const texts = given.map(({ title, ...input }): TextInput => {
      return { ...input, text: classifiableText(title, input.text, model.writes ? LLM_TEXT_CHARACTERS : undefined) };
    });
    try {
      if (!model.writes) return await this.#byVectors.judge(call, matter, texts, model.id);
      const corrections = await matter.readCorrections(LLM_CORRECTIONS_MAX);
      return await this.#byAsking.judge(call, { taxonomy: state.taxonomy, corrections }, texts, model.id);
    } catch (failure) {
      return { judged: given.map(() => null), failure };
    }
  }

  #matter(call: ModelCall, { taxonomy, revision }: TaxonomyState): LearningMatter {
    const { id } = call.caller.workspace;
    const untaught = taxonomy.builtIn && revision === 0;
    return {
      ...{ taxonomy, revision, workspaceId: untaught ? null : id },
      readCorrections: async (limit) =>
        untaught ? [] : this.#database.withWorkspace(id, (scope) => readCorrections(scope, taxonomy.name, limit)),
    };
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
