import type { EmbeddingTraits, EmbedRequest, EmbedResult, TokenUsage } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { storableText } from '../../shared/text.ts';
import { waitFor } from '../../shared/wait-for.ts';
import { type CacheSpace, EmbeddingCache } from '../caching/embedding-cache.ts';
import type { CachedEmbedding } from '../caching/embedding-cache-store.ts';
import { AttemptLog, settling } from './attempt-log.ts';
import { runAttempts } from './attempts.ts';
import { budgetInForce } from './call-budget.ts';
import { textsBound } from './cost-bound.ts';
import { sentAsTexts } from './counted-usage.ts';
import type { GatewayParts } from './generate-calls.ts';
import type { ModelCall } from './model-call.ts';
import type { EmbeddingModel } from './model-catalog.ts';
import { usageCostUsd } from './price.ts';

/** Characters that one token stands for at the most: what lies beyond cannot be read by the model anyway. */
const MAX_CHARACTERS_PER_TOKEN = 32;
const OWN_TEXTS_TIMEOUT_MS = 60_000;
/** No known model has vectors beyond this. */
const MAX_DIMENSIONS = 16_000;

export interface EmbedInput {
  texts: readonly string[];
  purpose: 'document' | 'query';
  /** Absent: the one that the workspace's documents are embedded with. */
  model?: string;
  /** Length of the vectors, for a model that lets one choose; absent: its own. */
  dimensions?: number;
  /** Spare the cache's table: for bulk loads, whose texts seldom come again. */
  bulk?: boolean;
}

export interface EmbeddedText {
  vector: Float32Array;
  tokenCount: number;
  /** Given by the cache, at no cost. */
  cached: boolean;
}

/** Texts that no cache has, with all that they are embedded by. */
interface MissingTexts {
  call: ModelCall;
  model: EmbeddingModel;
  request: Omit<EmbedRequest, 'texts' | 'model'>;
  textOfHash: ReadonlyMap<string, string>;
}

/** Vectors of texts, from the cache or from a provider. */
export class EmbedCalls {
  readonly #parts: GatewayParts;
  readonly #cache: EmbeddingCache;
  readonly #limit: (call: ModelCall) => Promise<void>;
  /** Texts that are being embedded, by cache key: whoever asks for them meanwhile waits. Null: that call has failed. */
  readonly #underway = new Map<string, Promise<CachedEmbedding | null>>();
  /** By model, then text; as many as the product has texts. */
  readonly #ownVectors = new Map<string, Map<string, Float32Array>>();

  /** @param limit counts a job's call, once it is known that the cache does not have it all */
  constructor(parts: GatewayParts, cache: EmbeddingCache, limit: (call: ModelCall) => Promise<void>) {
    this.#parts = parts;
    this.#cache = cache;
    this.#limit = limit;
  }

  async embed(call: ModelCall, input: EmbedInput): Promise<{ model: EmbeddingModel; embeddings: EmbeddedText[] }> {
    const { purpose, dimensions, bulk = false } = input;
    const workspaceId = call.caller.workspace.id;
    checkDimensions(dimensions);
    const model = await this.#parts.catalog.embeddingModel(workspaceId, input.model);
    if (input.texts.length === 0) return { model, embeddings: [] };
    const texts = input.texts.map((text) => embeddedText(model, text));
    const { settings } = await this.#parts.catalog.directory.of(workspaceId);
    const space: CacheSpace = {
      workspaceId,
      epoch: settings.embeddingEpoch,
      model: model.id,
      origin: model.live.origin,
      purpose,
      ...(dimensions === undefined ? {} : { dimensions }),
    };
    const hashes = texts.map((text) => EmbeddingCache.hash(space, text));
    const textOfHash = new Map(hashes.map((hash, i) => [hash, texts[i] as string]));

    const known = await this.#cache.read(space, [...textOfHash.keys()], bulk);
    const missing = [...textOfHash.keys()].filter((hash) => !known.has(hash));
    const request = { purpose, ...(dimensions === undefined ? {} : { dimensions }) };
    const made = new Map<string, CachedEmbedding>();
    const asked = { call, model, request, textOfHash };
    const shared = await this.#embedOnce(space, asked, missing, made, () => this.#cache.store(space, made, bulk));
    for (const [hash, entry] of shared) known.set(hash, entry);
    if (known.size > 0) this.#recordCached(call, model, [...known.values()]);

    const embeddings = hashes.map((hash): EmbeddedText => {
      const entry = (known.get(hash) ?? made.get(hash)) as CachedEmbedding;
      return { ...entry, cached: known.has(hash) };
    });
    return { model, embeddings };
  }

  /**
   * Vectors of the product's own texts. A model that runs here embeds them once for everybody, as nobody's usage; one
   * that costs money embeds them in the call's workspace, as its usage.
   */
  async embedOwnTexts(call: ModelCall, texts: readonly string[], modelId?: string): Promise<Float32Array[]> {
    const model = await this.#parts.catalog.embeddingModel(call.caller.workspace.id, modelId);
    if (model.live.id !== null) {
      const input = { texts, purpose: 'document' as const, model: model.id };
      const { embeddings } = await this.embed({ ...call, tally: null }, input);
      return embeddings.map((embedding) => embedding.vector);
    }
    return this.#ownTexts(call, model, texts);
  }

  async #ownTexts(call: ModelCall, model: EmbeddingModel, texts: readonly string[]): Promise<Float32Array[]> {
    const known = this.#ownVectors.get(model.id) ?? new Map<string, Float32Array>();
    this.#ownVectors.set(model.id, known);
    const missing = [...new Set(texts.filter((text) => !known.has(text)))];
    // The caller may leave, but the next one needs these vectors too.
    const signal = AbortSignal.timeout(OWN_TEXTS_TIMEOUT_MS);
    for (const batch of batchesOf(missing, (text) => text, model.traits)) {
      const request = { model: model.info.name, texts: batch, purpose: 'document' as const };
      const result = await callEmbed(model, request, { signal, requestId: call.requestId });
      batch.forEach((text, i) => {
        known.set(text, result.vectors[i] as Float32Array);
      });
    }
    return texts.map((text) => known.get(text) as Float32Array);
  }

  /**
   * Embeds what nobody is embedding already, and waits for the rest.
   * @param keep stores what was made: what a batch has given is paid for, whatever becomes of the next one
   */
  async #embedOnce(
    space: CacheSpace,
    missing: MissingTexts,
    hashes: readonly string[],
    made: Map<string, CachedEmbedding>,
    keep: () => void,
  ): Promise<Map<string, CachedEmbedding>> {
    const keyOf = (hash: string) => `${space.workspaceId}\0${space.model}\0${hash}`;
    const others = new Map<string, Promise<CachedEmbedding | null>>();
    const shared = new Map<string, CachedEmbedding>();
    const own: string[] = [];
    for (const hash of hashes) {
      const underway = this.#underway.get(keyOf(hash));
      // Made by another call while this one looked into the database.
      const justMade = this.#cache.remembered(space, hash);
      if (underway !== undefined) others.set(hash, underway);
      else if (justMade !== undefined) shared.set(hash, justMade);
      else own.push(hash);
    }
    const settled = Promise.withResolvers<void>();
    for (const hash of own) {
      this.#underway.set(
        keyOf(hash),
        settled.promise.then(() => made.get(hash) ?? null),
      );
    }
    try {
      await this.#embedMissing(missing, own, made);
    } finally {
      keep();
      settled.resolve();
      for (const hash of own) this.#underway.delete(keyOf(hash));
    }
    for (const [hash, underway] of others) {
      const entry = await waitFor(underway, missing.call.signal);
      if (entry !== null) shared.set(hash, entry);
    }
    const left = [...others.keys()].filter((hash) => !shared.has(hash));
    if (left.length > 0) await this.#embedMissing(missing, left, made).finally(keep);
    return shared;
  }

  async #embedMissing(
    { call, model, request, textOfHash }: MissingTexts,
    hashes: readonly string[],
    made: Map<string, CachedEmbedding>,
  ): Promise<void> {
    if (hashes.length === 0) return;
    if (call.isJob === true) await this.#limit(call);
    const allowance = await this.#parts.meters.take(call.caller.workspace, 'EMBEDDINGS', hashes.length);
    let done = 0;
    try {
      const textOf = (hash: string) => textOfHash.get(hash) as string;
      for (const batch of batchesOf(hashes, textOf, model.traits)) {
        const texts = batch.map(textOf);
        const result = await this.#attempt(call, model, { ...request, texts }, allowance.metered);
        batch.forEach((hash, i) => {
          made.set(hash, { vector: result.vectors[i] as Float32Array, tokenCount: result.tokenCounts[i] as number });
        });
        done += batch.length;
      }
    } catch (error) {
      // Why it failed is what the caller has to hear, also where the database is down by now.
      await allowance.release(hashes.length - done).catch(() => undefined);
      throw error;
    }
  }

  async #attempt(
    call: ModelCall,
    model: EmbeddingModel,
    request: Omit<EmbedRequest, 'model'>,
    metered: boolean,
  ): Promise<EmbedResult> {
    const workspaceId = call.caller.workspace.id;
    const route = await this.#parts.router.embeddingRoute(workspaceId, model);
    const providers = await this.#parts.catalog.directory.of(workspaceId);
    const budgeted = budgetInForce(this.#parts.reservations, call, providers);
    const log = new AttemptLog(call, this.#parts.recorder, budgeted?.(textsBound(request.texts)));
    const { result } = await settling(log, () =>
      runAttempts({
        route,
        log,
        signal: call.signal,
        run: (target, signal) =>
          callEmbed(target, { ...request, model: target.info.name }, { signal, requestId: call.requestId }),
        texts: { sent: () => sentAsTexts(request.texts), written: () => [] },
        count: (embedded) => ({
          usage: usageOf(embedded),
          counts: {
            ...{ embeddings: embedded.vectors.length, metered },
            ...{ cacheKind: 'EMBEDDING', cacheMisses: embedded.vectors.length },
          },
        }),
        // What was not made is given back.
        countCancelled: {},
      }),
    );
    return result;
  }

  #recordCached(call: ModelCall, model: EmbeddingModel, entries: readonly CachedEmbedding[]): void {
    const inputTokens = entries.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    new AttemptLog(call, this.#parts.recorder).addCached(model, {
      cacheKind: 'EMBEDDING',
      cacheHits: entries.length,
      savedUsd: usageCostUsd({ inputTokens, outputTokens: 0 }, model.info) ?? '0',
    });
  }
}

/** What of a text goes to the model, and into the cache. */
export function embeddedText({ traits }: EmbeddingModel, text: string): string {
  return storableText(text.slice(0, traits.maxInputTokens * MAX_CHARACTERS_PER_TOKEN)).trim();
}

async function callEmbed(
  { live, info }: Pick<EmbeddingModel, 'live' | 'info'>,
  request: EmbedRequest,
  call: { signal: AbortSignal; requestId: string },
): Promise<EmbedResult> {
  const { provider } = live.opened;
  if (provider.embed === undefined) throw new TypeError('the provider does not embed');
  return checkShape(await provider.embed(request, call), request, request.dimensions ?? info.dimensions);
}

/** A provider that answers with something else than it was asked for has failed, whatever it says. */
function checkShape(result: EmbedResult, { texts }: EmbedRequest, dimensions: number | undefined): EmbedResult {
  const { vectors, tokenCounts } = result;
  if (vectors.length !== texts.length || tokenCounts.length !== texts.length) {
    throw new ProviderError('malformed', `the provider gave ${vectors.length} vectors for ${texts.length} texts`);
  }
  const expected = dimensions ?? vectors[0]?.length;
  const odd = vectors.find((vector) => vector.length !== expected);
  if (odd !== undefined) {
    throw new ProviderError(
      'malformed',
      `the provider gave a vector of ${odd.length} dimensions in place of ${expected}`,
    );
  }
  return result;
}

function usageOf({ tokenCounts, costUsd }: EmbedResult): TokenUsage {
  const inputTokens = tokenCounts.reduce((sum, count) => sum + count, 0);
  return { inputTokens, outputTokens: 0, ...(costUsd === undefined ? {} : { costUsd }) };
}

function checkDimensions(dimensions: number | undefined): void {
  if (dimensions === undefined || (Number.isInteger(dimensions) && dimensions > 0 && dimensions <= MAX_DIMENSIONS))
    return;
  throw InvalidInputError.at('dimensions', `must be 1 to ${MAX_DIMENSIONS}`);
}

/** What goes out in one call each, so that what a call cost is known whatever becomes of the next. */
function batchesOf<Item>(
  items: readonly Item[],
  textOf: (item: Item) => string,
  { maxBatch, maxBatchBytes = Number.POSITIVE_INFINITY }: EmbeddingTraits,
): Item[][] {
  const batches: Item[][] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(textOf(item));
    const batch = batches.at(-1);
    if (batch === undefined || batch.length === maxBatch || bytes + size > maxBatchBytes) {
      batches.push([item]);
      bytes = size;
    } else {
      batch.push(item);
      bytes += size;
    }
  }
  return batches;
}
