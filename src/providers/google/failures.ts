import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import type { ErrorReader } from '../vendor-http.ts';

/** The names of google.rpc.Code that say more than their HTTP status. @see https://google.aip.dev/193 */
const KINDS: Readonly<Record<string, ProviderErrorKind>> = {
  UNAUTHENTICATED: 'authentication',
  PERMISSION_DENIED: 'permission',
  NOT_FOUND: 'not_found',
  INVALID_ARGUMENT: 'bad_request',
  FAILED_PRECONDITION: 'bad_request',
  OUT_OF_RANGE: 'bad_request',
  ALREADY_EXISTS: 'conflict',
  ABORTED: 'conflict',
  RESOURCE_EXHAUSTED: 'rate_limited',
  UNAVAILABLE: 'overloaded',
  DEADLINE_EXCEEDED: 'timeout',
  CANCELLED: 'server',
  INTERNAL: 'server',
  UNKNOWN: 'server',
};

const TOO_LONG = /token count .*exceeds|exceeds the maximum number of( input)? tokens/i;
const BAD_KEY = /API_KEY_INVALID|API_KEY_EXPIRED|ACCESS_TOKEN/;

/** Reads `{ error: { code, status, message, details } }`, which is the same in an answer and in a stream. */
export const readError: ErrorReader = (body, httpStatus) => {
  // A stream that was not asked for as events answers with a list.
  const holder = Array.isArray(body) ? body[0] : body;
  const error = isJsonObject(holder) && isJsonObject(holder.error) ? holder.error : {};
  const message = typeof error.message === 'string' ? error.message : undefined;
  const details = Array.isArray(error.details) ? error.details.filter(isJsonObject) : [];
  return {
    kind: kindOf(error, message ?? '', details, httpStatus),
    message,
    retryAfterMs: retryDelayMs(details),
  };
};

function kindOf(
  error: JsonObject,
  message: string,
  details: readonly JsonObject[],
  httpStatus: number | undefined,
): ProviderErrorKind | undefined {
  const kind = typeof error.status === 'string' ? KINDS[error.status] : undefined;
  if (kind !== 'bad_request') return kind;
  if (details.some(({ reason }) => typeof reason === 'string' && BAD_KEY.test(reason))) return 'authentication';
  if (TOO_LONG.test(message)) return 'context_length';
  // A proxy's or the front end's own status, as 413, says more.
  return httpStatus === undefined || httpStatus === 400 ? kind : undefined;
}

/** google.rpc.RetryInfo has a duration such as `34.07s`. */
function retryDelayMs(details: readonly JsonObject[]): number | undefined {
  const delay = details.find(({ retryDelay }) => typeof retryDelay === 'string')?.retryDelay;
  const seconds = typeof delay === 'string' ? Number.parseFloat(delay) : Number.NaN;
  return Number.isFinite(seconds) ? Math.ceil(seconds * 1_000) : undefined;
}
