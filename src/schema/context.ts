import type { Permission } from '../domain/access/actions.ts';
import { authorize, type Caller } from '../domain/access/caller.ts';
import type { ModelCall } from '../domain/gateway/model-call.ts';
import type { Operation } from '../domain/usage/usage-event.ts';
import type { UsageTally } from '../domain/usage/usage-tally.ts';
import type { Loaders } from './loaders.ts';
import type { Services } from './services.ts';

/** What every resolver has: who asks, and what answers. */
export interface GraphContext {
  caller: Caller;
  requestId: string;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** What this request has spent so far. */
  tally: UsageTally;
  services: Services;
  loaders: Loaders;
}

/** A model call on behalf of the request. */
export function modelCall(context: GraphContext, operation: Operation, permission: Permission): ModelCall {
  const { requestId, signal, tally } = context;
  return { caller: authorize(context.caller, permission), operation, requestId, signal, tally };
}
