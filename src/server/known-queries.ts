import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type Source,
} from 'graphql';
import { compileQuery, isCompiledQuery } from 'graphql-jit';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { LRUCache } from 'lru-cache';
import type { GraphContext } from '../schema/context.ts';
import { schema } from '../schema/index.ts';

const MAX_QUERIES = 500;
const MAX_CHARACTERS = 20_000;
/** Compiling costs milliseconds: only what comes again and again is worth it. */
const USES_BEFORE_COMPILING = 3;

/** A query that has been answered without errors before, compiled to JavaScript. */
export interface KnownQuery {
  /** The name that a request may give it. */
  operationName: string | null;
  /** The result; null where the variables do not fit, which is for the general path to tell. */
  run(context: GraphContext, variables: object | null): Promise<ExecutionResult | null>;
}

interface Entry {
  uses: number;
  /** Null while it is not compiled, and where it cannot be. */
  query: KnownQuery | null;
}

/** Queries by their text. Whatever is in here has passed the limits and the validation of the general path. */
export class KnownQueries {
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_QUERIES });

  get(text: string): KnownQuery | null {
    return this.#entries.get(text)?.query ?? null;
  }

  /** Takes note of a document that was answered without errors. */
  note(text: string, document: DocumentNode): void {
    if (text.length > MAX_CHARACTERS) return;
    const entry = this.#entries.get(text) ?? { uses: 0, query: null };
    entry.uses += 1;
    this.#entries.set(text, entry);
    if (entry.uses === USES_BEFORE_COMPILING) entry.query = compile(document);
  }
}

/** Has the general path teach the fast one which queries come again. */
export function useKnownQueries(known: KnownQueries): Plugin<GraphContext> {
  return {
    onExecute({ args }) {
      const { params } = args.contextValue as { params?: { query?: string } };
      return {
        onExecuteDone({ result }) {
          if (isAsyncIterable(result) || result.errors !== undefined || params?.query === undefined) return;
          known.note(params.query, args.document);
        },
      };
    },
  };
}

/** Only a document of one query: a mutation gains nothing by it, and several operations are rare. */
function compile(document: DocumentNode): KnownQuery | null {
  const operations = document.definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION);
  const [operation] = operations as OperationDefinitionNode[];
  const source = document.loc?.source;
  if (operations.length !== 1 || operation?.operation !== OperationTypeNode.QUERY || source === undefined) return null;
  const compiled = compileQuery(schema, document);
  if (!isCompiledQuery(compiled)) return null;
  return {
    operationName: operation.name?.value ?? null,
    async run(context, variables) {
      const result = await compiled.query(undefined, context, variables);
      if (!('data' in result)) return null;
      return result.errors === undefined
        ? result
        : { ...result, errors: result.errors.map((error) => withPositions(error, source)) };
    },
  };
}

/** An error of the compiled query has lines and columns; a `GraphQLError` makes them from positions in the source. */
function withPositions(error: GraphQLError, source: Source): GraphQLError {
  const lines = source.body.split('\n');
  const positions = error.locations?.map(({ line, column }) => {
    const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    return before + column - 1;
  });
  const { path, originalError } = error;
  return new GraphQLError(error.message, { source, positions, path, originalError });
}
