import type {
  ModerateRequest,
  ModerateResult,
  RerankRequest,
  RerankResult,
  SpeakRequest,
  SpeakResult,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import type { AnswerCache } from '../caching/answer-cache.ts';
import type { EmbeddingCache } from '../caching/embedding-cache.ts';
import type { MeterService } from '../usage/meter-service.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { EmbedCalls, type EmbeddedText, type EmbedInput } from './embed-calls.ts';
import { GenerateCalls } from './generate-calls.ts';
import type { GeneratedAnswer, GenerationInput, GenerationPart } from './generation.ts';
import { type Asked, type Made, MediaCalls } from './media-calls.ts';
import type { ModelCall } from './model-call.ts';
import type { EmbeddingModel, ModelCatalog } from './model-catalog.ts';
import { Router } from './router.ts';

/**
 * The one path of every model call: route, cache, limit, attempts, settle, record. Nothing else asks for a provider.
 * Who may call is settled before: a `ModelCall` has an authorised caller.
 */
export class ModelGateway {
  readonly #embedding: EmbedCalls;
  readonly #generating: GenerateCalls;
  readonly #media: MediaCalls;
  readonly router: Router;

  constructor(parts: {
    catalog: ModelCatalog;
    embeddingCache: EmbeddingCache;
    answerCache: AnswerCache;
    meters: MeterService;
    recorder: UsageRecorder;
  }) {
    this.router = new Router(parts.catalog);
    const shared = { catalog: parts.catalog, router: this.router, meters: parts.meters, recorder: parts.recorder };
    this.#embedding = new EmbedCalls(shared, parts.embeddingCache);
    this.#generating = new GenerateCalls(shared, parts.answerCache);
    this.#media = new MediaCalls(shared);
  }

  /**
   * Vectors of texts, in their order. Texts are trimmed, and cut at what the model reads; equal texts are embedded once.
   * @throws NoProviderError, LimitReachedError, ProviderFailedError
   */
  embed(call: ModelCall, input: EmbedInput): Promise<{ model: EmbeddingModel; embeddings: EmbeddedText[] }> {
    return this.#embedding.embed(call, input);
  }

  /**
   * Vectors of the product's own texts, such as the examples of built-in taxonomies. A model that is built in embeds
   * them once for everybody, as nobody's usage; another one embeds them in the call's workspace, as its usage.
   */
  embedOwnTexts(call: ModelCall, texts: readonly string[], modelId?: string): Promise<Float32Array[]> {
    return this.#embedding.embedOwnTexts(call, texts, modelId);
  }

  /**
   * A whole answer.
   * @throws NoProviderError, LimitReachedError, ProviderFailedError; the signal's reason where the caller has left
   */
  generate(call: ModelCall, input: GenerationInput): Promise<GeneratedAnswer> {
    return this.#generating.generate(call, input);
  }

  /**
   * An answer as it is written. Ends with `completed` or throws as `generate` does: one that was cut never just ends.
   * Whoever stops reading cancels it.
   */
  stream(call: ModelCall, input: GenerationInput): AsyncGenerator<GenerationPart, void> {
    return this.#generating.stream(call, input);
  }

  /** @throws as `generate` */
  rerank(call: ModelCall, asked: Asked<RerankRequest>): Promise<Made<RerankResult>> {
    return this.#media.rerank(call, asked);
  }

  /** @throws as `generate` */
  moderate(call: ModelCall, asked: Asked<ModerateRequest>): Promise<Made<ModerateResult>> {
    return this.#media.moderate(call, asked);
  }

  /** @throws as `generate` */
  transcribe(call: ModelCall, asked: Asked<TranscribeRequest>): Promise<Made<TranscribeResult>> {
    return this.#media.transcribe(call, asked);
  }

  /** @throws as `generate` */
  speak(call: ModelCall, asked: Asked<SpeakRequest>): Promise<Made<SpeakResult>> {
    return this.#media.speak(call, asked);
  }
}
