import type {
  CallContext,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  ModerateRequest,
  ModerateResult,
  PluginHost,
  SpeakRequest,
  SpeakResult,
  StreamPart,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { VendorHttp } from '../vendor-http.ts';
import { readOpenAiError } from './failures.ts';
import { type MediaClient, moderate, openSdk, speak, transcribe } from './media.ts';
import { listedNames } from './model-listing.ts';
import { knownOpenAiModel, openAiModelByName } from './models.ts';
import { readResponse, readResponseStream } from './responses-answer.ts';
import { isLastResponseEvent, responsesBody } from './responses-request.ts';
import { OpenAiWireProvider } from './wire-provider.ts';

const DEFAULT_BASE_URL = 'https://api.openai.com/v1';

export type OpenAiConfig = {
  apiKey: string;
  baseUrl?: string;
  organization?: string;
  project?: string;
  api?: 'chat' | 'responses';
};

/** OpenAI by one key. */
export class OpenAiProvider extends OpenAiWireProvider {
  readonly #media: MediaClient;
  readonly #baseUrl: string;
  readonly #usesResponses: boolean;

  constructor(config: OpenAiConfig, host: PluginHost) {
    const http = new VendorHttp(host, { vendor: 'OpenAI', secrets: [config.apiKey], readError: readOpenAiError });
    const baseUrl = withoutTrailingSlash(config.baseUrl ?? DEFAULT_BASE_URL);
    const fixed = {
      authorization: `Bearer ${config.apiKey}`,
      ...(config.organization === undefined ? {} : { 'openai-organization': config.organization }),
      ...(config.project === undefined ? {} : { 'openai-project': config.project }),
    };
    const headers = (call: CallContext) => ({ ...fixed, 'x-client-request-id': call.requestId });
    super(
      { http, url: (path) => baseUrl + path, headers },
      {
        maxTokensField: 'max_completion_tokens',
        continuesAnswers: false,
        standsInside: false,
        alwaysSendsDone: true,
        knownModel: knownOpenAiModel,
      },
    );
    this.#baseUrl = baseUrl;
    this.#usesResponses = config.api === 'responses';
    this.#media = {
      http,
      open: async (model, call) => ({ model, sdk: await openSdk(http, { baseURL: baseUrl, headers: headers(call) }) }),
    };
  }

  override async generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    if (!this.#usesResponses) return super.generate(request, call);
    const { json } = await this.post('/responses', responsesBody(request, false), call);
    return readResponse(json, this.endpoint.http);
  }

  override async *stream(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart> {
    if (!this.#usesResponses) {
      yield* super.stream(request, call);
      return;
    }
    const { http } = this.endpoint;
    const body = responsesBody(request, true);
    const headers = await this.endpoint.headers(call);
    const sent = { url: `${this.#baseUrl}/responses`, headers, body, isLast: isLastResponseEvent };
    yield* readResponseStream(http.postForEvents(sent, call), http);
  }

  moderate(request: ModerateRequest, call: CallContext): Promise<ModerateResult> {
    return moderate(this.#media, request, call);
  }

  speak(request: SpeakRequest, call: CallContext): Promise<SpeakResult> {
    return speak(this.#media, request, call);
  }

  transcribe(request: TranscribeRequest, call: CallContext): Promise<TranscribeResult> {
    return transcribe(this.#media, request, call);
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const names = await listedNames(this.endpoint, `${this.#baseUrl}/models`, call);
    return names.map(openAiModelByName).filter((model) => model !== undefined);
  }

  /** The list of models is free, and needs the key. */
  async check(call: CallContext): Promise<void> {
    await listedNames(this.endpoint, `${this.#baseUrl}/models`, call);
  }
}
