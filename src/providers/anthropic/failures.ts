import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import type { ErrorReader } from '../vendor-http.ts';

/** The vendor's `error.type`. @see https://platform.claude.com/docs/en/api/errors */
const KINDS: Readonly<Record<string, ProviderErrorKind>> = {
  invalid_request_error: 'bad_request',
  authentication_error: 'authentication',
  billing_error: 'permission',
  permission_error: 'permission',
  not_found_error: 'not_found',
  conflict_error: 'conflict',
  request_too_large: 'too_large',
  rate_limit_error: 'rate_limited',
  timeout_error: 'timeout',
  api_error: 'server',
  overloaded_error: 'overloaded',
};

const TOO_LONG = /prompt is too long|input length and `?max_tokens`? exceed context limit|exceeds? the context window/i;

/** Reads `{ type: 'error', error: { type, message } }`, which is the same in an answer and in a stream. */
export const readError: ErrorReader = (body, status) => {
  const error = isJsonObject(body) && isJsonObject(body.error) ? body.error : {};
  const message = typeof error.message === 'string' ? error.message : undefined;
  const known = typeof error.type === 'string' ? KINDS[error.type] : undefined;
  // These two are said of everything that has no name of its own, such as a 409 or a 408: a status says more.
  const isVague = known === 'bad_request' || known === 'server';
  const kind = isVague && status !== undefined ? undefined : known;
  if (known === 'bad_request' && TOO_LONG.test(message ?? '')) return { kind: 'context_length', message };
  return { kind, message };
};
