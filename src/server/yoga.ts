import { usePersistedOperations } from '@graphql-yoga/plugin-persisted-operations';
import { createYoga, type Plugin, type YogaServerInstance } from 'graphql-yoga';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import { schema } from '../schema/index.ts';
import { CORS } from './cors.ts';
import { type GraphiqlDemo, graphiqlOptions, mayShowKey } from './graphiql.ts';
import { graphiqlPage } from './graphiql-page.ts';
import { type KnownQueries, useKnownQueries } from './known-queries.ts';
import { openParserCaches } from './parsed-queries.ts';
import { createContext, type Doors, requestIdOf } from './request-context.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { useErrorCodes } from './use-error-codes.ts';
import { useEventStream } from './use-event-stream.ts';
import { useLimits } from './use-limits.ts';
import { useMediaTypes } from './use-media-types.ts';
import { useRequestLog } from './use-request-log.ts';
import { useSharedResults } from './use-shared-results.ts';
import { useUploads } from './use-uploads.ts';
import { useUsageExtension } from './use-usage-extension.ts';

export interface YogaParts {
  doors: Doors;
  logger: Logger;
  metrics: ServerMetrics;
  demo: () => GraphiqlDemo | null;
  /** By hash, the only documents that are executed; null: every document is. */
  trustedDocuments: Readonly<Record<string, string>> | null;
  /** Learns which queries come again. */
  known: KnownQueries;
  /** Of one uploaded file. */
  uploadMaxBytes: number;
  /** How long a subscriber may read nothing before it is closed. */
  patienceMs: number;
}

export type GraphServer = YogaServerInstance<Record<string, never>, GraphContext>;

/** GraphQL over HTTP and SSE, with GraphiQL for people. */
export function createGraphServer(parts: YogaParts): GraphServer {
  const { doors, logger, metrics, demo, trustedDocuments, known, uploadMaxBytes, patienceMs } = parts;
  const idOf = (request: Request) => requestIdOf(request.headers.get('x-request-id'));
  const requestIds = new WeakMap<Request, string>();
  const rememberedId = (request: Request) => {
    const known = requestIds.get(request) ?? idOf(request);
    requestIds.set(request, known);
    return known;
  };
  return createYoga<Record<string, never>, GraphContext>({
    schema,
    logging: false,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: ({ headers }) => graphiqlOptions(mayShowKey(headers) ? demo() : null),
    renderGraphiQL: (options) => graphiqlPage(options),
    // The check reads every body a second time; http-server.ts bounds it before it comes here.
    maxRequestBodySize: false,
    // It would hold whole files in memory; use-uploads.ts streams them.
    multipart: false,
    batching: false,
    parserAndValidationCache: openParserCaches(),
    cors: CORS,
    // use-error-codes.ts masks them, with the id of the request.
    maskedErrors: false,
    context: ({ request }) =>
      createContext(
        doors,
        {
          authorization: request.headers.get('authorization'),
          workspaceId: request.headers.get('x-signalbox-workspace'),
        },
        {
          requestId: rememberedId(request),
          traceparent: request.headers.get('traceparent'),
          signal: request.signal,
        },
      ),
    plugins: [
      useUploads(uploadMaxBytes),
      useMediaTypes(),
      useLimits(),
      useSharedResults(),
      useErrorCodes(logger, rememberedId),
      useEventStream(patienceMs, () => metrics.givenUp.inc({ door: 'sse' })),
      useUsageExtension(),
      useRequestLog(logger, metrics),
      useKnownQueries(known),
      ...trustedDocumentsPlugin(trustedDocuments),
    ] as Plugin<GraphContext>[],
  }) as unknown as GraphServer;
}

function trustedDocumentsPlugin(documents: Readonly<Record<string, string>> | null): Plugin[] {
  if (documents === null) return [];
  return [usePersistedOperations({ getPersistedOperation: (hash) => documents[hash] ?? null }) as Plugin];
}
