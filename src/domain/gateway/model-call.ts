import type { WorkspaceCaller } from '../access/caller.ts';
import type { Operation } from '../usage/usage-event.ts';
import type { UsageTally } from '../usage/usage-tally.ts';

/** Who calls a model, for what, and where its cost is added up. */
export interface ModelCall {
  caller: WorkspaceCaller;
  operation: Operation;
  requestId: string;
  /** Aborted when the client leaves or the job is cancelled. */
  signal: AbortSignal;
  /** What the response says it spent; null where nobody asks, as in jobs. */
  tally: UsageTally | null;
}
