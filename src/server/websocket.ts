import type { Server } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type SubscribePayload } from 'graphql-ws';
import { isAsyncIterable } from 'graphql-yoga';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import { createContext, type Doors, requestIdOf } from './request-context.ts';
import type { ServerMetrics } from './server-metrics.ts';
import { SocketResults } from './socket-results.ts';
import { type SubscriberSocket, SubscriberSockets, TRY_AGAIN_LATER } from './subscriber-sockets.ts';
import { toClientError } from './use-error-codes.ts';
import type { GraphServer } from './yoga.ts';

const GOING_AWAY = 1001;
/** How long clients may take to answer to that when the server stops. */
const GOODBYE_MS = 2_000;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** Operations of one connection at a time; each holds a page of its log. */
const MAX_OPERATIONS = 1_000;
/** RFC 6455 leaves so much for the reason of a close. */
const MAX_REASON_BYTES = 123;

interface Connection {
  connectionParams?: Readonly<Record<string, unknown>>;
  readonly subscriptions: Readonly<Record<string, unknown>>;
  extra: Opened;
}

/** What stays of a connection beside the socket. */
interface Opened {
  socket: WebSocket;
  subscriber: SubscriberSocket;
  headers: NodeJS.Dict<string | string[]>;
  /** One for all that goes over it: its parameters come once, with the client's own id if it has one. */
  requestId: string | null;
}

export interface SocketDoor {
  server: Server;
  yoga: GraphServer;
  doors: Doors;
  logger: Logger;
  metrics: ServerMetrics;
  trustedDocuments: Readonly<Record<string, string>> | null;
  /** How long a client may read nothing before it is closed. */
  patienceMs: number;
}

interface EnvelopedArgs extends ExecutionArgs {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

/**
 * graphql-transport-ws on the path of HTTP. Credentials come in the connection's parameters (`authorization`) or the
 * upgrade's headers, and are checked again for each operation: a revoked key ends at its next one.
 */
export function attachWebSocket({
  server,
  yoga,
  doors,
  logger,
  metrics,
  trustedDocuments,
  patienceMs,
}: SocketDoor): () => Promise<void> {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES, handleProtocols });
  server.on('upgrade', (request, socket, head) => {
    // A client that is gone again is no error of ours; without a listener it would end the process.
    socket.on('error', () => socket.destroy());
    const [path] = (request.url ?? '/').split('?', 1);
    if (path !== '/graphql') {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => sockets.emit('connection', connection, request));
  });
  const requests = new SocketRequests(doors, logger);
  const protocol = makeProtocol(yoga, requests, trustedDocuments);
  const subscribers = new SubscriberSockets(patienceMs, () => metrics.givenUp.inc({ door: 'websocket' }));
  sockets.on('connection', (socket, { headers }) => {
    const subscriber = subscribers.open(socket);
    const failed = (error: unknown) => {
      logger.error({ err: error }, 'a message of a WebSocket failed unexpectedly');
      socket.close(CloseCode.InternalServerError, 'something went wrong here; it was logged');
    };
    const closed = protocol.opened(
      {
        protocol: socket.protocol,
        send: async (message) => {
          await subscriber.send(message);
        },
        close: (code, reason) => socket.close(code, reason),
        onMessage: (take) => socket.on('message', (bytes) => void take(String(bytes)).catch(failed)),
      },
      { socket, subscriber, headers, requestId: null },
    );
    // A client that breaks the protocol, or is gone: ws closes the connection.
    socket.on('error', () => undefined);
    socket.once('close', (code, reason) => void closed(code, String(reason)).catch(failed));
  });

  return async () => {
    subscribers.close();
    for (const socket of sockets.clients) socket.close(GOING_AWAY, 'the server is stopping: connect again');
    const left = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, GOODBYE_MS);
    await new Promise<void>((resolve) => sockets.close(() => resolve()));
    clearTimeout(left);
  };
}

/** What the messages of graphql-transport-ws do. */
function makeProtocol(
  yoga: GraphServer,
  requests: SocketRequests,
  trustedDocuments: Readonly<Record<string, string>> | null,
) {
  return makeServer<never, Opened>({
    execute: (args) => (args as EnvelopedArgs).execute(args) as never,
    subscribe: (args) => (args as EnvelopedArgs).subscribe(args) as never,
    onConnect: (connection) => requests.admit(connection),
    onSubscribe: async (connection, _id, payload) => {
      try {
        if (Object.keys(connection.subscriptions).length > MAX_OPERATIONS) throw tooManyOperations();
        // Made here and not by yoga's own factory, which reads the credentials of an HTTP request.
        const contextValue = await requests.contextOf(connection);
        const { parse, validate, execute, subscribe, schema } = yoga.getEnveloped({ ...contextValue });
        const document = parse(sourceOf(payload, trustedDocuments));
        const errors = validate(schema, document);
        if (errors.length > 0) return errors.map((error: GraphQLError) => requests.clientError(connection, error));
        return {
          schema,
          document,
          operationName: payload.operationName,
          variableValues: payload.variables,
          contextValue,
          execute,
          subscribe,
        } as EnvelopedArgs;
      } catch (error) {
        return [requests.clientError(connection, error)];
      }
    },
    onOperation: (connection, id, _payload, _args, result) =>
      isAsyncIterable(result)
        ? new SocketResults(result as never, id, connection.extra.subscriber, (error) =>
            requests.clientError(connection, error),
          )
        : undefined,
    onError: (connection, _id, _payload, errors) => errors.map((error) => requests.clientError(connection, error)),
    onNext: (connection, _id, _payload, _args, result) =>
      result.errors === undefined
        ? result
        : { ...result, errors: result.errors.map((error) => requests.clientError(connection, error)) },
  });
}

function tooManyOperations(): GraphQLError {
  const message = `a connection may have ${MAX_OPERATIONS.toLocaleString('en-US')} operations at a time: open another one`;
  return new GraphQLError(message, { extensions: { code: 'LIMIT_REACHED' } });
}

/**
 * What is executed: the document, or with trusted documents the one whose hash the client sends. The protocol wants a
 * `query` all the same, which is then empty.
 */
function sourceOf(payload: SubscribePayload, trustedDocuments: Readonly<Record<string, string>> | null): string {
  if (trustedDocuments === null) return payload.query;
  const { persistedQuery } = (payload.extensions ?? {}) as { persistedQuery?: { sha256Hash?: unknown } };
  const hash = persistedQuery?.sha256Hash;
  const source = typeof hash === 'string' && Object.hasOwn(trustedDocuments, hash) ? trustedDocuments[hash] : undefined;
  if (source === undefined || payload.query !== '') {
    throw new GraphQLError('only trusted documents are executed: send the hash of one, and an empty query', {
      extensions: { code: 'BAD_INPUT' },
    });
  }
  return source;
}

/** What the operations of each connection have in common: its id, its credentials, and its end. */
class SocketRequests {
  readonly #doors: Doors;
  readonly #logger: Logger;

  constructor(doors: Doors, logger: Logger) {
    this.#doors = doors;
    this.#logger = logger;
  }

  /** Closes a connection whose credentials are not good, or cannot be checked now, with the reason. */
  async admit(connection: Connection): Promise<boolean> {
    try {
      await this.contextOf(connection);
      return true;
    } catch (error) {
      const { message, extensions } = this.clientError(connection, error);
      const code = extensions.code === 'UNAUTHENTICATED' ? CloseCode.Forbidden : TRY_AGAIN_LATER;
      const reason = Buffer.byteLength(message) > MAX_REASON_BYTES ? 'the key cannot be used' : message;
      connection.extra.socket.close(code, reason);
      return false;
    }
  }

  contextOf(connection: Connection): Promise<GraphContext> {
    const { subscriber, headers } = connection.extra;
    const given = (name: string) => text(connection.connectionParams?.[name]) ?? text(headers[name]);
    return createContext(
      this.#doors,
      { authorization: given('authorization'), workspaceId: given('x-signalbox-workspace') },
      { requestId: this.#idOf(connection), signal: subscriber.left },
    );
  }

  /** As over HTTP, but for the status. */
  clientError(connection: Connection, error: unknown): GraphQLError {
    const { message, nodes, path, positions, source, extensions } = toClientError(
      error,
      this.#logger,
      this.#idOf(connection),
    );
    const { http: _status, ...shown } = extensions;
    return new GraphQLError(message, { nodes, path, positions, source, extensions: shown });
  }

  #idOf({ connectionParams, extra }: Connection): string {
    extra.requestId ??= requestIdOf(text(connectionParams?.['x-request-id']) ?? text(extra.headers['x-request-id']));
    return extra.requestId;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
