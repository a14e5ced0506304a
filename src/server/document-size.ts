import { type DocumentNode, type FragmentDefinitionNode, GraphQLError, Kind, type SelectionSetNode } from 'graphql';

/** Of the document as it is written: what it costs to run is the schema's to judge. */
export const DOCUMENT_LIMITS = {
  tokens: 10_000,
  /** As written, in every operation and fragment: validation compares each with each of its name. */
  fields: 1_000,
  depth: 20,
  aliases: 100,
  rootFields: 50,
  directives: 100,
} as const;

interface Size {
  depth: number;
  aliases: number;
  directives: number;
}

/** What is out of proportion in a document; each operation is measured with the fragments that it spreads. */
export function measure(document: DocumentNode): string[] {
  const fragments = new Map<string, FragmentDefinitionNode>();
  let fields = 0;
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if ('selectionSet' in definition && definition.selectionSet !== undefined)
      fields += countFields(definition.selectionSet);
  }
  const problems: string[] = [];
  const check = (what: keyof typeof DOCUMENT_LIMITS, size: number) => {
    if (size > DOCUMENT_LIMITS[what]) problems.push(`${what} ${size}, and ${DOCUMENT_LIMITS[what]} are allowed`);
  };
  check('fields', fields);
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

export function tooCostly(problem: string): GraphQLError {
  return new GraphQLError(`this document is too costly: ${problem}`, { extensions: { code: 'QUERY_TOO_COSTLY' } });
}

function countFields(selectionSet: SelectionSetNode): number {
  let fields = 0;
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) fields += 1;
    if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet !== undefined) {
      fields += countFields(selection.selectionSet);
    }
  }
  return fields;
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
