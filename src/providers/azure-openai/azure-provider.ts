import type {
  CallContext,
  ModelInfo,
  PluginHost,
  SpeakRequest,
  SpeakResult,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { readOpenAiError } from '../openai/failures.ts';
import { type MediaClient, openSdk, speak, transcribe } from '../openai/media.ts';
import { listedModels } from '../openai/model-listing.ts';
import { knownOpenAiModel, openAiModelByName } from '../openai/models.ts';
import { OpenAiWireProvider } from '../openai/wire-provider.ts';
import { type ErrorReader, VendorHttp } from '../vendor-http.ts';
import { EntraTokens } from './entra-token.ts';

const DEFAULT_API_VERSION = '2024-10-21';
const DEFAULT_AUTHORITY_URL = 'https://login.microsoftonline.com';

export type AzureConfig = {
  baseUrl: string;
  apiVersion?: string;
  deployments?: Record<string, string>;
  apiKey?: string;
  entraToken?: string;
  tenantId?: string;
  clientId?: string;
  clientSecret?: string;
  authorityUrl?: string;
};

/** OpenAI's models in a resource of Azure's, where each is reached by the name of its deployment. */
export class AzureProvider extends OpenAiWireProvider {
  readonly #resourceUrl: string;
  readonly #apiVersion: string;
  readonly #deployments: Readonly<Record<string, string>> | undefined;
  readonly #tokens: EntraTokens | undefined;
  readonly #media: MediaClient;

  constructor(config: AzureConfig, host: PluginHost) {
    const { apiKey, entraToken, apiVersion = DEFAULT_API_VERSION } = config;
    const secrets = [apiKey, entraToken, config.clientSecret];
    const readError: ErrorReader = (body, status) => {
      if (status === 401) tokens?.forget();
      return readOpenAiError(body, status);
    };
    const http = new VendorHttp(host, { vendor: 'Azure OpenAI', secrets, readError });
    const tokens = entraTokens(config, host, (token) => http.keepSecret(token));
    const credentials = async (call: CallContext): Promise<Record<string, string>> => {
      if (tokens !== undefined) return { authorization: `Bearer ${await tokens.text(call)}` };
      return apiKey === undefined ? { authorization: `Bearer ${entraToken}` } : { 'api-key': apiKey };
    };
    const headers = async (call: CallContext) => ({
      ...(await credentials(call)),
      'x-ms-client-request-id': call.requestId,
    });
    super(
      { http, url: (path, model) => `${this.#deploymentUrl(model)}${path}?api-version=${apiVersion}`, headers },
      {
        maxTokensField: 'max_completion_tokens',
        continuesAnswers: false,
        standsInside: false,
        alwaysSendsDone: true,
        knownModel: knownOpenAiModel,
      },
    );
    this.#resourceUrl = withoutTrailingSlash(config.baseUrl).replace(/\/openai$/, '');
    this.#apiVersion = apiVersion;
    this.#deployments = config.deployments;
    this.#tokens = tokens;
    this.#media = {
      http,
      open: async (model, call) => ({
        model: this.#deploymentOf(model),
        sdk: await openSdk(http, {
          baseURL: this.#deploymentUrl(model),
          headers: await headers(call),
          query: { 'api-version': apiVersion },
        }),
      }),
    };
  }

  speak(request: SpeakRequest, call: CallContext): Promise<SpeakResult> {
    return speak(this.#media, request, call);
  }

  transcribe(request: TranscribeRequest, call: CallContext): Promise<TranscribeResult> {
    return transcribe(this.#media, request, call);
  }

  /** The resource does not list its deployments to those who call them, so these are the configured ones. */
  async listModels(): Promise<ModelInfo[]> {
    return Object.keys(this.#deployments ?? {}).flatMap((name) => {
      const known = openAiModelByName(name);
      // What it costs depends on the region and on the contract.
      return known === undefined ? [] : [withoutPrices(known)];
    });
  }

  async check(call: CallContext): Promise<void> {
    await listedModels(this.endpoint, `${this.#resourceUrl}/openai/models?api-version=${this.#apiVersion}`, call);
  }

  override async close(): Promise<void> {
    this.#tokens?.close();
    await super.close();
  }

  #deploymentUrl(model: string): string {
    return `${this.#resourceUrl}/openai/deployments/${encodeURIComponent(this.#deploymentOf(model))}`;
  }

  #deploymentOf(model: string): string {
    if (this.#deployments === undefined) return model;
    if (Object.hasOwn(this.#deployments, model)) return this.#deployments[model] as string;
    const names = Object.keys(this.#deployments).join(', ');
    throw new ProviderError('not_found', `There is no deployment for the model "${model}". There are: ${names}.`);
  }
}

function entraTokens(config: AzureConfig, host: PluginHost, onToken: (text: string) => void): EntraTokens | undefined {
  const { tenantId, clientId, clientSecret, authorityUrl = DEFAULT_AUTHORITY_URL } = config;
  if (tenantId === undefined || clientId === undefined || clientSecret === undefined) return undefined;
  return new EntraTokens({ tenantId, clientId, clientSecret, authorityUrl }, host, onToken);
}

function withoutPrices({ name, aliases, capabilities, dimensions, contextTokens, embedding }: ModelInfo): ModelInfo {
  return {
    ...{ name, capabilities },
    ...(aliases === undefined ? {} : { aliases }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(embedding === undefined ? {} : { embedding }),
  };
}
