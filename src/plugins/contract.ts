/**
 * The contract between Signalbox and a provider plugin. This file is all that a plugin author has to read.
 * A plugin is a manifest and a factory; its provider can do what it has methods for, within limits that are data on
 * its models. A plugin never patches a global and never retries: retries, fallbacks, time limits, caching and metering
 * are the gateway's work. It reports every failure as an error with the name `ProviderError` and one of the kinds that
 * docs/writing-a-provider.md lists. What cannot be honoured of a request is refused as `bad_request`, never dropped.
 */

/** The version of this contract. A plugin says which one it was written for; another one is refused. */
export const SPEC_VERSION = 1;

/** JSON Schema (draft 2020-12) of an object. A property with `"secret": true` is a credential: stored encrypted, never read back. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What the registry, the console and an integration's form need to know before a provider exists. */
export interface PluginManifest {
  /** Lower-case letters, digits and dashes, 2 to 40 characters; unique on a server. */
  readonly id: string;
  /** The name people see. */
  readonly label: string;
  /** Semantic version of the plugin itself. */
  readonly version: string;
  readonly specVersion: typeof SPEC_VERSION;
  /** What its providers can do, with the right configuration; which of it a model can is told by the model. */
  readonly capabilities: readonly Capability[];
  /** JSON Schema of the configuration that `create` takes, credentials included. */
  readonly configSchema: JsonSchema;
  /** Models known without asking the vendor, whatever the configuration; and the day (YYYY-MM-DD) of their prices. */
  readonly models?: readonly ModelInfo[];
  readonly pricesAsOf?: string;
  /** Where a person reads how to get credentials and which models there are. */
  readonly docsUrl?: string;
}

/** A plugin: the default export of a plugin module. */
export interface ProviderPlugin<Config = Record<string, unknown>> {
  readonly manifest: PluginManifest;
  /**
   * Makes a provider for one configuration, already checked against `manifest.configSchema`.
   * Cheap: it opens no connection and loads no weights; that happens in the first call that needs it.
   */
  create(config: Config, host: PluginHost): Provider;
}

/** What a plugin gets from its server, instead of reaching for globals. */
export interface PluginHost {
  /** The way to the network for a vendor's SDK. Refuses addresses that the server's policy forbids. */
  readonly fetch: typeof globalThis.fetch;
  /** The same way at a tenth of the cost, for hot calls: one POST on the shared connections; redirects are not followed. */
  post(url: string, init: { headers: object; body: string | Uint8Array; signal: AbortSignal }): Promise<PostResponse>;
  readonly logger: PluginLogger;
  /** Milliseconds since 1970. */
  now(): number;
  /** Aborted when the provider is closed for good. */
  readonly signal: AbortSignal;
  /** A folder this plugin may keep files in (downloaded or built weights); not shared with other plugins. */
  readonly cacheDir: string;
}

/** Status and headers, with the body still to come. A connection that breaks throws a `ProviderError` of kind `network`. */
export interface PostResponse {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** The whole body, of 64 MB at the most. */
  text(): Promise<string>;
  /** The body as it comes; throws where it is cut. Either this or `text()`, once. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Structured logging; the fields come first. Never put a credential or a customer's text into it. */
export type PluginLogger = Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>;

/** A provider made from one configuration. A capability is a method that is present. */
export interface Provider {
  embed?(request: EmbedRequest, call: CallContext): Promise<EmbedResult>;
  generate?(request: GenerateRequest, call: CallContext): Promise<GenerateResult>;
  /** Writes an answer piece by piece. Ends with `finish`, or throws: an answer that was cut never ends quietly. */
  stream?(request: GenerateRequest, call: CallContext): AsyncIterable<StreamPart>;
  rerank?(request: RerankRequest, call: CallContext): Promise<RerankResult>;
  moderate?(request: ModerateRequest, call: CallContext): Promise<ModerateResult>;
  transcribe?(request: TranscribeRequest, call: CallContext): Promise<TranscribeResult>;
  speak?(request: SpeakRequest, call: CallContext): Promise<SpeakResult>;
  /** The models this configuration can use, beyond `manifest.models`; asks the vendor where it can tell. */
  listModels(call: CallContext): Promise<ModelInfo[]>;
  /** What the vendor says was spent with these credentials, in US dollars as a decimal. */
  spend?(call: CallContext): Promise<{ readonly totalUsd: string }>;
  /** Tries the configuration with the cheapest real call there is. Throws `ProviderError` where it does not work. */
  check(call: CallContext): Promise<void>;
  /** Frees threads, sockets and memory. Idempotent; calls under way are aborted. */
  close(): Promise<void>;
}

/** What a call is made with, beside its request. */
export interface CallContext {
  /** Aborted when the caller leaves or a time limit passes; a provider closes its socket within 100 ms. */
  readonly signal: AbortSignal;
  /** For logs, and for a vendor's own request-id header. */
  readonly requestId: string;
}

/** What a model can do. The names are those of the API's `Capability`. */
export type Capability =
  | ('EMBED' | 'GENERATE' | 'STREAM' | 'STRUCTURED_OUTPUT' | 'TOOLS')
  | ('RERANK' | 'MODERATE' | 'IMAGE_INPUT' | 'TRANSCRIBE' | 'SPEAK');

/** A model, as data. */
export interface ModelInfo {
  /** The provider's own name for it. The API's id is `<integration>/<name>`. */
  readonly name: string;
  /** Other names of the same model; a request that uses one reaches the provider under `name`. */
  readonly aliases?: readonly string[];
  readonly capabilities: readonly Capability[];
  /** Length of an embedding model's vectors. */
  readonly dimensions?: number;
  /** Tokens that a request and its answer may have together. */
  readonly contextTokens?: number;
  /** US dollars for a million tokens (`cache`: in the vendor's prompt cache), a second of sound, an image; unknown: left out. */
  readonly inputUsdPerMillion?: string;
  readonly outputUsdPerMillion?: string;
  readonly cachedInputUsdPerMillion?: string;
  readonly cacheWriteUsdPerMillion?: string;
  readonly usdPerAudioSecond?: string;
  readonly usdPerImage?: string;
  /** Present on embedding models. */
  readonly embedding?: EmbeddingTraits;
}

/** How an embedding model wants to be used: limits, and the shape of its vector space. */
export interface EmbeddingTraits {
  /** Texts in one `embed` call at the most, and their bytes in UTF-8; the gateway splits what is more. */
  readonly maxBatch: number;
  readonly maxBatchBytes?: number;
  /** Tokens of one text that the model reads; the rest of a longer text is cut off by the provider. */
  readonly maxInputTokens: number;
  /** Words in a chunk of a long document. */
  readonly chunkWords: number;
  /** Cosine similarity above which two texts usually mean the same; the default threshold of `similar`. 0..1 */
  readonly sameMeaning: number;
  /** Weight of the vector's side in hybrid search, 0..1; the lexical side has the rest. */
  readonly hybridVectorWeight: number;
}

/** Texts to embed. */
export interface EmbedRequest {
  /** A `ModelInfo.name` of this provider. */
  readonly model: string;
  /** 1 to `maxBatch` texts, already trimmed; '' is allowed and has a defined vector. */
  readonly texts: readonly string[];
  /** Some models embed a question otherwise than the passage that answers it. */
  readonly purpose: 'document' | 'query';
  /** Length of the vectors, where the model can choose; left out: the model's own. */
  readonly dimensions?: number;
}

/** Vectors in the order of the request's texts. */
export interface EmbedResult {
  /** One vector for each text; L2 norm 1. */
  readonly vectors: readonly Float32Array[];
  /** Tokens of each text after cutting; where the vendor tells their sum alone, it is shared out by length. */
  readonly tokenCounts: readonly number[];
  /** The model that answered, as the vendor names it. */
  readonly model: string;
  /** What the vendor says it cost, as a decimal. */
  readonly costUsd?: string;
}

/** One message of a conversation. `text` parts are joined; an assistant's calls are answered by `tool` messages. */
export type ChatMessage =
  | { readonly role: 'system'; readonly text: string }
  | { readonly role: 'user'; readonly parts: readonly ContentPart[] }
  | { readonly role: 'assistant'; readonly text: string; readonly toolCalls?: readonly ToolCall[] }
  | { readonly role: 'tool'; readonly toolCallId: string; readonly text: string };

/** What a user says or shows. An image is base64 with its type, or a url that the vendor fetches itself. */
export type ContentPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'image'; readonly mimeType: string; readonly base64: string; readonly detail?: string }
  | { readonly kind: 'imageUrl'; readonly url: string; readonly detail?: string };

/** A tool that the model wants called; `arguments` is JSON as the model wrote it. */
export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string };

/** What to answer, and how. A last message of the assistant's is a beginning that the answer goes on from. */
export interface GenerateRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
  readonly topP?: number;
  readonly stop?: readonly string[];
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly reasoningEffort?: 'minimal' | 'low' | 'medium' | 'high';
  readonly tools?: readonly { name: string; description?: string; parameters: JsonSchema; strict?: boolean }[];
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly name: string };
  readonly parallelToolCalls?: boolean;
  /** The shape of the answer: any JSON object, or one by a schema, by the vendor's own means. */
  readonly format?: 'json' | { readonly name: string; readonly schema: JsonSchema; readonly strict?: boolean };
  /** Fields of the vendor's own request, added to it as they are. */
  readonly vendorOptions?: Readonly<Record<string, unknown>>;
}

/** Tokens as the vendor counted them; `inputTokens` has the cached ones in it. `costUsd` is what the vendor says it cost. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedInputTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
  readonly costUsd?: string;
}

/** How an answer ended, and what it took. `model` is the one that answered, as the vendor names it. */
export interface GenerateEnd {
  readonly finishReason: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  readonly usage: TokenUsage;
  readonly model: string;
}

/** A whole answer. */
export type GenerateResult = GenerateEnd & { text: string; toolCalls: readonly ToolCall[]; reasoning?: string };

/** A piece of an answer. Pieces of one tool call share `index`; the first has its `id` and `name`. `usage`: tokens up to there. */
export type StreamPart =
  | { readonly kind: 'text' | 'reasoning'; readonly text: string }
  | { readonly kind: 'toolCall'; readonly index: number; id?: string; name?: string; readonly arguments: string }
  | ({ readonly kind: 'usage'; readonly usage: TokenUsage } | ({ readonly kind: 'finish' } & GenerateEnd));

/** 1 to 1,000 texts to order by a query. */
export type RerankRequest = { readonly model: string; readonly query: string; readonly texts: readonly string[] };
/** One score for each text in the request's order, 0..1. */
export type RerankResult = { readonly scores: readonly number[]; readonly model: string; readonly usage: TokenUsage };
/** Texts to judge. */
export type ModerateRequest = { readonly model: string; readonly texts: readonly string[] };
/** For each text whether it is harmful, and the vendor's categories with their scores, 0..1. */
export type ModerateResult = {
  readonly judgements: readonly { readonly flagged: boolean; readonly scores: Readonly<Record<string, number>> }[];
};
/** An audio file; `language` is a BCP 47 tag, where it is known. */
export type TranscribeRequest = { model: string; audio: Uint8Array; mimeType: string; language?: string };
/** What was said; times are in seconds. */
export type TranscribeResult = { text: string; language?: string; durationSeconds: number; usage?: TokenUsage } & {
  readonly segments?: readonly { readonly start: number; readonly end: number; readonly text: string }[];
};
/** A text to say, in one of the vendor's voices. */
export type SpeakRequest = { readonly model: string; readonly text: string; readonly voice?: string };
/** The sound, as a file. */
export type SpeakResult = { audio: Uint8Array; mimeType: string; durationSeconds?: number; usage?: TokenUsage };
