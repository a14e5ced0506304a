import type { Database } from '../../db/client.ts';
import { type JobIdentity, RetryLater } from '../../jobs/define-job.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { findWorkspace } from '../access/workspace-lookup.ts';
import { BudgetExceededError, LimitReachedError } from '../usage/errors.ts';
import { RateLimitedError } from '../usage/rate-limit.ts';
import type { Operation } from '../usage/usage-event.ts';
import { ProviderFailedError } from './errors.ts';
import type { ModelCall } from './model-call.ts';

/** A job over its workspace's allowance or budget looks again at least this often: either may have been raised. */
const LONGEST_WAIT_MS = 3_600_000;
/** This process's clock may be ahead of the one by which a window ends. */
const SHORTEST_WAIT_MS = 1_000;
/** Where a provider that wants fewer calls does not say when to come again. */
const PROVIDER_PAUSE_MS = 30_000;
/** Of an allowance; a call that did not fit into more than this says nothing of smaller ones. */
const USED_UP_SHARE = 0.99;
/** Over which jobs come back that the requests per minute have held up. */
const SPREAD_MS = 10_000;

/** Whose usage a job's calls are. */
export interface JobOwner {
  apiKeyId: string | null;
  userId: string | null;
}

/** What a job calls models with, by what is asked of them. Null: its workspace is gone. */
export async function jobCalls(
  database: Database,
  { workspaceId, jobId, apiKeyId, userId }: JobIdentity & JobOwner,
  signal: AbortSignal,
): Promise<((operation: Operation) => ModelCall) | null> {
  const workspace = await database.withSystem((scope) => findWorkspace(scope, workspaceId));
  if (workspace === null) return null;
  const kind = apiKeyId === null ? 'user' : 'apiKey';
  const caller: WorkspaceCaller = { kind, workspace, role: 'MEMBER', apiKeyId, userId };
  return (operation) => ({ caller, operation, requestId: jobId, signal, tally: null, isJob: true });
}

/**
 * Does a job's work, which an exhausted allowance or budget delays, and too many calls in the last minute: by our rules or
 * by the provider's.
 * @param alike what the payloads of jobs have that call alike; see `RetryLater`
 * @throws RetryLater
 */
export async function withinAllowance<Result>(
  work: () => Promise<Result>,
  alike: JsonObject | null = null,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    const waitMs = waitMsOf(error);
    if (waitMs === null) throw error;
    throw new RetryLater(waitMs, (error as Error).message, isUsedUp(error) ? alike : null);
  }
}

function isUsedUp(error: unknown): boolean {
  if (error instanceof LimitReachedError) return error.used >= error.limit * USED_UP_SHARE;
  return error instanceof BudgetExceededError && Number(error.usedUsd) >= Number(error.limitUsd) * USED_UP_SHARE;
}

/** Null: waiting does not help. */
function waitMsOf(error: unknown): number | null {
  if (error instanceof LimitReachedError || error instanceof BudgetExceededError) {
    return Math.max(SHORTEST_WAIT_MS, Math.min(LONGEST_WAIT_MS, error.resetsAt.getTime() - Date.now()));
  }
  const afterMs = error instanceof RateLimitedError ? error.retryAfterMs : providerWaitMs(error);
  // All that wait are told the same moment, and one call is free then.
  return afterMs === null ? null : afterMs + Math.random() * Math.min(afterMs, SPREAD_MS);
}

/** Until a provider takes calls that has too many of them; null where that is not why it failed. */
function providerWaitMs(error: unknown): number | null {
  if (!(error instanceof ProviderFailedError) || error.kind !== 'rate_limited') return null;
  const askedMs = error.retryAfterMs ?? PROVIDER_PAUSE_MS;
  return Math.max(SHORTEST_WAIT_MS, Math.min(LONGEST_WAIT_MS, askedMs));
}
