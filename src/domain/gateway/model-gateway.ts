import type { EmbedResult } from '../../plugins/contract.ts';
import { storableText } from '../../shared/text.ts';
import { type CacheSpace, EmbeddingCache } from '../caching/embedding-cache.ts';
import type { CachedEmbedding } from '../caching/embedding-cache-store.ts';
import type { MeterService } from '../usage/meter-service.ts';
import type { AttemptOutcome, UsageEvent } from '../usage/usage-event.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { callWithRetries, type TryReport } from './attempt.ts';
import { type ModelCall, usageEventOf } from './model-call.ts';
import type { EmbeddingModel, ModelCatalog } from './model-catalog.ts';
import { tokenCostUsd } from './price.ts';

/** Characters that one token stands for at the most: what lies beyond cannot be read by the model anyway. */
const MAX_CHARACTERS_PER_TOKEN = 32;
const OWN_TEXTS_TIMEOUT_MS = 60_000;

export interface EmbedInput {
  texts: readonly string[];
  purpose: 'document' | 'query';
  /** Absent: the default embedding model. */
  model?: string;
  /** Spare the cache's table: for bulk loads, whose texts seldom come again. */
  bulk?: boolean;
}

export interface EmbeddedText {
  vector: Float32Array;
  tokenCount: number;
  /** Given by the cache, at no cost. */
  cached: boolean;
}

/**
 * The one path of every model call: limit, cache, route, attempts, record. Nothing else asks for a provider.
 */
export class ModelGateway {
  readonly #catalog: ModelCatalog;
  readonly #cache: EmbeddingCache;
  readonly #meters: MeterService;
  readonly #recorder: UsageRecorder;
  /** By model, then text; as many as the product has texts. */
  readonly #ownVectors = new Map<string, Map<string, Float32Array>>();

  constructor(parts: { catalog: ModelCatalog; cache: EmbeddingCache; meters: MeterService; recorder: UsageRecorder }) {
    this.#catalog = parts.catalog;
    this.#cache = parts.cache;
    this.#meters = parts.meters;
    this.#recorder = parts.recorder;
  }

  /**
   * Vectors of texts, in their order. Texts are trimmed, and cut at what the model reads; equal texts are embedded once.
   * @throws NoProviderError, LimitReachedError, ProviderFailedError
   */
  async embed(call: ModelCall, input: EmbedInput): Promise<{ model: EmbeddingModel; embeddings: EmbeddedText[] }> {
    const model = await this.#catalog.embeddingModel(input.model);
    if (input.texts.length === 0) return { model, embeddings: [] };
    const maxCharacters = model.traits.maxInputTokens * MAX_CHARACTERS_PER_TOKEN;
    const texts = input.texts.map((text) => storableText(text.slice(0, maxCharacters)).trim());
    const space: CacheSpace = { workspaceId: call.caller.workspace.id, model: model.id, purpose: input.purpose };
    const hashes = texts.map((text) => EmbeddingCache.hash(space, text));
    const textOfHash = new Map(hashes.map((hash, i) => [hash, texts[i] as string]));

    const known = await this.#cache.read(space, [...textOfHash.keys()], input.bulk === true);
    const missing = [...textOfHash.keys()].filter((hash) => !known.has(hash));
    if (known.size > 0) this.#recordCached(call, model, known.size);
    const made =
      missing.length === 0 ? new Map() : await this.#embedMissing(call, model, input.purpose, missing, textOfHash);
    this.#cache.store(space, made, input.bulk === true);

    const embeddings = hashes.map((hash): EmbeddedText => {
      const entry = (known.get(hash) ?? made.get(hash)) as CachedEmbedding;
      return { ...entry, cached: known.has(hash) };
    });
    return { model, embeddings };
  }

  /**
   * Vectors of the product's own texts, such as the examples of built-in taxonomies. A model that runs here embeds them
   * once for everybody, as nobody's usage; one that costs money embeds them in the call's workspace, as its usage.
   */
  async embedOwnTexts(call: ModelCall, texts: readonly string[], modelId?: string): Promise<Float32Array[]> {
    const model = await this.#catalog.embeddingModel(modelId);
    if (model.info.inputUsdPerMillion !== '0') {
      const { embeddings } = await this.embed(
        { ...call, tally: null },
        { texts, purpose: 'document', model: model.id },
      );
      return embeddings.map((embedding) => embedding.vector);
    }
    return this.#ownTexts(call, model, texts);
  }

  async #ownTexts(call: ModelCall, model: EmbeddingModel, texts: readonly string[]): Promise<Float32Array[]> {
    const known = this.#ownVectors.get(model.id) ?? new Map<string, Float32Array>();
    this.#ownVectors.set(model.id, known);
    const missing = [...new Set(texts.filter((text) => !known.has(text)))];
    for (let start = 0; start < missing.length; start += model.traits.maxBatch) {
      const batch = missing.slice(start, start + model.traits.maxBatch);
      const request = { model: model.info.name, texts: batch, purpose: 'document' as const };
      const result = await callWithRetries(
        // The caller may leave, but the next one needs these vectors too.
        { integration: model.integration, model: model.id, signal: AbortSignal.timeout(OWN_TEXTS_TIMEOUT_MS) },
        async (signal) =>
          checkShape(await model.provider.embed(request, { signal, requestId: call.requestId }), batch.length),
        () => undefined,
      );
      batch.forEach((text, i) => {
        known.set(text, result.vectors[i] as Float32Array);
      });
    }
    return texts.map((text) => known.get(text) as Float32Array);
  }

  async #embedMissing(
    call: ModelCall,
    model: EmbeddingModel,
    purpose: 'document' | 'query',
    hashes: readonly string[],
    textOfHash: ReadonlyMap<string, string>,
  ): Promise<Map<string, CachedEmbedding>> {
    const allowance = await this.#meters.take(call.caller.workspace, 'EMBEDDINGS', hashes.length);
    const made = new Map<string, CachedEmbedding>();
    try {
      for (let start = 0; start < hashes.length; start += model.traits.maxBatch) {
        const batch = hashes.slice(start, start + model.traits.maxBatch);
        const texts = batch.map((hash) => textOfHash.get(hash) as string);
        const result = await this.#attemptEmbed(
          call,
          model,
          { model: model.info.name, texts, purpose },
          allowance.metered,
        );
        batch.forEach((hash, i) => {
          made.set(hash, { vector: result.vectors[i] as Float32Array, tokenCount: result.tokenCounts[i] as number });
        });
      }
    } finally {
      if (made.size < hashes.length) await allowance.release(hashes.length - made.size);
    }
    return made;
  }

  #attemptEmbed(
    call: ModelCall,
    model: EmbeddingModel,
    request: { model: string; texts: string[]; purpose: 'document' | 'query' },
    metered: boolean,
  ): Promise<EmbedResult> {
    return callWithRetries(
      { integration: model.integration, model: model.id, signal: call.signal },
      async (signal) =>
        checkShape(await model.provider.embed(request, { signal, requestId: call.requestId }), request.texts.length),
      (report) => this.#recordTry(call, model, request.texts.length, report, metered),
    );
  }

  #recordTry(
    call: ModelCall,
    model: EmbeddingModel,
    texts: number,
    report: TryReport<EmbedResult>,
    metered: boolean,
  ): void {
    const inputTokens = report.result?.tokenCounts.reduce((sum, count) => sum + count, 0) ?? 0;
    const costUsd = tokenCostUsd(inputTokens, model.info.inputUsdPerMillion);
    this.#record(call, model, report.outcome, {
      errorCode: report.errorCode,
      embeddings: report.result === null ? 0 : texts,
      inputTokens,
      costUsd,
      latencyMs: report.durationMs,
      metered,
    });
  }

  #recordCached(call: ModelCall, model: EmbeddingModel, cacheHits: number): void {
    this.#record(call, model, 'CACHED', { cacheHits });
  }

  #record(call: ModelCall, model: EmbeddingModel, outcome: AttemptOutcome, figures: Partial<UsageEvent>): void {
    const target = { provider: model.integration, model: model.id, operation: call.operation, outcome };
    const event = usageEventOf(call, target, figures);
    this.#recorder.record(event);
    call.tally?.add(event);
  }
}

/** A provider that answers with something else than it was asked for has failed, whatever it says. */
function checkShape(result: EmbedResult, expected: number): EmbedResult {
  if (result.vectors.length !== expected || result.tokenCounts.length !== expected) {
    throw new Error(`the provider answered ${result.vectors.length} vectors for ${expected} texts`);
  }
  return result;
}
