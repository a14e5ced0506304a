import type { Authenticator, Credentials } from '../domain/access/authenticator.ts';
import { UsageTally } from '../domain/usage/usage-tally.ts';
import type { GraphContext } from '../schema/context.ts';
import { createLoaders } from '../schema/loaders.ts';
import type { GraphRequest } from '../schema/request.ts';
import type { Services } from '../schema/services.ts';
import { newId } from '../shared/ids.ts';

const REQUEST_ID_SHAPE = /^[\w.:-]{1,100}$/;

/** What the doors need of the product. */
export interface Doors {
  authenticator: Authenticator;
  services: Services;
}

/** The client's own request id where it is fit to be logged, or a new one. */
export function requestIdOf(given: string | null | undefined): string {
  return given != null && REQUEST_ID_SHAPE.test(given) ? given : newId('Request');
}

/**
 * What the resolvers of one request work with.
 * @throws UnauthenticatedError, UnavailableError
 */
export async function createContext(
  { authenticator, services }: Doors,
  credentials: Credentials,
  request: { requestId: string; traceparent?: string | null; signal: AbortSignal },
): Promise<GraphContext> {
  const caller = await authenticator.authenticate(credentials);
  const graphRequest: GraphRequest = {
    caller,
    requestId: request.requestId,
    traceparent: request.traceparent ?? null,
    // Asked for when it is needed: where nobody looks at it, none has to be made.
    get signal() {
      return request.signal;
    },
    tally: new UsageTally(),
    services,
  };
  // Not spread: that would ask for the signal.
  return Object.assign(graphRequest, { loaders: createLoaders(graphRequest) });
}
