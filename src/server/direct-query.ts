import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import { whenClientLeaves } from './client-leaving.ts';
import { CORS } from './cors.ts';
import type { KnownQueries, KnownQuery } from './known-queries.ts';
import { createContext, type Doors } from './request-context.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { toClientError } from './use-error-codes.ts';
import { observeOperation } from './use-request-log.ts';

export interface DirectParts {
  doors: Doors;
  known: KnownQueries;
  /** Documents by the hash that a client sends in their place; null: clients send documents. */
  trustedDocuments: Readonly<Record<string, string>> | null;
  metrics: ServerMetrics;
  logger: Logger;
}

/** Answers a request that it understands; false where the general path has to. */
export type DirectQuery = (request: IncomingMessage, body: Buffer, response: ServerResponse) => Promise<boolean>;

interface Params {
  query?: unknown;
  variables?: unknown;
  operationName?: unknown;
  extensions?: unknown;
}

/**
 * The short way for a query that has come before: `POST` with JSON, one operation, an ordinary `Accept`. It makes no
 * fetch objects and runs the compiled query. Its answers have the statuses, headers and bodies of the general path.
 */
export function createDirectQuery(parts: DirectParts): DirectQuery {
  return async (request, body, response) => {
    const contentType = isJson(request.headers['content-type']) ? answerType(request.headers.accept) : null;
    if (contentType === null) return false;
    const params = parseParams(body);
    const query = params === null ? null : findQuery(parts, params);
    if (query === null) return false;
    const result = await answer(parts, query, (params?.variables ?? null) as object | null, request, response);
    if (result === null) return false;
    send(request, response, contentType, result);
    return true;
  };
}

async function answer(
  { doors, metrics, logger }: DirectParts,
  query: KnownQuery,
  variables: object | null,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<ExecutionResult | null> {
  const requestId = String(request.headers['x-request-id']);
  const clientErrors = (errors: readonly unknown[]) => errors.map((error) => toClientError(error, logger, requestId));
  let context: GraphContext;
  try {
    const credentials = {
      authorization: request.headers.authorization ?? null,
      workspaceId: request.headers['x-signalbox-workspace']?.toString() ?? null,
    };
    context = await createContext(doors, credentials, new DirectRequest(request, response));
  } catch (error) {
    return { errors: clientErrors([error]) };
  }
  const startedAt = performance.now();
  const result = await query.run(context, variables);
  if (result === null) return null;
  observeOperation({ logger, metrics }, { context, operationName: query.operationName, result, startedAt });
  const usage = context.tally.total();
  return {
    ...(result.errors === undefined ? {} : { errors: clientErrors(result.errors) }),
    data: result.data,
    ...(usage === null ? {} : { extensions: { usage } }),
  };
}

/** Most queries never look at the signal: it is made when one does. */
class DirectRequest {
  readonly requestId: string;
  readonly traceparent: string | null;
  readonly #response: ServerResponse;
  #signal: AbortSignal | null = null;

  constructor({ headers }: IncomingMessage, response: ServerResponse) {
    this.requestId = String(headers['x-request-id']);
    this.traceparent = headers.traceparent?.toString() ?? null;
    this.#response = response;
  }

  get signal(): AbortSignal {
    this.#signal ??= whenClientLeaves(this.#response);
    return this.#signal;
  }
}

function parseParams(body: Buffer): Params | null {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** Null for whatever is not as it usually is: the general path tells the client what is wrong with it. */
function findQuery({ known, trustedDocuments }: DirectParts, params: Params): KnownQuery | null {
  const { query, variables, operationName, extensions, ...others } = params;
  if (Object.keys(others).length > 0 || !isObjectOrNothing(variables) || !isObjectOrNothing(extensions)) return null;
  const document = trustedDocuments === null ? query : trustedDocument(trustedDocuments, query, extensions);
  const found = typeof document === 'string' ? known.get(document) : null;
  return found !== null && (operationName ?? found.operationName) === found.operationName ? found : null;
}

function trustedDocument(documents: Readonly<Record<string, string>>, query: unknown, extensions: unknown): unknown {
  const { persistedQuery } = (extensions ?? {}) as { persistedQuery?: { version?: unknown; sha256Hash?: unknown } };
  if (query !== undefined || persistedQuery?.version !== 1 || typeof persistedQuery.sha256Hash !== 'string')
    return null;
  return Object.hasOwn(documents, persistedQuery.sha256Hash) ? documents[persistedQuery.sha256Hash] : null;
}

function isObjectOrNothing(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && !Array.isArray(value));
}

function isJson(contentType: string | undefined): boolean {
  return contentType === 'application/json' || contentType?.startsWith('application/json;') === true;
}

/** The first media type that is asked for and can be given; null where the header asks for something unusual. */
function answerType(accept = '*/*'): string | null {
  for (const asked of accept.toLowerCase().split(',')) {
    const [mediaType, ...parameters] = asked.replace(/\s/g, '').split(';');
    if (parameters.some((parameter) => parameter.startsWith('charset='))) return null;
    if (mediaType === 'application/graphql-response+json') return mediaType;
    if (mediaType === 'application/json' || mediaType === '*/*') return 'application/json';
  }
  return null;
}

function send(request: IncomingMessage, response: ServerResponse, contentType: string, result: ExecutionResult): void {
  if (response.destroyed) return;
  const { errors } = result;
  const body = JSON.stringify(errors === undefined ? result : { ...result, errors: errors.map(withoutStatus) });
  const headers = {
    ...corsHeaders(request),
    ...headersOf(errors),
    'content-type': `${contentType}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
  };
  response.writeHead(statusOf(errors), headers).end(body);
}

/** As yoga's, which reflects the origin: what opens the door is the key, and browsers send none of their own. */
function corsHeaders({ headers }: IncomingMessage): Record<string, string> {
  const { origin } = headers;
  if (origin === undefined) return {};
  const asked = headers['access-control-request-headers'];
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': CORS.methods.join(', '),
    'access-control-expose-headers': CORS.exposedHeaders.join(', '),
    vary: asked === undefined ? 'Origin' : 'Origin, Access-Control-Request-Headers',
    ...(asked === undefined ? {} : { 'access-control-allow-headers': asked }),
  };
}

interface AskedOfHttp {
  status?: number;
  headers?: Record<string, string>;
}

function askedOfHttp(errors: readonly GraphQLError[] = []): AskedOfHttp[] {
  return errors.map(({ extensions }) => (extensions.http ?? {}) as AskedOfHttp);
}

/** The highest that an error asks for. */
function statusOf(errors: readonly GraphQLError[] | undefined): number {
  return Math.max(200, ...askedOfHttp(errors).map(({ status = 200 }) => status));
}

/** Of all errors together; where several have one, the last. */
function headersOf(errors: readonly GraphQLError[] | undefined): Record<string, string> {
  return Object.assign({}, ...askedOfHttp(errors).map(({ headers }) => headers));
}

function withoutStatus(error: GraphQLError): object {
  const { extensions, ...shown } = error.toJSON();
  const { http: _status, ...others } = extensions ?? {};
  return Object.keys(others).length === 0 ? shown : { ...shown, extensions: others };
}
