import type { ExecutionResult } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import type { ServerMetrics } from './server-metrics.ts';

interface OperationParts {
  logger: Logger;
  metrics: ServerMetrics;
}

interface Operation {
  context: GraphContext;
  operationName: string | null;
  result: ExecutionResult | AsyncIterable<unknown>;
  /** By `performance.now()`. */
  startedAt: number;
}

/** One line a request: who, what and how long; never its variables, which hold people's texts. */
export function observeOperation({ logger, metrics }: OperationParts, operation: Operation): void {
  const { context, operationName, result, startedAt } = operation;
  const durationMs = performance.now() - startedAt;
  const errors = 'errors' in result ? (result.errors?.length ?? 0) : 0;
  metrics.operations.observe({ outcome: errors > 0 ? 'error' : 'ok' }, durationMs / 1_000);
  const { caller, requestId } = context;
  const workspaceId = caller.workspace?.id ?? null;
  logger.debug(
    { requestId, operation: operationName, workspaceId, caller: caller.kind, errors, durationMs },
    'operation',
  );
}

export function useRequestLog(logger: Logger, metrics: ServerMetrics): Plugin<GraphContext> {
  return {
    onExecute({ args }) {
      const startedAt = performance.now();
      return {
        onExecuteDone({ result }) {
          const context = args.contextValue as GraphContext;
          observeOperation(
            { logger, metrics },
            { context, operationName: args.operationName ?? null, result: result as ExecutionResult, startedAt },
          );
        },
      };
    },
  };
}
