import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { WorkspaceCaller } from '../../domain/access/caller.ts';
import type { ModelCall } from '../../domain/gateway/model-call.ts';
import type { Operation } from '../../domain/usage/usage-event.ts';
import { UsageTally } from '../../domain/usage/usage-tally.ts';
import type { Logger } from '../../observability/logger.ts';
import type { Services } from '../../schema/services.ts';
import { whenClientLeaves } from '../client-leaving.ts';
import { doorFailure } from './door-errors.ts';

/** What the handlers of this door work with. */
export interface DoorParts {
  services: Services;
  logger: Logger;
}

/** One request, from a caller that may make it. */
export interface DoorRequest extends DoorParts {
  caller: WorkspaceCaller;
  requestId: string;
  request: IncomingMessage;
  response: ServerResponse;
}

/** A model call that ends when the client leaves. */
export function modelCallOf(door: DoorRequest, operation: Operation): ModelCall & { tally: UsageTally } {
  const { caller, requestId, request, response } = door;
  const traceparent = request.headers.traceparent?.toString() ?? null;
  const signal = whenClientLeaves(response);
  return { caller, operation, requestId, traceparent, signal, tally: new UsageTally() };
}

export function answerJson(
  { response, requestId }: Pick<DoorRequest, 'response' | 'requestId'>,
  status: number,
  headers: OutgoingHttpHeaders,
  body: object,
): void {
  if (response.destroyed) return;
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'x-request-id': requestId,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
}

/** Answers with a failure that a status can still tell. */
export function answerFailure(door: Omit<DoorRequest, 'caller'>, error: unknown): void {
  const { response, logger, requestId } = door;
  if (response.destroyed) return;
  const { status, headers, body } = doorFailure(error, logger, requestId);
  answerJson(door, status, headers, body);
}
