import { type DocumentNode, GraphQLError } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { GraphContext } from '../schema/context.ts';
import { DOCUMENT_LIMITS, measure, tooCostly } from './document-size.ts';

/**
 * Refuses documents that are out of proportion, introspection included. They are measured as soon as they are parsed:
 * the rules of validation take time that grows with the square of the document, on every path (HTTP, SSE, WebSocket).
 */
export function useLimits(): Plugin<GraphContext> {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: string, options?: object) => {
        const document = parseBounded(parseFn as (source: string, options: object) => DocumentNode, source, options);
        const problems = measure(document);
        if (problems.length > 0) throw tooCostly(problems.join('; '));
        return document;
      });
    },
  };
}

function parseBounded(
  parseFn: (source: string, options: object) => DocumentNode,
  source: string,
  options: object | undefined,
): DocumentNode {
  try {
    return parseFn(source, { ...options, maxTokens: DOCUMENT_LIMITS.tokens });
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes('Document contains more that')) {
      throw tooCostly(`more than ${DOCUMENT_LIMITS.tokens} tokens`);
    }
    throw error;
  }
}
