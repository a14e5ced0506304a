import type {
  CallContext,
  EmbedRequest,
  EmbedResult,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  Provider,
  StreamPart,
  TokenUsage,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { VendorHttp } from '../vendor-http.ts';
import { type ChatDialect, chatBody } from './chat-request.ts';
import { readCompletion } from './chat-response.ts';
import { type ChatStreamRules, isDone, readChatStream } from './chat-stream.ts';
import { cutToFit, embeddingsBody, type ReadEmbeddings, readEmbeddings } from './embeddings.ts';

type HeaderMap = Readonly<Record<string, string>>;

/** Where the calls of one configuration go. */
export interface WireEndpoint {
  readonly http: VendorHttp;
  /** @param path such as `/chat/completions` @throws ProviderError `not_found` where the model has no place */
  url(path: string, model: string): string;
  /** Credentials, and what else each request carries. */
  headers(call: CallContext): HeaderMap | Promise<HeaderMap>;
}

/** In what one vendor's wire differs from another's, beside its addresses. */
export interface WireTraits extends ChatDialect, Pick<ChatStreamRules, 'alwaysSendsDone'> {
  /** What is known of a model without asking. */
  knownModel(name: string): ModelInfo | undefined;
}

/** What a vendor's answer may tell of its cost. */
export interface CostEvidence {
  readonly headers: HeaderMap;
  /** The answer's own `usage`. */
  readonly usage: unknown;
  readonly model: string;
  readonly counted: TokenUsage;
}

/** Chat and embeddings in OpenAI's wire format. What differs from vendor to vendor comes in by the parts, or is overridden. */
export abstract class OpenAiWireProvider implements Provider {
  protected readonly endpoint: WireEndpoint;
  protected readonly traits: WireTraits;

  constructor(endpoint: WireEndpoint, traits: WireTraits) {
    this.endpoint = endpoint;
    this.traits = traits;
  }

  async generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    const { http } = this.endpoint;
    const { json, headers } = await this.post('/chat/completions', chatBody(request, this.traits, false), call);
    const result = readCompletion(json, http);
    const model = result.model || request.model;
    const usage = await this.#withCost({ headers, usage: json.usage, model, counted: result.usage }, call);
    return { ...result, model, usage };
  }

  async *stream(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart> {
    const { http } = this.endpoint;
    const body = chatBody(request, this.traits, true);
    const url = this.endpoint.url('/chat/completions', request.model);
    let headers: HeaderMap = {};
    const events = http.postForEvents(
      { url, headers: await this.endpoint.headers(call), body, isLast: isDone },
      call,
      (response) => {
        headers = response.headers;
      },
    );
    yield* readChatStream(events, http, {
      alwaysSendsDone: this.traits.alwaysSendsDone,
      onFinish: async (finish, vendorUsage) => {
        const model = finish.model || request.model;
        const evidence = { headers, usage: vendorUsage, model, counted: finish.usage };
        return { ...finish, model, usage: await this.#withCost(evidence, call) };
      },
    });
  }

  async embed(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    const maxBatch = this.traits.knownModel(request.model)?.embedding?.maxBatch ?? Number.POSITIVE_INFINITY;
    if (request.texts.length < 1 || request.texts.length > maxBatch) {
      throw new ProviderError('bad_request', `${request.model} embeds 1 to ${maxBatch} texts a call`);
    }
    return this.#embedCut(request, call);
  }

  abstract listModels(call: CallContext): Promise<ModelInfo[]>;
  abstract check(call: CallContext): Promise<void>;

  async close(): Promise<void> {
    this.endpoint.http.close();
  }

  /** Sends JSON to where the body's model is. */
  protected async post(
    path: string,
    body: { model?: unknown },
    call: CallContext,
  ): Promise<{ json: JsonObject; headers: HeaderMap }> {
    const url = this.endpoint.url(path, String(body.model));
    return this.endpoint.http.postJson(url, await this.endpoint.headers(call), body, call);
  }

  /** What an answer cost, where the vendor tells; never throws. */
  protected costUsd(_evidence: CostEvidence, _call: CallContext): Promise<string | undefined> | undefined {
    return undefined;
  }

  async #withCost(evidence: CostEvidence, call: CallContext): Promise<TokenUsage> {
    const costUsd = await this.costUsd(evidence, call);
    return costUsd === undefined ? evidence.counted : { ...evidence.counted, costUsd };
  }

  /**
   * Only the vendor can count a text's tokens. Where it says that one is too long, the texts that may be are cut to what
   * surely fits, and go out once more.
   */
  async #embedCut(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    try {
      return await this.#embedOnce(request, call);
    } catch (error) {
      const limit = this.traits.knownModel(request.model)?.embedding?.maxInputTokens;
      const isTooLong = error instanceof ProviderError && error.kind === 'context_length';
      if (!isTooLong || limit === undefined) throw error;
      const cut = cutToFit(request, limit);
      if (cut.texts.every((text, index) => text === request.texts[index])) throw error;
      return this.#embedOnce(cut, call);
    }
  }

  async #embedOnce(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    const { json, headers } = await this.post('/embeddings', embeddingsBody(request), call);
    const read: ReadEmbeddings = readEmbeddings(json, request, this.endpoint.http);
    const model = read.model ?? request.model;
    const inputTokens = read.tokenCounts.reduce((sum, tokens) => sum + tokens, 0);
    const counted = { inputTokens, outputTokens: 0 };
    const costUsd = await this.costUsd({ headers, usage: json.usage, model, counted }, call);
    return { ...read, model, ...(costUsd === undefined ? {} : { costUsd }) };
  }
}
