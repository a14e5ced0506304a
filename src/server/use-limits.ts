import {
  type ASTVisitor,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql';
import type { Plugin } from 'graphql-yoga';
import type { GraphContext } from '../schema/context.ts';

/** Of the document as it is written: what it costs to run is the schema's to judge. */
export const DOCUMENT_LIMITS = {
  tokens: 10_000,
  depth: 20,
  aliases: 100,
  rootFields: 50,
  directives: 100,
} as const;

/** Refuses documents that are out of proportion before anything of them runs, introspection included. */
export function useLimits(): Plugin<GraphContext> {
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: string, options?: object) => {
        try {
          return parseFn(source, { ...options, maxTokens: DOCUMENT_LIMITS.tokens });
        } catch (error) {
          if (error instanceof GraphQLError && error.message.includes('Document contains more that')) {
            throw tooCostly(`more than ${DOCUMENT_LIMITS.tokens} tokens`);
          }
          throw error;
        }
      });
    },
    onValidate({ addValidationRule }) {
      addValidationRule(documentLimitsRule);
    },
  };
}

/** A validation rule that measures each operation with the fragments it spreads. */
export function documentLimitsRule(context: ValidationContext): ASTVisitor {
  return {
    Document: {
      enter(document) {
        for (const problem of measure(document)) context.reportError(tooCostly(problem));
      },
    },
  };
}

interface Size {
  depth: number;
  aliases: number;
  directives: number;
}

function measure(document: DocumentNode): string[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const problems: string[] = [];
  const check = (what: keyof typeof DOCUMENT_LIMITS, size: number) => {
    if (size > DOCUMENT_LIMITS[what]) problems.push(`${what} ${size}, and ${DOCUMENT_LIMITS[what]} are allowed`);
  };
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const size = sizeOf(definition.selectionSet, fragments, new Map());
    check('rootFields', definition.selectionSet.selections.length);
    check('depth', size.depth);
    check('aliases', size.aliases);
    check('directives', size.directives);
  }
  return problems;
}

/** Each fragment is measured once; one that spreads itself (which another rule refuses) counts as nothing. */
function sizeOf(
  selectionSet: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  known: Map<string, Size>,
): Size {
  const total: Size = { depth: 0, aliases: 0, directives: 0 };
  for (const selection of selectionSet.selections) {
    let inner: Size = { depth: 0, aliases: 0, directives: 0 };
    let levels = 0;
    if (selection.kind === Kind.FIELD) {
      levels = 1;
      if (selection.alias !== undefined) total.aliases += 1;
      if (selection.selectionSet !== undefined) inner = sizeOf(selection.selectionSet, fragments, known);
    } else if (selection.kind === Kind.INLINE_FRAGMENT) {
      inner = sizeOf(selection.selectionSet, fragments, known);
    } else {
      inner = sizeOfFragment(selection.name.value, fragments, known);
    }
    total.depth = Math.max(total.depth, inner.depth + levels);
    total.aliases += inner.aliases;
    total.directives += inner.directives + (selection.directives?.length ?? 0);
  }
  return total;
}

function sizeOfFragment(
  name: string,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  known: Map<string, Size>,
): Size {
  const measured = known.get(name);
  if (measured !== undefined) return measured;
  known.set(name, { depth: 0, aliases: 0, directives: 0 });
  const fragment = fragments.get(name);
  const size =
    fragment === undefined ? { depth: 0, aliases: 0, directives: 0 } : sizeOf(fragment.selectionSet, fragments, known);
  known.set(name, size);
  return size;
}

function tooCostly(problem: string): GraphQLError {
  return new GraphQLError(`this document is too costly: ${problem}`, { extensions: { code: 'QUERY_TOO_COSTLY' } });
}
