import type {
  CallContext,
  EmbedRequest,
  EmbedResult,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  ModerateRequest,
  ModerateResult,
  PluginHost,
  PostResponse,
  Provider,
  RerankRequest,
  RerankResult,
  SpeakRequest,
  SpeakResult,
  StreamPart,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { parseJsonObject, VendorHttp } from '../vendor-http.ts';
import { AnswerReader, answerOf } from './chat-answer.ts';
import { type ChatBody, chatBody } from './chat-request.ts';
import { readError } from './failures.ts';
import {
  audioOf,
  embedBody,
  judgementOf,
  moderateBody,
  rerankBody,
  scoresOf,
  soundOf,
  speakBody,
  transcribeBody,
  transcriptOf,
  vectorsOf,
} from './media.ts';
import { ModelNames } from './models.ts';

export const DEFAULT_BASE_URL = 'https://api.cloudflare.com/client/v4';
const MODELS_IN_A_PAGE = 100;
const MAX_PAGES = 20;
/** The model judges one text a call. */
const MODERATED_AT_ONCE = 8;

/** The plugin's configuration, checked against its schema. */
export interface CloudflareConfig {
  readonly accountId: string;
  /** One of the two; the first is what the vendor calls it. */
  readonly apiToken?: string;
  readonly apiKey?: string;
  readonly baseUrl?: string;
  /** The vendor's ids by the names that are wanted for them. */
  readonly modelIds?: Readonly<Record<string, string>>;
}

/** Workers AI, over the vendor's REST API. */
export class CloudflareProvider implements Provider {
  readonly #http: VendorHttp;
  readonly #names: ModelNames;
  readonly #aiUrl: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(config: CloudflareConfig, host: PluginHost) {
    const token = config.apiToken ?? config.apiKey ?? '';
    const baseUrl = withoutTrailingSlash(config.baseUrl ?? DEFAULT_BASE_URL);
    this.#http = new VendorHttp(host, { vendor: 'Cloudflare', secrets: [config.apiToken, config.apiKey], readError });
    this.#names = new ModelNames(config.modelIds);
    this.#aiUrl = `${baseUrl}/accounts/${encodeURIComponent(config.accountId)}/ai`;
    this.#headers = { authorization: `Bearer ${token}` };
  }

  async generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    const body = chatBody(request, false);
    const { result, model } = await this.#run(request.model, body, call);
    return this.#http.read(() => answerOf(result, { model, maxTokens: maxTokensOf(body) }));
  }

  async *stream(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart> {
    // JSON mode has no streams: its answer comes whole.
    if (request.format !== undefined) {
      yield* partsOf(await this.generate(request, call));
      return;
    }
    const body = chatBody(request, true);
    const model = this.#names.realIdOf(request.model);
    const response = await this.#http.post(this.#runUrl(model), this.#headers, body, call);
    const terms = { model, maxTokens: maxTokensOf(body) };
    if (!isEventStream(response)) {
      const { result } = this.#unwrap(parseJsonObject(await response.text(), 'the answer'));
      yield* partsOf(this.#http.read(() => answerOf(result, terms)));
      return;
    }
    const reader = new AnswerReader(terms);
    for await (const { data } of this.#http.eventsOf(response)) {
      if (data === '[DONE]') {
        yield* this.#http.read(() => reader.end());
        return;
      }
      const event = parseJsonObject(data, 'an event of the stream');
      if (isFailure(event)) throw this.#http.errorWithin(event);
      yield* this.#http.read(() => reader.read(event));
    }
    throw new ProviderError('network', 'the stream of Cloudflare ended before the answer did');
  }

  async embed(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    const { result, model } = await this.#run(request.model, embedBody(request), call);
    return this.#http.read(() => vectorsOf(objectOf(result), request, model));
  }

  async rerank(request: RerankRequest, call: CallContext): Promise<RerankResult> {
    const { result, model } = await this.#run(request.model, rerankBody(request), call);
    return this.#http.read(() => scoresOf(objectOf(result), request, model));
  }

  async moderate({ model, texts }: ModerateRequest, call: CallContext): Promise<ModerateResult> {
    const judgements: ModerateResult['judgements'][number][] = [];
    for (let start = 0; start < texts.length; start += MODERATED_AT_ONCE) {
      const batch = texts.slice(start, start + MODERATED_AT_ONCE);
      const answers = await Promise.all(batch.map((text) => this.#run(model, moderateBody(text), call)));
      judgements.push(...answers.map(({ result }) => this.#http.read(() => judgementOf(objectOf(result)))));
    }
    return { judgements };
  }

  async transcribe(request: TranscribeRequest, call: CallContext): Promise<TranscribeResult> {
    const { result } = await this.#run(request.model, transcribeBody(request), call);
    return this.#http.read(() => transcriptOf(objectOf(result)));
  }

  async speak({ model, text, voice }: SpeakRequest, call: CallContext): Promise<SpeakResult> {
    const url = this.#runUrl(this.#names.realIdOf(model));
    const response = await this.#http.post(url, this.#headers, speakBody(text, voice), call);
    if (response.headers['content-type']?.startsWith('audio/') === true)
      return soundOf(await this.#http.bytesOf(response));
    const { result } = this.#unwrap(parseJsonObject(await response.text(), 'the answer'));
    return this.#http.read(() => audioOf(objectOf(result).audio));
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const listing: unknown[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const models = await this.#modelsPage(page, MODELS_IN_A_PAGE, call);
      listing.push(...models);
      if (models.length < MODELS_IN_A_PAGE) break;
    }
    return [...this.#names.infos(), ...this.#names.listed(listing)];
  }

  async check(call: CallContext): Promise<void> {
    await this.#modelsPage(1, 1, call);
  }

  async close(): Promise<void> {
    this.#http.close();
  }

  async #modelsPage(page: number, size: number, call: CallContext): Promise<readonly unknown[]> {
    const url = `${this.#aiUrl}/models/search?page=${page}&per_page=${size}`;
    const { json } = await this.#http.getJson(url, this.#headers, call);
    const { result } = this.#unwrap(json);
    if (!Array.isArray(result)) throw this.#http.malformed('a list of models of an unknown shape');
    return result;
  }

  async #run(name: string, body: object, call: CallContext): Promise<{ result: JsonValue | undefined; model: string }> {
    const model = this.#names.realIdOf(name);
    const { json } = await this.#http.postJson(this.#runUrl(model), this.#headers, body, call);
    return { ...this.#unwrap(json), model };
  }

  /** Takes what was asked for out of `{ result, success, errors, messages }`. */
  #unwrap(envelope: JsonObject): { result: JsonValue | undefined } {
    if (isFailure(envelope)) throw this.#http.errorWithin(envelope);
    return { result: envelope.result };
  }

  #runUrl(realId: string): string {
    return `${this.#aiUrl}/run/${realId}`;
  }
}

function* partsOf({ text, reasoning, toolCalls, ...end }: GenerateResult): Iterable<StreamPart> {
  if (reasoning !== undefined) yield { kind: 'reasoning', text: reasoning };
  if (text !== '') yield { kind: 'text', text };
  for (const [index, call] of toolCalls.entries()) yield { kind: 'toolCall', index, ...call };
  yield { kind: 'finish', ...end };
}

function maxTokensOf({ max_tokens }: ChatBody): number {
  return max_tokens;
}

function isEventStream({ headers }: PostResponse): boolean {
  return headers['content-type']?.includes('json') !== true;
}

function isFailure({ success, error, errors }: JsonObject): boolean {
  return success === false || error !== undefined || (Array.isArray(errors) && errors.length > 0);
}

/** @throws TypeError, which is told as an unknown shape */
function objectOf(result: JsonValue | undefined): JsonObject {
  if (!isJsonObject(result)) throw new TypeError('no object');
  return result;
}
