/** What was asked of a model; the values of `UsageDimension.OPERATION`. */
export type Operation =
  | ('embed' | 'search' | 'similar' | 'classify' | 'sentiment' | 'intent' | 'vector_query')
  | ('chat' | 'generate' | 'summarise' | 'rerank' | 'moderate' | 'describe_image' | 'transcribe' | 'speak');

/** What can be given without asking a provider; the values of the API's `CacheKind`. */
export type CacheKind = 'EMBEDDING' | 'RESPONSE';

/** How a try at a provider ended; the values of the API's `AttemptOutcome`. */
export type AttemptOutcome = 'SUCCEEDED' | 'CACHED' | 'RETRIED' | 'FAILED' | 'CANCELLED' | 'RESTARTED';

/** One try at one provider, or one vector query: a row of the ledger. */
export interface UsageEvent {
  workspaceId: string;
  apiKeyId: string | null;
  userId: string | null;
  requestId: string;
  /** Id of the document, conversation, agent run or job that it was about; absent or null: of none. */
  aboutId?: string | null;
  /** Milliseconds since 1970, when it ended. */
  at: number;
  /** The integration's name; `signalbox` for a vector query. */
  provider: string;
  /** The model's id, `<integration>/<name>`. */
  model: string;
  operation: Operation;
  outcome: AttemptOutcome;
  errorCode: string | null;
  /** Texts that the provider embedded. */
  embeddings: number;
  llmCalls: number;
  vectorQueries: number;
  /** Pictures that the call had with it, where it is a call that counts; absent: none. */
  images?: number;
  /** Of sound that such a call heard or spoke, as far as somebody has told or measured it. */
  audioSeconds?: number;
  /** Texts or answers that the cache gave. */
  cacheHits: number;
  /** The cache that was looked into; null: none. */
  cacheKind: CacheKind | null;
  /** Texts or answers that it did not have, and that were made. */
  cacheMisses: number;
  /** Exact decimal: what the hits would have cost, as far as their price is known. */
  savedUsd: string;
  inputTokens: number;
  outputTokens: number;
  cachedTokens: number;
  /** Exact decimal; null where the price is not known. */
  costUsd: string | null;
  latencyMs: number;
  /**
   * Whether a `MeterTaking` has counted the embeddings and LLM calls against the tier's limits already. Where it has
   * not, writing the event counts them. Vector queries are always counted by the event.
   */
  metered: boolean;
  /** What was held for the call, where a budget is in force: the cost is taken from it. */
  reservationId?: string;
  /** Whether it was the call's last try, and what is left of the reservation is free again. */
  settles?: boolean;
  /** With `settles`: the reservation may stay as it is for a next call, where the budgets have room for both. */
  keeps?: boolean;
}
