import type { JsonObject } from '../../shared/json.ts';
import type { AgentType } from './agent-type.ts';

export const RUN_STATUSES = ['QUEUED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const;
/** The values of the API's `RunStatus`. A run that waits to be tried again is QUEUED, and says why in its error. */
export type RunStatus = (typeof RUN_STATUSES)[number];

/** Of one agent: those that wait or are under way. */
export const OPEN_RUNS_MAX = 100;

/** What a run was started by. */
export type RunCause = 'MANUAL' | 'SCHEDULE' | 'DOCUMENTS';

/** One piece of work of an agent. */
export interface AgentRun {
  /** Ids sort by age. */
  id: string;
  agentId: string;
  /** The job that does it, whose events are its events: see `jobTopic`. */
  jobId: string;
  type: AgentType;
  cause: RunCause;
  status: RunStatus;
  output: JsonObject | null;
  /** Of the latest attempt that failed; null where none did, and once it has completed. */
  error: string | null;
  metrics: RunMetrics;
  /** Null while it is not known. */
  itemsTotal: number | null;
  /** Counts up with each change of the run or its steps. */
  revision: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

/** What a run took, over all of its attempts. */
export interface RunMetrics {
  /** From its first start to its end, or to now; 0 before it has started. */
  durationMs: number;
  itemsProcessed: number;
  /** Tries at providers, as the ledger has them. */
  apiCalls: number;
  /** Read and written together. */
  tokensUsed: number;
  /** Exact decimal, as far as prices are known. */
  costUsd: string;
}

/** A part of a run that is done once. */
export interface RunStep {
  runId: string;
  name: string;
  /** QUEUED: it was cut off, and is tried again. */
  status: RunStatus;
  attempts: number;
  /** Of the attempt that ended it; null before. */
  durationMs: number | null;
  error: string | null;
}

export function isRunOver(status: RunStatus): boolean {
  return status !== 'QUEUED' && status !== 'RUNNING';
}
