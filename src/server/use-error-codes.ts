import { GraphQLError } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { isDatabaseUnavailable, isUnstorableText } from '../db/failures.ts';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import { DomainError, ERROR_CODES, type ErrorCode } from '../shared/errors.ts';
import { retryAfterOf } from './retry-after.ts';

/** Statuses that tell a client or a load balancer something before it reads the body. */
const STATUS_OF_CODE: Partial<Record<ErrorCode, number>> = { UNAUTHENTICATED: 401, UNAVAILABLE: 503 };

/** How GraphQL's own validation says that a document is too much for it; it gives no code. */
const GAVE_UP = /Validation aborted|Maximum introspection depth exceeded/;

/**
 * An error as a client may see it: what the product expects keeps its message and gets its code; everything else is
 * logged under the request id and masked.
 */
export function toClientError(error: unknown, logger: Logger, requestId: string | null): GraphQLError {
  const cause = rootCause(error);
  const at =
    error instanceof GraphQLError
      ? { nodes: error.nodes, path: error.path, positions: error.positions, source: error.source }
      : {};
  if (cause instanceof DomainError) {
    const extensions = withRetryAfter(withStatus(cause.code, cause.details), cause);
    return new GraphQLError(cause.message, { ...at, extensions });
  }
  if (cause instanceof GraphQLError) {
    const { code } = cause.extensions;
    if (isErrorCode(code)) return withCode(cause, code);
    return withCode(withoutCredentials(cause), GAVE_UP.test(cause.message) ? 'QUERY_TOO_COSTLY' : 'BAD_INPUT');
  }
  if (isUnstorableText(cause)) {
    return new GraphQLError('a text of this request has a NUL character', { ...at, extensions: { code: 'BAD_INPUT' } });
  }
  if (isDatabaseUnavailable(cause)) {
    logger.error({ err: cause, requestId }, 'the database does not answer');
    return new GraphQLError('the database does not answer; try again in a moment', {
      ...at,
      extensions: withStatus('UNAVAILABLE', { requestId }),
    });
  }
  if (isAbort(cause))
    return new GraphQLError('the request was cancelled', { ...at, extensions: withStatus('UNAVAILABLE', {}) });
  logger.error({ err: cause, requestId }, 'a request failed unexpectedly');
  return new GraphQLError(`something went wrong here; it was logged under the request id ${requestId ?? 'unknown'}`, {
    ...at,
    extensions: withStatus('INTERNAL', { requestId }),
  });
}

/** Gives every error of an answer its code, whichever step it comes from: parsing, validation, context or a resolver. */
export function useErrorCodes(logger: Logger, requestIdOf: (request: Request) => string): Plugin {
  return {
    // What a stream brings does not come by the step below.
    onSubscribe({ args }) {
      const { requestId } = args.contextValue as unknown as GraphContext;
      return {
        onSubscribeError: ({ error, setError }) => setError(toClientError(error, logger, requestId)),
        onSubscribeResult: () => ({
          onNext({ result, setResult }) {
            if (result.errors === undefined) return;
            setResult({ ...result, errors: result.errors.map((error) => toClientError(error, logger, requestId)) });
          },
        }),
      };
    },
    onResultProcess({ request, result, setResult }) {
      if (isAsyncIterable(result)) return;
      const results = Array.isArray(result) ? result : [result];
      if (!results.some((one) => one.errors !== undefined)) return;
      const mapped = results.map((one) =>
        one.errors === undefined
          ? one
          : { ...one, errors: one.errors.map((error: unknown) => toClientError(error, logger, requestIdOf(request))) },
      );
      setResult((Array.isArray(result) ? mapped : mapped[0]) as typeof result);
    },
  };
}

/** What was thrown; of GraphQL's own errors the outermost, which names the variable or the place. */
function rootCause(error: unknown): unknown {
  const original = error instanceof GraphQLError ? error.originalError : null;
  return original == null || original instanceof GraphQLError ? error : rootCause(original);
}

/** GraphQL repeats a variable's value that does not fit; credentials are not repeated, not even to their sender. */
function withoutCredentials(error: GraphQLError): GraphQLError {
  if (!/credentials/i.test(error.message) || !error.message.includes('got invalid value')) return error;
  const { nodes, path, positions, source, extensions } = error;
  const message =
    'the variables do not fit: `credentials` must be an object such as { "apiKey": "…" }, or is within one that does not fit';
  return new GraphQLError(message, { nodes, path, positions, source, extensions });
}

function withCode(error: GraphQLError, code: ErrorCode): GraphQLError {
  const { nodes, path, positions, source, extensions } = error;
  return new GraphQLError(error.message, {
    nodes,
    path,
    positions,
    source,
    extensions: { ...extensions, ...withStatus(code, {}) },
  });
}

function withStatus(code: ErrorCode, details: Record<string, unknown>): Record<string, unknown> {
  const status = STATUS_OF_CODE[code];
  return { code, ...details, ...(status === undefined ? {} : { http: { status } }) };
}

/** Yoga takes the headers of an answer from its errors; where several have one, the last. */
function withRetryAfter(extensions: Record<string, unknown>, error: DomainError): Record<string, unknown> {
  const retryAfter = retryAfterOf(error);
  if (retryAfter === null) return extensions;
  return { ...extensions, http: { ...(extensions.http as object), headers: { 'retry-after': retryAfter } } };
}

function isErrorCode(code: unknown): code is ErrorCode {
  return (ERROR_CODES as readonly unknown[]).includes(code);
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
