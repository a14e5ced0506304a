import type { Authenticator, Credentials } from '../domain/access/authenticator.ts';
import { UsageTally } from '../domain/usage/usage-tally.ts';
import type { GraphContext } from '../schema/context.ts';
import { createLoaders } from '../schema/loaders.ts';
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
  request: { requestId: string; signal: AbortSignal },
): Promise<GraphContext> {
  const caller = await authenticator.authenticate(credentials);
  const context: GraphContext = {
    caller,
    ...request,
    tally: new UsageTally(),
    services,
    loaders: createLoaders(() => context),
  };
  return context;
}
