import type { Model } from '@google/genai';
import type {
  CallContext,
  Capability,
  EmbedRequest,
  EmbedResult,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  PluginHost,
  Provider,
  SpeakRequest,
  SpeakResult,
  StreamPart,
} from '../../plugins/contract.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { TurnMemory } from '../turn-memory.ts';
import { parseJsonObject, VendorHttp } from '../vendor-http.ts';
import { type AnswerChunk, AnswerReader, answerOf } from './answer.ts';
import { embedBody, vectorsOf } from './embedding.ts';
import { readError } from './failures.ts';
import { MODELS } from './models.ts';
import { generateBody } from './request.ts';
import { speechBody, speechOf } from './speech.ts';

export const DEFAULT_BASE_URL = 'https://generativelanguage.googleapis.com';
/** The most that the vendor gives in one page. */
const MODELS_IN_A_PAGE = 1_000;
const MAX_PAGES = 20;

/** The plugin's configuration, checked against its schema. */
export interface GoogleConfig {
  readonly apiKey: string;
  readonly baseUrl?: string;
}

/** Gemini, over the vendor's developer API. */
export class GoogleProvider implements Provider {
  readonly #http: VendorHttp;
  readonly #modelsUrl: string;
  /** The key goes nowhere else: what stands in a url is logged on the way. */
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signatures = new TurnMemory<string>();

  constructor(config: GoogleConfig, host: PluginHost) {
    const baseUrl = withoutTrailingSlash(config.baseUrl ?? DEFAULT_BASE_URL).replace(/\/v1beta$/, '');
    this.#http = new VendorHttp(host, { vendor: 'Google', secrets: [config.apiKey], readError });
    this.#modelsUrl = `${baseUrl}/v1beta/models`;
    this.#headers = { 'x-goog-api-key': config.apiKey };
  }

  async generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    const body = generateBody(request, this.#recall(request.model));
    const { json } = await this.#http.postJson(this.#url(request.model, 'generateContent'), this.#headers, body, call);
    if (json.error !== undefined) throw this.#http.errorWithin(json);
    return this.#http.read(() => answerOf(json as AnswerChunk, this.#reader(request.model)));
  }

  async *stream(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart> {
    const body = generateBody(request, this.#recall(request.model));
    const url = this.#url(request.model, 'streamGenerateContent?alt=sse');
    const response = await this.#http.post(url, this.#headers, body, call);
    const reader = this.#reader(request.model);
    for await (const { data } of this.#http.eventsOf(response)) {
      const chunk = parseJsonObject(data, 'a chunk of the stream');
      if (chunk.error !== undefined) throw this.#http.errorWithin(chunk);
      yield* this.#http.read(() => [...reader.read(chunk as AnswerChunk)]);
    }
    yield { kind: 'finish', ...reader.end() };
  }

  async embed(request: EmbedRequest, call: CallContext): Promise<EmbedResult> {
    const url = this.#url(request.model, 'batchEmbedContents');
    const { json } = await this.#http.postJson(url, this.#headers, embedBody(request), call);
    return this.#http.read(() => vectorsOf(json, request));
  }

  async speak(request: SpeakRequest, call: CallContext): Promise<SpeakResult> {
    const url = this.#url(request.model, 'generateContent');
    const { json } = await this.#http.postJson(url, this.#headers, speechBody(request), call);
    return this.#http.read(() => speechOf(json as AnswerChunk, request.model));
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const models: ModelInfo[] = [];
    let pageToken = '';
    for (let pages = 0; pages < MAX_PAGES; pages++) {
      const page = await this.#modelsPage(MODELS_IN_A_PAGE, pageToken, call);
      models.push(...this.#http.read(() => (page.models ?? []).flatMap(modelInfo)));
      pageToken = page.nextPageToken ?? '';
      if (pageToken === '') break;
    }
    return models;
  }

  async check(call: CallContext): Promise<void> {
    await this.#modelsPage(1, '', call);
  }

  async close(): Promise<void> {
    this.#http.close();
    this.#signatures.clear();
  }

  async #modelsPage(size: number, token: string, call: CallContext): Promise<ModelsPage> {
    const query = new URLSearchParams({ pageSize: String(size), ...(token === '' ? {} : { pageToken: token }) });
    const { json } = await this.#http.getJson(`${this.#modelsUrl}?${query}`, this.#headers, call);
    return json as ModelsPage;
  }

  #url(model: string, method: string): string {
    return `${this.#modelsUrl}/${encodeURIComponent(model)}:${method}`;
  }

  #recall(model: string) {
    return (callId: string) => this.#signatures.recall(model, callId);
  }

  #reader(model: string): AnswerReader {
    return new AnswerReader(model, (callId, signature) => this.#signatures.remember(model, callId, signature));
  }
}

interface ModelsPage {
  models?: WireModel[];
  nextPageToken?: string;
}

/** The SDK has another name for the methods of a model. */
type WireModel = Pick<Model, 'name' | 'inputTokenLimit'> & { supportedGenerationMethods?: string[] };

/** Nothing for models that neither answer nor embed, such as those for video. */
function modelInfo(model: WireModel): ModelInfo[] {
  const name = model.name?.replace(/^models\//, '') ?? '';
  const known = MODELS.find((each) => each.name === name);
  if (known !== undefined) return [known];
  const methods = model.supportedGenerationMethods ?? [];
  const contextTokens = model.inputTokenLimit === undefined ? {} : { contextTokens: model.inputTokenLimit };
  // Models that speak or draw are called by the same method, and answer with no text.
  const writes = methods.includes('generateContent') && !/tts|image|audio|live/.test(name);
  const capabilities: Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'];
  return writes && name !== '' ? [{ name, capabilities, ...contextTokens }] : [];
}
