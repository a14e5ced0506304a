import type { Plugin } from 'graphql-yoga';
import type { Logger } from '../observability/logger.ts';
import type { GraphContext } from '../schema/context.ts';
import type { ServerMetrics } from './server-metrics.ts';

/** One line a request: who, what and how long; never its variables, which hold people's texts. */
export function useRequestLog(logger: Logger, metrics: ServerMetrics): Plugin<GraphContext> {
  return {
    onExecute({ args }) {
      const startedAt = performance.now();
      return {
        onExecuteDone({ result }) {
          const durationMs = performance.now() - startedAt;
          const errors = 'errors' in result ? (result.errors?.length ?? 0) : 0;
          metrics.operations.observe({ outcome: errors > 0 ? 'error' : 'ok' }, durationMs / 1_000);
          const { caller, requestId } = args.contextValue as GraphContext;
          logger.debug(
            {
              requestId,
              operation: args.operationName ?? null,
              workspaceId: caller.workspace?.id ?? null,
              caller: caller.kind,
              errors,
              durationMs,
            },
            'operation',
          );
        },
      };
    },
  };
}
