import type Anthropic from '@anthropic-ai/sdk';
import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import type { ModelInfo as VendorModel } from '@anthropic-ai/sdk/resources/models';
import type {
  CallContext,
  Capability,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  PluginHost,
  Provider,
  StreamPart,
} from '../../plugins/contract.ts';
import type { JsonObject } from '../../shared/json.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { TurnMemory } from '../turn-memory.ts';
import { parseJsonObject, VendorHttp } from '../vendor-http.ts';
import { answerOf, thinkingBeforeCall } from './answer.ts';
import { readError } from './failures.ts';
import { MessageStream } from './message-stream.ts';
import type { SignedThinking } from './messages.ts';
import { MODELS } from './models.ts';
import { messagesBody } from './request.ts';

export const DEFAULT_BASE_URL = 'https://api.anthropic.com';
/** Not the SDK's own, 2026-10-21: that one no longer takes a temperature, and proxies do not know it. */
const API_VERSION = '2023-06-01';
/** The most that the vendor gives in one page. */
const MODELS_IN_A_PAGE = 1_000;
const MAX_PAGES = 20;

/** The plugin's configuration, checked against its schema. */
export interface AnthropicConfig {
  readonly apiKey: string;
  readonly baseUrl?: string;
  readonly betas?: readonly string[];
}

/** Claude, over the Messages API. */
export class AnthropicProvider implements Provider {
  readonly #http: VendorHttp;
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  /** The vendor's SDK, for calls that are too rare to be worth more; it is loaded by the first of them. */
  readonly #openSdk: () => Promise<Anthropic>;
  readonly #thinking = new TurnMemory<readonly SignedThinking[]>();

  constructor(config: AnthropicConfig, host: PluginHost) {
    const { apiKey, betas = [] } = config;
    const baseUrl = withoutTrailingSlash(config.baseUrl ?? DEFAULT_BASE_URL).replace(/\/v1$/, '');
    this.#http = new VendorHttp(host, { vendor: 'Anthropic', secrets: [apiKey], readError });
    this.#url = `${baseUrl}/v1/messages`;
    this.#headers = {
      'x-api-key': apiKey,
      'anthropic-version': API_VERSION,
      ...(betas.length === 0 ? {} : { 'anthropic-beta': betas.join(',') }),
    };
    this.#openSdk = async () => {
      const { default: Sdk } = await import('@anthropic-ai/sdk');
      return new Sdk({
        // Given, so that the SDK looks for none in this server's environment.
        apiKey,
        baseURL: baseUrl,
        fetch: this.#http.fetch,
        maxRetries: 0,
        logLevel: 'off',
        defaultHeaders: { ...this.#headers, authorization: null },
      });
    };
  }

  async generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    const body = messagesBody(request, false, this.#recall(request.model));
    const { json } = await this.#http.postJson(this.#url, this.#headers, body, call);
    if (json.type === 'error') throw this.#http.errorWithin(json);
    const message = json as unknown as Message;
    const answer = this.#http.read(() => answerOf(message));
    this.#remember(request.model, message.content);
    return answer;
  }

  async *stream(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart> {
    const body = messagesBody(request, true, this.#recall(request.model));
    const response = await this.#http.post(this.#url, this.#headers, body, call);
    const message = new MessageStream();
    let isFinished = false;
    for await (const { data } of this.#http.eventsOf(response)) {
      // Nothing comes after the end; a body that is read to its own end leaves the connection to the next call.
      if (isFinished) continue;
      const event = parseJsonObject(data, 'an event of the stream');
      if (event.type === 'error') throw this.#http.errorWithin(event);
      for (const part of this.#partsOf(message, event)) {
        isFinished = part.kind === 'finish';
        if (isFinished) this.#remember(request.model, message.blocks);
        yield part;
      }
    }
    if (!isFinished) throw this.#http.malformed('a stream that ended before message_stop');
  }

  async listModels(call: CallContext): Promise<ModelInfo[]> {
    const models = await this.#http.attempt(call, async () => {
      const sdk = await this.#openSdk();
      let page = await sdk.models.list({ limit: MODELS_IN_A_PAGE }, { signal: call.signal });
      const found: VendorModel[] = [...page.data];
      for (let pages = 1; pages < MAX_PAGES && page.hasNextPage(); pages++) {
        page = await page.getNextPage();
        found.push(...page.data);
      }
      return found;
    });
    return models.map(modelInfo);
  }

  async check(call: CallContext): Promise<void> {
    await this.#http.attempt(call, async () => {
      const sdk = await this.#openSdk();
      await sdk.models.list({ limit: 1 }, { signal: call.signal });
    });
  }

  async close(): Promise<void> {
    this.#http.close();
    this.#thinking.clear();
  }

  #partsOf(message: MessageStream, event: JsonObject): StreamPart[] {
    const read = () => [...message.read(event as unknown as RawMessageStreamEvent)];
    return this.#http.read(read, `an incomplete ${String(event.type)} event`);
  }

  #recall(model: string) {
    return (callId: string) => this.#thinking.recall(model, callId);
  }

  #remember(model: string, content: Message['content']): void {
    const turn = thinkingBeforeCall(content);
    if (turn !== null) this.#thinking.remember(model, turn.callId, turn.thinking);
  }
}

/** A model under the name that it has here; what is not told is taken to be as with all current models. */
function modelInfo(model: VendorModel): ModelInfo {
  const known = MODELS.find(({ name, aliases = [] }) => name === model.id || aliases.includes(model.id));
  if (known !== undefined) return known;
  const { capabilities: can, max_input_tokens: contextTokens } = model;
  const capabilities: Capability[] = ['GENERATE', 'STREAM', 'TOOLS'];
  if (can?.structured_outputs?.supported !== false) capabilities.push('STRUCTURED_OUTPUT');
  if (can?.image_input?.supported !== false) capabilities.push('IMAGE_INPUT');
  return { name: model.id, capabilities, ...(contextTokens == null ? {} : { contextTokens }) };
}
