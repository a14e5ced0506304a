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
import type { RateLimitService } from '../usage/rate-limit-service.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { type AdmissionParts, checkAdmission, type ExpectedAnswer } from './admission.ts';
import { EmbedCalls, type EmbeddedText, type EmbedInput } from './embed-calls.ts';
import { GenerateCalls } from './generate-calls.ts';
import type { GeneratedAnswer, GenerationInput, GenerationPart } from './generation.ts';
import { type Asked, type Made, MediaCalls } from './media-calls.ts';
import type { ModelCall } from './model-call.ts';
import type { EmbeddingModel, ModelCatalog } from './model-catalog.ts';
import { type ObservedCall, type Observers, observe, observed, observedParts, untraced } from './observed-calls.ts';
import { Router } from './router.ts';

/**
 * The one path of every model call: limit, route, cache, attempts, settle, record. Nothing else asks for a provider.
 * Who may call is settled before: a `ModelCall` has an authorised caller. Every call of a client counts for the requests
 * per minute, also one that a cache answers.
 */
export class ModelGateway {
  readonly #catalog: ModelCatalog;
  readonly #limits: RateLimitService;
  readonly #admission: AdmissionParts;
  readonly #observers: Observers;
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
    limits: RateLimitService;
    /** Left out: no budget is kept. */
    reservations?: ReservationService;
    observers?: Observers;
  }) {
    this.#catalog = parts.catalog;
    this.#limits = parts.limits;
    this.#observers = parts.observers ?? {};
    this.router = new Router(parts.catalog);
    const { catalog, meters, recorder, reservations, limits } = parts;
    this.#admission = { catalog, meters, reservations, limits };
    const shared = { catalog, router: this.router, meters, recorder, reservations };
    this.#embedding = new EmbedCalls(shared, parts.embeddingCache, (call) => this.#limit(call));
    this.#generating = new GenerateCalls(shared, parts.answerCache);
    this.#media = new MediaCalls(shared);
  }

  /**
   * Vectors of texts, in their order. Texts are trimmed, and cut at what the model reads; equal texts are embedded once.
   * @throws RateLimitedError, NoProviderError, LimitReachedError, ProviderFailedError
   */
  embed(call: ModelCall, input: EmbedInput): Promise<{ model: EmbeddingModel; embeddings: EmbeddedText[] }> {
    const seen = this.#observe(call, 'embed', input.model);
    const work = (own: ModelCall) => this.#embedding.embed(own, input);
    return call.isJob === true ? observed(seen, work) : this.#make(seen, work);
  }

  /**
   * Vectors of the product's own texts, such as the examples of built-in taxonomies. A model that is built in embeds
   * them once for everybody, as nobody's usage; another one embeds them in the call's workspace, as its usage. They are
   * nobody's request, and do not count for the requests per minute.
   */
  embedOwnTexts(call: ModelCall, texts: readonly string[], modelId?: string): Promise<Float32Array[]> {
    return this.#embedding.embedOwnTexts(untraced(this.#observers, call), texts, modelId);
  }

  /**
   * A whole answer.
   * @throws RateLimitedError, NoProviderError, LimitReachedError, ProviderFailedError; the signal's reason where the caller has left
   */
  generate(call: ModelCall, input: GenerationInput): Promise<GeneratedAnswer> {
    const seen = this.#observe(call, 'generate', input.model);
    return this.#make(
      seen,
      (own) => this.#generating.generate(own, input),
      ({ finishReason }) => finishReason,
    );
  }

  /**
   * An answer as it is written. Ends with `completed` or throws as `generate` does: one that was cut never just ends.
   * Whoever stops reading cancels it.
   */
  async *stream(call: ModelCall, input: GenerationInput): AsyncGenerator<GenerationPart, void> {
    yield* observedParts(this.#observe(call, 'stream', input.model), async (own) => {
      await this.#limit(own);
      return this.#generating.stream(own, input);
    });
  }

  /**
   * Whether an answer could be begun now, as far as that is known before it; nothing is taken or counted.
   * @throws RateLimitedError, LimitReachedError, BudgetExceededError
   */
  check(call: ModelCall, expected: ExpectedAnswer): Promise<void> {
    return checkAdmission(this.#admission, call, expected);
  }

  /** @throws as `generate` */
  rerank(call: ModelCall, asked: Asked<RerankRequest>): Promise<Made<RerankResult>> {
    return this.#make(this.#observe(call, 'rerank', asked.model), (own) => this.#media.rerank(own, asked));
  }

  /** @throws as `generate` */
  moderate(call: ModelCall, asked: Asked<ModerateRequest>): Promise<Made<ModerateResult>> {
    return this.#make(this.#observe(call, 'moderate', asked.model), (own) => this.#media.moderate(own, asked));
  }

  /** @throws as `generate` */
  transcribe(call: ModelCall, asked: Asked<TranscribeRequest>): Promise<Made<TranscribeResult>> {
    return this.#make(this.#observe(call, 'transcribe', asked.model), (own) => this.#media.transcribe(own, asked));
  }

  /** @throws as `generate` */
  speak(call: ModelCall, asked: Asked<SpeakRequest>): Promise<Made<SpeakResult>> {
    return this.#make(this.#observe(call, 'speak', asked.model), (own) => this.#media.speak(own, asked));
  }

  #observe(call: ModelCall, method: string, model: string | undefined): ObservedCall {
    return observe(this.#observers, call, { method, model });
  }

  #make<Result>(
    seen: ObservedCall,
    work: (call: ModelCall) => Promise<Result>,
    finishReasonOf?: (result: Result) => string | null,
  ): Promise<Result> {
    const limited = async (call: ModelCall) => {
      await this.#limit(call);
      return work(call);
    };
    return observed(seen, limited, finishReasonOf);
  }

  async #limit({ caller }: ModelCall): Promise<void> {
    const { settings } = await this.#catalog.directory.of(caller.workspace.id);
    await this.#limits.pass(caller, settings.policies);
  }
}
