import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import type { GraphContext } from '../schema/context.ts';

/** Tells in `extensions.usage` what a request has spent, where it has spent anything. */
export function useUsageExtension(): Plugin<GraphContext> {
  return {
    onExecute() {
      return {
        onExecuteDone({ args, result, setResult }) {
          if (isAsyncIterable(result)) return;
          const usage = (args.contextValue as GraphContext).tally.total();
          if (usage !== null) setResult({ ...result, extensions: { ...result.extensions, usage } });
        },
      };
    },
  };
}
