/**
 * The contract between Signalbox and a provider plugin. This file is all that a plugin author has to read.
 *
 * A plugin is a manifest and a factory. What a provider can do is told by the methods it has: a provider with an
 * `embed` method embeds. What limits it has is data on its models. A plugin never patches a global, never retries by
 * itself (retries, fallbacks, time limits, caching and metering are the gateway's work) and reports every failure as a
 * `ProviderError` (see errors.ts), so that each vendor's errors are normalised once, at the vendor's edge.
 */

/** The version of this contract. A plugin says which one it was written for; another one is refused. */
export const SPEC_VERSION = 1;

/** JSON Schema (draft 2020-12) of an object. A property with `"secret": true` is a credential: stored encrypted, never read back. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** What the registry, the console and an integration's form need to know before a provider exists. */
export interface PluginManifest {
  /** Lower-case letters, digits and dashes, 2 to 40 characters; unique on a server. Model ids begin with it. */
  readonly id: string;
  /** The name people see. */
  readonly label: string;
  /** Semantic version of the plugin itself. */
  readonly version: string;
  /** The version of this contract that the plugin was written for. */
  readonly specVersion: typeof SPEC_VERSION;
  /** What its providers can do, with the right configuration; which of it a model can is told by the model. */
  readonly capabilities: readonly Capability[];
  /** JSON Schema of the configuration that `create` takes. */
  readonly configSchema: JsonSchema;
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
  /** The only way to the network. */
  readonly fetch: typeof globalThis.fetch;
  readonly logger: PluginLogger;
  /** Milliseconds since 1970, as the server sees them. */
  now(): number;
  /** Aborted when the provider is closed for good. */
  readonly signal: AbortSignal;
  /** A folder this plugin may keep files in (downloaded or built weights); not shared with other plugins. */
  readonly cacheDir: string;
}

/** Structured logging; the object comes first. Never put a credential or a customer's text into it. */
export interface PluginLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A provider made from one configuration. A capability is a method that is present. */
export interface Provider {
  /** Turns texts into vectors. Present where the provider has an embedding model. */
  embed?(request: EmbedRequest, call: CallContext): Promise<EmbedResult>;
  /** The models this configuration can use, with their limits and prices. */
  listModels(call: CallContext): Promise<ModelInfo[]>;
  /** Tries the configuration with the cheapest real call there is. Throws `ProviderError` where it does not work. */
  check(call: CallContext): Promise<void>;
  /** Frees threads, sockets and memory. Idempotent; calls under way are aborted. */
  close(): Promise<void>;
}

/** What a call is made with, beside its request. */
export interface CallContext {
  /** Aborted when the caller leaves or a time limit passes; a provider stops its work within 100 ms. */
  readonly signal: AbortSignal;
  /** The id of the request that this call belongs to, for logs and for a vendor's own request-id header. */
  readonly requestId: string;
}

/** What a model can do. The names are those of the API's `Capability`. */
export type Capability =
  | 'EMBED'
  | 'GENERATE'
  | 'STREAM'
  | 'STRUCTURED_OUTPUT'
  | 'TOOLS'
  | 'RERANK'
  | 'MODERATE'
  | 'IMAGE_INPUT'
  | 'TRANSCRIBE'
  | 'SPEAK';

/** A model, as data. */
export interface ModelInfo {
  /** The provider's own name for it, e.g. `use-lite-768`. The API's id is `<integration>/<name>`. */
  readonly name: string;
  /** Other names of the same model; a request may use them, and is answered under `name`. */
  readonly aliases?: readonly string[];
  readonly capabilities: readonly Capability[];
  /** Length of an embedding model's vectors. */
  readonly dimensions?: number;
  /** Tokens that a request and its answer may have together. */
  readonly contextTokens?: number;
  /** US dollars for a million tokens. Leave out what is not known: an unknown price is never 0. */
  readonly inputUsdPerMillion?: string;
  readonly outputUsdPerMillion?: string;
  /** Present on embedding models. */
  readonly embedding?: EmbeddingTraits;
}

/** How an embedding model wants to be used: limits, and the shape of its vector space. */
export interface EmbeddingTraits {
  /** Texts in one `embed` call, at the most. The gateway splits larger requests. */
  readonly maxBatch: number;
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
}

/** Vectors in the order of the request's texts. */
export interface EmbedResult {
  /** One vector of `dimensions` numbers for each text; L2 norm 1. */
  readonly vectors: readonly Float32Array[];
  /** Tokens of each text, as the model counted them after cutting. */
  readonly tokenCounts: readonly number[];
  /** The model that answered, as the vendor names it. */
  readonly model: string;
}
