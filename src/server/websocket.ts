import type { Server } from 'node:http';
import { type ExecutionArgs, GraphQLError } from 'graphql';
import { CloseCode, type SubscribePayload } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../observability/logger.ts';
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
  const signals = new WeakMap<WebSocket, AbortSignal>();
  const requestIds = new WeakMap<WebSocket, string>();
  // One for all that goes over a connection: its parameters come once, with the client's own id if it has one.
  const idOf = (connection: Connection) => {
    const { socket, request } = connection.extra;
    const known = requestIds.get(socket);
    if (known !== undefined) return known;
    const header = text(request.headers['x-request-id']);
    const requestId = requestIdOf(text(connection.connectionParams?.['x-request-id']) ?? header);
    requestIds.set(socket, requestId);
    return requestId;
  };
  sockets.on('connection', (socket) => {
    const closed = new AbortController();
    socket.once('close', () => closed.abort());
    signals.set(socket, closed.signal);
  });
  // A status is for HTTP.
  const clientError = (connection: Connection, error: unknown) => {
    const shownError = toClientError(error, logger, idOf(connection));
    const { message, nodes, path, positions, source, extensions } = shownError;
    const { http: _status, ...shown } = extensions;
    return new GraphQLError(message, { nodes, path, positions, source, extensions: shown });
  };
  const graphql = useServer(
    {
      execute: (args) => (args as EnvelopedArgs).execute(args) as never,
      subscribe: (args) => (args as EnvelopedArgs).subscribe(args) as never,
      onConnect: (connection) => admit(connection, contextOf, (error) => toClientError(error, logger, idOf(connection))),
      onSubscribe: async (connection, _id, payload) => {
        try {
          // Made here and not by yoga's own factory, which reads the credentials of an HTTP request.
          const contextValue = await contextOf(connection);
          const { parse, validate, execute, subscribe, schema } = yoga.getEnveloped({ ...contextValue });
          const document = parse(sourceOf(payload, trustedDocuments));
          const errors = validate(schema, document);
          if (errors.length > 0) return errors.map((error: GraphQLError) => clientError(connection, error));
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
          return [clientError(connection, error)];
        }
      },
      onError: (connection, _id, _payload, errors) => errors.map((error) => clientError(connection, error)),
      onNext: (connection, _id, _payload, _args, result) =>
        result.errors === undefined
          ? result
          : { ...result, errors: result.errors.map((error) => clientError(connection, error)) },
    },
    sockets,
  );

  const contextOf = (connection: Connection) => {
    const { socket, request } = connection.extra;
    const { headers } = request;
    const given = (name: string) => text(connection.connectionParams?.[name]) ?? text(headers[name]);
    return createContext(
      doors,
      { authorization: given('authorization'), workspaceId: given('x-signalbox-workspace') },
      { requestId: idOf(connection), signal: signals.get(socket) ?? AbortSignal.abort() },
    );
  };

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

/** Closes a connection whose credentials are not good, or cannot be checked now, with the reason. */
async function admit(
  connection: Connection,
  contextOf: (connection: Connection) => Promise<unknown>,
  toError: (error: unknown) => GraphQLError,
): Promise<boolean> {
  try {
    await contextOf(connection);
    return true;
  } catch (error) {
    const { message, extensions } = toError(error);
    const code = extensions.code === 'UNAUTHENTICATED' ? CloseCode.Forbidden : TRY_AGAIN_LATER;
    const reason = Buffer.byteLength(message) > MAX_REASON_BYTES ? 'the key cannot be used' : message;
    connection.extra.socket.close(code, reason);
    return false;
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
