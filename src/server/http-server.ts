import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Database } from '../db/client.ts';
import type { Logger } from '../observability/logger.ts';
import type { ErrorCode } from '../shared/errors.ts';
import type { DirectQuery } from './direct-query.ts';
import { isReady } from './health.ts';
import type { ReportDoor } from './import-reports.ts';
import type { OpenAiDoor } from './openai-door/openai-door.ts';
import { isTooLarge, readBounded } from './request-body.ts';
import { requestIdOf } from './request-context.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { isMultipart } from './use-uploads.ts';
import type { GraphServer } from './yoga.ts';

/** A call of upsertDocuments may carry 1,000 documents. */
const MAX_BODY_BYTES = 32 * 1024 * 1024;
/** A longer body is no plain query: it goes to yoga as it comes. */
const MAX_QUERY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 120_000;
const HEADERS_TIMEOUT_MS = 20_000;

export interface HttpParts {
  yoga: GraphServer;
  directQuery: DirectQuery;
  openAiDoor: OpenAiDoor;
  reportDoor: ReportDoor;
  database: Database;
  metrics: ServerMetrics;
  logger: Logger;
  /** Whether the process is stopping: then it is not ready any more. */
  stopping: () => boolean;
  /** How long a client may take to send its request, unless it brings files: then see multipart-request.ts. */
  bodyTimeoutMs?: number;
}

/** The server's paths. */
export function createHttpServer(parts: HttpParts): Server {
  const server = createServer(
    // Node has one time for all requests, and files take longer than queries: see boundBody.
    { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS },
    (request, response) => {
      // The header alone would let every path be held open by a body without an end.
      if (!isMultipart(request) || pathOf(request) !== '/graphql') {
        boundBody(request, response, parts.bodyTimeoutMs ?? BODY_TIMEOUT_MS);
      }
      const requestId = takeRequestId(request);
      // The OpenAI door writes it with its other headers: set before them, each of them costs more.
      if (!isOfOpenAiDoor(pathOf(request))) response.setHeader('x-request-id', requestId);
      route(parts, request, response).catch((error: unknown) => {
        parts.logger.error({ err: error, requestId }, 'a request failed unexpectedly');
        if (response.headersSent) response.destroy();
        else
          answerError(
            response.setHeader('x-request-id', requestId),
            500,
            'INTERNAL',
            'something went wrong here; it was logged',
          );
      });
    },
  );
  return server;
}

/** Closes the connection, as Node would, where the body takes too long to come. */
function boundBody(request: IncomingMessage, response: ServerResponse, timeoutMs: number): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) return;
  process.nextTick(() => {
    // Most bodies come with their headers, and are there by now.
    if (request.complete || request.destroyed) return;
    const timer = setTimeout(() => {
      if (!response.headersSent) request.socket.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n');
      request.socket.destroySoon();
    }, timeoutMs);
    request.once('end', () => clearTimeout(timer));
    request.once('close', () => clearTimeout(timer));
  });
}

/** One id for the log, the resolvers and the answer. */
function takeRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  const requestId = requestIdOf(typeof given === 'string' ? given : null);
  request.headers['x-request-id'] = requestId;
  return requestId;
}

function isOfOpenAiDoor(path: string): boolean {
  return path.startsWith('/v1/');
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

async function route(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = pathOf(request);
  if (isOfOpenAiDoor(path)) return parts.openAiDoor(request, response, path);
  if (path.startsWith('/imports/')) return parts.reportDoor(request, response, path);
  switch (path) {
    case '/graphql':
      return graphql(parts, request, response);
    case '/healthz':
      return answerText(response, 200, 'ok\n');
    case '/readyz': {
      const ready = !parts.stopping() && (await isReady(parts.database));
      return answerText(response, ready ? 200 : 503, ready ? 'ready\n' : 'not ready\n');
    }
    case '/metrics':
      return answerText(response, 200, await parts.metrics.registry.metrics(), parts.metrics.registry.contentType);
    case '/':
      response.writeHead(302, { location: '/graphql' }).end();
      return;
    default:
      return answerError(
        response,
        404,
        'NOT_FOUND',
        'there is nothing here; GraphQL is at /graphql, the OpenAI API at /v1',
      );
  }
}

async function graphql(parts: HttpParts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { yoga, directQuery } = parts;
  if (isMultipart(request)) return yoga(request, response);
  const declared = request.headers['content-length'];
  if (isTooLarge(request, MAX_BODY_BYTES)) return refuseBody(request, response);
  if (request.method === 'POST' && (declared === undefined || Number(declared) <= MAX_QUERY_BYTES)) {
    const body = await readBounded(request, MAX_BODY_BYTES);
    if (body === null) return refuseBody(request, response);
    if (await directQuery(request, body, response)) return;
    replay(request, body);
  }
  await yoga(request, response);
}

/** Lets yoga read a body that was read already. It takes `body` as the frameworks that parse bodies leave it. */
function replay(request: IncomingMessage, bytes: Buffer): void {
  const body = {
    bytes,
    async *[Symbol.asyncIterator]() {
      yield bytes;
    },
  };
  Object.assign(request, { body });
}

function refuseBody(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('connection', 'close');
  answerError(response, 413, 'BAD_INPUT', `a request may have ${MAX_BODY_BYTES} bytes`);
  request.resume();
}

function answerText(
  response: ServerResponse,
  status: number,
  body: string,
  contentType = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' }).end(body);
}

function answerError(response: ServerResponse, status: number, code: ErrorCode, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
