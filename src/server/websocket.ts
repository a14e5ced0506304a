import type { Server } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, type SubscribePayload } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import { createContext, type Doors, requestIdOf } from './request-context.ts';
import { toClientError } from './use-error-codes.ts';
import type { GraphServer } from './yoga.ts';

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** The close code of WebSocket that clients answer by connecting again. */
const TRY_AGAIN_LATER = 1013;
/** RFC 6455 leaves so much for the reason of a close. */
const MAX_REASON_BYTES = 123;

interface Connection {
  connectionParams?: Readonly<Record<string, unknown>>;
  extra: { socket: WebSocket; request: { headers: NodeJS.Dict<string | string[]> } };
}

interface EnvelopedArgs extends ExecutionArgs {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

/**
 * graphql-transport-ws on the path of HTTP. Credentials come in the connection's parameters (`authorization`) or the
 * upgrade's headers, and are checked again for each operation: a revoked key ends at its next one.
 */
export function attachWebSocket(
  server: Server,
  yoga: GraphServer,
  doors: Doors,
  logger: Logger,
  trustedDocuments: Readonly<Record<string, string>> | null,
): () => Promise<void> {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
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
  sockets.on('connection', (socket) => requests.open(socket));
  const graphql = useServer(
    {
      execute: (args) => (args as EnvelopedArgs).execute(args) as never,
      subscribe: (args) => (args as EnvelopedArgs).subscribe(args) as never,
      onConnect: (connection) => requests.admit(connection),
      onSubscribe: async (connection, _id, payload) => {
        try {
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
      onError: (connection, _id, _payload, errors) => errors.map((error) => requests.clientError(connection, error)),
      onNext: (connection, _id, _payload, _args, result) =>
        result.errors === undefined
          ? result
          : { ...result, errors: result.errors.map((error) => requests.clientError(connection, error)) },
    },
    sockets,
  );

  return async () => {
    await graphql.dispose();
    await new Promise<void>((resolve) => sockets.close(() => resolve()));
  };
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
  readonly #signals = new WeakMap<WebSocket, AbortSignal>();
  readonly #ids = new WeakMap<WebSocket, string>();

  constructor(doors: Doors, logger: Logger) {
    this.#doors = doors;
    this.#logger = logger;
  }

  open(socket: WebSocket): void {
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    this.#signals.set(socket, closed.signal);
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
    const { socket, request } = connection.extra;
    const given = (name: string) => text(connection.connectionParams?.[name]) ?? text(request.headers[name]);
    return createContext(
      this.#doors,
      { authorization: given('authorization'), workspaceId: given('x-signalbox-workspace') },
      { requestId: this.#idOf(connection), signal: this.#signals.get(socket) ?? AbortSignal.abort() },
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

  /** One for all that goes over a connection: its parameters come once, with the client's own id if it has one. */
  #idOf(connection: Connection): string {
    const { socket, request } = connection.extra;
    const known = this.#ids.get(socket);
    if (known !== undefined) return known;
    const given = text(connection.connectionParams?.['x-request-id']) ?? text(request.headers['x-request-id']);
    const requestId = requestIdOf(given);
    this.#ids.set(socket, requestId);
    return requestId;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
