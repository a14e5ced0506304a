import { availableParallelism } from 'node:os';
import type {
  CallContext,
  EmbedRequest,
  EmbedResult,
  ModelInfo,
  PluginHost,
  Provider,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { prepareModelFolder } from './model-folder.ts';
import { type LocalConfig, type LocalModel, localModels, type TransformerModel, USE_LITE } from './models.ts';
import { EmbeddingWorkerPool } from './worker-pool.ts';

const DEFAULT_WORKERS = 2;

/** Embeds in worker threads, with one pool of threads a model, made when the model is first asked for. */
export class LocalProvider implements Provider {
  readonly #host: PluginHost;
  readonly #models: readonly LocalModel[];
  readonly #workers: number;
  readonly #pools = new Map<string, Promise<EmbeddingWorkerPool>>();
  readonly #closing = new AbortController();

  constructor(config: LocalConfig, host: PluginHost) {
    this.#host = host;
    this.#models = localModels(config);
    this.#workers = config.workers ?? Math.min(DEFAULT_WORKERS, availableParallelism());
    if (host.signal.aborted) this.#closing.abort();
    else host.signal.addEventListener('abort', () => void this.close(), { once: true });
  }

  async embed(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    const model = this.#modelNamed(request.model);
    const { maxBatch } = model.info.embedding;
    if (request.texts.length < 1 || request.texts.length > maxBatch) {
      throw new ProviderError('bad_request', `${model.info.name} embeds 1 to ${maxBatch} texts a call.`);
    }
    const pool = await abortable(this.#pool(model), call.signal, this.#closing.signal);
    const prefix = request.purpose === 'query' ? (model.transformer?.queryPrefix ?? '') : '';
    const texts = prefix === '' ? request.texts : request.texts.map((text) => prefix + text);
    const encoded = await pool.run(texts, call.signal);
    return { vectors: encoded.vectors, tokenCounts: encoded.tokenCounts, model: model.info.name };
  }

  async listModels(): Promise<ModelInfo[]> {
    return this.#models.map((model) => model.info);
  }

  async check(call: CallContext): Promise<void> {
    await this.embed({ model: USE_LITE, texts: [''], purpose: 'document' }, call);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const pools = await Promise.allSettled(this.#pools.values());
    await Promise.all(pools.map((pool) => (pool.status === 'fulfilled' ? pool.value.close() : undefined)));
  }

  #modelNamed(name: string): LocalModel {
    const model = this.#models.find(({ info }) => info.name === name || info.aliases?.includes(name));
    if (model) return model;
    const names = this.#models.map(({ info }) => info.name).join(', ');
    throw new ProviderError('not_found', `There is no local model "${name}". There are: ${names}.`);
  }

  #pool(model: LocalModel): Promise<EmbeddingWorkerPool> {
    const { name } = model.info;
    const known = this.#pools.get(name);
    if (known) return known;
    const opening = this.#openPool(model.transformer);
    this.#pools.set(name, opening);
    // What was missing may be there at the next call.
    opening.catch(() => this.#pools.delete(name));
    return opening;
  }

  async #openPool(transformer: TransformerModel | undefined): Promise<EmbeddingWorkerPool> {
    if (!transformer) {
      return new EmbeddingWorkerPool({ kind: 'use-lite', cacheDir: this.#host.cacheDir }, this.#workers);
    }
    const { pooling, dtype, dimensions, maxInputTokens } = transformer;
    const folder = await prepareModelFolder(transformer, this.#host, this.#closing.signal);
    return new EmbeddingWorkerPool(
      { kind: 'sentence-transformer', folder, pooling, dtype, dimensions, maxInputTokens },
      this.#workers,
    );
  }
}

/** Waits for shared work, such as a download, without stopping it for the others when this caller leaves. */
async function abortable<Result>(work: Promise<Result>, caller: AbortSignal, closing: AbortSignal): Promise<Result> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => {
    reject(
      closing.aborted
        ? new ProviderError('unavailable', 'The local provider was closed.')
        : new ProviderError('cancelled', 'The call was cancelled.', { cause: caller.reason }),
    );
  };
  const signal = AbortSignal.any([caller, closing]);
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([stopped, work]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
