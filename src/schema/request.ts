import type { Permission } from '../domain/access/actions.ts';
import { authorize, type Caller } from '../domain/access/caller.ts';
import type { ModelCall } from '../domain/gateway/model-call.ts';
import type { Operation } from '../domain/usage/usage-event.ts';
import type { UsageTally } from '../domain/usage/usage-tally.ts';
import type { Services } from './services.ts';

/** Who asks, and what answers. */
export interface GraphRequest {
  caller: Caller;
  requestId: string;
  /** The W3C header of the request; null where it has none. */
  traceparent: string | null;
  /** Aborted when the client leaves. */
  signal: AbortSignal;
  /** What this request has spent so far. */
  tally: UsageTally;
  services: Services;
}

/** A model call on behalf of the request. */
export function modelCall(request: GraphRequest, operation: Operation, permission: Permission): ModelCall {
  const { requestId, traceparent, signal, tally } = request;
  return { caller: authorize(request.caller, permission), operation, requestId, traceparent, signal, tally };
}
