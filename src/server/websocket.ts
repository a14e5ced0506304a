import type { Server } from 'node:http';
import type { ExecutionArgs, GraphQLError } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { Logger } from '../observability/logger.ts';
import { createContext, type Doors, requestIdOf } from './request-context.ts';
import { toClientError } from './use-error-codes.ts';
import type { GraphServer } from './yoga.ts';

const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

interface EnvelopedArgs extends ExecutionArgs {
  execute: (args: ExecutionArgs) => unknown;
  subscribe: (args: ExecutionArgs) => unknown;
}

/**
 * graphql-transport-ws on the path of HTTP. Credentials come in the connection's parameters (`authorization`) or the
 * upgrade's headers, and are checked again for each operation: a revoked key ends at its next one.
 */
export function attachWebSocket(server: Server, yoga: GraphServer, doors: Doors, logger: Logger): () => Promise<void> {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request, socket, head) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (path !== '/graphql') {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => sockets.emit('connection', connection, request));
  });
  const graphql = useServer(
    {
      execute: (args) => (args as EnvelopedArgs).execute(args) as never,
      subscribe: (args) => (args as EnvelopedArgs).subscribe(args) as never,
      onConnect: async (connection) => {
        await contextOf(connection);
        return true;
      },
      onSubscribe: async (connection, _id, payload) => {
        try {
          const { parse, validate, execute, subscribe, schema, contextFactory } = yoga.getEnveloped({
            ...(await contextOf(connection)),
          });
          const document = parse(payload.query);
          const errors = validate(schema, document);
          if (errors.length > 0) return errors.map((error: GraphQLError) => toClientError(error, logger, null));
          return {
            schema,
            document,
            operationName: payload.operationName,
            variableValues: payload.variables,
            contextValue: await contextFactory(),
            execute,
            subscribe,
          } as EnvelopedArgs;
        } catch (error) {
          return [toClientError(error, logger, null)];
        }
      },
      onError: (_connection, _id, _payload, errors) => errors.map((error) => toClientError(error, logger, null)),
      onNext: (_connection, _id, _payload, _args, result) =>
        result.errors === undefined
          ? result
          : { ...result, errors: result.errors.map((error) => toClientError(error, logger, null)) },
    },
    sockets,
  );

  const contextOf = (connection: {
    connectionParams?: Readonly<Record<string, unknown>>;
    extra: { request: { headers: NodeJS.Dict<string | string[]> } };
  }) => {
    const { headers } = connection.extra.request;
    const given = (name: string) => text(connection.connectionParams?.[name]) ?? text(headers[name]);
    const closed = new AbortController();
    return createContext(
      doors,
      { authorization: given('authorization'), workspaceId: given('x-signalbox-workspace') },
      { requestId: requestIdOf(given('x-request-id')), signal: closed.signal },
    );
  };

  return async () => {
    await graphql.dispose();
    await new Promise<void>((resolve) => sockets.close(() => resolve()));
  };
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
