/** One try at a provider, or what a cache gave in its place. Never what was said in it. */
export interface ObservedAttempt {
  /** Id of the integration's plugin. */
  pluginId: string;
  /** As the vendor names it. */
  model: string;
  /** What it was for, such as `classify`. */
  operation: string;
  /** How it ended; `CACHED` and `SUCCEEDED` are the good ways. */
  outcome: string;
  /** The provider's kind of error; null where there was none. */
  errorKind: string | null;
  durationMs: number;
  /** Of a streamed answer. */
  firstTokenMs: number | null;
  inputTokens: number;
  outputTokens: number;
  /** Of the input tokens, those that the vendor's own cache had. */
  cachedTokens: number;
  /** Exact decimal; null where the price is not known. */
  costUsd: string | null;
  /** The cache that was looked into; null: none. */
  cacheKind: string | null;
  cacheHits: number;
}

/** Is told of each attempt when it has ended. Must not throw. */
export interface AttemptObserver {
  attemptEnded(attempt: ObservedAttempt): void;
}

/** A call of the gateway that begins. */
export interface BegunCall {
  /** The gateway's method, such as `embed`. */
  method: string;
  operation: string;
  /** The model's id as it was asked for; null where the workspace's choice is taken. */
  model: string | null;
  workspaceId: string;
  requestId: string;
  /** The W3C header that came with the request; null where there was none. */
  traceparent: string | null;
}

/** How a call has ended. */
export type CallEnd = { finishReason: string | null } | { error: unknown };

/** Follows one call. */
export interface CallTrace extends AttemptObserver {
  /** Ends once; later ends change nothing. */
  end(end: CallEnd): void;
}

/** Follows calls from their beginning to their end. Must not throw. */
export interface CallTracer {
  begin(call: BegunCall): CallTrace;
}
