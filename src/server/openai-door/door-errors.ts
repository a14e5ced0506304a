import type { OutgoingHttpHeaders } from 'node:http';
import { ProviderFailedError } from '../../domain/gateway/errors.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { type ErrorCode, InvalidInputError } from '../../shared/errors.ts';
import { retryAfterOf } from '../retry-after.ts';
import { toClientError } from '../use-error-codes.ts';
import { GenerationRestartedError } from './resumed-answer.ts';

/** What OpenAI's clients make of a failure. */
interface Shown {
  status: number;
  type: string;
  code: string | null;
}

/** A failure as this door tells it. */
export interface DoorFailure {
  status: number;
  headers: OutgoingHttpHeaders;
  body: {
    error: {
      message: string;
      type: string;
      code: string | null;
      param: string | null;
      /** Ours, as GraphQL has it in `extensions.code`. */
      signalbox_code: ErrorCode;
    };
  };
}

const INVALID = 'invalid_request_error';

const SHOWN: Readonly<Record<ErrorCode, Shown>> = {
  UNAUTHENTICATED: { status: 401, type: INVALID, code: 'invalid_api_key' },
  FORBIDDEN: { status: 403, type: 'permission_error', code: 'insufficient_permissions' },
  NOT_FOUND: { status: 404, type: INVALID, code: 'not_found' },
  BAD_INPUT: { status: 400, type: INVALID, code: null },
  CONFLICT: { status: 409, type: INVALID, code: 'conflict' },
  LIMIT_REACHED: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  BUDGET_EXCEEDED: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  RATE_LIMITED: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  SAFETY_BLOCKED: { status: 400, type: INVALID, code: 'content_filter' },
  PROVIDER_FAILED: { status: 502, type: 'server_error', code: 'provider_failed' },
  NO_PROVIDER: { status: 404, type: INVALID, code: 'model_not_found' },
  QUERY_TOO_COSTLY: { status: 400, type: INVALID, code: null },
  UNAVAILABLE: { status: 503, type: 'server_error', code: 'unavailable' },
  INTERNAL: { status: 500, type: 'server_error', code: 'internal_error' },
};

/** Where the provider's reason is one that the client can do something about. */
const SHOWN_OF_PROVIDER: Readonly<Partial<Record<ProviderErrorKind, Shown>>> = {
  bad_request: { status: 400, type: INVALID, code: 'provider_refused' },
  context_length: { status: 400, type: INVALID, code: 'context_length_exceeded' },
  content_filter: { status: 400, type: INVALID, code: 'content_filter' },
  too_large: { status: 413, type: INVALID, code: 'request_too_large' },
  rate_limited: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  overloaded: { status: 503, type: 'server_error', code: 'overloaded' },
  unavailable: { status: 503, type: 'server_error', code: 'unavailable' },
};

const RESTARTED: Shown = { status: 502, type: 'server_error', code: 'generation_restarted' };

/** The path does not exist, or not for this method; or the body is too large. */
export class DoorRefusal extends Error {
  override readonly name = 'DoorRefusal';
  readonly shown: Shown;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.shown = { status, type: INVALID, code };
  }
}

/** What a client is told of a failure. What nobody expected is logged under the request id, and masked. */
export function doorFailure(error: unknown, logger: Logger, requestId: string): DoorFailure {
  if (error instanceof DoorRefusal) {
    return failure(error.shown, error.message, error.shown.status === 404 ? 'NOT_FOUND' : 'BAD_INPUT', error);
  }
  const { message, extensions } = toClientError(error, logger, requestId);
  const code = extensions.code as ErrorCode;
  return failure(shownOf(error, code), message, code, error);
}

function shownOf(error: unknown, code: ErrorCode): Shown {
  if (error instanceof GenerationRestartedError) return RESTARTED;
  const ofProvider = error instanceof ProviderFailedError ? SHOWN_OF_PROVIDER[error.kind] : undefined;
  return ofProvider ?? SHOWN[code];
}

function failure(shown: Shown, message: string, signalboxCode: ErrorCode, error: unknown): DoorFailure {
  const { status, type, code } = shown;
  return {
    status,
    headers: retryHeaders(error, signalboxCode),
    body: { error: { message, type, code, param: paramOf(error, signalboxCode), signalbox_code: signalboxCode } },
  };
}

/** OpenAI writes places as `messages[0].content`. */
function paramOf(error: unknown, code: ErrorCode): string | null {
  if (code === 'NO_PROVIDER') return 'model';
  const path = error instanceof InvalidInputError ? error.issues[0]?.path : undefined;
  return path === undefined || path.length === 0 ? null : path.join('.').replace(/\.(\d+)(?=\.|$)/g, '[$1]');
}

/** When to try again; OpenAI's clients also read from `x-should-retry` whether to. */
function retryHeaders(error: unknown, code: ErrorCode): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  const retryAfter = retryAfterOf(error);
  if (retryAfter !== null) headers['retry-after'] = retryAfter;
  const isSpent = code === 'LIMIT_REACHED' || code === 'BUDGET_EXCEEDED';
  const isFinal = error instanceof ProviderFailedError && !error.retryable;
  if (isSpent || isFinal) headers['x-should-retry'] = 'false';
  return headers;
}
