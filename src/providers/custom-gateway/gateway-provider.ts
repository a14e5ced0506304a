import type { CallContext, ModelInfo, PluginHost, TokenUsage } from '../../plugins/contract.ts';
import { isJsonObject } from '../../shared/json.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { readOpenAiError } from '../openai/failures.ts';
import { listedNames } from '../openai/model-listing.ts';
import { openAiModelByName } from '../openai/models.ts';
import { type CostEvidence, OpenAiWireProvider } from '../openai/wire-provider.ts';
import { VendorHttp } from '../vendor-http.ts';
import { plainDecimal } from './plain-decimal.ts';

/** The answer is there already: nobody waits longer for its price. */
const COST_TIMEOUT_MS = 2_000;
const COST_HEADER = 'x-litellm-response-cost';

export type GatewayConfig = {
  baseUrl: string;
  apiKey: string;
  continuesAnswers?: boolean;
};

/** A gateway of the team's own, in OpenAI's format, that keeps account of what is spent, as LiteLLM's proxy does. */
export class GatewayProvider extends OpenAiWireProvider {
  readonly #baseUrl: string;
  /** Keys and costs are not below `/v1`. */
  readonly #managementUrl: string;

  constructor(config: GatewayConfig, host: PluginHost) {
    const { apiKey, continuesAnswers = false } = config;
    const baseUrl = withoutTrailingSlash(config.baseUrl);
    super(
      {
        http: new VendorHttp(host, { vendor: 'the gateway', secrets: [apiKey], readError: readOpenAiError }),
        url: (path) => baseUrl + path,
        headers: (call) => ({ authorization: `Bearer ${apiKey}`, 'x-request-id': call.requestId }),
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
    this.#managementUrl = baseUrl.replace(/\/v1$/, '');
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const names = await listedNames(this.endpoint, `${this.#baseUrl}/models`, call);
    return names.map(modelInfo);
  }

  async check(call: CallContext): Promise<void> {
    await listedNames(this.endpoint, `${this.#baseUrl}/models`, call);
  }

  /** What the gateway has on account for this key. */
  async spend(call: CallContext): Promise<{ readonly totalUsd: string }> {
    const { http } = this.endpoint;
    const { json } = await http.getJson(`${this.#managementUrl}/key/info`, await this.endpoint.headers(call), call);
    const totalUsd = isJsonObject(json.info) ? plainDecimal(json.info.spend) : undefined;
    if (totalUsd === undefined) throw http.malformed('a key without its spend');
    return { totalUsd };
  }

  /** As the answer says, else as the gateway calculates it; where neither tells, the cost is not known. */
  protected override async costUsd(evidence: CostEvidence, call: CallContext): Promise<string | undefined> {
    const { usage, headers, counted } = evidence;
    const told = (isJsonObject(usage) ? plainDecimal(usage.cost) : undefined) ?? plainDecimal(headers[COST_HEADER]);
    // Of no tokens it would calculate that they are free.
    const isUncounted = counted.inputTokens + counted.outputTokens === 0;
    return told ?? (isUncounted ? undefined : await this.#calculatedCost(evidence, call));
  }

  async #calculatedCost({ model, counted }: CostEvidence, call: CallContext): Promise<string | undefined> {
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(COST_TIMEOUT_MS)]);
    const headers = await this.endpoint.headers(call);
    const body = { completion_response: { object: 'chat.completion', model, choices: [], usage: wireUsage(counted) } };
    try {
      const url = `${this.#managementUrl}/spend/calculate`;
      const { json } = await this.endpoint.http.postJson(url, headers, body, { ...call, signal });
      return plainDecimal(json.cost);
    } catch {
      // The answer is whole without it.
      return undefined;
    }
  }
}

function wireUsage({ inputTokens, outputTokens, cachedInputTokens }: TokenUsage): object {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedInputTokens === undefined ? {} : { prompt_tokens_details: { cached_tokens: cachedInputTokens } }),
  };
}

/** A gateway names models as it likes, often `<vendor>/<model>`. What they cost there, only it knows. */
function modelInfo(name: string): ModelInfo {
  const known = openAiModelByName(name.slice(name.lastIndexOf('/') + 1));
  if (known === undefined) return { name, capabilities: capabilitiesByName(name) };
  const { contextTokens, dimensions, embedding } = known;
  const capabilities = known.capabilities.filter((each) => !UNUSED.includes(each));
  return {
    name,
    capabilities: capabilities.length === 0 ? capabilitiesByName(name) : capabilities,
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(embedding === undefined ? {} : { embedding }),
  };
}

const UNUSED: readonly string[] = ['MODERATE', 'TRANSCRIBE', 'SPEAK'];

function capabilitiesByName(name: string): ModelInfo['capabilities'] {
  return /embed/i.test(name) ? ['EMBED'] : ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'];
}
