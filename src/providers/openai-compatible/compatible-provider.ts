import type {
  CallContext,
  Capability,
  ModelInfo,
  PluginHost,
  RerankRequest,
  RerankResult,
} from '../../plugins/contract.ts';
import { isJsonObject } from '../../shared/json.ts';
import { tokenCount } from '../../shared/token-count.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { readUsage } from '../openai/chat-response.ts';
import { isErrorBody, readOpenAiError } from '../openai/failures.ts';
import { type ListedModel, listedModels } from '../openai/model-listing.ts';
import { OpenAiWireProvider } from '../openai/wire-provider.ts';
import { VendorHttp } from '../vendor-http.ts';

export type CompatibleConfig = {
  baseUrl: string;
  apiKey?: string;
  continuesAnswers?: boolean;
};

/**
 * A server that speaks OpenAI's format: Ollama, vLLM, llama.cpp, LM Studio and others. Prices are not known here. Where
 * a server does not count tokens, the counts are 0; nothing is estimated.
 */
export class CompatibleProvider extends OpenAiWireProvider {
  readonly #baseUrl: string;

  constructor(config: CompatibleConfig, host: PluginHost) {
    const { apiKey, continuesAnswers = false } = config;
    const baseUrl = withoutTrailingSlash(config.baseUrl);
    const headers: Record<string, string> = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
    super(
      {
        http: new VendorHttp(host, { vendor: 'the server', secrets: [apiKey], readError: readOpenAiError }),
        url: (path) => baseUrl + path,
        headers: (call) => ({ ...headers, 'x-request-id': call.requestId }),
      },
      {
        maxTokensField: 'max_tokens',
        continuesAnswers,
        standsInside: true,
        alwaysSendsDone: false,
        knownModel: () => undefined,
      },
    );
    this.#baseUrl = baseUrl;
  }

  /** As vLLM, llama.cpp, Jina and others have it. */
  async rerank(request: RerankRequest, call: CallContext): Promise<RerankResult> {
    const { http } = this.endpoint;
    const { model, query, texts } = request;
    const body = { model, query, documents: [...texts], top_n: texts.length, return_documents: false };
    const { json } = await this.post('/rerank', body, call);
    if (isErrorBody(json)) throw http.errorWithin(json);
    const scores: number[] = new Array(texts.length);
    for (const result of Array.isArray(json.results) ? json.results : []) {
      const { index, relevance_score: score } = isJsonObject(result) ? result : {};
      if (typeof index !== 'number' || !(index in texts) || typeof score !== 'number') {
        throw http.malformed('scores that belong to no text');
      }
      scores[index] = score;
    }
    if (Object.keys(scores).length !== texts.length) throw http.malformed('fewer scores than texts');
    return {
      scores: asShares(scores),
      model: typeof json.model === 'string' ? json.model : model,
      usage: rerankUsage(json.usage),
    };
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const models = await listedModels(this.endpoint, `${this.#baseUrl}/models`, call);
    return models.map(modelInfo);
  }

  async check(call: CallContext): Promise<void> {
    await listedModels(this.endpoint, `${this.#baseUrl}/models`, call);
  }
}

/** llama.cpp gives logits, the others shares; the order stays. */
function asShares(scores: readonly number[]): number[] {
  const areShares = scores.every((score) => score >= 0 && score <= 1);
  return areShares ? [...scores] : scores.map((score) => 1 / (1 + Math.exp(-score)));
}

function rerankUsage(usage: unknown): RerankResult['usage'] {
  const read = readUsage(usage);
  const total = isJsonObject(usage) ? tokenCount(usage.total_tokens) : undefined;
  return { ...read, inputTokens: read.inputTokens || (total ?? 0) };
}

const EMBEDS = /embed|(^|[-/_])(bge|gte|e5|minilm|nomic|jina|mxbai|arctic)[-_]/i;
const RERANKS = /rerank/i;
const SEES = /vision|llava|pixtral|moondream|minicpm-v|gemma-?3|gemma-?4|mistral-small|[-_]vl\b|\dvl\b|omni/i;

/** Only the name says what a local model can do; an integration's `models` says it better. */
function modelInfo(listed: ListedModel): ModelInfo {
  const contextTokens =
    tokenCount(listed.max_model_len) ?? (isJsonObject(listed.meta) ? tokenCount(listed.meta.n_ctx) : undefined);
  return {
    name: listed.id,
    capabilities: capabilitiesByName(listed.id),
    ...(contextTokens ? { contextTokens } : {}),
  };
}

function capabilitiesByName(name: string): Capability[] {
  if (RERANKS.test(name)) return ['RERANK'];
  if (EMBEDS.test(name)) return ['EMBED'];
  const text: Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS'];
  return SEES.test(name) ? [...text, 'IMAGE_INPUT'] : text;
}
