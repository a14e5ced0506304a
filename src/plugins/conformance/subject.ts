import type { JsonSchema, ProviderPlugin } from '../contract.ts';
import type { ProviderErrorKind } from '../errors.ts';
import type { RecordedRequest, WireAnswer } from './vendor-server.ts';

/**
 * What the suite needs to know of a plugin to try it against a local server that speaks its vendor's wire format.
 * A rule is made for each capability in the plugin's manifest; only the parts of these need to be here.
 */
export interface ConformanceSubject {
  /** The module's default export; for a process, what `pluginAt(url)` gives. */
  readonly plugin: ProviderPlugin;
  /** A configuration, credentials included, whose calls all go to `upstreamUrl` (no slash at its end). */
  config(upstreamUrl: string): Record<string, unknown>;
  /** The credentials in that configuration: they may never show in an error. */
  readonly secrets: readonly string[];
  /** A model for each thing that the plugin can do. `chat` is for GENERATE, STREAM, STRUCTURED_OUTPUT and TOOLS. */
  readonly models: Partial<
    Record<'chat' | 'vision' | 'embed' | 'rerank' | 'moderate' | 'transcribe' | 'speak', string>
  >;
  readonly wire: VendorWire;
}

/** The vendor's bytes, as it documents them, and the way back from a request to what it asks. */
export interface VendorWire {
  /**
   * Answers a request that is not the call under test, such as one for an access token or for the cost of a request.
   * Undefined: the request is the call under test.
   */
  aside?(request: RecordedRequest): WireAnswer | undefined;
  /** Answers any call of `check()` and `listModels()`, where the credentials are right. */
  checked(request: RecordedRequest): WireAnswer;
  /** Names among those that `listModels()` then gives. */
  readonly listed: readonly string[];
  /** An answer with an error status, or whatever the vendor refuses with. Undefined: it never does; the rule is left out. */
  failure(failure: WireFailure, request: RecordedRequest): WireAnswer | undefined;
  /** `whole` is needed for GENERATE, `stream` for STREAM. */
  readonly chat?: Pick<ChatWire, 'asked'> & Partial<ChatWire>;
  readonly embed?: EmbedWire;
  /** A whole answer with these scores, in the order of the request's texts. */
  rerank?(scores: readonly number[], request: RecordedRequest): WireAnswer;
  /** A whole answer with one judgement for each text of the request. */
  moderate?(flagged: readonly boolean[], request: RecordedRequest): WireAnswer;
  transcribe?(text: string, request: RecordedRequest): WireAnswer;
  speak?(audio: Uint8Array, request: RecordedRequest): WireAnswer;
}

/** A number is an HTTP status; a word is a refusal that has a status of the vendor's choice. */
export interface WireFailure {
  readonly cause: number | 'context_length' | 'content_filter' | 'prefill';
  /** To be in the vendor's message where the format has one. */
  readonly message: string;
  /** Also sent with the answer, e.g. `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ChatWire {
  /** What a request for an answer asks, whatever form the vendor gives it. */
  asked(request: RecordedRequest): Pick<AskedChat, 'model' | 'texts'> & Partial<AskedChat>;
  /** A whole answer. */
  whole(reply: WireReply, request: RecordedRequest): WireAnswer;
  /** The same answer as a stream; `asked` tells which of the two a request wants. */
  stream(reply: WireReply, request: RecordedRequest): WireStream;
  /** Chunks of a stream that report a failure after a 200, and what the failure is. None: the rule is left out. */
  readonly streamFailures?: readonly { readonly chunk: string; readonly kind: ProviderErrorKind }[];
  /** False where the vendor tells no tokens: the plugin then gives 0 and 0. True unless told. */
  readonly countsTokens?: boolean;
  /** False where the vendor knows no temperature: the plugin then refuses it as `bad_request`. True unless told. */
  readonly takesTemperature?: boolean;
  /** False where the vendor knows no limit of tokens: the plugin refuses it, or cuts the answer itself. True unless told. */
  readonly takesMaxOutputTokens?: boolean;
  /** False where no finish reason says that the answer met its limit. True unless told. */
  readonly endsByLength?: boolean;
  /** True where a whole answer is plain text, so that any body is one. */
  readonly isPlainText?: boolean;
  /** False where the vendor does not say which model answered. True unless told. */
  readonly namesModel?: boolean;
  /** False where no finish reason says that the vendor's filter stopped the answer half-way. True unless told. */
  readonly endsByContentFilter?: boolean;
}

/** What the model says. */
export interface WireReply {
  /** One for each delta of a stream; joined, they are the text. */
  readonly pieces: readonly string[];
  readonly toolCalls: readonly WireToolCall[];
  readonly finishReason: 'stop' | 'length' | 'tool_calls' | 'content_filter';
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  /** The model that answers. */
  readonly model: string;
}

export interface WireToolCall {
  readonly id: string;
  readonly name: string;
  /** Joined, they are JSON. A vendor that streams no arguments sends them at once. */
  readonly argumentPieces: readonly string[];
}

/** A streamed answer in chunks; each a whole number of the format's events. */
export interface WireStream {
  readonly contentType: string;
  /** Before the first piece; may be none. */
  readonly opening: readonly string[];
  /** One for each of the reply's pieces, then those of its tool calls. */
  readonly pieces: readonly string[];
  /** Finish reason, usage, terminator. Without all of these, the answer is cut. */
  readonly ending: readonly string[];
  /** How many of the last chunks of `ending` may be missing from an answer that is whole all the same. 0 unless told. */
  readonly dispensable?: number;
}

/** What a request asks for, out of the vendor's form. */
export interface AskedChat {
  readonly model: string;
  readonly stream: boolean;
  /** The texts of all messages, in their order; a system message comes first, wherever the vendor has it. */
  readonly texts: readonly { readonly role: 'system' | 'user' | 'assistant' | 'tool'; readonly text: string }[];
  readonly images: readonly { readonly mimeType?: string; readonly base64?: string; readonly url?: string }[];
  readonly tools: readonly { readonly name: string; readonly description?: string; readonly parameters: JsonSchema }[];
  /** Calls that the conversation says the assistant made, with `arguments` as JSON. */
  readonly toolCalls: readonly { readonly name: string; readonly arguments: string }[];
  /** The schema that the answer must have. */
  readonly schema?: JsonSchema;
  readonly maxOutputTokens?: number;
  readonly temperature?: number;
}

export interface EmbedWire {
  /** What a request asks; a text that the vendor would refuse empty may be a blank. */
  asked(request: RecordedRequest): {
    readonly model: string;
    readonly texts: readonly string[];
    readonly dimensions?: number;
  };
  /**
   * An answer with a vector for each text of the request, in its order. Where the format numbers the vectors, it is
   * best sent in another order.
   * @param tokens of all the texts together; undefined in the answer where the vendor does not count
   */
  vectors(vectors: readonly (readonly number[])[], tokens: number, request: RecordedRequest): WireAnswer;
  /** Length of the model's vectors where the request names none. */
  readonly dimensions: number;
  /** Another length that the model can be asked for. Undefined: it cannot choose. */
  readonly otherDimensions?: number;
  /** False where the vendor does not count: the plugin then estimates. True unless told. */
  readonly countsTokens?: boolean;
}
