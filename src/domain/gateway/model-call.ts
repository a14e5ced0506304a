import type { AttemptObserver } from '../../observability/model-call-observer.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import type { AttemptOutcome, Operation, UsageEvent } from '../usage/usage-event.ts';
import type { UsageTally } from '../usage/usage-tally.ts';

/** Who calls a model, for what, and where its cost is added up. */
export interface ModelCall {
  caller: WorkspaceCaller;
  operation: Operation;
  requestId: string;
  /**
   * Id of what the call is about, for the ledger: a document, a conversation, an agent run. Absent: the one document that
   * an answer is made from, else the job that calls, else nothing.
   */
  aboutId?: string;
  /** Aborted when the client leaves or the job is cancelled. */
  signal: AbortSignal;
  /**
   * Where the caller leaves, somebody waits for what was used until then: tokens that are not counted within this time
   * are estimated by their bytes. Absent: they are counted, however long it takes.
   */
  countWithinMs?: number;
  /** What the response says it spent; null where nobody asks, as in jobs. */
  tally: UsageTally | null;
  /**
   * A job starts again from its beginning after it was held up: what the caches have by then must not hold it up again.
   * So its embeddings count for the requests per minute where they are made, not where they are asked for.
   */
  isJob?: boolean;
  /** The W3C header that came with the request: the trace that the call belongs to. */
  traceparent?: string | null;
  /** Set by the gateway: who is told of each attempt. */
  observers?: readonly AttemptObserver[];
}

/** The ledger's row of something that a call did; `figures` are what is not nothing. */
export function usageEventOf(
  call: ModelCall,
  target: { provider: string; model: string; operation: Operation; outcome: AttemptOutcome },
  figures: Partial<UsageEvent>,
): UsageEvent {
  return {
    workspaceId: call.caller.workspace.id,
    apiKeyId: call.caller.apiKeyId,
    userId: call.caller.userId,
    requestId: call.requestId,
    aboutId: call.aboutId ?? (call.isJob === true ? call.requestId : null),
    at: Date.now(),
    ...target,
    errorCode: null,
    embeddings: 0,
    llmCalls: 0,
    vectorQueries: 0,
    cacheHits: 0,
    cacheKind: null,
    cacheMisses: 0,
    savedUsd: '0',
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    costUsd: '0',
    latencyMs: 0,
    metered: false,
    ...figures,
  };
}
